"""FunctionGraph: the events of the triggers TIMER, SMN and CTS."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.events.decoding import decoded, instead
from shared.events.envelope import (
    ENVELOPE_KEYS,
    NAME,
    Context,
    Inner,
    Step,
    Understood,
    event_id,
    is_name,
    kind_of,
    refuse_misplaced,
)
from shared.events.origin import Origin, time_of, told, trace_time

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
    refuse_misplaced(event, "user_event")
    name, time = event.get("trigger_name"), event.get("time")
    if not context.default_id and name and isinstance(name, str) and isinstance(time, str):
        context = replace(context, default_id=f"{name} {time}")
    origin = Origin(told(name), time_of(event, "time", "time"))
    data = _user_event(event.get("user_event"))
    if data.keys() & ENVELOPE_KEYS:
        return Inner(data, "user_event", origin=origin)
    if "undo" in data:
        raise InvalidEvent("user_event.undo", "a timer undoes nothing; send an undo once, as an event of its own")
    others = [name for name in ("certificate_id", "common_name", "domain", "domains") if data.get(name) is not None]
    if others and context.kind is None:
        raise InvalidEvent(f"user_event.{others[0]}", "expected an event with a type, such as a CloudEvent")
    kind = context.kind or "scheduled_cleanup"
    return Understood(kind, event_id(event, None, "id", context), data, "user_event", origin)


def _user_event(text: object) -> dict[str, Any]:
    """The JSON object in a timer's text. Only without any text it is empty, which means everything.

    Plain text is refused: nobody knows which narrowing it was meant to be.
    """
    if text is None or text == "":
        return {}
    if not isinstance(text, str):
        raise InvalidEvent("user_event", f"expected text{instead(text)}")
    return decoded(text, "user_event")


def smn(event: Mapping[str, Any], context: Context) -> Step:
    """A notification whose message is an event."""
    match event:
        case {"record": [{"smn": {"message": str(text), **message}}]}:
            field = "record[0].smn.message"
            refuse_misplaced(event, field)
            time = time_of(message, "timestamp", "record[0].smn.timestamp")
            origin = Origin(told(message.get("topic_urn")), time)
            return Inner(decoded(text, field, context.kind), field, message.get("message_id"), origin)
    raise InvalidEvent("record", "expected exactly one message with a text; SQS batches go to the Lambda door")


def cts(event: Mapping[str, Any], context: Context) -> Step:
    """The trace of a DNS deletion that succeeded: the domain is decommissioned."""
    trace = event["cts"] if isinstance(event["cts"], dict) else {}
    kind = kind_of("cts.trace_name", trace.get("trace_name"), _TRACE_NAMES, context)
    refuse_misplaced(event, "the data of an event with a type")
    _refuse_failed(trace)
    parts = list[dict[str, Any]]()
    for part in (trace.get("response"), trace.get("request")):
        with suppress(InvalidEvent):  # an object, JSON text, or nothing that can be read
            parts.append(decoded(part, "cts"))
    if trace["trace_name"].endswith("RecordSet"):
        for record_type in (part.get("type") for part in parts):
            if record_type is not None and str(record_type).upper() not in _ADDRESSES:
                raise InvalidEvent("cts", f"expected a record of type A or CNAME{instead(record_type)}")
    in_message = re.search(r"\[([^\[\]]+)\]\s*\Z", message if isinstance(message := trace.get("message"), str) else "")
    candidates = [trace.get("resource_name"), *(part.get("name") for part in parts), in_message and in_message[1]]
    if not (names := [name for name in candidates if is_name(name)]):
        raise InvalidEvent("cts.resource_name", f"expected {NAME}{instead(trace.get('resource_name'))}")
    trace_id = event_id(event, trace.get("trace_id") or None, "cts.trace_id", context)
    dns: Literal["public", "private"] = "private" if "Private" in trace["trace_name"] else "public"
    return Understood(kind, trace_id, {"domain": names[0]}, "cts", Origin(_source(trace), trace_time(trace)), dns)


def _source(trace: Mapping[str, Any]) -> str | None:
    """The service and who did it there, by name and id: `DNS/dns-admin/e14aed517380466cac2d109877a5ac6b`."""
    user = trace["user"] if isinstance(trace.get("user"), dict) else {}
    return told(
        "/".join(part for part in map(told, (trace.get("service_type"), user.get("name"), user.get("id"))) if part)
    )


def _refuse_failed(trace: Mapping[str, Any]) -> None:
    """Raise InvalidEvent for the trace of an operation that failed: nothing was decommissioned.

    Old traces have `trace_status` alone, newer ones `trace_rating`: "warning" and "incident" mean a failure. `code` is
    an HTTP status, or 0 in real traces of operations that succeeded.
    """
    expected = "expected an operation that succeeded; nothing was decommissioned"
    for name in ("trace_rating", "trace_status"):
        if str(trace.get(name)).strip().lower() in ("warning", "incident"):
            raise InvalidEvent(f"cts.{name}", expected)
    code = "" if trace.get("code") is None else str(trace["code"]).strip()
    # A code of the service, such as DNS.0302, is an error's.
    if code and not re.fullmatch(r"0*[1-3]?\d{0,2}(?:\.0)?", code, re.ASCII):
        raise InvalidEvent("cts.code", f"{expected}{f', not {code[:9]}' if code.isdigit() else instead(code)}")
