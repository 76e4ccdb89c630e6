"""Who we are: the token that goes with every request, kept across events and threads, renewed early and on refusal."""

import json
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared.error_codes import BY_CODE, TOKEN_REFUSED, error_for
from shared.errors import AccessDenied, ConfigurationError, DetachError, Unavailable
from shared.secret import Secret, Store
from shared.transport import Reply, Transport

RENEW_BEFORE = 120.0  # seconds before the token expires
_HEADER_SAFE = r"^[\x21-\x7e]+$"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the project it is for; `expires_at` is in Unix seconds. None: nothing has told yet."""

    value: Secret
    expires_at: float | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """An IAM user's password, and the project that the token shall be for."""

    username: str
    password: Secret
    domain_name: str
    project_id: str | None = None
    project_name: str | None = None

    def request(self) -> dict[str, Any]:
        """The body of POST /v3/auth/tokens."""
        domain = {"name": self.domain_name}
        user = {"name": self.username, "password": self.password.reveal(), "domain": domain}
        # A project's name is unique within its domain only, so the name goes with it.
        project = {"id": self.project_id} if self.project_id else {"name": self.project_name, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": project}}}


class Identity:
    """The process' identity, for any number of threads.

    `clock` gives Unix seconds. A token that is refused is renewed once, by one thread; credentials that IAM refuses are
    not sent again until the secret changes, because accounts lock after a few failures.
    """

    def __init__(self, store: Store, auth_url: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._auth_url = auth_url
        self._clock = clock
        self._lock = threading.Lock()
        self._secret: Secret | None = None
        self._token: Token | None = None
        self._refusal: AccessDenied | None = None

    def auth(self, transport: Transport) -> httpx.Auth:
        """What puts the token on one event's requests; `transport` bounds the calls that fetch it."""
        return _TokenAuth(self, transport)

    def project_id(self, transport: Transport) -> str:
        """The project of the token: 32 hex digits. Raises ConfigurationError when the token is for none."""
        token = self.token(transport)
        if token.project_id is None:  # only a ready-made token does not say
            token = self._look_up(token, transport)
            with self._lock:
                self._token = token
        if token.project_id is None:
            raise ConfigurationError("OS_PROJECT_ID: not set, and the token is not for a project")
        return token.project_id

    def token(self, transport: Transport, refused: Token | None = None) -> Token:
        """A token that is good for two minutes or more; another one than `refused`.

        Raises AccessDenied when there is none to be had, ConfigurationError for an unreadable secret, Unavailable.
        """
        with self._lock:
            # Only if the refused token is still the current one: another thread may have renewed it meanwhile.
            renew = refused is not None and self._token is not None and refused.value == self._token.value
            secret = self._store(fresh=renew)
            if secret != self._secret:
                self._secret, self._token, self._refusal = secret, None, None
            if self._refusal is not None:
                raise self._refusal
            if self._token is None or renew or self._expires_soon(self._token):
                self._token = self._new_token(secret, transport, refused)
            return self._token

    def _expires_soon(self, token: Token) -> bool:
        return token.expires_at is not None and token.expires_at - self._clock() < RENEW_BEFORE

    def _new_token(self, secret: Secret, transport: Transport, refused: Token | None) -> Token:
        credentials = parse_credentials(secret)
        if isinstance(credentials, Password):
            try:
                return self._log_in(credentials, transport)
            except AccessDenied as exc:
                self._refusal = exc
                raise
        if refused is not None and credentials.value == refused.value:
            raise AccessDenied("the token of SECRET_URI was refused, and the secret still holds the same one")
        if credentials.expires_at is not None and credentials.expires_at <= self._clock():
            raise AccessDenied("the token of SECRET_URI has expired, and the secret still holds the same one")
        return credentials

    def _log_in(self, credentials: Password, transport: Transport) -> Token:
        # POST /v3/auth/tokens?nocatalog=true  ("Obtaining a User Token Through Password Authentication")
        route = "POST /v3/auth/tokens"
        reply = transport.send(
            "iam",
            "POST",
            f"{self._auth_url}/auth/tokens",
            route=route,
            expected=(201,),
            classify=lambda reply: _refusal(reply, route),
            params={"nocatalog": "true"},
            headers={"Content-Type": "application/json;charset=utf8"},
            content=credentials.request(),
        )
        value = reply.headers.get("X-Subject-Token")
        if not value:
            raise Unavailable(f"{route} answered {reply.status} without the header X-Subject-Token")
        return _described(Token(Secret(value)), reply, route)

    def _look_up(self, token: Token, transport: Transport) -> Token:
        # GET /v3/auth/tokens  ("Verifying a Token"): a token may ask about itself
        route = "GET /v3/auth/tokens"
        reply = transport.send(
            "iam",
            "GET",
            f"{self._auth_url}/auth/tokens",
            route=route,
            expected=(200,),
            classify=lambda reply: _refusal(reply, route),
            headers={"X-Auth-Token": token.value.reveal(), "X-Subject-Token": token.value.reveal()},
        )
        return _described(token, reply, route)


class _TokenAuth(httpx.Auth):
    def __init__(self, identity: Identity, transport: Transport) -> None:
        self._identity = identity
        self._transport = transport

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._identity.token(self._transport)
        request.headers["X-Auth-Token"] = token.value.reveal()
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and _refuses_token(response):
            token = self._identity.token(self._transport, refused=token)
            request.headers["X-Auth-Token"] = token.value.reveal()
            yield request


def _refuses_token(response: httpx.Response) -> bool:
    """Whether a 401 is about the token; APIG.1005 (no permission) and the like are not, whoever asks again."""
    code = Reply(response.status_code, response.headers, response.read()).fields().get("error_code")
    return code in TOKEN_REFUSED or code not in BY_CODE


class _Content(BaseModel):
    """The secret's JSON; which fields are there tells what it is."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    token: str | None = Field(None, pattern=_HEADER_SAFE)
    expires_at: AwareDatetime | None = Field(None, strict=False)
    username: str | None = Field(None, min_length=1)
    password: str | None = Field(None, min_length=1)
    domain_name: str | None = Field(None, min_length=1)
    project_id: str | None = Field(None, min_length=1)
    project_name: str | None = Field(None, min_length=1)


def parse_credentials(secret: Secret) -> Token | Password:
    """What a secret holds, told apart by its fields; raises ConfigurationError that never repeats a value."""
    text = secret.reveal().strip()
    try:
        # A bare token is no JSON object; what looks like one and is broken must not go out as a token.
        fields = json.loads(text) if text.startswith(("{", "[", '"')) else {"token": text}
        content = _Content.model_validate({"token": fields} if isinstance(fields, str) else fields)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in error["loc"]) or "content"
        raise ConfigurationError(f"SECRET_URI: the secret's {where} is not as expected ({error['type']})") from None
    except (ValueError, RecursionError):
        raise ConfigurationError("SECRET_URI: the secret looks like JSON and is not valid JSON") from None
    if content.token is not None:
        expires_at = None if content.expires_at is None else content.expires_at.timestamp()
        return Token(Secret(content.token), expires_at, content.project_id)
    if content.username and content.password and content.domain_name and (content.project_id or content.project_name):
        secret = Secret(content.password)
        return Password(content.username, secret, content.domain_name, content.project_id, content.project_name)
    raise ConfigurationError(
        "SECRET_URI: expected a token, or JSON with token, or with username, password, domain_name and"
        f" project_id or project_name; found {', '.join(sorted(content.model_fields_set)) or 'none of them'}"
    )


class _Project(BaseModel):
    id: str


class _Described(BaseModel):
    expires_at: AwareDatetime
    project: _Project | None = None


class _TokenReply(BaseModel):
    token: _Described


def _described(token: Token, reply: Reply, route: str) -> Token:
    try:
        facts = _TokenReply.model_validate(reply.fields()).token
    except ValidationError:
        raise Unavailable(f"{route} answered {reply.status} with what is not documented") from None
    return Token(token.value, facts.expires_at.timestamp(), facts.project.id if facts.project else None)


def _refusal(reply: Reply, route: str) -> DetachError:
    """IAM's two error envelopes; only codes and titles are taken from them, never the body's own sentences."""
    fields = reply.fields()
    inner = fields.get("error")
    detail = inner if isinstance(inner, dict) else fields
    code = next((str(detail[name]) for name in ("error_code", "code") if detail.get(name)), None)
    if reply.status in (httpx.codes.CONFLICT, httpx.codes.GONE):  # IAM.0005, IAM.0020: it is moving to another region
        return Unavailable(f"{route} answered {reply.status} {code or ''}", error_code=code, status=reply.status)
    if reply.status in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
        return ConfigurationError(
            f"{route} answered {reply.status} {code or ''}: check OS_AUTH_URL, and the secret's domain and project",
            error_code=code,
            status=reply.status,
        )
    title = str(detail.get("title") or "")
    return error_for(route, reply.status, code, title, retry_after=reply.retry_after)
