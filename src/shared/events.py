"""Any envelope → one frozen `Event` of the four kinds, or one `InvalidEvent` that names the field.

An envelope is told apart by a field of its own; a mapping without one is bare data of the function's kind.
A narrowing (`instance_ids`, `domains`) that cannot be read is refused, for leaving it out would widen the event.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import accumulate, islice
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from pydantic import ValidationError

from shared.errors import InvalidEvent
from shared.models import DATA_MODELS, AnyEvent, Event, Kind, normal_name

MAX_BYTES = 1_048_576  # the most that SQS takes for a message: 1 MiB (SetQueueAttributes, MaximumMessageSize)
MAX_DEPTH = 64  # of objects and lists; our deepest, a CTS trace, has five
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
    return _event(_decoded(raw, "body", kind), _Scope(kind, default_id))


def from_http(headers: Mapping[str, str], body: bytes, *, kind: Kind | None = None, default_id: str = "") -> AnyEvent:
    """The event of an HTTP request: a CloudEvent in binary or structured mode, else whatever `parse` understands.

    Modes as in the CloudEvents HTTP binding 1.0.2, section 3. Raises InvalidEvent, and nothing else.
    """
    given = {name.lower(): value for name, value in headers.items()}
    media_type = given.get("content-type", "").strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        raise InvalidEvent("content-type", "expected one event; batches are not taken, send the events one by one")
    if media_type.startswith("application/cloudevents"):
        return _cloudevent(_decoded(body, "body"), _Scope(kind, default_id))
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
    return _made(scope.kind, envelope, "", _event_id(envelope, None, "id", scope))


def _cloudevent(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    if (version := event.get("specversion")) != "1.0":
        raise InvalidEvent("specversion", f"expected 1.0{_not(version)}")
    for name in ("id", "source", "type"):
        if not isinstance(value := event.get(name), str) or not value:
            raise InvalidEvent(name, f"expected text that is not empty{_not(value)}")
    kind = _kind_of("type", event["type"], _TYPES, scope)
    if not isinstance(media_type := event.get("datacontenttype") or "", str) or not _JSON.fullmatch(media_type):
        raise InvalidEvent("datacontenttype", f"expected application/json{_not(media_type)}")
    data, encoded = event.get("data"), event.get("data_base64")
    if isinstance(data, bytes):  # of binary mode
        data = _decoded(data, "body", kind)
    if data is not None and encoded is not None:
        raise InvalidEvent("data_base64", "expected either data or data_base64")
    if encoded is not None:
        try:
            data = _decoded(base64.b64decode(encoded, validate=True), "data_base64", kind)
        except (TypeError, ValueError):
            raise InvalidEvent("data_base64", "expected base64 of a JSON object") from None
    return _made(kind, {} if data is None else data, "data", _event_id(event, event["id"], "id", scope))


def _eventbridge(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    detail_type, detail = event["detail-type"], event.get("detail")
    kind = _kind_of("detail-type", detail_type, _DETAIL_TYPES, scope)
    if detail_type.startswith("ACM "):  # no certificate of the gateway: only its name is looked for there
        name = detail.get("CommonName") if isinstance(detail, dict) else None
        if not _is_name(name):
            raise InvalidEvent("detail.CommonName", f"expected {_NAME}{_not(name)}")
        detail = {"common_name": name}
    return _made(kind, detail, "detail", _event_id(event, event.get("id"), "id", scope))


def _timer(event: Mapping[str, Any], scope: _Scope) -> AnyEvent:
    if event["trigger_type"] != "TIMER":
        raise InvalidEvent("trigger_type", f"expected TIMER{_not(event['trigger_type'])}")
    name, time, text = event.get("trigger_name"), event.get("time"), event.get("user_event") or ""
    if not scope.default_id and name and isinstance(name, str) and isinstance(time, str):
        scope = scope._replace(default_id=f"{name} {time}")
    if not isinstance(text, str):
        raise InvalidEvent("user_event", f"expected text{_not(text)}")
    # Quotes and byte-order marks before the bracket: JSON that was quoted once too often is no plain text either.
    data = _decoded(text, "user_event") if re.match(r"[\s\ufeff'\"]*[{\[]", text) else {}
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
            parts.append(_decoded(part, "cts"))
    if trace["trace_name"].endswith("RecordSet"):
        for record_type in (part.get("type") for part in parts):
            if record_type and str(record_type).upper() not in ("A", "AAAA", "CNAME"):
                raise InvalidEvent("cts", f"expected a record of type A, AAAA or CNAME{_not(record_type)}")
    in_message = re.search(r"\[([^\[\]]+)\]\s*\Z", message if isinstance(message := trace.get("message"), str) else "")
    candidates = [trace.get("resource_name"), *(part.get("name") for part in parts), in_message and in_message[1]]
    if not (names := [name for name in candidates if _is_name(name)]):
        raise InvalidEvent("cts.resource_name", f"expected {_NAME}{_not(trace.get('resource_name'))}")
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
    return _event(_decoded(text, field, scope.kind), scope.inside(field, message_id))


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
        raise InvalidEvent(field, f"expected {', '.join(understood) or f'an event for {scope.kind}'}{_not(value)}")
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
    shown = "" if error["type"] == "missing" else _not(error["input"])
    expected = f"expected {_EXPECTED.get(key, 'an object')}{shown}"
    raise InvalidEvent(field.removeprefix(".") or "body", expected, event_id)


def _decoded(raw: object, field: str, kind: Kind | None = None) -> dict[str, Any]:
    """The JSON object in `raw`: UTF-8, each key once, bounded in size and depth; int() refuses NaN and Infinity.

    For the kind `restore` also a list, which is an outcome's `undo` alone.
    """
    try:
        value = json.loads(_text(raw, field), object_pairs_hook=partial(_once, field), parse_constant=int)
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise InvalidEvent(field, f"expected UTF-8; wrong at position {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidEvent(field, f"expected JSON; wrong at line {error.lineno} column {error.colno}") from None
    except (TypeError, ValueError, RecursionError):  # deeper than the stack is deeper than MAX_DEPTH
        raise InvalidEvent(field, f"expected a JSON object, at most {MAX_DEPTH} levels, no NaN or big number") from None
    if kind == "restore" and isinstance(value, list):
        return {"undo": value}
    if not isinstance(value, dict):
        raise InvalidEvent(field, f"expected a JSON object{_not(value)}")
    return value


def _text(raw: Any, field: str) -> str:
    if isinstance(raw, Mapping | list):  # decoded by the platform: made text again, so that the same rules hold
        content = raw if isinstance(raw, list) else dict(raw)
        raw = "".join(islice(json.JSONEncoder(allow_nan=False).iterencode(content), MAX_BYTES))
    encoded = raw.encode("utf-8") if isinstance(raw, str) else raw
    text = str(encoded, "utf-8")
    if len(encoded) > MAX_BYTES:
        raise InvalidEvent(field, f"expected at most {MAX_BYTES} bytes")
    # All but the brackets goes away; a quote without an end takes the rest, so that the time stays linear.
    brackets = re.sub(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^\[\]{}"]++', "", text, flags=re.DOTALL)
    if max(accumulate((1 if bracket in "[{" else -1 for bracket in brackets), initial=0)) > MAX_DEPTH:
        raise InvalidEvent(field, f"expected at most {MAX_DEPTH} levels of objects and lists")
    return text


def _once(field: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise InvalidEvent(field, f"expected each key once{_not(key)} twice")
    return found


def _event_id(envelope: Mapping[str, Any], given: object, field: str, scope: _Scope) -> str:
    if given is None and not scope.default_id:
        canonical = json.dumps(envelope, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
    event_id = scope.default_id if given is None else given
    if not isinstance(event_id, str) or not 0 < len(event_id) <= 256 or not event_id.isprintable():
        raise InvalidEvent(field, f"expected 1 to 256 printable characters{_not(event_id)}")
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


def _not(value: object) -> str:
    """What stood there instead, in at most 60 characters and never a list or an object itself."""
    if isinstance(value, str):
        return f", not {value[:60]!r:.60}"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return "" if value in (None, []) else f", not {names.get(type(value), 'an object')}"
