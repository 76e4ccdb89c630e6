"""What a door hands over: the event as the platform delivered it, and the time that the platform leaves."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from shared.core.event_data import Kind

MAX_BYTES = 1_048_576  # of an event: 1 MiB, the most that SQS takes (SetQueueAttributes, MaximumMessageSize)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock; `left` is in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment that comes in that many seconds."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds until then, below zero once it has passed."""
        return self.at - time.monotonic()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, not yet parsed.

    `body` is JSON text, or what the platform has decoded from it. `headers` are those of an HTTP request, None
    elsewhere. `kind` is the function's own kind; None: the event has to say it. `default_id` is the id of an event
    that brings none. `sender` is who sent it, where the platform itself tells: never what the event says.
    """

    body: bytes | str | Mapping[str, Any] | list[Any]
    deadline: Deadline
    kind: Kind | None = None
    default_id: str = ""
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    sender: str | None = None
