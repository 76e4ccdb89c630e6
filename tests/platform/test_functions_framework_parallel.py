"""Many events at once: threads of gunicorn that share one runtime and one token. And how the process ends."""

import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sandbox import Fault, Sandbox
from tests.conftest import LONG_AGO
from tests.platform.framework import Framework, framework
from tests.platform.test_functions_framework import variables
from tests.support.leaks import WATCH

EVENTS = 64


@pytest.fixture
def service(sandbox: Sandbox, tmp_path: Path) -> Iterator[Framework]:
    """A new process, which has no token yet."""
    with framework(variables(sandbox), "certificate_expiry", tmp_path) as running:
        yield running
        WATCH.add(sandbox.secrets)


@pytest.fixture
def certificates(sandbox: Sandbox) -> list[str]:
    """One gateway with a certificate for each event, each on a domain of its own."""
    gateway = sandbox.fleet.add_gateway()
    ids = []
    for number in range(EVENTS):
        domain = f"d{number}.example.com"
        certificate = sandbox.fleet.add_certificate(common_name=domain, not_after=LONG_AGO)
        sandbox.fleet.add_domain(domain, gateway.id)
        sandbox.fleet.bind(certificate.id, domain, gateway.id)
        ids.append(certificate.id)
    return ids


def send(service: Framework, number: int, certificate_id: str) -> httpx.Response:
    """Post an event in binary mode; its id has the number."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f"event-{number}",
        "ce-source": "/test",
        "ce-type": "apig.certificate.expired",
        "Content-Type": "application/json",
    }
    return service.post(json.dumps({"certificate_id": certificate_id}), headers)


def test_64_events_at_once_share_one_token_and_nothing_else(
    service: Framework, sandbox: Sandbox, certificates: list[str]
) -> None:
    """Each is answered for itself, and its log lines are its own."""
    sandbox.behaviour.latency = 0.02  # so that they do overlap
    ids = list(certificates)
    ids[0::16] = ["0" * 32] * 4  # there is no such certificate
    for certificate_id in ids[1::16]:
        sandbox.faults.add(Fault(path=f"{certificate_id}$", status=500, error_code="APIG.9008", times=None))
    expected = [422, 503, *[200] * 14] * 4

    with ThreadPoolExecutor(EVENTS) as pool:
        responses = list(pool.map(send, [service] * EVENTS, range(EVENTS), ids))

    assert [response.status_code for response in responses] == expected
    replies = [response.json() for response in responses if response.status_code == 200]
    assert [(reply["event_id"], reply["status"]) for reply in replies] == [
        (f"event-{number}", "detached") for number in range(EVENTS) if expected[number] == 200
    ]
    detached = {entry["certificate_id"] for reply in replies for entry in reply["certificates"]}
    assert detached == {ids[number] for number in range(EVENTS) if expected[number] == 200}
    assert [received.method for received in sandbox.journal.iam()] == ["POST"]

    reports = {report["event_id"]: report for report in service.lines("detach.report")}
    calls = Counter((line["event_id"], line["route"]) for line in service.lines("gateway.call"))
    for number, certificate_id in enumerate(ids):
        report = reports.pop(f"event-{number}")
        if expected[number] == 200:
            assert report["certificate_id"] == certificate_id
            assert [entry["domain"] for entry in report["detached"]] == [f"d{number}.example.com"]
        assert calls[f"event-{number}", "GET certificates/{certificate_id}"] == 1
        detaches = calls[f"event-{number}", "POST certificates/{certificate_id}/domains/detach"]
        assert detaches == (expected[number] == 200)
    assert not reports


def test_a_refused_token_is_renewed_once_for_all(service: Framework, sandbox: Sandbox, certificates: list[str]) -> None:
    """64 events find that their token has been revoked. One thread fetches a new one, and all go on with it."""
    assert send(service, 0, certificates[0]).status_code == 200
    sandbox.revoke_tokens()
    sandbox.journal.clear()

    with ThreadPoolExecutor(EVENTS) as pool:
        responses = list(pool.map(send, [service] * EVENTS, range(EVENTS), certificates))

    assert {response.status_code for response in responses} == {200}
    assert [received.method for received in sandbox.journal.iam()] == ["POST"]


def test_sigterm_lets_an_event_that_has_begun_finish(
    service: Framework, sandbox: Sandbox, certificates: list[str]
) -> None:
    """The process answers that event, begins nothing new, and ends with 0."""
    sandbox.behaviour.latency = 0.7  # for each of the three calls
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, service, 0, certificates[0])
        while not sandbox.journal.apig() and not answer.done():
            time.sleep(0.01)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # gunicorn's master has to tell its worker
        # The worker's socket is open until its end, so the kernel still takes connections. Nobody reads from them.
        with pytest.raises(httpx.TransportError):
            send(service, 1, certificates[1])
        response = answer.result(timeout=20)
    assert (response.status_code, response.json()["status"]) == (200, "detached")
    assert service.process.wait(timeout=10) == 0
    assert not [received for received in sandbox.journal.apig() if certificates[1] in received.path]


def test_an_event_that_needs_longer_than_the_platform_gives_is_503(
    sandbox: Sandbox, certificates: list[str], tmp_path: Path
) -> None:
    """No wait goes past CLOUD_RUN_TIMEOUT_SECONDS, so there is an answer before the platform ends the request."""
    sandbox.faults.add(Fault(path=f"{certificates[0]}$", delay=8))
    with framework(variables(sandbox) | {"CLOUD_RUN_TIMEOUT_SECONDS": "3"}, "certificate_expiry", tmp_path) as service:
        started = time.monotonic()
        response = send(service, 0, certificates[0])
        assert (response.status_code, response.json()["error"]) == (503, "Unavailable")
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("by_gunicorn", [False, True], ids=["command", "image"])
def test_the_time_in_which_the_body_arrives_counts(
    sandbox: Sandbox, certificates: list[str], tmp_path: Path, by_gunicorn: bool
) -> None:
    """The platform counts from the request's first byte on, so a slow sender leaves less time for the event."""
    sandbox.faults.add(Fault(path=f"{certificates[0]}$", delay=8))
    body = json.dumps({"certificate_id": certificates[0]}).encode()
    head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    head = f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
    settings = variables(sandbox) | {"CLOUD_RUN_TIMEOUT_SECONDS": "4"}
    with (
        framework(settings, "certificate_expiry", tmp_path, by_gunicorn=by_gunicorn) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection,
    ):
        started = time.monotonic()
        connection.sendall(head + body[:5])
        time.sleep(1.5)
        connection.sendall(body[5:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert time.monotonic() - started < 3  # four, less the two seconds that are kept for the answer, and some
