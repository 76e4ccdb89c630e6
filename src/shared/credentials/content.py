"""What a secret holds: a token, a password, or an access key, told apart by its fields."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared.core.errors import ConfigurationError
from shared.core.secret import Secret

HEADER_SAFE = r"^[\x21-\x7e]+$"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the project it is for; `expires_at` is in Unix seconds. None: not known."""

    value: Secret
    expires_at: float | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """An IAM user's password, and the project for which to get a token."""

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


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key (AK/SK), which signs each request; a temporary one goes with its security token."""

    access_key: str
    secret_key: Secret
    security_token: Secret | None = None
    project_id: str | None = None
    project_name: str | None = None


class _Content(BaseModel):
    """The secret's JSON; which fields are there tells what it is."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    token: str | None = Field(None, pattern=HEADER_SAFE)
    expires_at: AwareDatetime | None = Field(None, strict=False)
    username: str | None = Field(None, min_length=1)
    password: str | None = Field(None, min_length=1)
    domain_name: str | None = Field(None, min_length=1)
    project_id: str | None = Field(None, min_length=1)
    project_name: str | None = Field(None, min_length=1)
    access_key: str | None = Field(None, pattern=HEADER_SAFE)
    secret_key: str | None = Field(None, min_length=1)
    security_token: str | None = Field(None, pattern=HEADER_SAFE)


def parse_credentials(secret: Secret) -> Token | Password | AccessKey:
    """What a secret holds; raises ConfigurationError that never repeats a value."""
    text = secret.reveal().strip()
    try:
        # A bare token is not JSON. Text that looks like broken JSON must not be sent as a token.
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
    if content.access_key and content.secret_key:
        security_token = None if content.security_token is None else Secret(content.security_token)
        return AccessKey(
            content.access_key, Secret(content.secret_key), security_token, content.project_id, content.project_name
        )
    if content.username and content.password and content.domain_name and (content.project_id or content.project_name):
        password = Secret(content.password)
        return Password(content.username, password, content.domain_name, content.project_id, content.project_name)
    raise ConfigurationError(
        "SECRET_URI: expected a token, or JSON with token, with access_key and secret_key, or with username, password,"
        " domain_name and project_id or project_name; found"
        f" {', '.join(sorted(content.model_fields_set)) or 'none of them'}"
    )
