"""Connections that are kept between requests, and answers that are read whole, within one limit of time and of size.

httpx makes the requests, and httpcore keeps the connections. Between the two is no client: so there is no cookie jar,
nothing is decoded, no redirect is followed, and no credentials are put on but ours.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from operator import attrgetter
from typing import Any, Self

import httpcore
import httpx

MAX_REPLY_BYTES = 8 * 1024 * 1024  # 500 API groups of 15 domains are some 3 MB
MAX_VALUES = 250_000  # in JSON; 500 API groups of 15 domains are some 120 000. Each takes up to 200 bytes of memory
KEPT_FOR = 5.0  # seconds that a connection is kept without a request

# What httpcore raises for a request that was not answered.
UNANSWERED = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)
# Of these it is certain that the request was not sent.
UNSENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)

Resolve = Callable[..., list[tuple[Any, ...]]]


class UnreadableError(Exception):
    """An answer came that is not read: it is `too_large`, or it has an encoding that nobody asked for."""

    def __init__(self, reason: str, status: int, *, too_large: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.too_large = too_large


class StaleError(Exception):
    """Nothing was sent: the moment had passed until which it might be."""


class Connections:
    """The connections of a process to servers that one TLS context trusts. For any number of threads.

    `resolve` is `socket.getaddrinfo`, or what stands for it.
    """

    def __init__(self, context: ssl.SSLContext, resolve: Resolve = socket.getaddrinfo) -> None:
        # As many connections are kept as DETACH_CONCURRENCY may use.
        self._pool = httpcore.ConnectionPool(
            context,
            max_connections=128,
            max_keepalive_connections=64,
            keepalive_expiry=KEPT_FOR,
            network_backend=_Backend(resolve),
        )

    def ask(
        self, request: httpx.Request, until: float, fresh_until: float | None = None
    ) -> tuple[int, httpx.Headers, bytes]:
        """Send a request; returns the answer's status, headers and body.

        `until` is a moment of the monotonic clock that holds for all of it, from connecting to the last byte. After
        `fresh_until` no byte of the request is sent any more. Raises one of UNANSWERED, UnreadableError or StaleError.
        """
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.content,
            extensions=_limits(until, fresh_until),
        )
        with closing(self._pool.handle_request(sent)) as response:
            headers = httpx.Headers(response.headers)
            body = _read(response, headers, until)
            if _has_surplus(response):
                response.extensions["network_stream"].close()  # and so it is not kept
            return response.status, headers, body

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _limits(until: float, fresh_until: float | None) -> dict[str, Any]:
    """The extensions of a request by which httpcore's parts know its limits of time.

    httpcore reads a timeout once for each phase and hands it on to `_Stream` as it is. So it is not given seconds, but
    the moment at which the time is up. It looks at the seconds for a free place in the pool itself.
    """
    timeout = {"connect": until, "read": until, "write": until, "pool": max(until - time.monotonic(), 0.0)}
    if fresh_until is None:
        return {"timeout": timeout}

    def trace(event: str, _: object) -> None:
        if event == "http11.send_request_headers.started" and time.monotonic() > fresh_until:
            raise StaleError

    return {"timeout": timeout, "trace": trace}


def _read(response: httpcore.Response, headers: httpx.Headers, until: float) -> bytes:
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnreadableError("an encoding that was not asked for", response.status)
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise UnreadableError(f"more than {MAX_REPLY_BYTES} bytes", response.status, too_large=True)
        if time.monotonic() > until:  # many small chunks come out of one read of the socket
            raise httpcore.ReadTimeout("timed out")
    # Counted before it is parsed: 8 MiB of "[]," would become 300 MB of lists.
    if sum(map(body.count, b"[{,")) > MAX_VALUES:
        raise UnreadableError(f"more than {MAX_VALUES} values", response.status, too_large=True)
    return bytes(body)


_trailing_data = attrgetter("_stream._connection._h11_state.trailing_data")


def _has_surplus(response: httpcore.Response) -> bool:
    """Whether bytes came behind the answer, which httpcore would take for the beginning of the next one.

    There is no public way to ask. Where it cannot be told (another httpcore), the connection is not kept.
    """
    try:
        return bool(_trailing_data(response.stream)[0])
    except (AttributeError, LookupError, TypeError):
        return True


class _Backend(httpcore.NetworkBackend):
    """Connects to the addresses of a host in turn, which share the time that there is."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port, timeout)
        failed: Exception = httpcore.ConnectError("the name has no address")
        for number, address in enumerate(addresses):
            share = _left(timeout, httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                return _Stream(self._plain.connect_tcp(address, port, share, socket_options=socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failed = exc
        raise failed

    def _addresses(self, host: str, port: int, until: float | None) -> list[str]:
        """The host's addresses, each once. In a thread, because the system's resolver takes no timeout."""
        found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def look() -> None:
            try:
                rows = self._resolve(host, port, type=socket.SOCK_STREAM)
                found.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
            except (OSError, UnicodeError) as exc:
                found.put(exc)

        threading.Thread(target=look, name="resolve", daemon=True).start()
        try:
            answer = found.get(timeout=_left(until, httpcore.ConnectTimeout))
        except queue.Empty:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        if isinstance(answer, Exception):
            raise httpcore.ConnectError(str(answer)) from answer
        return answer


class _Stream(httpcore.NetworkStream):
    """One connection. Every `timeout` is a moment of the monotonic clock, looked at before each operation."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            self._socket.settimeout(_left(timeout, httpcore.WriteTimeout))
            try:
                rest = rest[self._socket.send(rest) :]
            except TimeoutError as exc:
                raise httpcore.WriteTimeout(str(exc)) from exc
            except OSError as exc:
                raise httpcore.WriteError(str(exc)) from exc

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        # httpcore does not keep a connection on which there is something to read before anything was asked.
        if info == "is_readable" and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return self._stream.get_extra_info(info)


def _left(until: float | None, error: type[httpcore.TimeoutException]) -> float:
    """The seconds until then; raises `error` when there are none."""
    left = float("inf") if until is None else until - time.monotonic()
    if left <= 0:
        raise error("timed out")
    return left
