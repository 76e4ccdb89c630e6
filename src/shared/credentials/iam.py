"""IAM's three calls: log in, ask what a token is for, find a project. Facts are from the vendor's IAM API reference."""

import re
from dataclasses import dataclass

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from shared.core.error_codes import Answer, error_for, told_code
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, Unavailable
from shared.core.secret import Secret, strike_out
from shared.credentials.content import HEADER_SAFE, Password, Token
from shared.transport.send import Auth, Reply, Request, Transport

LOCKED = "IAM.0061"  # the error code of an account that is locked after too many wrong passwords


@dataclass(frozen=True, slots=True)
class Iam:
    """IAM at `auth_url`, which ends with `/v3`. Every method raises a DetachError, and nothing else."""

    auth_url: str

    def log_in(self, credentials: Password, transport: Transport, now: float) -> Token:
        """A token of 24 hours, usually; `now` is in Unix seconds."""
        # POST /v3/auth/tokens?nocatalog=true  ("Obtaining a User Token Through Password Authentication")
        route = "POST /v3/auth/tokens"
        request = Request(
            "iam",
            "POST",
            f"{self.auth_url}/auth/tokens",
            route,
            (201,),
            lambda reply: _refusal(reply, route, login=True),
            params={"nocatalog": "true"},
            headers={"Content-Type": "application/json;charset=utf8"},
            content=credentials.request(),
        )
        reply = transport.send(request)
        value = reply.headers.get("X-Subject-Token", "")
        if not re.fullmatch(HEADER_SAFE, value):
            raise Unavailable(f"{route} answered {reply.status} without a token in X-Subject-Token")
        facts = _described(reply, route)
        # Its lifetime is counted from now, so that it does not matter whether this machine's clock is right.
        lifetime = (facts.expires_at - facts.issued_at).total_seconds()
        if lifetime <= 0:  # it would be renewed before every request, and accounts lock
            raise Unavailable(f"{route} answered {reply.status} with what is not documented: the token has expired")
        return Token(Secret(value), now + lifetime, facts.project.id if facts.project else None)

    def project_of(self, token: Token, transport: Transport) -> str | None:
        """The id of the project that the token is for."""
        # GET /v3/auth/tokens  ("Verifying a Token"): a token may ask about itself
        route = "GET /v3/auth/tokens"
        request = Request(
            "iam",
            "GET",
            f"{self.auth_url}/auth/tokens",
            route,
            (200,),
            lambda reply: _refusal(reply, route),
            params={"nocatalog": "true"},
            headers={"X-Auth-Token": token.value.reveal(), "X-Subject-Token": token.value.reveal()},
        )
        facts = _described(transport.send(request), route)
        return facts.project.id if facts.project else None

    def project_named(self, name: str, transport: Transport, auth: Auth) -> str:
        """The id of the account's project of that name."""
        # GET /v3/projects?name=  ("Querying Project Information Based on the Specified Criteria")
        route = "GET /v3/projects"
        request = Request(
            "iam",
            "GET",
            f"{self.auth_url}/projects",
            route,
            (200,),
            lambda reply: _refusal(reply, route),
            params={"name": name},
        )
        reply = transport.send(request, auth)
        try:
            found = [project.id for project in _Projects.model_validate(reply.fields()).projects]
        except ValidationError:
            raise Unavailable(f"{route} answered {reply.status} with what is not documented") from None
        if len(found) != 1:
            raise ConfigurationError(
                f"OS_PROJECT_ID: not set, and IAM knows {len(found)} projects named {name!r}; set it, or put a"
                " project_id into the secret"
            )
        return found[0]


class _Project(BaseModel):
    id: str = Field(min_length=1)  # without one, a path would be another one


class _Projects(BaseModel):
    projects: list[_Project]


class _Described(BaseModel):
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    project: _Project | None = None


class _TokenReply(BaseModel):
    token: _Described


def _described(reply: Reply, route: str) -> _Described:
    try:
        return _TokenReply.model_validate(reply.fields()).token
    except ValidationError:
        raise Unavailable(f"{route} answered {reply.status} with what is not documented") from None


def _refusal(reply: Reply, route: str, *, login: bool = False) -> DetachError:
    """IAM's two error envelopes; only codes and titles are taken from them, never the body's own sentences."""
    fields, status = reply.fields(), reply.status
    inner = fields.get("error")
    detail = inner if isinstance(inner, dict) else fields
    codes = [detail.get(name) for name in ("error_code", "code")]
    code = next((str(code) for code in codes if code not in (None, status)), None)  # one envelope repeats the status
    if login and "locked" in str(detail.get("message")).lower():  # the other one tells it by its sentence alone
        code = LOCKED
    code = told_code(code)
    text = f"{route} answered {status}{f' {code}' if code else ''}"
    if status in (httpx.codes.CONFLICT, httpx.codes.GONE):  # IAM.0005, IAM.0020: it is moving to another region
        return Unavailable(text, error_code=code, status=status)
    if status in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND):
        hint = "check OS_AUTH_URL, and the secret's domain and project"
        return ConfigurationError(f"{text}: {hint}", error_code=code, status=status)
    title = str(detail.get("title") or "")
    if login and status == httpx.codes.FORBIDDEN:  # a user who may not log in, such as one that is disabled
        said = strike_out(title)[:300] or "no message"
        return CredentialsRefused(f"{text}: {said}", error_code=code, status=status)
    return error_for(route, Answer(status, code, title, reply.retry_after))
