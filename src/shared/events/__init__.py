"""Any envelope → one frozen `Event` of the four kinds, or one `InvalidEvent` that names the field.

An envelope is told apart by a field of its own; a mapping without one is bare data of the function's kind.
A narrowing (`instance_ids`, `domains`) that cannot be read is refused, for leaving it out would widen the event.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from pydantic import ValidationError

from shared.errors import InvalidEvent
from shared.events.decoding import MAX_BYTES, decoded, not_
from shared.models import DATA_MODELS, AnyEvent, Event, Kind, ScheduledCleanup, normal_name

__all__ = ["MAX_BYTES", "from_http", "parse"]

MAX_LEVELS = 3  # of envelopes one inside the other, such as a CloudEvent by SMN by SQS

_TYPES: dict[str, Kind] = {
    "apig.certificate.expired": "certificate_expiry",
    "apig.certificate.expiring": "certificate_expiry",
    "apig.domain.decommissioned": "domain_decommission",
    "apig.cleanup.due": "scheduled_cleanup",
    "dev.knative.sources.ping": "scheduled_cleanup",  # a PingSource's, which cannot be given another type
    "apig.detach.undo": "restore",
}
_DETAIL_TYPES: dict[str, Kind] = {
    "Certificate Expired": "certificate_expiry",
    "Certificate Expiring": "certificate_expiry",
    "ACM Certificate Expired": "certificate_expiry",
    "ACM Certificate Approaching Expiration": "certificate_expiry",
    "Domain Decommissioned": "domain_decommission",
    "Cleanup Due": "scheduled_cleanup",
    "Scheduled Event": "scheduled_cleanup",
    "Detach Undo": "restore",
}
# The DNS user guide, "Operations recorded by CTS". Our own call is traced as BatchDisassociateDomains: that is a loop.
_TRACE_NAMES: dict[str, Kind] = dict.fromkeys(
    ("deletePublicRecordSet", "deletePrivateRecordSet", "deletePublicZone", "deletePrivateZone"), "domain_decommission"
)

_ID = "32 lower-case hex digits or a UUID"
_NAME = "a domain name such as api.example.com or *.example.com"
_JSON = re.compile(r"(?:[^/;]+/(?:[^/;]+\+)?json\s*(?:;.*)?)?", re.IGNORECASE)
_EXPECTED = {
    "certificate_id": _ID,
    "common_name": _NAME,
    "domain": _NAME,
    "domains": "a list of at least one domain",
    "domains[]": "a domain name, or an object with one as its domain",
    "instance_ids": "a list of at least one gateway id",
    "instance_ids[]": _ID,
    "verified_client_certificate_enabled": "true or false",
    "cursor": "1 to 1024 characters of text",
    "undo": "the undo list of an outcome",
}


class _Scope(NamedTuple):
    kind: Kind | None
    default_id: Any
    level: int = 1
    field: str = "body"  # what held this envelope

    def inside(self, field: str, message_id: object = None) -> "_Scope":
        """The scope of what is carried in `field`: the message's id serves when the event has none of its own."""
        return _Scope(self.kind, message_id or self.default_id, self.level + 1, field)


def parse(
    raw: bytes | str | Mapping[str, Any] | list[Any], *, kind: Kind | None = None, default_id: str = ""
) -> AnyEvent:
    """The event in `raw`: JSON text of at most MAX_BYTES, or what a platform has already decoded from it.

    With `kind`, only that kind is taken, bare data included. `default_id` serves an envelope without an id; when both
    are missing, the id is a digest of the content. Raises InvalidEvent, and nothing else, whatever `raw` is.
    """
    return _event(decoded(raw, "body", kind), _Scope(kind, default_id))


def from_http(headers: Mapping[str, str], body: bytes, *, kind: Kind | None = None, default_id: str = "") -> AnyEvent:
    """The event of an HTTP request: a CloudEvent in binary or structured mode, else whatever `parse` understands.

    Modes as in the CloudEvents HTTP binding 1.0.2, section 3. Raises InvalidEvent, and nothing else.
    """
    given = {name.lower(): value for name, value in headers.items()}
    media_type = given.get("content-type", "").strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        raise InvalidEvent("content-type", "expected one event; batches are not taken, send the events one by one")
    if media_type.startswith("application/cloudevents"):
        return _cloudevent(decoded(body, "body"), _Scope(kind, default_id))
    attributes = [name for name in ("specversion", "id", "source", "type") if f"ce-{name}" in given]
    if not attributes:
        return parse(body, kind=kind, default_id=default_id)
    event = {name: _header(f"ce-{name}", given[f"ce-{name}"]) for name in attributes}
    return _cloudevent({**event, "datacontenttype": media_type, "data": body or None}, _Scope(kind, default_id))


