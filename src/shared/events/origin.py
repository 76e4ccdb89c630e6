"""Where an event comes from and when it happened, as its envelope tells."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from shared.core.dates import rfc_3339
from shared.core.errors import InvalidEvent
from shared.core.secret import redact
from shared.events.decoding import instead

LONGEST = 256  # characters of a source or a sender
_SECONDS_END = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973: a trace's number below it is seconds
_OLD_TRACE = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) GMT([+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """The envelope's own word for where the event comes from, and when it happened, in UTC; None where it is silent."""

    source: str | None = None
    time: datetime | None = None

    def inside(self, outer: Self) -> "Origin":
        """The event's own word comes first; what carried it serves where the event is silent."""
        return Origin(self.source or outer.source, self.time or outer.time)


UNTOLD = Origin()


def told(value: object) -> str | None:
    """A name for the reader: at most 256 printable characters, without any secret; None for what is no text.

    It only goes into log and outcome, so an odd one is made fit: no event is refused for it.
    """
    if not isinstance(value, str) or not value:
        return None
    return "".join(char if char.isprintable() else "\ufffd" for char in redact(value)[:LONGEST])


def time_of(envelope: Mapping[Any, Any], name: str, field: str) -> datetime | None:
    """The RFC 3339 time that stands there under `name`, None when there is none; `field` is where, for the error."""
    value = envelope.get(name)
    moment = rfc_3339(value)
    if moment is None and value is not None:
        raise InvalidEvent(field, f"expected an RFC 3339 time such as 2026-02-03T06:00:12Z{instead(value)}")
    return moment


def sent_time(attributes: object) -> datetime | None:
    """When a message was put on its queue of SQS: `SentTimestamp`, epoch milliseconds as text."""
    value = attributes.get("SentTimestamp") if isinstance(attributes, Mapping) else None
    moment = _epoch(value, 1000)
    if moment is None and value is not None:
        raise InvalidEvent("attributes.SentTimestamp", f"expected epoch milliseconds{instead(value)}")
    return moment


def trace_time(trace: Mapping[str, Any]) -> datetime | None:
    """When a traced operation was made.

    Epoch milliseconds, epoch seconds, or `2016/12/08 11:07:28 GMT+08:00` in older traces (CTS user manual, "Trace
    Structure", and the samples of FunctionGraph's runtime).
    """
    value = trace.get("time")
    old = _OLD_TRACE.fullmatch(value) if isinstance(value, str) else None
    if old is not None:
        moment = rfc_3339(f"{old[1]}-{old[2]}-{old[3]}T{old[4]}{old[5]}")
    else:
        moment = _epoch(value, 1) or rfc_3339(value)
    if moment is None and value is not None:
        raise InvalidEvent("cts.time", f"expected epoch milliseconds{instead(value)}")
    return moment


def _epoch(value: object, unit: int) -> datetime | None:
    """The moment of a number of seconds since 1970, or of milliseconds when it is large enough or `unit` is 1000."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    number = int(text)
    try:
        return datetime.fromtimestamp(number / (1000 if number >= _SECONDS_END else unit), UTC)
    except (ValueError, OverflowError, OSError):
        return None
