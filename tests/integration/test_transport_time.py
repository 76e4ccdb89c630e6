"""One limit of time for a whole call, whatever the server does to stretch it: plain and over TLS."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import Unavailable
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.calls import get, post
from tests.support.raw import Authority, Raw, request_of, talking

LIMIT, LATE = 0.6, 0.3  # seconds


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(str(tmp_path_factory.mktemp("ca")))


@pytest.fixture
def client(authority: Authority) -> Iterator[Connections]:
    with new_client(authority.ca_file) as client:
        yield client


def bounded(client: Connections, *, timeout: float = 10.0, deadline: float = LIMIT) -> Transport:
    return Transport(client, timeout, 1, Deadline.after(deadline), lambda call: None)


def headers_without_end(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    raw.drip(connection, b"X-More: 1\r\n")


def one_header_without_end(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    raw.drip(connection, b"x")


def many_interim_answers(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    raw.drip(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, pause=0.01)


def chunk_extension_without_end(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=")
    raw.drip(connection, b"x")


def tiny_chunks(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    raw.drip(connection, b"1\r\nx\r\n" * 200, pause=0.01)


def trailers_without_end(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    raw.drip(connection, b"X-Trailer: 1\r\n")


def a_dripped_body(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    raw.drip(connection, b" ")


def a_dripped_refusal(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100000\r\n\r\n")
    raw.drip(connection, b" ")


def silence(raw: Raw, connection: socket.socket) -> None:
    request_of(connection)
    raw.stop.wait()


SHAPES = [
    headers_without_end,
    one_header_without_end,
    many_interim_answers,
    chunk_extension_without_end,
    tiny_chunks,
    trailers_without_end,
    a_dripped_body,
    a_dripped_refusal,
    silence,
]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_answer_holds_a_call_longer_than_its_time(
    authority: Authority, client: Connections, shape: Callable[[Raw, socket.socket], None], *, tls: bool
):
    """The event's deadline ends it, though each wait for the next byte is short."""
    with talking(shape, authority.server if tls else None) as raw:
        started = time.monotonic()
        with pytest.raises(
            Unavailable, match=rf"GET x: no answer from 127\.0\.0\.1:{raw.port} \(ReadTimeout"
        ) as raised:
            bounded(client).send(get(raw.url))
        assert LIMIT - 0.1 < time.monotonic() - started < LIMIT + LATE
    assert raised.value.ambiguous


@pytest.mark.parametrize("shape", [headers_without_end, tiny_chunks, a_dripped_refusal])
def test_http_timeout_is_for_the_whole_call(
    authority: Authority, client: Connections, shape: Callable[[Raw, socket.socket], None]
):
    """HTTP_TIMEOUT ends it as the deadline does, while the event has time left."""
    with talking(shape, authority.server) as raw:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="ReadTimeout"):
            bounded(client, timeout=LIMIT, deadline=60.0).send(get(raw.url))
        assert LIMIT - 0.1 < time.monotonic() - started < LIMIT + LATE


def test_a_handshake_that_does_not_end(authority: Authority, client: Connections):
    """A server that drips a TLS record: nothing was sent, and the setting is named."""

    def converse(raw: Raw, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KiB
        raw.drip(connection, b"\x02")

    with talking(converse, authority.server, handshake=False) as raw:
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"ConnectTimeout.*check APIG_ENDPOINT") as raised:
            bounded(client).send(get(raw.url))
        assert LIMIT - 0.1 < time.monotonic() - started < LIMIT + LATE
    assert not raised.value.ambiguous


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_server_that_reads_a_large_request_slowly(authority: Authority, client: Connections, *, tls: bool):
    """A write of 30 MB into a socket that takes a few KB at a time."""

    def converse(raw: Raw, connection: socket.socket) -> None:
        while not raw.stop.wait(0.02) and connection.recv(4096):
            pass

    content = {"domains": "x" * 30_000_000}
    with talking(converse, authority.server if tls else None, receive_buffer=4096) as raw:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="WriteTimeout") as raised:
            bounded(client).send(post(raw.url, content))
        assert LIMIT - 0.1 < time.monotonic() - started < LIMIT + LATE
    assert raised.value.ambiguous


def test_a_page_over_a_slow_line_is_read(authority: Authority, client: Connections):
    """5 MB that take more than a second: one page of the largest kind, well within the default of ten."""
    piece = b" " * 50_000

    def converse(raw: Raw, connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n")
        for _ in range(100):
            if raw.stop.wait(0.015):
                return
            connection.sendall(piece)

    with talking(converse, authority.server) as raw:
        assert len(bounded(client, deadline=60.0).send(get(raw.url)).body) == 5_000_000


# --- connecting ---


def test_the_addresses_of_a_host_share_the_time():
    """Two that do not answer leave a third of the time for the one that does."""

    def answer(_: Raw, connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == "gateway.example.com"
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1")]

    with (
        talking(answer) as raw,
        unanswering("127.0.0.2", raw.port),
        unanswering("127.0.0.3", raw.port),
        Connections(ssl.create_default_context(), resolve) as client,
    ):
        started = time.monotonic()
        assert bounded(client).send(get(f"http://gateway.example.com:{raw.port}/")).status == 200
        assert LIMIT / 2 < time.monotonic() - started < LIMIT


@contextlib.contextmanager
def unanswering(address: str, port: int) -> Iterator[None]:
    """An address whose queue of connections is full: a further SYN gets no answer."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server((address, port), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((address, port))
        yield


def test_a_resolver_that_hangs():
    """The system's resolver takes no timeout. It is left behind when the time is up."""
    over = threading.Event()

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        over.wait(10)
        return []

    started = time.monotonic()
    with Connections(ssl.create_default_context(), resolve) as client:
        with pytest.raises(Unavailable, match=r"apig\.example\.com:443 \(ConnectTimeout: the name was not resolved"):
            bounded(client).send(get("https://apig.example.com/"))
        assert time.monotonic() - started < LIMIT + LATE
    over.set()
