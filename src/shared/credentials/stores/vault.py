"""`vault:MOUNT/PATH`: the newest version of a secret of Vault's or OpenBao's KV v2 engine.

`VAULT_ADDR`, `VAULT_CACERT` and `VAULT_NAMESPACE` say where. Who asks: `VAULT_TOKEN`, or AppRole by `VAULT_ROLE_ID` and
`VAULT_SECRET_ID`, or Kubernetes by `VAULT_K8S_ROLE` (mount `VAULT_K8S_MOUNT`, default `kubernetes`), in this order.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from shared.core.endpoint import endpoint
from shared.core.errors import AccessDenied, ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret, strike_out
from shared.credentials.refusals import Refusals
from shared.credentials.stores.process import Process, Store
from shared.credentials.stores.remote import KEEP_FOR, Cached, Question, Server, undocumented
from shared.transport.send import Reply, Transport

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
LOG_IN_AGAIN = 0.9  # of a token's lease; a read that it is too late for all the same logs in once


def open_store(
    address: str,
    process: Process,
    *,
    service_account: Path = SERVICE_ACCOUNT,
    clock: Callable[[], float] = time.monotonic,
) -> Store:
    """Asks for the secret every five minutes at most; `service_account` is the file of Kubernetes' token."""
    uri = f"vault:{address}"
    mount, _, path = address.partition("/")
    if {"", ".", ".."} & {mount, *path.strip("/").split("/")}:  # "..", which a client resolves, would leave the mount
        raise ConfigurationError(f"SECRET_URI: {uri} names no path; expected vault:MOUNT/PATH, such as vault:kv/apig")
    get = process.get
    if not (base := get("VAULT_ADDR")):
        raise ConfigurationError(f"VAULT_ADDR: not set; SECRET_URI {uri} needs the server's https URL")
    try:
        base = endpoint(base)
    except ValueError as exc:
        raise ConfigurationError(f"VAULT_ADDR: not allowed; {exc}") from None
    client = process.client(get("VAULT_CACERT") or None)
    server = Server(uri, client, _refusal, _CHECK)
    vault = _Vault(server, base, _Secret(mount, path), process, service_account, clock, Refusals(clock))
    return Cached(vault, clock)


_CHECK = "VAULT_ADDR and VAULT_CACERT, and that the server is up and unsealed"


class _Secret(NamedTuple):
    mount: str
    path: str


