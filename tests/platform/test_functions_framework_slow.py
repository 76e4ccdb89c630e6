"""Slow, idle and broken connections: they silence nothing, and what is left of an event is not an event."""

import json
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from tests.platform.framework import SRC, Framework, framework
from tests.platform.test_functions_framework import variables
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, furnish

HEAD = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
CLEANUP = f"{HEAD}ce-specversion: 1.0\r\nce-id: tick\r\nce-source: /s\r\nce-type: apig.cleanup.due\r\n"
BODY = json.dumps({"certificate_id": CERTIFICATE}).encode()
STARTS: dict[str, dict[str, bool]] = {"command": {}, "image": {"by_gunicorn": True}}


@pytest.fixture(params=STARTS)
def service(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Framework]:
    """The function, by functions-framework's own command and as the image starts it; something expired is bound."""
    furnish(sandbox)
    with framework(variables(sandbox), "handler", tmp_path, **STARTS[request.param]) as running:
        yield running
        WATCH.add(sandbox.secrets)


@pytest.fixture
def image(sandbox: Sandbox, tmp_path: Path) -> Iterator[Framework]:
    """The function of expiries as the image starts it."""
    furnish(sandbox)
    with framework(variables(sandbox), "certificate_expiry", tmp_path, by_gunicorn=True) as running:
        yield running
        WATCH.add(sandbox.secrets)