def _event(envelope: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    for marker, read in _ENVELOPES.items():
        if marker in envelope:
            if scope.level > MAX_LEVELS:
                raise InvalidEvent(scope.field, f"expected at most {MAX_LEVELS} envelopes, one inside the other")
            return read(envelope, scope)
    if scope.kind is None:
        raise InvalidEvent("type", "expected an envelope that tells it; bare data is for a function of one kind")
    if scope.kind == "scheduled_cleanup" and envelope and envelope.keys().isdisjoint(ScheduledCleanup.model_fields):
        # Bare data that is no clean-up's, or one whose only field is misspelt, would clean up every gateway.
        expected = "expected instance_ids, cursor, or an empty object for every gateway"
        raise InvalidEvent("body", expected + not_(next(iter(envelope))))
    return _made(scope.kind, envelope, "", _event_id(envelope, None, "id", scope))


def _cloudevent(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    if (version := event.get("specversion")) != "1.0":
        raise InvalidEvent("specversion", f"expected 1.0{not_(version)}")
    for name in ("id", "source", "type"):
        if not isinstance(value := event.get(name), str) or not value:
            raise InvalidEvent(name, f"expected text that is not empty{not_(value)}")
    kind = _kind_of("type", event["type"], _TYPES, scope)
    if not isinstance(media_type := event.get("datacontenttype") or "", str) or not _JSON.fullmatch(media_type):
        raise InvalidEvent("datacontenttype", f"expected application/json{not_(media_type)}")
    data, encoded = event.get("data"), event.get("data_base64")
    if isinstance(data, bytes):  # of binary mode
        data = decoded(data, "body", kind)
    if data is not None and encoded is not None:
        raise InvalidEvent("data_base64", "expected either data or data_base64")
    if encoded is not None:
        try:
            data = decoded(base64.b64decode(encoded, validate=True), "data_base64", kind)
        except (TypeError, ValueError):
            raise InvalidEvent("data_base64", "expected base64 of a JSON object") from None
    return _made(kind, {} if data is None else data, "data", _event_id(event, event["id"], "id", scope))


def _eventbridge(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    detail_type, detail = event["detail-type"], event.get("detail")
    kind = _kind_of("detail-type", detail_type, _DETAIL_TYPES, scope)
    if detail_type.startswith("ACM "):  # no certificate of the gateway: only its name is looked for there
        name = detail.get("CommonName") if isinstance(detail, dict) else None
        if not _is_name(name):
            raise InvalidEvent("detail.CommonName", f"expected {_NAME}{not_(name)}")
        detail = {"common_name": name}
    return _made(kind, detail, "detail", _event_id(event, event.get("id"), "id", scope))


def _timer(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    if event["trigger_type"] != "TIMER":
        raise InvalidEvent("trigger_type", f"expected TIMER{not_(event['trigger_type'])}")
    name, time, text = event.get("trigger_name"), event.get("time"), event.get("user_event") or ""
    if not scope.default_id and name and isinstance(name, str) and isinstance(time, str):
        scope = scope._replace(default_id=f"{name} {time}")
    if not isinstance(text, str):
        raise InvalidEvent("user_event", f"expected text{not_(text)}")
    # Quotes and byte-order marks before the bracket: JSON that was quoted once too often is no plain text either.
    data = decoded(text, "user_event") if re.match(r"[\s\ufeff'\"]*[{\[]", text) else {}
    if any(marker in data for marker in _ENVELOPES):
        return _event(data, scope.inside("user_event"))
    others = [name for name in ("certificate_id", "common_name", "domain", "domains") if data.get(name) is not None]
    if others and scope.kind is None:
        raise InvalidEvent(f"user_event.{others[0]}", "expected an envelope around it that tells the type")
    return _made(scope.kind or "scheduled_cleanup", data, "user_event", _event_id(event, None, "id", scope))


def _cts(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    trace = event["cts"] if isinstance(event["cts"], dict) else {}
    kind = _kind_of("cts.trace_name", trace.get("trace_name"), _TRACE_NAMES, scope)
    # "warning" and "incident" are failed operations; `code` is 0 in real traces, whatever happened.
    if str(trace.get("trace_rating")).lower() in ("warning", "incident"):
        raise InvalidEvent("cts.trace_rating", "expected an operation that succeeded; nothing was decommissioned")
    parts = list[dict[str, Any]]()
    for part in (trace.get("response"), trace.get("request")):
        with suppress(InvalidEvent):  # an object, JSON text, or nothing that can be read
            parts.append(decoded(part, "cts"))
    if trace["trace_name"].endswith("RecordSet"):
        for record_type in (part.get("type") for part in parts):
            if record_type and str(record_type).upper() not in ("A", "AAAA", "CNAME"):
                raise InvalidEvent("cts", f"expected a record of type A, AAAA or CNAME{not_(record_type)}")
    in_message = re.search(r"\[([^\[\]]+)\]\s*\Z", message if isinstance(message := trace.get("message"), str) else "")
    candidates = [trace.get("resource_name"), *(part.get("name") for part in parts), in_message and in_message[1]]
    if not (names := [name for name in candidates if _is_name(name)]):
        raise InvalidEvent("cts.resource_name", f"expected {_NAME}{not_(trace.get('resource_name'))}")
    event_id = trace.get("trace_id") or None
    return _made(kind, {"domain": names[0]}, "cts", _event_id(event, event_id, "cts.trace_id", scope))


def _message(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    match event:
        case {"record": [{"smn": {"message": str(text), **smn}}]}:
            field, message_id = "record[0].smn.message", smn.get("message_id")
        case {"Records": [{"messageId": message_id, "body": str(text)}]} | {"messageId": message_id, "body": str(text)}:
            field = "body"
        case _:
            field = next((name for name in ("record", "Records") if name in event), "body")
            raise InvalidEvent(field, "expected exactly one message with a text; SQS batches go to the Lambda door")
    return _event(decoded(text, field, scope.kind), scope.inside(field, message_id))


# In this order: a CloudEvent may have extension attributes of any name.
_ENVELOPES: dict[str, Callable[[Mapping[str, Any], _Scope], AnyEvent]] = {
    "specversion": _cloudevent,
    "detail-type": _eventbridge,
    "trigger_type": _timer,
    "record": _message,
    "cts": _cts,
    "Records": _message,
    "messageId": _message,
}


def _kind_of(field: str, value: object, table: Mapping[str, Kind], scope: _Scope) -> Kind:
    understood = [name for name, kind in table.items() if scope.kind in (None, kind)]
    if value not in understood:
        raise InvalidEvent(field, f"expected {', '.join(understood) or f'an event for {scope.kind}'}{not_(value)}")
    return table[value]


def _made(kind: Kind, data: object, prefix: str, event_id: str) -> AnyEvent:
    try:
        return cast("AnyEvent", Event(event_id, DATA_MODELS[kind].model_validate(data)))
    except ValidationError as invalid:
        error = invalid.errors(include_url=False)[0]
    field = prefix + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
    key = re.sub(r"\[\d+\]", "[]", field).rpartition(".")[2]
    # Our own validators of whole models say "field: expected…".
    inner, told, expected = error["msg"].removeprefix("Value error, ").partition(": expected ")
    if told:
        raise InvalidEvent(f"{field}.{inner}".removeprefix("."), f"expected {expected}", event_id)
    shown = "" if error["type"] == "missing" else not_(error["input"])
    expected = f"expected {_EXPECTED.get(key, 'an object')}{shown}"
    raise InvalidEvent(field.removeprefix(".") or "body", expected, event_id)


def _event_id(envelope: Mapping[str, Any], given: object, field: str, scope: _Scope) -> str:
    if given is None and not scope.default_id:
        canonical = json.dumps(envelope, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
    event_id = scope.default_id if given is None else given
    if not isinstance(event_id, str) or not 0 < len(event_id) <= 256 or not event_id.isprintable():
        raise InvalidEvent(field, f"expected 1 to 256 printable characters{not_(event_id)}")
    return event_id


def _is_name(value: object) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and len(value) <= 255 and bool(normal_name(value))
    return False


def _header(name: str, value: str) -> str:
    """Section 3.1.3.2: quoted strings are unquoted first, then one round of percent-decoding, strictly UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidEvent(name, "expected percent-encoded UTF-8") from None
