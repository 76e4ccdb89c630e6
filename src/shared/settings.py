"""Settings: environment variables, read once when the first event arrives, with one error for the first wrong one."""

import difflib
import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.core.endpoint import DEFAULT_ENDPOINTS, REGIONS, cloud_of, endpoint
from shared.core.errors import ConfigurationError
from shared.core.guards import Policy
from shared.core.names import ResourceId, normal_name

# CloudEvents' own attributes, which K_CE_OVERRIDES may not replace.
_ATTRIBUTES = {"specversion", "id", "source", "type", "datacontenttype", "dataschema", "subject", "time", "data"}


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


def _subjects(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


_Days = timedelta(days=3650)
_STORE = r"^[a-z-]+:\S*$"  # the address of a secret
Flag = Annotated[bool, BeforeValidator(_flag)]


class Settings(BaseModel):
    """Every setting of the public contract: one table, from which the documents and deployments are generated.

    The field's alias is the variable's name, its description the meaning for a reader (`make generate`). Values:
    `auth_url` and `apig_endpoint` have no trailing slash, `http_timeout` is in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_uri: str = Field(alias="SECRET_URI", pattern=_STORE, description="where the credentials are, see below")
    region: str = Field(
        "eu-de",
        alias="OS_REGION_NAME",
        pattern=r"^[a-z0-9-]+$",
        description="builds the two default endpoints, of Open Telekom Cloud's `eu-de` or `eu-nl`; for any other"
        " region, set both endpoints too",
    )
    auth_url: Annotated[str, AfterValidator(_auth_url)] = Field("", alias="OS_AUTH_URL", description="IAM")
    apig_endpoint: Annotated[str, AfterValidator(endpoint)] = Field(
        "", alias="APIG_ENDPOINT", description="API Gateway; Huawei Cloud: `https://apig.{region}.myhuaweicloud.com`"
    )
    project_id: ResourceId | None = Field(
        None, alias="OS_PROJECT_ID", description="the project whose gateways are looked at"
    )
    ca_file: str | None = Field(None, alias="OS_CACERT", description="file with the CAs of both endpoints")
    dry_run: Flag = Field(default=False, alias="DETACH_DRY_RUN", description="plan and report, change nothing")
    expiry_grace: timedelta = Field(
        timedelta(0),
        alias="DETACH_EXPIRY_GRACE",
        ge=-_Days,
        le=_Days,
        description="ISO 8601 duration that must have passed since `not_after`; `-P2D`: two days before",
    )
    protected_domains: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (),
        alias="DETACH_PROTECTED_DOMAINS",
        description="comma-separated names that are never detached or attached; `*.example.com`: all below example.com."
        " A bound wildcard that covers a protected name is kept too",
    )
    max_bindings: int = Field(
        200,
        alias="DETACH_MAX_BINDINGS",
        ge=1,
        description="pairs of a domain and a gateway that one event may change; a larger plan is refused whole",
    )
    max_cleanup_bindings: int = Field(
        2000,
        alias="DETACH_MAX_CLEANUP_BINDINGS",
        ge=1,
        description="the same for a clean-up: each call of it counts all that its inventory shows as due",
    )
    max_event_age: timedelta = Field(
        timedelta(days=7),
        alias="DETACH_MAX_EVENT_AGE",
        ge=timedelta(0),
        le=_Days,
        description="ISO 8601 duration; an older event is refused. `P0D`: off",
    )
    live_domains: Literal["detach", "keep"] | None = Field(
        None,
        alias="DETACH_LIVE_DOMAINS",
        description="`keep`: a decommissioned domain whose CNAME still resolves is kept",
    )
    private_zones: Flag = Field(
        default=False,
        alias="DETACH_PRIVATE_ZONES",
        description="take traces of private DNS zones too, which anyone in the project may make and delete",
    )
    undo_key_uri: str | None = Field(
        None,
        alias="UNDO_KEY_URI",
        pattern=_STORE,
        description="where the key is that signs `undo`, see below; without it, undo by event is off",
    )
    max_undo_age: timedelta = Field(
        timedelta(days=30),
        alias="DETACH_MAX_UNDO_AGE",
        gt=timedelta(0),
        le=_Days,
        description="ISO 8601 duration; an undo by event whose signature is older is refused",
    )
    door_bearer_uri: str | None = Field(
        None,
        alias="DOOR_BEARER_URI",
        pattern=_STORE,
        description="where the token is that callers of the HTTP door send (`Authorization: Bearer`)",
    )
    door_oidc_issuer: Annotated[str, AfterValidator(endpoint)] | None = Field(
        None, alias="DOOR_OIDC_ISSUER", description="who issues the OpenID Connect tokens that the HTTP door takes"
    )
    door_oidc_audience: str | None = Field(
        None, alias="DOOR_OIDC_AUDIENCE", description="the audience that such a token has to be for"
    )
    door_oidc_subjects: Annotated[tuple[str, ...], BeforeValidator(_subjects)] = Field(
        (),
        alias="DOOR_OIDC_SUBJECTS",
        description="comma-separated: whose tokens are taken, by `sub` or verified e-mail address; empty: everybody's",
    )
    batch_size: int = Field(50, alias="DETACH_BATCH_SIZE", ge=1, le=1000, description="domains per request")
    concurrency: int = Field(
        4, alias="DETACH_CONCURRENCY", ge=1, le=64, description="parallel certificates in a clean-up"
    )
    http_timeout: float = Field(
        10.0,
        alias="HTTP_TIMEOUT",
        gt=0,
        le=300,
        description="seconds per call, from connecting to the last byte; never past the platform's time",
    )
    http_attempts: int = Field(4, alias="HTTP_ATTEMPTS", ge=1, le=20, description="attempts per call")
    sink: Annotated[str, AfterValidator(_sink)] | None = Field(
        None, alias="K_SINK", description="set by Knative: where a clean-up sends its events"
    )
    sink_extensions: Annotated[dict[str, str], BeforeValidator(_extensions)] = Field(
        {}, alias="K_CE_OVERRIDES", description="set by Knative: what is added to those events"
    )
    sink_ca: str | None = Field(None, alias="K_CA_CERTS", description="set by Knative: the sink's CA")

    @property
    def policy(self) -> Policy:
        """The settings on which decisions rest."""
        return Policy(
            dry_run=self.dry_run,
            expiry_grace=self.expiry_grace,
            protected_domains=self.protected_domains,
            max_bindings=self.max_bindings,
            max_cleanup_bindings=self.max_cleanup_bindings,
            live_domains=self.live_domains,
            max_event_age=self.max_event_age,
            private_zones=self.private_zones,
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
    "DETACH_MAX_EVENT_AGE": "expected an ISO 8601 duration of at most ten years, such as P7D; P0D: off",
    "DETACH_MAX_UNDO_AGE": "expected an ISO 8601 duration above zero and of at most ten years, such as P30D",
    "UNDO_KEY_URI": "expected SCHEME:ADDRESS, such as env:NAME or file:/path",
    "DOOR_BEARER_URI": "expected SCHEME:ADDRESS, such as env:NAME or file:/path",
}


_OPEN_ISSUERS = {"https://accounts.google.com"}  # each of Google's service accounts can ask for any audience
_ADDRESSES = {"SECRET_URI", "UNDO_KEY_URI", "DOOR_BEARER_URI"}


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
    missing = [name for name in DEFAULT_ENDPOINTS if name not in values]
    values |= {name: DEFAULT_ENDPOINTS[name].format(region=region) for name in missing}
    _check_issuer(values)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise _first(exc, values) from None
    if missing and region not in REGIONS:
        raise ConfigurationError(
            f"OS_REGION_NAME: the default endpoints are Open Telekom Cloud's, which has no region {region!r} (expected"
            f" {' or '.join(REGIONS)}); set {' and '.join(missing)} too, on Huawei Cloud"
            f" https://iam.{region}.myhuaweicloud.com/v3 and https://apig.{region}.myhuaweicloud.com"
        )
    _check_cloud(settings)
    return settings


def _check_cloud(settings: Settings) -> None:
    """Credentials of one cloud must not go to the IAM of another. Addresses of neither are anyone's own."""
    iam, apig = (cloud_of(url) for url in (settings.auth_url, settings.apig_endpoint))
    if iam and apig and iam != apig:
        raise ConfigurationError(
            f"OS_AUTH_URL is an address of {iam}, and APIG_ENDPOINT one of {apig}: {settings.auth_url} and"
            f" {settings.apig_endpoint}; set both to the same cloud"
        )


def _check_issuer(values: dict[str, str]) -> None:
    """An issuer goes with an audience. One that makes tokens for everybody, for any audience, tells nothing alone."""
    for name, other in (
        ("DOOR_OIDC_ISSUER", "DOOR_OIDC_AUDIENCE"),
        ("DOOR_OIDC_AUDIENCE", "DOOR_OIDC_ISSUER"),
        ("DOOR_OIDC_SUBJECTS", "DOOR_OIDC_ISSUER"),
    ):
        if name in values and other not in values:
            raise ConfigurationError(f"{other}: not set; {name} needs it")
    issuer = values.get("DOOR_OIDC_ISSUER", "").rstrip("/")
    if issuer in _OPEN_ISSUERS and "DOOR_OIDC_SUBJECTS" not in values:
        raise ConfigurationError(f"DOOR_OIDC_SUBJECTS: not set; {issuer} makes tokens for any audience for everybody")


def _first(exc: ValidationError, values: dict[str, str]) -> ConfigurationError:
    error = exc.errors(include_url=False, include_input=False)[0]
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return ConfigurationError(f"{name}: not set; {_EXPECTED.get(name, 'it is required')}")
    expected = _EXPECTED.get(name) or error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    # A secret pasted where its address belongs must not be repeated, and an endpoint may carry a password.
    shown = "" if name in _ADDRESSES or "@" in values[name] else f" {values[name]!r}"
    return ConfigurationError(f"{name}:{shown} is not allowed; {expected}")