def everything(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


CUT_OFF = {
    "all of the body": f"{CLEANUP}Content-Length: 40\r\n\r\n".encode(),
    "the end of the body": f'{CLEANUP}Content-Length: 40\r\n\r\n{{"dry_run": false}}'.encode(),
    "the chunks": f"{CLEANUP}Transfer-Encoding: chunked\r\n\r\n".encode(),
    "the last chunk": f"{CLEANUP}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n".encode(),
    "the end of a chunk": f"{CLEANUP}Transfer-Encoding: chunked\r\n\r\n9\r\n{{}}".encode(),
    "a readable chunk": f"{CLEANUP}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\nzz\r\n".encode(),
}


@pytest.mark.parametrize("rest", [socket.SHUT_WR, socket.SHUT_RDWR], ids=["half closed", "closed"])
def test_a_body_that_breaks_off_is_no_event(service: Framework, sandbox: Sandbox, rest: int) -> None:
    """An empty clean-up means every certificate. Its sender gets 503 or no answer, and so sends it again."""
    for sent in CUT_OFF.values():
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(rest)
            answer = everything(connection)
            assert answer.startswith(b"HTTP/1.1 503 ") or answer == b""
    whole = service.post("{}", {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/s", "ce-type": "other"})
    assert whole.status_code == 422  # it goes on, and has read what came before
    assert not sandbox.journal.apig()
    refused = _refused(service, len(CUT_OFF))
    assert [line["status"] for line in refused] == [503] * len(CUT_OFF)
    assert all(line["reason"].startswith("the body broke off after ") for line in refused)


def _refused(service: Framework, number: int) -> list[dict[str, Any]]:
    """That many lines of requests that were not taken; who has closed the connection does not see when that is."""
    deadline = time.monotonic() + 5
    while len(lines := service.lines("door.refused")) < number and time.monotonic() < deadline:
        time.sleep(0.02)
    return lines


@contextmanager
def _dripping(port: int, number: int, first: str) -> Iterator[None]:
    """So many connections, each of which sends `first` and then a byte now and then, until the block ends."""
    over = threading.Event()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(number)
        ]
        for connection in connections:
            connection.sendall(first.encode())

        def drip() -> None:
            while not over.wait(0.2):
                for connection in connections:
                    with suppress(OSError):  # the server may have closed it
                        connection.send(b"a")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_slow_and_idle_clients_silence_nothing(image: Framework, sandbox: Sandbox) -> None:
    """200 idle connections, 50 that drip headers and 50 that drip bodies: /health is quick, and an event is handled."""

    def health() -> float:
        started = time.monotonic()
        assert httpx.get(f"{image.url}/health", timeout=10, trust_env=False).status_code == 200
        return time.monotonic() - started

    with (
        _dripping(image.port, 50, "POST / HTTP/1.1\r\nHost: test\r\nX-Slow: "),
        _dripping(image.port, 50, f"{HEAD}Content-Length: 1000\r\n\r\n{{"),
        ExitStack() as stack,
    ):
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", image.port), timeout=10))
        took = [health() for _ in range(10)]
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(image.post, BODY, None)
            took += [health() for _ in range(10)]
        response = answer.result()
        time.sleep(0.5)
        took += [health() for _ in range(10)]
    assert max(took) < 1
    assert (response.status_code, response.json()["status"]) == (200, "detached")


def test_health_is_answered_while_every_thread_has_an_event(image: Framework, sandbox: Sandbox) -> None:
    """More events than threads, each waiting for the gateway."""
    sandbox.behaviour.latency = 0.4
    with ThreadPoolExecutor(32) as pool:
        answers = [pool.submit(image.post, BODY, None) for _ in range(32)]
        while not sandbox.journal.apig():
            time.sleep(0.01)
        started = time.monotonic()
        assert httpx.get(f"{image.url}/health", timeout=10, trust_env=False).status_code == 200
        assert time.monotonic() - started < 1
        assert {answer.result().status_code for answer in answers} == {200}


def test_slow_and_idle_clients_do_not_delay_the_end(image: Framework, sandbox: Sandbox) -> None:
    """After SIGTERM only the event that has begun is waited for."""
    sandbox.behaviour.latency = 0.4
    with (
        _dripping(image.port, 10, "POST / HTTP/1.1\r\nHost: test\r\nX-Slow: "),
        socket.create_connection(("127.0.0.1", image.port), timeout=10),
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(image.post, BODY, None)
        while not sandbox.journal.apig():
            time.sleep(0.01)
        started = time.monotonic()
        image.process.send_signal(signal.SIGTERM)
        assert (answer.result().status_code, answer.result().json()["status"]) == (200, "detached")
        assert image.process.wait(timeout=10) == 0
        assert time.monotonic() - started < 5


@pytest.fixture
def hurried(tmp_path: Path) -> Path:
    """The function's source with a second for headers and for a body, and room for three bodies."""
    source = tmp_path / "src"
    shutil.copytree(SRC, source)
    for name, old, new in (
        ("admission.py", "BODY_TIME = 20.0", "BODY_TIME = 1.0"),
        ("serve.py", "HEADER_TIME = 10.0", "HEADER_TIME = 1.0"),
        ("serve.py", "MAX_HELD = 32 * MAX_BYTES", "MAX_HELD = 3 * MAX_BYTES"),
    ):
        text = (source / name).read_text()
        assert old in text
        (source / name).write_text(text.replace(old, new))
    return source


@pytest.mark.parametrize("start", STARTS)
def test_a_body_has_to_arrive_in_time(sandbox: Sandbox, hurried: Path, tmp_path: Path, start: str) -> None:
    """However steadily it drips. The answer is 503, and the image's server then closes the connection, too."""
    with framework(variables(sandbox), "certificate_expiry", tmp_path, hurried, **STARTS[start]) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
            connection.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n{{".encode())
            started = time.monotonic()
            connection.settimeout(0.2)
            answer = b""
            while not answer and time.monotonic() - started < 5:
                connection.send(b" ")
                with suppress(TimeoutError):
                    answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert 0.9 < time.monotonic() - started < 2
        assert service.post(BODY).status_code == 422  # there is no such certificate, but it is read


def test_headers_have_to_arrive_in_time(sandbox: Sandbox, hurried: Path, tmp_path: Path) -> None:
    """The first request's, and a later one's on a kept connection; a connection that sends nothing is closed, too."""
    health = b"GET /health HTTP/1.1\r\nHost: test\r\n"
    with framework(variables(sandbox), "certificate_expiry", tmp_path, hurried, by_gunicorn=True) as service:
        for first in (b"", b"GET /health HTTP/1.1\r\nX: ", health + b"\r\n" + health):
            with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
                started = time.monotonic()
                connection.sendall(first)
                connection.settimeout(0.3)
                received = []
                while b"" not in received and time.monotonic() - started < 5:
                    with suppress(TimeoutError):
                        received.append(connection.recv(65536))
                    if first:
                        with suppress(OSError):
                            connection.send(b"a")
                assert 0.9 < time.monotonic() - started < 2.5, first
                assert b"".join(received).count(b"HTTP/1.1 200 ") == (first.count(b"\r\n\r\n"))


def test_the_bodies_that_are_held_are_bounded(sandbox: Sandbox, hurried: Path, tmp_path: Path) -> None:
    """One more than there is room for is asked to come again; afterwards there is room."""
    part = 1_048_000  # of a body of a MiB that does not end
    with (
        framework(variables(sandbox), "certificate_expiry", tmp_path, hurried, by_gunicorn=True) as service,
        ThreadPoolExecutor(4) as pool,
    ):

        def send(_: int) -> bytes:
            with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
                connection.sendall(f"{HEAD}Content-Length: 1048576\r\n\r\n".encode() + b" " * part)
                return connection.recv(65536)

        answers = list(pool.map(send, range(4)))
        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
        reasons = [line["reason"] for line in service.lines("door.refused")]
        assert reasons.count("too many bodies arrive at the same time") == 1
        assert reasons.count("the body did not arrive within 1 seconds") == 3
        assert service.post(BODY).status_code == 422
