"""A sender that behaves as a broker does: it keeps what it was answered, and sends again what may be sent again."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

AGAIN = 0.05  # seconds until an event is sent again
# Nothing here speaks TLS; to read the system's CAs for each delivery would take most of a test's time.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Answer:
    """What one delivery was answered, and by whom; without a status when the connection ended before."""

    url: str
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> dict[str, Any]:
        """The outcome in it; an event that failed has it too, once anything was planned."""
        return self.body if self.status == 200 else self.body.get("outcome", {})


def deliver(text: str, url: Callable[[], str], seconds: float = 30.0) -> list[Answer]:
    """Post an event until it is answered with 200 or 422. Everything it was answered, in order."""
    answers: list[Answer] = []
    end = time.monotonic() + seconds
    while not answers or answers[-1].status not in (200, 422):
        assert time.monotonic() < end, f"not taken in {seconds:.0f} seconds: {answers[-3:]}"
        answers.append(_once(text, url()))
        if answers[-1].status != 200:
            time.sleep(AGAIN)
    return answers


def _once(text: str, url: str) -> Answer:
    headers = {"Content-Type": "application/cloudevents+json"}
    try:
        response = httpx.post(url, content=text, headers=headers, timeout=30, trust_env=False, verify=_NO_TLS)
    except httpx.TransportError:
        return Answer(url)
    return Answer(url, response.status_code, response.json())
