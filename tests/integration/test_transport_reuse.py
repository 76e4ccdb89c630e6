"""Kept connections: used again in the ordinary case, and never when they hold bytes that nobody asked for."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpcore
import pytest

from shared.core.delivery import Deadline
from shared.core.errors import Unavailable
from shared.transport import connection
from shared.transport.connection import Connections
from shared.transport.send import Call, Transport
from shared.transport.tls import new_client
from tests.support.calls import get, post
from tests.support.listener import Heard, listening
from tests.support.raw import Authority, Raw, request_of, talking


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(str(tmp_path_factory.mktemp("ca")))


@pytest.fixture
def client(authority: Authority) -> Iterator[Connections]:
    with new_client(authority.ca_file) as client:
        yield client


def transport(client: Connections, calls: list[Call] | None = None) -> Transport:
    return Transport(client, 5.0, 1, Deadline.after(20), [].append if calls is None else calls.append)


def body_of(text: str) -> bytes:
    return json.dumps({"said": text}).encode()


def sized(text: str, status: bytes = b"200 OK") -> bytes:
    body = body_of(text)
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def chunked(text: str, status: bytes = b"200 OK") -> bytes:
    body = body_of(text)
    return b"HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (status, len(body), body)


def empty(_: str, status: bytes = b"204 No Content") -> bytes:
    return b"HTTP/1.1 %s\r\n\r\n" % status


Answer = Callable[[str], bytes]


def answering(true: bytes, surplus: bytes, *, at_once: bool) -> Callable[[Raw, socket.socket], None]:
    """Answers each request with what is true, and sends the surplus behind it."""

    def converse(raw: Raw, connection: socket.socket) -> None:
        while request := request_of(connection):
            raw.requests.append(request)
            connection.sendall(true + surplus if at_once else true)
            if surplus and not at_once:
                connection.sendall(surplus)

    return converse


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("answer", [sized, chunked])
def test_a_connection_is_used_again(authority: Authority, client: Connections, answer: Answer, *, tls: bool):
    """The ordinary case: ten requests over one connection."""
    with talking(answering(answer("true"), b"", at_once=True), authority.server if tls else None) as raw:
        for _ in range(10):
            assert transport(client).send(get(raw.url)).fields() == {"said": "true"}
        assert (raw.connections, len(raw.requests)) == (1, 10)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("at_once", [True, False], ids=["same segment or record", "next"])
@pytest.mark.parametrize("answer", [sized, chunked])
def test_surplus_bytes_do_not_answer_the_next_request(
    authority: Authority, client: Connections, answer: Answer, *, tls: bool, at_once: bool
):
    """A second answer behind the first one: the next request goes over a new connection."""
    converse = answering(answer("true"), sized("forged"), at_once=at_once)
    with talking(converse, authority.server if tls else None) as raw:
        for number in range(1, 4):
            assert transport(client).send(get(raw.url)).fields() == {"said": "true"}
            time.sleep(0.05)
            assert raw.connections == number


@pytest.mark.parametrize("surplus", [b"H", b"\r\n", sized("forged", b"204 No Content"), b"x" * 200_000])
def test_a_write_is_not_answered_by_surplus_bytes(authority: Authority, client: Connections, surplus: bytes):
    """Nor is one byte too many left, nor many, behind an answer that has no body."""
    with talking(answering(empty(""), surplus, at_once=True), authority.server) as raw:
        for number in range(1, 4):
            assert transport(client).send(post(raw.url)).body == b""
            time.sleep(0.05)
            assert raw.connections == number


def test_a_connection_of_which_nothing_can_be_told_is_not_kept(client: Connections):
    """Another httpcore may have other parts: whether there is a surplus is then not known."""
    from shared.transport import connection  # noqa: PLC0415 - its private part

    class Other(httpcore.Response):
        def __init__(self) -> None:
            super().__init__(200, content=b"")

    assert connection._has_surplus(Other())


def test_a_connection_that_was_closed_meanwhile_is_replaced(client: Connections):
    """A server that closes after each answer, and does not say so."""

    def once(raw: Raw, connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(sized("true"))

    with talking(once) as raw:
        for _ in range(3):
            assert transport(client).send(get(raw.url)).fields() == {"said": "true"}
            time.sleep(0.05)
        assert raw.connections == 3


def test_a_connection_that_nobody_used_for_long_is_replaced(client: Connections, monkeypatch: pytest.MonkeyPatch):
    """A server closes such a one at any moment, and a write that meets this is an ambiguous one."""
    monkeypatch.setattr(connection, "KEPT_FOR", 0.1)  # not to wait for the five seconds

    def converse(_: Raw, asking: socket.socket) -> None:
        while request_of(asking):
            asking.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with talking(converse) as raw, new_client(None) as hasty:
        for used in (client, hasty):
            transport(used).send(get(raw.url))
            time.sleep(0.2)
            transport(used).send(get(raw.url))
        assert raw.connections == 1 + 2


def test_no_cookie_is_kept(client: Connections):
    """What a server wants to be told again stays untold."""
    with listening(lambda heard: (200, b"{}"), headers={"Set-Cookie": "session=1; Path=/"}) as server:
        transport(client).send(get(server.url))
        transport(client).send(get(server.url))
        assert ["cookie" in heard.headers for heard in server.heard] == [False, False]


def test_these_headers_are_sent(client: Connections):
    """No more than these, and the content as JSON."""
    with listening(lambda heard: (204, b"")) as server:
        transport(client).send(post(server.url, {"domains": []}))
        [heard] = server.heard
    assert heard.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "apig-certificate-detach",
        "content-type": "application/json",
        "content-length": "14",
    }
    assert heard.body == b'{"domains":[]}'


# --- what has to be fresh ---


class Slow:
    """Credentials that take a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def prove(self, *_: object) -> Callable[[object], None]:
        time.sleep(self._seconds)
        return lambda reply: None


