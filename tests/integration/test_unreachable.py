"""An address that cannot be reached: the message has the host, the port, the reason, and the setting to check."""

import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.event_sink import Emitted, EventSink
from shared.transport.connection import Connections
from shared.transport.send import Request, Service, Transport
from shared.transport.tls import new_client
from tests.support.calls import refusal
from tests.support.listener import listening
from tests.support.raw import Raw, request_of, talking
from tests.support.world import CERTIFICATE, expire


@pytest.fixture
def closed() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def client() -> Iterator[Connections]:
    with new_client(None) as client:
        yield client


def ask(client: Connections, service: Service, url: str, subject: str = "", *, seconds: float = 5.0) -> DetachError:
    transport = Transport(client, seconds, 1, Deadline.after(20), lambda call: None)
    request = Request(service, "GET", url, "GET things/{id}", (200,), refusal, subject=subject)
    with pytest.raises(DetachError) as raised:
        transport.send(request)
    return raised.value


@pytest.mark.parametrize(
    ("service", "setting"), [("apig", "APIG_ENDPOINT"), ("iam", "OS_AUTH_URL"), ("sink", "K_SINK")]
)
def test_a_refused_connection_names_host_port_and_setting(
    client: Connections, closed: int, service: Service, setting: str
):
    """Nobody listens there."""
    error = ask(client, service, f"http://user:pass-word-pass@127.0.0.1:{closed}/things")
    assert error.message == (
        f"GET things/{{id}}: no answer from 127.0.0.1:{closed} (ConnectError: [Errno {errno.ECONNREFUSED}] Connection"
        f" refused); check {setting}"
    )
    assert (type(error), error.ambiguous) == (Unavailable, False)


def test_a_name_that_does_not_exist():
    """DNS says so."""

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with Connections(ssl.create_default_context(), resolve) as client:
        error = ask(client, "apig", "https://apig.eu-xx.example.com/v2")
    assert error.message == (
        "GET things/{id}: no answer from apig.eu-xx.example.com:443 (ConnectError: [Errno -2] Name or service not"
        " known); check APIG_ENDPOINT"
    )


def test_a_name_that_no_resolver_takes():
    """A label of more than 63 characters is an error of Python's codec, not of the resolver."""
    with Connections(ssl.create_default_context()) as client:
        error = ask(client, "apig", f"https://{'a' * 64}.example.com/")
    assert f"no answer from {'a' * 64}.example.com:443 (ConnectError" in error.message


def test_a_connection_that_is_not_taken_in_time():
    """A firewall that drops packets."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(("127.0.0.1", port))
        with new_client(None) as client:
            error = ask(client, "iam", f"http://127.0.0.1:{port}/v3", seconds=0.3)
        for each in waiting:
            each.close()
    assert error.message == (
        f"GET things/{{id}}: no answer from 127.0.0.1:{port} (ConnectTimeout: timed out); check OS_AUTH_URL"
    )


def test_an_answer_that_does_not_come_names_the_host(client: Connections):
    """It was reached, so no setting is to be checked; what was sent may have been done."""
    over = threading.Event()

    def silent(_: Raw, connection: socket.socket) -> None:
        request_of(connection)
        over.wait(5)

    with talking(silent) as raw:
        error = ask(client, "apig", raw.url, seconds=0.2)
        over.set()
    assert error.message == f"GET things/{{id}}: no answer from 127.0.0.1:{raw.port} (ReadTimeout: timed out)"
    assert error.ambiguous


def test_messages_have_the_ids_of_a_call(client: Connections, closed: int):
    """`subject` stands in each of them, `route` only where there is none."""
    subject = f"GET certificates/{CERTIFICATE}"
    assert ask(client, "apig", f"http://127.0.0.1:{closed}", subject).message.startswith(f"{subject}: no answer from")
    with listening(lambda heard: (302, b""), headers={"Location": "https://elsewhere.example.com/?x=1"}) as server:
        error = ask(client, "apig", server.url, subject)
    assert type(error) is ConfigurationError
    assert error.message == (
        f"{subject} answered 302, a redirect to https://elsewhere.example.com: not followed, because credentials go to"
        " 127.0.0.1 only; check APIG_ENDPOINT"
    )
    with listening(lambda heard: (200, b"x"), headers={"Content-Encoding": "br"}) as server:
        error = ask(client, "apig", server.url, subject)
    assert error.message == (
        f"{subject}: the answer of 127.0.0.1:{server.port} is not read: an encoding that was not asked for"
    )


def test_an_event_tells_what_cannot_be_reached(new_runtime, closed: int):
    """Through the whole function, for either endpoint."""
    runtime = new_runtime(APIG_ENDPOINT=f"https://127.0.0.1:{closed}", HTTP_ATTEMPTS="1")
    with pytest.raises(Unavailable, match=rf"no answer from 127\.0\.0\.1:{closed} .*refused\); check APIG_ENDPOINT"):
        expire(runtime, certificate_id=CERTIFICATE)
    runtime = new_runtime(OS_AUTH_URL=f"https://127.0.0.1:{closed}/v3", HTTP_ATTEMPTS="1")
    with pytest.raises(Unavailable, match=rf"POST /v3/auth/tokens: no answer from 127\.0\.0\.1:{closed} .*OS_AUTH_URL"):
        expire(runtime, certificate_id=CERTIFICATE)


def test_the_sink_is_an_address_like_any_other(client: Connections, closed: int):
    """K_SINK is named."""
    transport = Transport(client, 5.0, 1, Deadline.after(5), lambda call: None)
    sink = EventSink(transport, f"http://127.0.0.1:{closed}/default/broker")
    with pytest.raises(Unavailable, match=rf"^POST K_SINK: no answer from 127\.0\.0\.1:{closed} .*; check K_SINK$"):
        sink.send(Emitted("1", "apig.certificate.expired", "s", datetime.now(UTC), {}))
