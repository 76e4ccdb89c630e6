"""Door: functions-framework (Knative, Cloud Run, a laptop).

HTTP functions, because a `cloud_event` function can neither choose its status nor reply. Each takes a CloudEvent in
binary or structured mode, or the bare data of its kind, and answers for a broker (contract 3.5): 200 with the event
`apig.detach.completed`, 422 where a retry would not help, 503 where it does. What is no event at all is refused before
its body is read (`admission`): 401, 403, 405, 415.
"""

import io
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import IO

from flask import Request, Response

from admission import BODY_TIME, PROBES, Admitted, Problem, admit, not_allowed, runtime, unread
from handlers import handle, refuse
from shared.core.delivery import MAX_BYTES, Deadline, Delivery
from shared.core.errors import ConfigurationError, DetachError, InvalidEvent, Unavailable
from shared.core.event_data import Kind
from shared.core.outcome import Outcome
from shared.core.secret import redact_json

TIMEOUT = 300.0  # seconds for a request when CLOUD_RUN_TIMEOUT_SECONDS is not set: Knative's and Cloud Run's default
MARGIN = 2.0  # of them, kept back for the answer


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
    try:
        answer = _probe(request) if request.path in PROBES else _event(request, stream, kind)
    except Exception as exc:  # noqa: BLE001 - a bug; functions-framework would put what is raised into its answer
        answer = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(exc).__name__}: a bug")
    if isinstance(answer, Problem):
        return Response(answer.body, answer.status, answer.all_headers)
    return answer


def _probe(request: Request) -> Response | Problem:
    """`/health`: the settings are right. `/ready`: events could be handled now."""
    if request.method not in {"GET", "HEAD"}:  # an event that is posted here must not count as delivered
        return not_allowed(request.method, "GET, HEAD")
    try:
        _deadline(0.0)
        runtime.check()
    except DetachError as exc:
        return Problem.of(exc, HTTPStatus.SERVICE_UNAVAILABLE)
    error = runtime.not_ready() if request.path == "/ready" else None
    if error is not None:
        return Problem.of(error, HTTPStatus.SERVICE_UNAVAILABLE)
    return Response('{"status":"ok"}', content_type="application/json")


def _event(request: Request, stream: IO[bytes], kind: Kind | None) -> Response | Problem:
    # The image's server has asked already, and has read the body.
    served: Admitted | None = request.environ.get("asgi.scope", {}).get("state", {}).get("admitted")
    admitted = served or admit(request.method, dict(request.headers))
    if isinstance(admitted, Problem):
        return admitted
    try:
        deadline = _deadline(admitted.began)
        body = _body(request, stream)
    except Unavailable as exc:
        return unread(exc)
    except DetachError as exc:
        refuse(exc, kind)
        return Problem.of(exc)
    delivery = Delivery(body, deadline, kind, str(uuid.uuid4()), dict(request.headers), admitted.sender)
    try:
        return _reply(handle(delivery, runtime))
    except DetachError as exc:
        return Problem.of(exc)
    except RuntimeError as exc:  # a bug, which has been reported
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(exc))


def _deadline(began: float) -> Deadline:
    """The platform cuts a request off after its timeout, which functions-framework too takes from this variable.

    The time in which the body arrives counts.
    """
    given = os.environ.get("CLOUD_RUN_TIMEOUT_SECONDS", "").strip()
    if given and not (given.isascii() and given.isdigit()):
        raise ConfigurationError(f"CLOUD_RUN_TIMEOUT_SECONDS: {given!r} is not allowed; expected whole seconds")
    return Deadline(began + (float(given or 0) or TIMEOUT) - MARGIN)


def _body(request: Request, stream: IO[bytes]) -> bytes:
    """The whole body, or one byte more than is allowed; raises Unavailable for one that was cut off.

    What is left of a cut-off event may be another event: an empty clean-up means every certificate.
    """
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise InvalidEvent("content-encoding", f"expected none, not {coding[:60]!r}")
    body = bytearray()
    try:
        with _no_longer_than(BODY_TIME, request.environ.get("gunicorn.socket")):
            # The header with the length may be missing or wrong.
            while chunk := stream.read(MAX_BYTES + 1 - len(body)):
                body += chunk
    except Exception:  # noqa: BLE001 - each server has errors of its own for broken chunks and for callers that went away
        raise Unavailable(f"the body broke off after {len(body)} bytes") from None
    if len(body) < min(request.content_length or 0, MAX_BYTES + 1):
        raise Unavailable(f"the body broke off after {len(body)} of {request.content_length} bytes")
    return bytes(body)


@contextmanager
def _no_longer_than(seconds: float, connection: socket.socket | None) -> Iterator[None]:
    """End the reading from gunicorn's connection after that time: the body is then cut off."""
    if connection is None:
        yield
        return

    def end() -> None:
        with suppress(OSError):  # it has been closed meanwhile
            connection.shutdown(socket.SHUT_RD)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _reply(outcome: Outcome) -> Response:
    """The outcome as a CloudEvent in binary mode, which a broker passes on."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(uuid.uuid4()),
        "ce-source": "/apig-certificate-detach",
        "ce-type": "apig.detach.completed",
        "ce-time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    body = json.dumps(redact_json(outcome.to_dict()))
    return Response(body, HTTPStatus.OK, headers, content_type="application/json")
