"""CloudEvents 1.0, in structured and in binary mode."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.core.kinds import KINDS
from shared.events.decoding import decoded, instead
from shared.events.envelope import Context, Step, Understood, event_id, kind_of, refuse_misplaced
from shared.events.origin import Origin, time_of, told

TYPES: dict[str, Kind] = {name: kind for kind, row in KINDS.items() for name in row.types}
_JSON = re.compile(r"(?:[^/;]+/(?:[^/;]+\+)?json\s*(?:;.*)?)?", re.IGNORECASE)


def structured(event: Mapping[str, Any], context: Context) -> Step:
    """The event of a JSON envelope; `data` is bytes in binary mode."""
    if (version := event.get("specversion")) != "1.0":
        raise InvalidEvent("specversion", f"expected 1.0{instead(version)}")
    for name in ("id", "source", "type"):
        if not isinstance(value := event.get(name), str) or not value:
            raise InvalidEvent(name, f"expected text that is not empty{instead(value)}")
    kind = kind_of("type", event["type"], TYPES, context)
    if not isinstance(media_type := event.get("datacontenttype") or "", str) or not _JSON.fullmatch(media_type):
        raise InvalidEvent("datacontenttype", f"expected application/json{instead(media_type)}")
    refuse_misplaced(event, "data")
    origin = Origin(told(event["source"]), time_of(event, "time", "time"))
    return Understood(kind, event_id(event, event["id"], "id", context), _data(event, kind), "data", origin)


def _data(event: Mapping[str, Any], kind: Kind) -> object:
    """The data. Only an event that has none at all, such as a PingSource's, means an empty object.

    `"data": null` is a value that got lost on its way: as an empty object it would mean everything.
    """
    if "data" in event and "data_base64" in event:
        raise InvalidEvent("data_base64", "expected either data or data_base64")
    if "data_base64" in event:
        try:
            return decoded(base64.b64decode(event["data_base64"], validate=True), "data_base64", kind)
        except (TypeError, ValueError):
            raise InvalidEvent("data_base64", "expected base64 of a JSON object") from None
    data = event.get("data", {})
    if data is None:
        raise InvalidEvent("data", "expected an object, not null; leave it out when there is nothing to say")
    return decoded(data, "body", kind) if isinstance(data, bytes) else data


def of_request(headers: Mapping[str, str], body: bytes, context: Context) -> Step | None:
    """The event of an HTTP request; None when it is no CloudEvent.

    Modes as in the CloudEvents HTTP binding 1.0.2, section 3.
    """
    given = {name.lower(): value for name, value in headers.items()}
    media_type = given.get("content-type", "").strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        raise InvalidEvent("content-type", "expected one event; batches are not taken, send the events one by one")
    if media_type.startswith("application/cloudevents"):
        return structured(decoded(body, "body"), context)
    attributes = [name for name in ("specversion", "id", "source", "type", "time") if f"ce-{name}" in given]
    if not attributes:
        return None
    event = {name: _header(f"ce-{name}", given[f"ce-{name}"]) for name in attributes}
    step = structured({**event, "datacontenttype": media_type, **({"data": body} if body else {})}, context)
    refuse_misplaced((name.removeprefix("ce-") for name in given if name.startswith("ce-")), "data", "ce-")
    return step


def _header(name: str, value: str) -> str:
    """Section 3.1.3.2: quoted strings are unquoted first, then one round of percent-decoding, strictly UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidEvent(name, "expected percent-encoded UTF-8") from None