@dataclass(slots=True)
class _Vault:
    _server: Server
    _base: str
    _secret: _Secret
    _process: Process
    _service_account: Path
    _clock: Callable[[], float]
    _refusals: Refusals[ConfigurationError]
    _refused: Secret | None = None  # the login that was refused
    _token: Secret | None = None
    _expires_at: float = 0.0
    _used: dict[str, Secret] = field(default_factory=dict)  # of the environment: redacted as long as they are in use

    def __call__(self, transport: Transport) -> tuple[Secret, float]:
        """The secret's data as JSON, and the seconds that it may be kept."""
        static = self._secret_variable("VAULT_TOKEN")
        held = static or (self._token if self._clock() < self._expires_at else None)
        if held is not None:
            try:
                return self._read(held, transport)
            except AccessDenied as exc:
                # 403 means an expired token or a missing permission: one more login shows which.
                if static:
                    raise _denied(exc) from None
        self._token = self._log_in(transport)
        try:
            return self._read(self._token, transport)
        except AccessDenied as exc:
            raise _denied(exc) from None

    def _read(self, token: Secret, transport: Transport) -> tuple[Secret, float]:
        # GET /v1/{mount}/data/{path}  ("Read secret version" of the KV v2 API)
        path = f"/v1/{_quoted(self._secret.mount)}/data/{_quoted(self._secret.path)}"
        headers = {**self._headers(), "X-Vault-Token": token.reveal()}
        fields = self._server.ask(transport, Question("GET", self._base, path, headers))
        data = fields["data"].get("data") if isinstance(fields.get("data"), dict) else None
        if not isinstance(data, dict):
            raise undocumented(self._server.uri, "data of a KV v2 secret")
        lease = fields.get("lease_duration")
        return Secret(json.dumps(data)), float(lease) if isinstance(lease, int) and lease > 0 else KEEP_FOR

    def _log_in(self, transport: Transport) -> Secret:
        """A new token. A login that was refused is not tried again so soon, unless it is another one by now."""
        path, content = self._login()
        login = Secret(json.dumps([path, content]))
        if login == self._refused and (standing := self._refusals.standing()) is not None:
            raise ConfigurationError(standing.message)
        try:
            question = Question("POST", self._base, path, self._headers(), content=content)
            fields = self._server.ask(transport, question)
        except (AccessDenied, ConfigurationError) as exc:
            error = ConfigurationError(f"{exc.message}; check the role, its id and its bound claims")
            if login != self._refused:
                self._refusals.clear()
            self._refused = login
            self._refusals.note(error)
            raise error from None
        auth = fields.get("auth")
        token = auth.get("client_token") if isinstance(auth, dict) else None
        if not isinstance(auth, dict) or not isinstance(token, str) or not token:
            raise undocumented(self._server.uri, "auth.client_token")
        lease = auth.get("lease_duration")
        # 0 means that the token does not expire.
        lasts = lease * LOG_IN_AGAIN if isinstance(lease, int) and lease > 0 else float("inf")
        self._expires_at = self._clock() + lasts
        self._refusals.clear()
        return Secret(token)

    def _login(self) -> tuple[str, dict[str, str]]:
        """The path and body of the login that the variables ask for."""
        role_id, role = (self._process.get(name) for name in ("VAULT_ROLE_ID", "VAULT_K8S_ROLE"))
        secret_id = self._secret_variable("VAULT_SECRET_ID")
        if role_id and secret_id:
            # POST /v1/auth/approle/login  ("Login with AppRole")
            return "/v1/auth/approle/login", {"role_id": role_id, "secret_id": secret_id.reveal()}
        if not role:
            raise ConfigurationError(
                f"SECRET_URI: {self._server.uri} needs VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or"
                " VAULT_K8S_ROLE"
            )
        # POST /v1/auth/{mount}/login  ("Login" of the Kubernetes auth method); a JWT mount takes the same
        mount = self._process.get("VAULT_K8S_MOUNT") or "kubernetes"
        try:
            token = self._service_account.read_text(encoding="ascii").strip()  # Kubernetes renews it in place
            self._used["JWT"] = Secret(token)
        except (OSError, UnicodeDecodeError) as exc:
            reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "not ASCII text"
            raise ConfigurationError(
                f"SECRET_URI: {self._server.uri}: VAULT_K8S_ROLE is set, and {self._service_account} cannot be read:"
                f" {reason}; it is there only in a pod with a service account"
            ) from None
        return f"/v1/auth/{_quoted(mount)}/login", {"role": role, "jwt": token}

    def _secret_variable(self, name: str) -> Secret | None:
        text = self._process.get(name)
        if not text:
            return None
        self._used[name] = Secret(text)
        return self._used[name]

    def _headers(self) -> dict[str, str]:
        namespace = self._process.get("VAULT_NAMESPACE")
        # X-Vault-Request is what agents and proxies may insist on.
        return {"X-Vault-Request": "true", **({"X-Vault-Namespace": namespace} if namespace else {})}


def _denied(error: AccessDenied) -> ConfigurationError:
    return ConfigurationError(f"{error.message}; check that the token is valid and that a policy of it allows read")


def _quoted(path: str) -> str:
    return "/".join(quote(segment, safe="") for segment in path.strip("/").split("/"))


def _refusal(begin: str, reply: Reply) -> DetachError:
    # 503: sealed, or in maintenance. 412: a replica that has not caught up. 429, 472, 473: a standby's health.
    if reply.status == 503:
        return Unavailable(f"{begin}: it is sealed or not ready; unseal it", status=503)
    if reply.status in (412, 429, 472, 473) or reply.status >= 500:
        return Unavailable(f"{begin}: {_said(reply)}; check the server's health", status=reply.status)
    if reply.status in (401, 403):
        return AccessDenied(f"{begin}: permission denied", status=reply.status)
    if reply.status == 404:
        metadata: Any = (reply.fields().get("data") or {}).get("metadata")
        gone = "its newest version is deleted" if metadata else "nothing is there"
        return ConfigurationError(
            f"{begin}: {gone}; check mount and path, and that the mount is a KV engine of version 2"
        )
    return ConfigurationError(f"{begin}: {_said(reply)}", status=reply.status)


def _said(reply: Reply) -> str:
    errors = reply.fields().get("errors")
    if not isinstance(errors, list) or not errors:
        return "no reason given"
    return strike_out("; ".join(str(error) for error in errors[:5]))[:300]
