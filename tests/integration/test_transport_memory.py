"""Answers that are small on the way and large in memory, and answers that are large everywhere."""

import contextlib
import gzip
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import DetachError, Unavailable
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.calls import get, post
from tests.support.listener import listening
from tests.support.raw import Raw, request_of, talking

MIB = 1024 * 1024


@pytest.fixture
def client() -> Iterator[Connections]:
    with new_client(None) as client:
        yield client


@pytest.fixture
def transport(client: Connections) -> Transport:
    return Transport(client, 20.0, 4, Deadline.after(30), lambda call: None, sleep=lambda seconds: None)


def bomb(size: int) -> bytes:
    """Gzip in gzip."""
    return gzip.compress(gzip.compress(b" " * size))


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br", "zstd", "x-unknown"])
def test_an_encoded_answer_is_not_decoded(transport: Transport, status: int, encoding: str):
    """None was asked for, and none is read: neither that of a success nor that of a refused token."""
    content = bomb(64 * MIB)
    assert len(content) < 500
    with listening(lambda heard: (status, content), headers={"Content-Encoding": encoding}) as server:
        with pytest.raises(Unavailable, match="an encoding that was not asked for") as raised:
            transport.send(post(server.url))
        [heard] = server.heard
    assert heard.headers["accept-encoding"] == "identity"
    assert (raised.value.status, raised.value.ambiguous, raised.value.too_large) == (status, True, False)


@pytest.mark.parametrize("encoding", ["Identity", " identity ", ""])
def test_what_is_not_encoded_may_say_so(transport: Transport, encoding: str):
    """`identity` is what was asked for, and an empty header names no encoding."""
    with listening(lambda heard: (200, b"{}"), headers={"Content-Encoding": encoding}) as server:
        assert transport.send(get(server.url)).body == b"{}"


@pytest.mark.parametrize("status", [200, 401, 403, 503])
def test_an_answer_without_end_is_left(transport: Transport, status: int):
    """Whatever its status. A listing is told that it was too large, and may ask for a smaller page; once is enough."""

    def converse(raw: Raw, connection: object) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        piece = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
        while not raw.stop.is_set():
            connection.sendall(piece)

    with talking(converse) as raw:
        tracemalloc.start()
        with pytest.raises(Unavailable, match="more than 8388608 bytes") as raised:
            transport.send(get(raw.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (raised.value.too_large, raised.value.status) == (True, status)
    assert raw.connections == 1
    assert peak < 40 * MIB


HOSTILE = {
    "lists": b"[" + b"[]," * 2_700_000 + b"[]]",
    "objects": b"[" + b"{}," * 2_700_000 + b"{}]",
    "pairs": b"{" + b",".join(b'"%d":%d' % (n, n) for n in range(500_000)) + b"}",
    "numbers": b'{"a":[' + b"999," * 2_000_000 + b"1]}",
    "nested": b'{"a":' * 1_600_000,
    "few pairs": b'{"a":[' + b",".join(b'{"k%d":%d}' % (n, n + 1000) for n in range(80_000)) + b"]}",
    "few names": b"{" + b",".join(b'"k%d":[]' % n for n in range(120_000)) + b"}",
    "wide text": b'{"a":"' + b"x" * (8 * MIB - 100) + '"😀"'.encode() + b"}",
    "wide value": b'{"a":"\\n' + b"x" * (8 * MIB - 100) + "😀".encode() + b'"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_8_mib_of_json_stay_below_100_mb(transport: Transport, name: str):
    """The body, its text, and what becomes of it, all together."""
    assert len(HOSTILE[name]) <= 8 * MIB
    with listening(lambda heard: (200, HOSTILE[name])) as server:
        tracemalloc.start()
        with contextlib.suppress(Unavailable):
            transport.send(get(server.url)).fields()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100_000_000


def test_brackets_without_end_are_no_object(transport: Transport):
    """20 000 of them, which json itself gives up with a RecursionError."""
    with listening(lambda heard: (200, b"[" * 20_000)) as server:
        assert transport.send(get(server.url)).fields() == {}


def test_the_largest_page_is_read(transport: Transport):
    """500 API groups with 15 domains each, every field of the vendor's page among them."""
    domain = {
        "id": "c5e0d5ba62a34d26ad5c709ae22c1a17",
        "domain": "a-rather-long-name-of-a-service.department.customer.example.com",
        "cname_status": 3,
        "ssl_id": "a27be832f2e9441c8127fe48e3b5ac67",
        "ssl_name": "cert_demo",
        "min_ssl_version": "TLSv1.2",
        "verified_client_certificate_enabled": False,
        "is_has_trusted_root_ca": False,
        "ingress_http_port": 80,
        "ingress_https_port": 443,
        "ssl_infos": [{"ssl_id": "a27be832f2e9441c8127fe48e3b5ac67", "ssl_name": "cert_demo", "type": "global"}],
    }
    group = {f"field_{number}": "a value, and [another]" for number in range(20)} | {"url_domains": [domain] * 15}
    page = {"size": 500, "total": 500, "groups": [group] * 500}
    with listening(lambda heard: (200, json.dumps(page))) as server:
        assert transport.send(get(server.url)).fields() == page


def test_a_large_answer_is_a_known_error():
    """The fact is there for who lists."""
    assert DetachError("x").too_large is False
    assert Unavailable("x", too_large=True).too_large
