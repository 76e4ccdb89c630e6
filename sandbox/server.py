"""`Sandbox`: IAM and API Gateway on real sockets with real TLS, in a thread of this process."""

import dataclasses
import shutil
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import trustme
import uvicorn

from sandbox.apig import ApiGateway
from sandbox.behaviour import Behaviour
from sandbox.cloud import Cloud
from sandbox.control import Control
from sandbox.dispatcher import Connection, Dispatcher
from sandbox.faults import Faults
from sandbox.fleet import Fleet
from sandbox.iam import Iam
from sandbox.identity import Identity
from sandbox.journal import Journal
from sandbox.watch import Watcher

HOST = "127.0.0.1"
START_TIMEOUT = 10.0


class Sandbox:
    """A running IAM and API Gateway. `with Sandbox.start(fleet=…) as sandbox:` stops it at the end of the block."""

    def __init__(self, cloud: Cloud) -> None:
        """Prepare without listening; call `start` instead."""
        self._cloud = cloud
        self._seed = cloud.fleet.to_json()
        self._first_behaviour = dataclasses.replace(cloud.behaviour)
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.ca_file = str(self._folder / "ca.pem")
        dispatcher = Dispatcher(
            cloud,
            Iam(cloud).app,
            ApiGateway(cloud).app,
            Control(cloud, self.reset).app,
            lambda: cast("set[Connection]", self._server.server_state.connections),
        )
        tls = _tls(self.ca_file)
        config = uvicorn.Config(
            dispatcher,
            loop="asyncio",  # the dispatcher cuts connections through asyncio's transports
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            backlog=512,
            ssl_context_factory=lambda *_: tls,
        )
        self._dispatcher = dispatcher
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._sockets: list[socket.socket] = []

    @classmethod
    def start(
        cls,
        fleet: Fleet | None = None,
        behaviour: Behaviour | None = None,
        *,
        port: int = 0,
        iam_port: int = 0,
        project_id: str | None = None,
    ) -> Self:
        """Listen on 127.0.0.1 (port 0: a free port) and return when connections are accepted."""
        cloud = Cloud(Fleet() if fleet is None else fleet, behaviour or Behaviour(), Identity(project_id))
        sandbox = cls(cloud)
        try:
            sandbox._listen(port, iam_port)
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    def _listen(self, port: int, iam_port: int) -> None:
        for wanted in (port, iam_port):
            # asyncio sets TCP_NODELAY only if the socket names its protocol; without it, each answer waits 40 ms.
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            self._sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HOST, wanted))
            except OSError as exc:
                raise OSError(exc.errno, f"cannot listen on {HOST}:{wanted}: {exc.strerror}") from exc
        apig, iam = (sock.getsockname()[1] for sock in self._sockets)
        self._dispatcher.iam_port = iam
        self._cloud.endpoint, self._cloud.auth_url = f"https://{HOST}:{apig}", f"https://{HOST}:{iam}/v3"
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start: see the traceback of its thread on stderr")
            time.sleep(0.002)

    def _serve(self) -> None:
        self._server.run(sockets=self._sockets)

    def stop(self) -> None:
        """Stop within a fraction of a second, even with open connections and waiting requests."""
        if self._thread.is_alive():
            # With force_exit, the server does not wait for connections and tasks.
            self._server.force_exit = self._server.should_exit = True
            self._thread.join(timeout=5)
        for sock in self._sockets:
            sock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    # --- addresses and credentials ---

    @property
    def auth_url(self) -> str:
        """URL of IAM, with its version: https://127.0.0.1:PORT/v3."""
        return self._cloud.auth_url

    @property
    def endpoint(self) -> str:
        """URL of API Gateway: https://127.0.0.1:PORT."""
        return self._cloud.endpoint

    @property
    def project_id(self) -> str:
        """The id of the only project, 32 hex digits."""
        return self._cloud.identity.project_id

    @property
    def credentials(self) -> dict[str, str]:
        """Those of the user. They are random for every sandbox, so that a leaked one is recognized."""
        identity = self._cloud.identity
        names = ("username", "password", "domain_name", "project_name", "project_id")
        return {name: getattr(identity, name) for name in names}

    @property
    def access_key(self) -> str:
        """The permanent access key (AK)."""
        return self._cloud.identity.key.access_key

    @property
    def secret_key(self) -> str:
        """The permanent secret key (SK)."""
        return self._cloud.identity.key.secret_key

    @property
    def secrets(self) -> frozenset[str]:
        """All secrets: password, secret keys, security tokens, and every token issued so far."""
        return self._cloud.identity.secrets

    def issue_token(self, lifetime: float = 86_400.0, *, project: bool = True) -> str:
        """A valid token without a call to IAM; `project=False` gives one without project information."""
        return self._cloud.identity.issue(lifetime, self.behaviour.token_bytes, project=project).value

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far: from now on they get 401."""
        self._cloud.identity.revoke_tokens()

    def change_password(self) -> str:
        """Another password, which alone signs in from now on; `credentials` has it, too."""
        return self._cloud.identity.change_password()

    def temporary_keys(self, lifetime: float = 900.0) -> dict[str, str]:
        """A temporary `access_key`, `secret_key` and `security_token`."""
        key: dict[str, Any] = dataclasses.asdict(self._cloud.identity.temporary_key(lifetime))
        del key["expires_at"]
        return key

    # --- state ---

    @property
    def fleet(self) -> Fleet:
        """Gateways, certificates, domains and bindings; can be changed at any time."""
        return self._cloud.fleet

    @fleet.setter
    def fleet(self, fleet: Fleet) -> None:
        self._cloud.fleet = fleet
        self._tell_watcher()

    @property
    def behaviour(self) -> Behaviour:
        """The switches; can be changed at any time, or replaced as a whole."""
        return self._cloud.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._cloud.behaviour = behaviour

    @property
    def faults(self) -> Faults:
        """The faults still to come."""
        return self._cloud.faults

    @property
    def journal(self) -> Journal:
        """The requests received so far."""
        return self._cloud.journal

    def watch(self, watcher: Watcher) -> None:
        """From now on, tell it of each request, each answer and each change of the fleet."""
        self._cloud.watcher = watcher
        self._tell_watcher()

    def _tell_watcher(self) -> None:
        if self._cloud.watcher is not None:
            self._cloud.fleet.changed = self._cloud.watcher.changed

    def reset(self, fleet: Fleet | None = None) -> None:
        """Empty the journal and the faults, and set behaviour and fleet as at the start, or to the given fleet.

        All tokens issued so far are revoked; the account and its keys are unlocked.
        """
        self.fleet = Fleet.from_json(self._seed) if fleet is None else fleet
        self._cloud.behaviour = dataclasses.replace(self._first_behaviour)
        self._cloud.faults.clear()
        self._cloud.journal.clear()
        self._cloud.identity.reset()


class _Server(uvicorn.Server):
    """A server that stops without waiting for clients."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut all connections: a clean end of TLS waits for the client, up to half a minute if it does not react."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _tls(ca_file: str) -> ssl.SSLContext:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HOST, "localhost").configure_cert(context)
    ca.cert_pem.write_to_path(ca_file)
    return context
