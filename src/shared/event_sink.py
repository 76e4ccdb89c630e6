"""Events that we send to the sink that Knative's SinkBinding names: one CloudEvent a request, in binary mode."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared.core.binding_json import timestamp
from shared.core.errors import DetachError, Rejected, Unavailable
from shared.transport.send import Reply, Request, Transport

SOURCE = "/apig-certificate-detach"
ATTEMPTS = 6  # with the four of other calls, a broker that drops one event in ten would lose one in ten thousand
_ROUTE = "POST K_SINK"
# CloudEvents HTTP binding 1.0.2, section 3.1.3.2: the printable characters that a header value carries as they are.
_AS_IT_IS = "".join(sorted({*string.ascii_letters, *string.digits, *string.punctuation} - {'"', "%"}))
# Knative Eventing Data Plane Contract, "Event Acknowledgement and Delivery Retry"; 5xx besides.
_RETRIED = {404, 408, 409, 429}


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event to send; `time` is in UTC."""

    id: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventSink:
    """Where events go; `extensions` are attributes that the sink's owner wants on each of them (K_CE_OVERRIDES)."""

    transport: Transport
    url: str
    extensions: Mapping[str, str] = field(default_factory=dict)

    def send(self, event: Emitted) -> None:
        """Send until the sink has taken it, at least once: a lost answer means a second delivery, with the same id.

        Raises a DetachError: Unavailable when it was tried often enough or the time ran out, Rejected when the sink
        does not want the event.
        """
        attributes = {
            "specversion": "1.0",
            "id": event.id,
            "source": SOURCE,
            "type": event.type,
            "subject": event.subject,
            "time": timestamp(event.time) or "",
            **self.extensions,
        }
        request = Request(
            "sink",
            "POST",
            self.url,
            _ROUTE,
            range(200, 300),
            _refusal,
            headers={f"ce-{name}": quote(value, safe=_AS_IT_IS) for name, value in attributes.items()},
            content=event.data,
        )
        self.transport.send(request)


def _refusal(reply: Reply) -> DetachError:
    text = f"{_ROUTE} answered {reply.status}"
    if reply.status in _RETRIED or reply.status >= 500:
        return Unavailable(text, status=reply.status, retry_after=reply.retry_after, throttled=reply.status == 429)
    return Rejected(text, status=reply.status)
