"""The words: resource ids, domain names, the data of the four events, and what the gateway says is bound.

`python -m shared.models FOLDER` writes the JSON Schemas (draft 2020-12) of the four events' data.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema

Kind = Literal["certificate_expiry", "domain_decommission", "scheduled_cleanup", "restore"]

# Every id in the vendor's examples is 32 lower-case hex digits; gateway ids also come as dashed UUIDs, side by side in
# the request example of BatchDisassociateDomainsV2. "common", the gateway of a global certificate, is no gateway id.
ID_PATTERN = r"^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
ResourceId = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]

# Looser than the rule for new domains (AssociateDomainV2): the API once took names that the rule of today refuses, and
# a name that is bound nowhere detaches nothing.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})+")
_NAME_EXPECTED = "expected a domain name such as api.example.com or *.example.com"


def normal_name(name: str) -> str:
    """The form in which names compare: lower case, IDNA (UTS 46), one trailing dot dropped.

    >>> normal_name("API.Bücher.Example.")
    'api.xn--bcher-kva.example'

    Raises ValueError when it is no domain name of at most 255 characters; `*` stands only as the whole first label.
    """
    bare = name.removesuffix(".")
    if not bare.isascii():
        import idna  # noqa: PLC0415 - the tables cost some 10 ms, and few names need them

        try:
            wildcard, rest = ("*.", bare[2:]) if bare.startswith("*.") else ("", bare)
            bare = wildcard + idna.encode(rest, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise ValueError(_NAME_EXPECTED) from None
    bare = bare.lower()
    if len(bare) > 255 or not _NAME.fullmatch(bare):
        raise ValueError(_NAME_EXPECTED)
    return bare


def comparable_name(name: str) -> str:
    """`normal_name`, or for what is no domain name the text itself in lower case: it then equals nothing asked for."""
    try:
        return normal_name(name)
    except ValueError:
        return name.lower()


DomainName = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=255,
        description="A domain name; any case, Unicode or IDNA, a trailing dot is allowed. `*.` matches only itself.",
        examples=["api.example.com"],
    ),
    AfterValidator(normal_name),
]


def _is_name(name: str) -> str:
    normal_name(name)
    return name


ExactName = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=255, description="The domain's name exactly as the API listed it."),
    AfterValidator(_is_name),
]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DomainEntry(_Data):
    """One entry of `domains`, of the API's own shape (AttachOrDetachDomainInfo)."""

    domain: DomainName
    instance_ids: Annotated[tuple[ResourceId, ...], Field(min_length=1)] | None = Field(
        None, description="Gateways on which this domain is detached; all of the event's when absent."
    )
    verified_client_certificate_enabled: StrictBool | None = Field(
        None, description="Goes into the request as given, and is left out when absent."
    )


def _entry(value: object) -> object:
    return {"domain": value} if isinstance(value, str) else value


Entry = Annotated[DomainEntry, BeforeValidator(_entry, json_schema_input_type=DomainName | DomainEntry)]
Entries = Annotated[tuple[Entry, ...], Field(min_length=1)]
InstanceIds = Annotated[
    tuple[ResourceId, ...], Field(min_length=1, description="Gateways; every gateway of the project when absent.")
]


def _given(how: str, *names: str) -> dict[str, Any]:
    """The schema's `anyOf` or `oneOf`: which of the fields must be there, null counting as absent."""
    return {how: [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]}


class CertificateExpiry(_Data):
    """A certificate has expired or is about to: the gateway's own `not_after` decides which."""

    model_config = ConfigDict(json_schema_extra=_given("anyOf", "certificate_id", "common_name"))
    kind: ClassVar[Kind] = "certificate_expiry"

    certificate_id: ResourceId | None = None
    common_name: DomainName | None = Field(
        None, description="Finds the certificates by their CN; beside a certificate_id, it must be that one's CN."
    )
    domains: Entries | None = Field(None, description="Detach these only; every domain attached when absent.")
    instance_ids: InstanceIds | None = None

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.certificate_id is None and self.common_name is None:
            raise ValueError("certificate_id: expected a certificate id (or a common_name instead)")
        return self


class DomainDecommission(_Data):
    """Domains are taken out of service: whatever certificate they carry is detached."""

    model_config = ConfigDict(json_schema_extra=_given("oneOf", "domain", "domains"))
    kind: ClassVar[Kind] = "domain_decommission"

    domain: DomainName | None = None
    domains: Entries | None = None
    certificate_id: ResourceId | None = Field(None, description="Detach from this certificate only.")
    instance_ids: InstanceIds | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.domain is None) == (self.domains is None):
            raise ValueError("domain: expected either domain or domains")
        return self

    @property
    def entries(self) -> tuple[DomainEntry, ...]:
        """What is to be detached, whichever field named it."""
        return self.domains or (DomainEntry(domain=self.domain or ""),)


class ScheduledCleanup(_Data):
    """The schedule is due: every expired certificate of the gateways is cleaned up."""

    kind: ClassVar[Kind] = "scheduled_cleanup"

    instance_ids: InstanceIds | None = None
    cursor: Annotated[str, Field(strict=True, min_length=1, max_length=1024)] | None = Field(
        None, description="From the outcome of a clean-up that ran out of time: go on from there."
    )


class UndoDomain(_Data):
    """Bindings of one domain as they were: the entry of the attach request that restores them."""

    domain: ExactName
    instance_ids: Annotated[tuple[ResourceId, ...], Field(min_length=1)]
    # No default: left out, the API turns client verification on or off by rules of its own.
    verified_client_certificate_enabled: StrictBool


class Undo(_Data):
    """What was detached from one certificate."""

    certificate_id: ResourceId
    domains: Annotated[tuple[UndoDomain, ...], Field(min_length=1)]


class DetachUndo(_Data):
    """The `undo` list of an outcome, or an object that has one, such as the outcome: attach these bindings again."""

    kind: ClassVar[Kind] = "restore"

    undo: tuple[Undo, ...]

    @model_validator(mode="before")
    @classmethod
    def _list_alone(cls, data: object) -> object:
        return {"undo": data} if isinstance(data, list | tuple) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """An object or the list alone."""
        schema = handler.resolve_ref_schema(handler(core))
        return {
            "anyOf": [{**schema}, schema["properties"]["undo"]],
            "title": schema.pop("title"),
            "description": schema.pop("description"),
        }


AnyData = CertificateExpiry | DomainDecommission | ScheduledCleanup | DetachUndo
Data_co = TypeVar("Data_co", bound=AnyData, covariant=True)
DATA_MODELS: dict[Kind, type[AnyData]] = {
    model.kind: model for model in (CertificateExpiry, DomainDecommission, ScheduledCleanup, DetachUndo)
}


@dataclass(frozen=True, slots=True)
class Event(Generic[Data_co]):
    """What happened: the sender's id for it, and the data of one of the four kinds."""

    id: str
    data: Data_co


AnyEvent = Event[CertificateExpiry] | Event[DomainDecommission] | Event[ScheduledCleanup] | Event[DetachUndo]


@dataclass(frozen=True, slots=True)
class Certificate:
    """An SSL certificate of the gateway, as ShowDetailsOfCertificateV2 or ListCertificatesV2 gives it."""

    id: str
    common_name: str = ""
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A certificate on a domain of one gateway; `domain` is the list's exact `url_domain`, which is what is sent."""

    domain: str
    instance_id: str
    resolves: bool = False  # status 3: the domain's CNAME resolves to the gateway
    verified_client_certificate_enabled: bool = False


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    for kind, model in DATA_MODELS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        Path(sys.argv[1], f"{kind}.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
