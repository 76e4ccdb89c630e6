"""Door: functions-framework (Knative, Cloud Run, a laptop).

HTTP functions, because a `cloud_event` function can neither choose its status nor reply. Each takes a CloudEvent in
binary or structured mode, or the bare data of its kind, and answers for a broker (contract 3.5): 200 with the event
`apig.detach.completed`, 422 for what no retry mends, 503 for what one does.
"""

import json
import os
import uuid
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Request, Response

from handlers import handle
from shared import events, runtime
from shared.errors import DetachError, InvalidEvent
from shared.models import Kind
from shared.outcome import Outcome
from shared.transport import Deadline

MARGIN = 2.0  # seconds kept back for the answer


def certificate_expiry(request: Request) -> Response:
    """Function of the kind `certificate_expiry`."""
    return _answer(request, "certificate_expiry")


def domain_decommission(request: Request) -> Response:
    """Function of the kind `domain_decommission`."""
    return _answer(request, "domain_decommission")


def handler(request: Request) -> Response:
    """Function of every kind; the event has to say which it is."""
    return _answer(request, None)


def _answer(request: Request, kind: Kind | None) -> Response:
    if request.path == "/health":
        return _health()
    if request.method != "POST":
        return Response("POST a CloudEvent, or GET /health\n", HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
    # The platform's own limit for a request: functions-framework takes it from the same variable.
    deadline = Deadline.after(float(os.environ.get("CLOUD_RUN_TIMEOUT_SECONDS") or 300) - MARGIN)
    try:
        outcome = handle(
            lambda: events.from_http(request.headers, _body(request), kind=kind, default_id=str(uuid.uuid4())),
            runtime.current,
            deadline,
            kind,
        )
    except DetachError as exc:
        return _problem(exc)
    return _reply(outcome)


def _body(request: Request) -> bytes:
    # One byte more than is allowed is enough to know; the length that a header claims may be absent.
    return request.stream.read(events.MAX_BYTES + 1)


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


def _problem(error: DetachError, status: HTTPStatus | None = None) -> Response:
    """RFC 9457: `title` is the error's name, `detail` says what was expected; 503 asks for a retry, 422 for none."""
    status = status or (HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.UNPROCESSABLE_ENTITY)
    problem = {
        "type": "about:blank",
        "title": error.name,
        "status": status.value,
        "detail": error.message,
        "error": error.name,
        "error_code": error.error_code,
    }
    if isinstance(error, InvalidEvent):
        problem["field"] = error.field
    return Response(json.dumps(problem), status, content_type="application/problem+json")


def _health() -> Response:
    """200 once the settings are right, so that a revision that could handle nothing takes no traffic."""
    try:
        runtime.current()
    except DetachError as exc:
        return _problem(exc, HTTPStatus.SERVICE_UNAVAILABLE)
    return Response('{"status":"ok"}', content_type="application/json")
