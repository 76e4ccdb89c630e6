"""Door: functions-framework (Knative, Cloud Run, a laptop).

HTTP functions, because a `cloud_event` function can neither choose its status nor reply. Each takes a CloudEvent in
binary or structured mode, or the bare data of its kind, and answers for a broker (contract 3.5): 200 with the event
`apig.detach.completed`, 422 where a retry would not help, 503 where it does.
"""

import io
import json
import os
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import IO, Any

from flask import Request, Response

from handlers import handle, refuse
from shared.core.delivery import MAX_BYTES, Deadline, Delivery
from shared.core.errors import ConfigurationError, DetachError, InvalidEvent
from shared.core.event_data import Kind
from shared.core.outcome import Outcome
from shared.wiring import Runtime

TIMEOUT = 300.0  # seconds for a request when CLOUD_RUN_TIMEOUT_SECONDS is not set: Knative's and Cloud Run's default
MARGIN = 2.0  # of them, kept back for the answer

_runtime = Runtime()  # reads nothing before the first event


def certificate_expiry(request: Request) -> Response:
    """Function of the kind `certificate_expiry`."""
    return _answer(request, "certificate_expiry")


def domain_decommission(request: Request) -> Response:
    """Function of the kind `domain_decommission`."""
    return _answer(request, "domain_decommission")


def scheduled_cleanup(request: Request) -> Response:
    """Function of the kind `scheduled_cleanup`."""
    return _answer(request, "scheduled_cleanup")


def undo(request: Request) -> Response:
    """Function of the kind `undo`."""
    return _answer(request, "undo")


def handler(request: Request) -> Response:
    """Function of every kind; the event has to say which it is."""
    return _answer(request, None)


def _answer(request: Request, kind: Kind | None) -> Response:
    # Once the function is done, functions-framework reads the rest of the body into memory: so leave it nothing.
    stream, request.stream = request.stream, io.BytesIO()
    if request.path == "/health" and request.method in {"GET", "HEAD"}:
        return _health()
    if request.method != "POST" or request.path == "/health":
        allowed = "GET, HEAD" if request.path == "/health" else "POST"
        return _problem(HTTPStatus.METHOD_NOT_ALLOWED, f"expected {allowed}, not {request.method}", Allow=allowed)
    try:
        deadline = _deadline()  # first: the time in which the body arrives counts
        delivery = Delivery(_body(request, stream), deadline, kind, str(uuid.uuid4()), dict(request.headers))
    except DetachError as exc:
        refuse(exc, kind)
        return _failure(exc)
    try:
        outcome = handle(delivery, _runtime)
    except DetachError as exc:
        return _failure(exc)
    except Exception as exc:  # noqa: BLE001 - a bug; functions-framework would put what is raised into its answer
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(exc))
    return _reply(outcome)


def _deadline() -> Deadline:
    """The platform cuts a request off after its timeout, which functions-framework too takes from this variable."""
    given = os.environ.get("CLOUD_RUN_TIMEOUT_SECONDS", "").strip()
    if given and not (given.isascii() and given.isdigit()):
        raise ConfigurationError(f"CLOUD_RUN_TIMEOUT_SECONDS: {given!r} is not allowed; expected whole seconds")
    return Deadline.after((float(given or 0) or TIMEOUT) - MARGIN)


def _body(request: Request, stream: IO[bytes]) -> bytes:
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise InvalidEvent("content-encoding", f"expected none, not {coding[:60]!r}")
    body = bytearray()
    try:
        # One byte more than allowed is enough to know. The header with the length may be missing or wrong.
        while chunk := stream.read(MAX_BYTES + 1 - len(body)):
            body += chunk
    except Exception:  # noqa: BLE001 - each server has errors of its own for broken chunks and for callers that went away
        raise InvalidEvent("body", "expected one that can be read to its end") from None
    return bytes(body)


def _reply(outcome: Outcome) -> Response:
    """The outcome as a CloudEvent in binary mode, which a broker passes on."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(uuid.uuid4()),
        "ce-source": "/apig-certificate-detach",
        "ce-type": "apig.detach.completed",
        "ce-time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    return Response(json.dumps(outcome.to_dict()), HTTPStatus.OK, headers, content_type="application/json")


def _failure(error: DetachError, status: HTTPStatus | None = None) -> Response:
    """503 asks for a retry, 422 for none."""
    status = status or (HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.UNPROCESSABLE_ENTITY)
    fields: dict[str, Any] = {"field": error.field} if isinstance(error, InvalidEvent) else {}
    if error.outcome is not None:
        fields["outcome"] = error.outcome
    return _problem(status, error.message, {"error": error.name, "error_code": error.error_code, **fields})


def _problem(status: HTTPStatus, detail: str, fields: dict[str, Any] | None = None, **headers: str) -> Response:
    """RFC 9457: `title` is the error's name, or the status' where there is none."""
    title = (fields or {}).get("error", status.phrase)
    problem = {"type": "about:blank", "title": title, "status": status.value, "detail": detail, **(fields or {})}
    return Response(json.dumps(problem), status, headers, content_type="application/problem+json")


def _health() -> Response:
    """200 once the settings are right, so that a revision that could handle nothing takes no traffic."""
    try:
        _deadline()
        _runtime.check()
    except DetachError as exc:
        return _failure(exc, HTTPStatus.SERVICE_UNAVAILABLE)
    return Response('{"status":"ok"}', content_type="application/json")
