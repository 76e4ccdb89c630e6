"""The data of the four kinds of events, and the event that carries it."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    model_validator,
)
from pydantic_core import CoreSchema

from shared.core.names import DomainName, ExactName, ResourceId

Kind = Literal["certificate_expiry", "domain_decommission", "scheduled_cleanup", "undo"]


class _Data(BaseModel):
    # An unknown field may be a misspelt narrowing: leaving it out would widen the event.
    # defer_build: an event needs one kind's validator, and all four cost some 8 ms of a cold start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


# Bounds of what one event names: a quota of Open Telekom Cloud is five gateways an account, and more domains than the
# limits on bindings let through would be refused anyway. An undo may be the report of a whole clean-up.
MAX_GATEWAYS = 100
MAX_DOMAINS = 2_000
MAX_UNDO = 20_000  # certificates of an undo, and domains of each

# fail_fast: only the first error is told, and 200 000 of them would take a second.
# Named again, a gateway costs nothing. The order is kept: it is the order of the request.
_Gateways = Annotated[
    tuple[ResourceId, ...],
    Field(min_length=1, max_length=MAX_GATEWAYS, fail_fast=True),
    AfterValidator(lambda instance_ids: tuple(dict.fromkeys(instance_ids))),
]


class DomainEntry(_Data):
    """One entry of `domains`, of the API's own shape (AttachOrDetachDomainInfo)."""

    domain: DomainName
    instance_ids: _Gateways | None = Field(
        None, description="Gateways on which this domain is detached; all of the event's when absent."
    )
    verified_client_certificate_enabled: StrictBool | None = Field(
        None, description="Goes into the request as given, and is left out when absent."
    )


def _entry(value: object) -> object:
    return {"domain": value} if isinstance(value, str) else value


Entry = Annotated[DomainEntry, BeforeValidator(_entry, json_schema_input_type=DomainName | DomainEntry)]
Entries = Annotated[tuple[Entry, ...], Field(min_length=1, max_length=MAX_DOMAINS, fail_fast=True)]
InstanceIds = Annotated[_Gateways, Field(description="Gateways; every gateway of the project when absent.")]


def _require(how: str, names: tuple[str, ...], schema: dict[str, Any]) -> None:
    """Add to the schema, as `anyOf` or `oneOf`, which of the fields must be there, null counting as absent."""
    schema[how] = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]


CONTEXT_BYTES = 8192


def _bounded(context: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(context).encode()) > CONTEXT_BYTES:
        raise ValueError(f"expected at most {CONTEXT_BYTES} bytes of JSON")
    return context


class _EventData(_Data):
    """What every kind takes."""

    context: Annotated[dict[str, Any], AfterValidator(_bounded)] | None = Field(
        None, description="Free JSON object of at most 8 KB (ticket, person, reason); it goes into logs and outcome."
    )
    dry_run: StrictBool = Field(
        default=False, description="True: plan and report, change nothing. False leaves it to the settings."
    )


class CertificateExpiry(_EventData):
    """A certificate has expired or is about to: the gateway's own `not_after` decides which."""

    model_config = ConfigDict(json_schema_extra=partial(_require, "anyOf", ("certificate_id", "common_name")))
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


class DomainDecommission(_EventData):
    """Domains are taken out of service: whatever certificate they carry is detached."""

    model_config = ConfigDict(json_schema_extra=partial(_require, "oneOf", ("domain", "domains")))
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


class ScheduledCleanup(_EventData):
    """The schedule is due: every expired certificate of the gateways is cleaned up."""

    kind: ClassVar[Kind] = "scheduled_cleanup"

    instance_ids: InstanceIds | None = None
    cursor: Annotated[str, Field(strict=True, min_length=1, max_length=1024)] | None = Field(
        None, description="From the outcome of a clean-up that ran out of time: go on from there."
    )


class UndoDomain(_Data):
    """Bindings of one domain as they were: the entry of the attach request that brings them back."""

    domain: ExactName
    instance_ids: _Gateways
    # No default: left out, the API turns client verification on or off by rules of its own.
    verified_client_certificate_enabled: StrictBool
    perhaps: StrictBool = Field(
        default=False, description="True: perhaps the event that tells it did not detach it, but somebody else did."
    )


class Undo(_Data):
    """What was detached from one certificate."""

    certificate_id: ResourceId
    domains: Annotated[tuple[UndoDomain, ...], Field(min_length=1, max_length=MAX_UNDO, fail_fast=True)]


class UndoSignature(_Data):
    """That `undo` is ours, and since when: see `shared.core.undo_signature`."""

    key_id: Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{16}$", description="Which key signed it.")]
    signed_at: Annotated[
        str,
        Field(
            strict=True,
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
            description="RFC 3339, in UTC.",
        ),
    ]
    signature: Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$", description="HMAC-SHA256, in hex.")]


# What an outcome, or a line of the log with `undo`, holds beside `undo`, `undo_signature`, `context` and `dry_run`.
_OF_AN_OUTCOME = {
    *("event_id", "kind", "status", "certificates", "cursor", "gateways", "emitted", "not_found", "source", "sender"),
    *("level", "message", "timestamp", "service", "location", "certificate_id", "part", "parts"),
    *("planned", "detached", "already_detached", "kept", "failed", "error", "error_code", "error_message"),
    *("cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id"),
}


class DetachUndo(_EventData):
    """The `undo` list of an outcome, or an object that has one, such as the outcome: attach these bindings again."""

    kind: ClassVar[Kind] = "undo"

    undo: Annotated[tuple[Undo, ...], Field(max_length=MAX_UNDO, fail_fast=True)]
    undo_signature: UndoSignature | None = Field(
        None, description="Stands beside the `undo` of an outcome or a log line; an undo by event needs it."
    )

    @model_validator(mode="before")
    @classmethod
    def _list_or_outcome(cls, data: object) -> object:
        if isinstance(data, list | tuple):
            return {"undo": data}
        if isinstance(data, dict) and "undo" in data:
            return {name: value for name, value in data.items() if name not in _OF_AN_OUTCOME}
        return data

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


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: the sender's id for it, and the data of one of the four kinds.

    `source` is the envelope's own word for where it comes from, `sender` who sent it, as far as the platform tells;
    `time` is when it happened, in UTC. `dns` is set when it is the trace of a DNS deletion: in which sort of zone.
    """

    id: str
    data: AnyData
    source: str | None = None
    sender: str | None = None
    time: datetime | None = None
    dns: Literal["public", "private"] | None = None

    @property
    def kind(self) -> Kind:
        """Which of the four kinds it is."""
        return self.data.kind