def refused_as_stale(sender: Transport, url: str, auth: object = None, *, fresh: float = 0.2) -> None:
    with pytest.raises(Unavailable, match="POST x: not sent") as raised:
        sender.send(post(url, fresh_until=time.monotonic() + fresh), auth)
    error = raised.value
    assert (error.stale, error.repeatable, error.ambiguous, error.status) == (True, True, False, None)
    sender.pause(2, error)  # at once, and beyond HTTP_ATTEMPTS
    with pytest.raises(Unavailable):
        sender.pause(3, error)


def answer_204(_: Heard) -> tuple[int, bytes]:
    return 204, b""


def test_a_write_that_waited_for_its_credentials_is_not_sent(client: Connections):
    """A login took too long after the date was read. Nothing leaves, and nothing is counted as a call."""
    calls: list[Call] = []
    with listening(answer_204) as server:
        refused_as_stale(transport(client, calls), server.url, Slow(0.3))
        assert (server.heard, calls) == ([], [])
        assert transport(client).send(post(server.url, fresh_until=time.monotonic() + 5), Slow(0.1)).status == 204


def test_a_write_that_waited_for_its_turn_is_not_sent(client: Connections):
    """The event was throttled meanwhile. What would come too late is not even waited for."""
    slept: list[float] = []
    with listening(answer_204) as server:
        sender = replace(transport(client), sleep=slept.append)
        sender.pace.throttled(time.monotonic(), 0.3)
        refused_as_stale(sender, server.url)
        assert (server.heard, slept) == ([], [])


def test_a_write_that_waited_for_its_handshake_is_not_sent(authority: Authority, client: Connections):
    """The connection took too long. Then no byte of the request is sent over it."""
    heard: list[bytes] = []

    def converse(_: Raw, connection: socket.socket) -> None:
        time.sleep(0.4)
        try:
            with authority.server.wrap_socket(connection, server_side=True) as secured:
                heard.append(secured.recv(1))
        except ConnectionResetError:  # so it is told on Python 3.13: no byte either
            heard.append(b"")

    with talking(converse, authority.server, handshake=False) as raw:
        refused_as_stale(transport(client), raw.url)
        eventually(lambda: heard == [b""])


def test_a_write_that_waited_for_a_name_is_not_sent(authority: Authority):
    """The resolver took too long."""

    def resolve(*args: object, **rest: object) -> list[tuple[object, ...]]:
        time.sleep(0.4)
        return list(socket.getaddrinfo(*args, **rest))

    with listening(answer_204) as server, Connections(authority.server, resolve) as client:
        refused_as_stale(transport(client), server.url)
        assert server.heard == []


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does, two seconds at most."""
    until = time.monotonic() + 2
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_has_to_be_fresh_goes_next():
    """While eight threads wait for their slow turns, a write that has just read its date does not wait for them all."""
    from shared.transport.pace import Pace  # noqa: PLC0415

    now = 100.0
    pace = Pace(lambda: now)
    for _ in range(10):
        pace.throttled(now, 0.0)
    now = 110.0
    waits = [pace.turn()[0] for _ in range(8)]
    assert waits[-1] == 14.0
    assert pace.turn(at_once=True)[0] == 0.0
    assert pace.turn()[0] == 18.0  # and the others wait for it
    pace.throttled(now, 5.0)
    assert pace.turn(at_once=True)[0] == 5.0  # but nobody goes while the gateway has asked for a rest
