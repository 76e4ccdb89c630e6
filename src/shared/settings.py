"""Settings: environment variables, read once when the first event arrives, with one error for the first wrong one."""

import difflib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import ConfigurationError
from shared.models import ResourceId, normal_name

# CloudEvents' own, which are not the sink's to override.
_ATTRIBUTES = {"specversion", "id", "source", "type", "datacontenttype", "dataschema", "subject", "time", "data"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be detached, and how."""

    dry_run: bool = False
    expiry_grace: timedelta = timedelta(0)
    protected_domains: tuple[str, ...] = ()
    max_domains: int = 200
    keep_live_domains: bool = False
    batch_size: int = 50
    concurrency: int = 4


def endpoint(value: str) -> str:
    """The URL without a trailing slash; raises ValueError unless it is https, or http to this machine."""
    expected = "expected an https URL without user, query or fragment (http is allowed to this machine only)"
    try:
        url = urlsplit(value)
        url.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError(expected) from None
    host_ok = url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK))
    if not host_ok or url.username is not None or url.query or url.fragment:
        raise ValueError(expected)
    return value.rstrip("/")


def _sink(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise ValueError("expected an http or https URL without user")
    return value


def _extensions(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        extensions = json.loads(value).get("extensions") or {}
        known = {name: str(text) for name, text in extensions.items()}
    except (AttributeError, ValueError):
        raise ValueError(_EXPECTED["K_CE_OVERRIDES"]) from None
    if not all(re.fullmatch("[a-z0-9]{1,64}", name) and name not in _ATTRIBUTES for name in known):
        raise ValueError(_EXPECTED["K_CE_OVERRIDES"])
    return known


def _auth_url(value: str) -> str:
    url = endpoint(value)
    return url if urlsplit(url).path else url + "/v3"


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(normal_name(part.strip()) for part in value.split(",") if part.strip())


def _flag(value: object) -> object:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, str):
        if value.strip().lower() not in known:
            raise ValueError("expected true or false")
        return known[value.strip().lower()]
    return value


_Days = timedelta(days=3650)
Flag = Annotated[bool, BeforeValidator(_flag)]


class Settings(BaseModel):
    """Every setting of the public contract; the field's alias is the variable's name.

    `OS_AUTH_URL` and `APIG_ENDPOINT` come without a trailing slash, `HTTP_TIMEOUT` is in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_uri: str = Field(alias="SECRET_URI", pattern=r"^[a-z-]+:\S*$")
    region: str = Field("eu-de", alias="OS_REGION_NAME", pattern=r"^[a-z0-9-]+$")
    auth_url: Annotated[str, AfterValidator(_auth_url)] = Field("", alias="OS_AUTH_URL")
    apig_endpoint: Annotated[str, AfterValidator(endpoint)] = Field("", alias="APIG_ENDPOINT")
    project_id: ResourceId | None = Field(None, alias="OS_PROJECT_ID")
    ca_file: str | None = Field(None, alias="OS_CACERT")
    dry_run: Flag = Field(default=False, alias="DETACH_DRY_RUN")
    expiry_grace: timedelta = Field(timedelta(0), alias="DETACH_EXPIRY_GRACE", ge=-_Days, le=_Days)
    protected_domains: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field((), alias="DETACH_PROTECTED_DOMAINS")
    max_domains: int = Field(200, alias="DETACH_MAX_DOMAINS", ge=1)
    live_domains: Literal["detach", "keep"] = Field("detach", alias="DETACH_LIVE_DOMAINS")
    batch_size: int = Field(50, alias="DETACH_BATCH_SIZE", ge=1, le=1000)
    concurrency: int = Field(4, alias="DETACH_CONCURRENCY", ge=1, le=64)
    http_timeout: float = Field(10.0, alias="HTTP_TIMEOUT", gt=0, le=300)
    http_attempts: int = Field(4, alias="HTTP_ATTEMPTS", ge=1, le=20)
    # As Knative's SinkBinding sets them: where a clean-up sends its events, what they shall carry, whom it trusts.
    sink: Annotated[str, AfterValidator(_sink)] | None = Field(None, alias="K_SINK")
    sink_extensions: Annotated[dict[str, str], BeforeValidator(_extensions)] = Field({}, alias="K_CE_OVERRIDES")
    sink_ca: str | None = Field(None, alias="K_CA_CERTS")

    @property
    def policy(self) -> Policy:
        """The settings that planning needs."""
        return Policy(
            dry_run=self.dry_run,
            expiry_grace=self.expiry_grace,
            protected_domains=self.protected_domains,
            max_domains=self.max_domains,
            keep_live_domains=self.live_domains == "keep",
            batch_size=self.batch_size,
            concurrency=self.concurrency,
        )


VARIABLES: tuple[str, ...] = tuple(str(field.alias) for field in Settings.model_fields.values())

# What is allowed, where pydantic's own sentence would not tell an operator.
_EXPECTED = {
    "SECRET_URI": "expected SCHEME:ADDRESS, such as env:NAME or file:/path",
    "OS_PROJECT_ID": "expected a project id of 32 lower-case hex digits",
    "OS_REGION_NAME": "expected a region such as eu-de",
    "K_CE_OVERRIDES": 'expected JSON such as {"extensions":{"team":"web"}}, in lower case, none of CloudEvents\' own',
    "DETACH_EXPIRY_GRACE": "expected an ISO 8601 duration of at most ten years, such as P0D, P7D or -P2D",
}


def load(get: Callable[[str], str | None], names: Iterable[str] = ()) -> Settings:
    """Read the settings from `get` (such as `os.environ.get`); an empty value counts as unset.

    `names` are the variables that exist: a `DETACH_…` among them that is no setting is refused, because a misspelt
    `DETACH_DRY_RUN` would detach for real. Raises ConfigurationError, naming the variable, the value and what is
    allowed.
    """
    for name in names:
        if name.startswith("DETACH_") and name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"{name}: no such setting{hint}")
    values = {name: value for name in VARIABLES if (value := (get(name) or "").strip())}
    region = values.get("OS_REGION_NAME", "eu-de")
    values.setdefault("OS_AUTH_URL", f"https://iam.{region}.otc.t-systems.com/v3")
    values.setdefault("APIG_ENDPOINT", f"https://apig.{region}.otc.t-systems.com")
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise _first(exc, values) from None


def _first(exc: ValidationError, values: dict[str, str]) -> ConfigurationError:
    error = exc.errors(include_url=False, include_input=False)[0]
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return ConfigurationError(f"{name}: not set; {_EXPECTED.get(name, 'it is required')}")
    expected = _EXPECTED.get(name) or error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    # A secret pasted where its address belongs must not be repeated, and an endpoint may carry a password.
    shown = "" if name == "SECRET_URI" or "@" in values[name] else f" {values[name]!r}"
    return ConfigurationError(f"{name}:{shown} is not allowed; {expected}")
