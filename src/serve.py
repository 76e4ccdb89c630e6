"""The image's server: an ASGI app in front of functions-framework's Flask app, and gunicorn's worker for it.

Threads are for events alone. What a slow or idle client makes others wait for, headers and bodies, is awaited here by
one event loop; a thread is taken once the whole body is there. So `/health` is answered whatever clients do.
"""

import asyncio
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import functions_framework
from a2wsgi import WSGIMiddleware
from a2wsgi.asgi_typing import HTTPScope, Receive, Scope, Send
from a2wsgi.wsgi_typing import WSGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn_worker import UvicornWorker

from admission import BODY_TIME, PROBES, Problem, admit, unread
from shared.core.delivery import MAX_BYTES
from shared.core.errors import Unavailable

HEADER_TIME = 10.0  # seconds for the headers of a request, and for the first byte on a new connection
MAX_HELD = 32 * MAX_BYTES  # bytes of all bodies that are held at a time, whether they still arrive or wait for a thread


def create_app() -> "Server":
    """What gunicorn runs: the function of FUNCTION_SOURCE and FUNCTION_TARGET, with THREADS threads for events."""
    app = functions_framework.create_app()  # type: ignore[no-untyped-call]  # it has no types
    return Server(app, int(os.environ.get("THREADS", "16")))


class Server:
    """The ASGI app; `app` is the WSGI app that handles what has arrived whole."""

    def __init__(self, app: WSGIApp, threads: int) -> None:
        self._events = WSGIMiddleware(app, workers=threads)
        self._probes = WSGIMiddleware(
            app, workers=2
        )  # /ready waits for the gateway in one of them, /health never waits
        self._admission = ThreadPoolExecutor(4, "admission")  # it may ask a secret store or an issuer
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"expected http, not {scope['type']}")
        if scope["path"] in PROBES:
            await self._probes(_with_body(scope, b""), _received(b""), send)
            return
        loop = asyncio.get_running_loop()
        admitted = await loop.run_in_executor(self._admission, admit, scope["method"], _headers(scope))
        if isinstance(admitted, Problem):
            await _send(admitted, send)
            return
        body = bytearray()
        try:
            await self._read(receive, body)
            scope = _with_body(scope, body)
            scope["state"] = {"admitted": admitted}
            await self._events(scope, _received(bytes(body)), send)
        except Unavailable as exc:
            await _send(unread(exc), send)
        finally:
            self._held -= len(body)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        """Read the whole body, or a byte more than is allowed; raises Unavailable for one that does not arrive."""
        try:
            async with asyncio.timeout(BODY_TIME):
                more = True
                while more and len(body) <= MAX_BYTES:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Unavailable(f"the body broke off after {len(body)} bytes")
                    chunk = message.get("body", b"")[: MAX_BYTES + 1 - len(body)]
                    body += chunk
                    self._held += len(chunk)
                    if self._held > MAX_HELD:
                        raise Unavailable("too many bodies arrive at the same time")
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Unavailable(f"the body did not arrive within {BODY_TIME:.0f} seconds") from None


def _headers(scope: HTTPScope) -> dict[str, str]:
    """The headers by their names as `admit` asks for them; those that come twice are joined, which none of them may."""
    found: dict[str, str] = {}
    for name, value in _text(scope["headers"]):
        found[name.title()] = f"{found[name.title()]},{value}" if name.title() in found else value
    return found


def _text(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _with_body(scope: HTTPScope, body: bytes | bytearray) -> HTTPScope:
    """The same request with a body of known length."""
    kept = [(name, value) for name, value in scope["headers"] if name not in {b"content-length", b"transfer-encoding"}]
    return {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}


def _received(body: bytes) -> Receive:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send(problem: Problem, send: Send) -> None:
    content = problem.body.encode()
    headers = {**problem.all_headers, "Content-Length": str(len(content))}
    coded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status.value, "headers": coded})
    await send({"type": "http.response.body", "body": content, "more_body": False})


class Connection(H11Protocol):
    """uvicorn's connection, closed when the headers of a request do not arrive in time."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """The first request's headers have to arrive."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Another request's headers have to arrive once it has begun; between requests, keep-alive has its own time."""
        if self._timer is None and self._awaits_headers():
            self._start_timer()
        super().data_received(data)
        if not self._awaits_headers():
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """A body that cannot be read counts as cut off: after a 400, no broker would send it again."""
        if self._awaits_headers():
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _awaits_headers(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEADER_TIME, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """gunicorn's worker that serves it."""

    CONFIG_KWARGS = {  # noqa: RUF012 - a dict, as in the parent class
        "loop": "asyncio",
        "http": Connection,
        "ws": "none",
        "lifespan": "off",
        "access_log": False,  # a query may hold anything
        "server_header": False,
    }
