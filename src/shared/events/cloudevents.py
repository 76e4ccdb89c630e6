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
from shared.events.envelope import Context, Step, Understood, event_id, kind_of

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
    data, encoded = event.get("data"), event.get("data_base64")
    if isinstance(data, bytes):
        data = decoded(data, "body", kind)
    if data is not None and encoded is not None:
        raise InvalidEvent("data_base64", "expected either data or data_base64")
    if encoded is not None:
        try:
            data = decoded(base64.b64decode(encoded, validate=True), "data_base64", kind)
        except (TypeError, ValueError):
            raise InvalidEvent("data_base64", "expected base64 of a JSON object") from None
    return Understood(kind, event_id(event, event["id"], "id", context), {} if data is None else data, "data")


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
    attributes = [name for name in ("specversion", "id", "source", "type") if f"ce-{name}" in given]
    if not attributes:
        return None
    event = {name: _header(f"ce-{name}", given[f"ce-{name}"]) for name in attributes}
    return structured({**event, "datacontenttype": media_type, "data": body or None}, context)


def _header(name: str, value: str) -> str:
    """Section 3.1.3.2: quoted strings are unquoted first, then one round of percent-decoding, strictly UTF-8."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise InvalidEvent(name, "expected percent-encoded UTF-8") from None
