"""Between the sockets and the services: journal, faults, delays, and connections that are cut on purpose."""

import asyncio
import json
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.cloud import Cloud
from sandbox.faults import Fault
from sandbox.journal import Received, Service
from sandbox.refusals import Refusal, gateway_body, iam_body

CONTROL = "/_sandbox/"
PIECES = 8  # of an answer that drips


class Connection(Protocol):
    """The attributes of uvicorn's protocol objects that are used here."""

    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    transport: asyncio.Transport


@dataclass
class Answer:
    """A complete response, not sent yet."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of_json(cls, status: int, body: bytes) -> "Answer":
        """An answer that claims to be JSON; the body may be anything."""
        headers = [(b"content-type", b"application/json")]
        if status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        return cls(status, headers, body)

    def with_body(self, body: bytes) -> "Answer":
        """The same answer with another body."""
        kept = [(name, value) for name, value in self.headers if name != b"content-length"]
        return Answer(self.status, [*kept, (b"content-length", str(len(body)).encode())], body)

    def headers_with(self, more: dict[str, str]) -> list[tuple[bytes, bytes]]:
        """Its headers and these; another Content-Type takes the place of its own."""
        extra = [(name.lower().encode(), value.encode("latin-1")) for name, value in more.items()]
        replaced = {name for name, _ in extra} & {b"content-type"}
        return [header for header in self.headers if header[0] not in replaced] + extra

    @property
    def error_code(self) -> str | None:
        """The code in an error body, in any of the envelopes."""
        if self.status < 400:
            return None
        try:
            data = json.loads(self.body)
            return str(data.get("error_code") or data["error"]["code"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None


class Dispatcher:
    """The ASGI application behind both ports; the port of the connection selects the service."""

    def __init__(
        self, cloud: Cloud, iam: ASGIApp, apig: ASGIApp, control: ASGIApp, connections: Callable[[], set[Connection]]
    ) -> None:
        self._cloud = cloud
        self._apps: dict[Service, ASGIApp] = {"iam": iam, "apig": apig}
        self._control = control
        self._connections = connections
        self.iam_port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, until it is answered or its connection is cut."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        try:
            await self._handle(scope, receive, send)
        except asyncio.CancelledError:
            # The sandbox was stopped during a delay; the connection is closed already.
            return

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        service: Service = "iam" if scope["server"][1] == self.iam_port else "apig"
        raw = await _read(receive)
        received = Received.of(service, scope, raw)
        self._cloud.journal.add(received)
        watcher = self._cloud.watcher
        fault = (watcher and watcher.received(received)) or self._cloud.faults.take(received) or Fault()
        if fault.action in ("reset", "drop"):
            await asyncio.sleep(fault.delay)
            await self._cut(scope, receive, hard=fault.action == "reset")
            return
        if fault.answers and not fault.applied:
            answer = self._faulty(fault, service)
        else:
            answer = await _call(self._apps[service], scope, raw)
            if fault.answers:
                answer = self._faulty(fault, service)
            if fault.reshape is not None:
                answer = answer.with_body(fault.reshape(answer.body))
        if pause := fault.delay + (self._cloud.behaviour.latency if service == "apig" else 0.0):
            await asyncio.sleep(pause)
        if fault.action == "lost_reply":
            await self._cut(scope, receive, hard=False)
            return
        error_code = fault.error_code or answer.error_code
        # Noted before the answer is sent: a client may read the journal as soon as it has the answer.
        self._cloud.journal.answered(received, answer.status, error_code)
        if watcher is not None:
            watcher.answered(received, answer.status, error_code)
        headers = answer.headers_with(fault.headers)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        *pieces, last = _pieces(answer.body, PIECES if fault.drip else 1)
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(fault.drip)
        await send({"type": "http.response.body", "body": last})

    def _faulty(self, fault: Fault, service: Service) -> Answer:
        if fault.raw_body is not None:
            body = fault.raw_body.encode() if isinstance(fault.raw_body, str) else fault.raw_body
            return Answer.of_json(fault.status or 200, body)
        if fault.status is not None and fault.status < 400 and fault.error_code is None:
            return Answer.of_json(fault.status, b"")
        refusal = fault.refusal(service)
        iam = service == "iam"
        data = iam_body(refusal, self._cloud.behaviour.iam_envelope) if iam else gateway_body(refusal)
        return Answer.of_json(refusal.status, json.dumps(data).encode())

    async def _cut(self, scope: Scope, receive: Receive, *, hard: bool) -> None:
        """Close the connection without an answer; `hard` sends RST instead of FIN."""
        for connection in list(self._connections()):
            if (connection.client, connection.server) == (tuple(scope["client"]), tuple(scope["server"])):
                sock = connection.transport.get_extra_info("socket")
                if hard:
                    # With SO_LINGER on and zero seconds, close() sends RST.
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.transport.abort()
        # uvicorn logs an error when this returns without an answer, unless it has seen the disconnect.
        while (await receive())["type"] != "http.disconnect":
            pass


def _pieces(body: bytes, count: int) -> list[bytes]:
    size = max(1, -(-len(body) // count))
    return [body[start : start + size] for start in range(0, len(body), size)] or [b""]


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _call(app: ASGIApp, scope: Scope, raw: bytes) -> Answer:
    """Run a service and return its whole answer."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": raw}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:  # noqa: BLE001 - nothing above it could answer; the vendor's code for a bug is 9999
        traceback.print_exc(file=sys.stderr)
        return Answer.of_json(500, json.dumps(gateway_body(Refusal("APIG.9999"))).encode())
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], list(sent[0].get("headers", [])), body)
