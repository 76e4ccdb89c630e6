"""FunctionGraph: the events of the triggers TIMER, SMN and CTS."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.events.decoding import decoded, instead
from shared.events.envelope import ENVELOPE_KEYS, NAME, Context, Inner, Step, Understood, event_id, is_name, kind_of

# The DNS user guide, "Operations recorded by CTS". Our own call is traced as BatchDisassociateDomains: that is a loop.
_TRACE_NAMES: dict[str, Kind] = dict.fromkeys(
    ("deletePublicRecordSet", "deletePrivateRecordSet", "deletePublicZone", "deletePrivateZone"), "domain_decommission"
)
# Without its AAAA record, a domain is still reached by its A record.
_ADDRESSES = ("A", "CNAME")


def timer(event: Mapping[str, Any], context: Context) -> Step:
    """A timer's event: a scheduled clean-up, or the event that its `user_event` holds as JSON."""
    if event["trigger_type"] != "TIMER":
        raise InvalidEvent("trigger_type", f"expected TIMER{instead(event['trigger_type'])}")
    name, time, text = event.get("trigger_name"), event.get("time"), event.get("user_event") or ""
    if not context.default_id and name and isinstance(name, str) and isinstance(time, str):
        context = replace(context, default_id=f"{name} {time}")
    if not isinstance(text, str):
        raise InvalidEvent("user_event", f"expected text{instead(text)}")
    # Quotes and byte-order marks before the bracket: JSON that was quoted once too often is no plain text either.
    data = decoded(text, "user_event") if re.match(r"[\s\ufeff'\"]*[{\[]", text) else {}
    if data.keys() & ENVELOPE_KEYS:
        return Inner(data, "user_event")
    others = [name for name in ("certificate_id", "common_name", "domain", "domains") if data.get(name) is not None]
    if others and context.kind is None:
        raise InvalidEvent(f"user_event.{others[0]}", "expected an event with a type, such as a CloudEvent")
    return Understood(context.kind or "scheduled_cleanup", event_id(event, None, "id", context), data, "user_event")


def smn(event: Mapping[str, Any], context: Context) -> Step:
    """A notification whose message is an event."""
    match event:
        case {"record": [{"smn": {"message": str(text), **message}}]}:
            field = "record[0].smn.message"
            return Inner(decoded(text, field, context.kind), field, message.get("message_id"))
    raise InvalidEvent("record", "expected exactly one message with a text; SQS batches go to the Lambda door")


def cts(event: Mapping[str, Any], context: Context) -> Step:
    """The trace of a DNS deletion that succeeded: the domain is decommissioned."""
    trace = event["cts"] if isinstance(event["cts"], dict) else {}
    kind = kind_of("cts.trace_name", trace.get("trace_name"), _TRACE_NAMES, context)
    _refuse_failed(trace)
    parts = list[dict[str, Any]]()
    for part in (trace.get("response"), trace.get("request")):
        with suppress(InvalidEvent):  # an object, JSON text, or nothing that can be read
            parts.append(decoded(part, "cts"))
    if trace["trace_name"].endswith("RecordSet"):
        for record_type in (part.get("type") for part in parts):
            if record_type and str(record_type).upper() not in _ADDRESSES:
                raise InvalidEvent("cts", f"expected a record of type A or CNAME{instead(record_type)}")
    in_message = re.search(r"\[([^\[\]]+)\]\s*\Z", message if isinstance(message := trace.get("message"), str) else "")
    candidates = [trace.get("resource_name"), *(part.get("name") for part in parts), in_message and in_message[1]]
    if not (names := [name for name in candidates if is_name(name)]):
        raise InvalidEvent("cts.resource_name", f"expected {NAME}{instead(trace.get('resource_name'))}")
    trace_id = event_id(event, trace.get("trace_id") or None, "cts.trace_id", context)
    return Understood(kind, trace_id, {"domain": names[0]}, "cts")


def _refuse_failed(trace: Mapping[str, Any]) -> None:
    """Raise InvalidEvent for the trace of an operation that failed: nothing was decommissioned.

    Old traces have `trace_status` alone, newer ones `trace_rating`: "warning" and "incident" mean a failure. `code` is
    an HTTP status, or 0 in real traces of operations that succeeded.
    """
    expected = "expected an operation that succeeded; nothing was decommissioned"
    for name in ("trace_rating", "trace_status"):
        if str(trace.get(name)).strip().lower() in ("warning", "incident"):
            raise InvalidEvent(f"cts.{name}", expected)
    code = str(trace.get("code", "")).strip()
    if code.isascii() and code.isdigit() and int(code[:9]) >= 400:
        raise InvalidEvent("cts.code", f"{expected}, not {code[:9]}")
