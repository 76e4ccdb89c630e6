"""What the HTTP door asks of a request before its body is read, and how it words a refusal (RFC 9457).

`main` asks it for the Flask app of functions-framework, and `serve` for the image's server, which reads the body first.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from handlers import refuse
from shared.core.errors import CallerRefused, DetachError, InvalidEvent
from shared.core.secret import redact_json
from shared.telemetry import log_refused
from shared.wiring import Runtime

BODY_TIME = 20.0  # seconds in which a body has to arrive
PROBES = ("/health", "/ready")
CONTENT_TYPES = ("application/json", "application/cloudevents+json")

runtime = Runtime()  # of this process; it reads nothing before the first request


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer of the type application/problem+json; `title` is the error's name, or the status' without one."""

    status: HTTPStatus
    detail: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: DetachError, status: HTTPStatus | None = None) -> "Problem":
        """503 asks for a retry, 422 for none."""
        status = status or (HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.UNPROCESSABLE_ENTITY)
        fields: dict[str, Any] = {"error": error.name, "error_code": error.error_code}
        if isinstance(error, InvalidEvent):
            fields["field"] = error.field
        if error.outcome is not None:
            fields["outcome"] = error.outcome
        return cls(status, error.message, fields)

    @property
    def body(self) -> str:
        """Its JSON, without any secret."""
        title = self.fields.get("error", self.status.phrase)
        known = {"type": "about:blank", "title": title, "status": self.status.value, "detail": self.detail}
        return json.dumps(redact_json({**known, **self.fields}))

    @property
    def all_headers(self) -> dict[str, str]:
        """With its content type."""
        return {**self.headers, "Content-Type": "application/problem+json"}


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be read. `began` is of the monotonic clock; `sender` is who sends it, where that is known."""

    began: float
    sender: str | None


def admit(method: str, headers: Mapping[str, str]) -> Admitted | Problem:
    """Whether a request that is no probe may be read. The names of `headers` are in title case, as Flask gives them.

    What is refused is logged, and not counted as an event: nothing of it was read.
    """
    began = time.monotonic()
    if method != "POST":
        return not_allowed(method, "POST")
    if "Origin" in headers:
        # Brokers and schedulers send none, and every browser sends one: so no page can post, not even one whose own
        # name was made to point to this host (DNS rebinding), which CORS would let through.
        return _refused(HTTPStatus.FORBIDDEN, "requests of web pages are not taken (Origin)")
    if not _is_json(headers.get("Content-Type", "")):
        # text/plain, forms, multipart and no type at all are what any page can post without being asked.
        expected = f"expected the Content-Type {' or '.join(CONTENT_TYPES)}, in UTF-8"
        return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, expected, Accept=", ".join(CONTENT_TYPES))
    return _of_known_caller(headers.get("Authorization"), began)


def not_allowed(method: str, allowed: str) -> Problem:
    """The answer to another method."""
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"expected {allowed}, not {method}", headers={"Allow": allowed})


def unread(error: DetachError) -> Problem:
    """The answer to a request that could not be read now: its sender sends it again."""
    log_refused(HTTPStatus.SERVICE_UNAVAILABLE, error.message)
    return Problem.of(error)


def _of_known_caller(authorization: str | None, began: float) -> Admitted | Problem:
    try:
        return Admitted(began, runtime.sender(authorization))
    except CallerRefused as exc:
        log_refused(HTTPStatus.UNAUTHORIZED, str(exc))
        detail = "expected `Authorization: Bearer` with a token that is valid here; the log line door.refused tells why"
        return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
    except DetachError as exc:
        if exc.retryable:
            return unread(exc)
        refuse(exc, None)  # a wrong setting, with which every event fails
        return Problem.of(exc)


def _refused(status: HTTPStatus, detail: str, **headers: str) -> Problem:
    log_refused(status, detail)
    return Problem(status, detail, headers=headers)


def _is_json(content_type: str) -> bool:
    """Whether it is one of the two types, with any parameters, but in no other charset than UTF-8."""
    given, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [
        value.strip(' "') for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "charset"
    ]
    return given in CONTENT_TYPES and set(charsets) <= {"utf-8"}
