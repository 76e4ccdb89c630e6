"""Faults: wrong answers, delays, and connections that end without an answer."""

import os
import re
import socket
import ssl
import time
from typing import Any

import httpx
import pytest

from sandbox import Fault, Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

ONE = {"domain": DOMAIN, "instance_ids": [GATEWAY]}


def test_throttling_is_answered_with_500_as_often_as_asked(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """Too many requests is HTTP 500 with APIG.9008."""
    sandbox.faults.add(Fault.throttled(times=2))
    answers = [call("GET", "/instances") for _ in range(3)]
    assert [error(each) for each in answers[:2]] == [(500, "APIG.9008")] * 2
    assert answers[2].status_code == 200
    assert sandbox.faults.pending() == []
    assert [each.error_code for each in sandbox.journal] == ["APIG.9008", "APIG.9008", None]


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        (Fault(status=503), [503, 200, 200, 200]),
        (Fault(status=503, nth=2), [200, 503, 200, 200]),
        (Fault(status=503, nth=2, times=2), [200, 503, 503, 200]),
        (Fault(status=503, nth=3, times=None), [200, 200, 503, 503]),
        (Fault(status=503, method="POST"), [200, 200, 200, 200]),
        (Fault(status=503, service="iam"), [200, 200, 200, 200]),
        (Fault(status=503, path=r"/instances$", times=None), [503, 503, 503, 503]),
        (Fault(status=503, path=r"offset=2\b"), [200, 200, 503, 200]),
    ],
)
def test_a_fault_applies_only_to_the_selected_requests(
    call: Caller, sandbox: Sandbox, fault: Fault, statuses: list[int]
) -> None:
    """Method, path, query and service select them, and then `nth` and `times`."""
    sandbox.faults.add(fault)
    assert [call("GET", f"/instances?offset={n}").status_code for n in range(4)] == statuses


def test_a_fault_can_give_any_answer(call: Caller, sandbox: Sandbox) -> None:
    """Status, code, headers and body are those of the fault."""
    sandbox.faults.add(
        Fault(status=429, error_code="APIG.0308", headers={"Retry-After": "2"}),
        Fault(raw_body="<html>", status=502),
        Fault(raw_body=b'{"total":'),
    )
    limited, broken, cut = (call("GET", "/instances") for _ in range(3))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "2")
    assert limited.json().keys() == {"error_code", "error_msg", "request_id"}
    assert (broken.status_code, broken.text) == (502, "<html>")
    assert (cut.status_code, cut.content) == (200, b'{"total":')


def test_a_fault_of_iam_has_the_form_of_iam_errors(connections: httpx.Client, sandbox: Sandbox) -> None:
    """The body is an error of IAM, not of API Gateway."""
    sandbox.faults.add(Fault(service="iam", error_code="IAM.0012"))
    response = connections.post(sandbox.auth_url + "/auth/tokens", json={})
    assert (response.status_code, response.json()["error"]["title"]) == (429, "Too Many Requests")


@pytest.mark.usefixtures("fleet_of_the_page")
@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (Fault(action="reset"), 2),
        (Fault(action="drop"), 2),
        (Fault(action="lost_reply"), 1),
        (Fault(status=500, applied=True), 1),
        (Fault(status=500), 2),
    ],
)
def test_a_failed_write_may_have_been_executed(call: Caller, sandbox: Sandbox, fault: Fault, left: int) -> None:
    """The client cannot know: a fault can come before the write or after it."""
    sandbox.faults.add(fault)
    if fault.action is None:
        assert call.write("detach", ONE).status_code == 500
    else:
        with pytest.raises(httpx.TransportError):
            call.write("detach", ONE)
        assert sandbox.journal[-1].status is None
    assert len(sandbox.fleet.bindings()) == left
    assert sandbox.journal.detaches()[0].body == {"domains": [ONE]}
    # The next connection works again.
    assert call.get(f"/certificates/{CERTIFICATE}/attached-domains")["total"] == left


@pytest.mark.parametrize(("action", "hard"), [("reset", True), ("drop", False), ("lost_reply", False)])
def test_a_reset_sends_rst_and_the_others_close(sandbox: Sandbox, *, action: Any, hard: bool) -> None:
    """The RST is seen below TLS; the others end the stream without an HTTP answer."""
    sandbox.faults.add(Fault(action=action, delay=0.05))
    url = httpx.URL(sandbox.endpoint)
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    with (
        socket.create_connection((url.host, url.port or 0), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=url.host) as stream,
        # The same connection without TLS: Python's ssl before 3.13 reads RST as a normal end.
        socket.socket(fileno=os.dup(stream.fileno())) as below,
    ):
        below.settimeout(5)
        stream.sendall(b"GET /x HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        if hard:
            with pytest.raises(ConnectionResetError):
                _read_to_end(below)
        else:
            _read_to_end(below)


def _read_to_end(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


@pytest.mark.usefixtures("fleet_of_the_page")
def test_a_delayed_write_is_executed_though_the_client_times_out(call: Caller, sandbox: Sandbox) -> None:
    """Only the answer is delayed, not the write."""
    sandbox.faults.add(Fault(method="POST", delay=0.5))
    with pytest.raises(httpx.ReadTimeout):
        call("POST", f"/certificates/{CERTIFICATE}/domains/detach", json={"domains": [ONE]}, timeout=0.1)
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}


def test_latency_delays_api_gateway_only(call: Caller, sandbox: Sandbox, connections: httpx.Client) -> None:
    """IAM answers without delay."""
    sandbox.behaviour.latency = 0.1
    assert call("GET", "/instances").elapsed.total_seconds() >= 0.1
    assert connections.post(sandbox.auth_url + "/auth/tokens", json={}).elapsed.total_seconds() < 0.1


def test_requests_above_the_rate_are_refused(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """A second later, requests are answered again."""
    sandbox.behaviour.throttle_rate = 3
    answers = [call("GET", "/instances") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 500, 500]
    assert error(answers[-1]) == (500, "APIG.9008")
    time.sleep(1)
    assert call("GET", "/instances").status_code == 200


def test_a_kept_connection_answers_within_five_milliseconds(call: Caller) -> None:
    """Half of the answers are that fast, so none waits for a delayed acknowledgement (40 ms)."""
    times = sorted(call("GET", "/instances").elapsed.total_seconds() for _ in range(50))
    assert times[25] < 0.005


def test_the_journal_keeps_requests_and_answers_and_prints_no_secret(call: Caller, sandbox: Sandbox) -> None:
    """Requests are in order, with their answers; a reset empties the journal."""
    call("GET", "/instances", params={"limit": 3})
    call("POST", "/certificates/x%2Fy/domains/detach", content=b"no json")
    first, second = sandbox.journal.apig()
    assert (first.method, first.query, first.status, first.raw) == ("GET", {"limit": "3"}, 200, b"")
    assert first.headers["x-auth-token"] == call.token
    assert re.fullmatch(r"/v2/[0-9a-f]{32}/apigw/certificates/x%2Fy/domains/detach", second.path)
    assert (second.body, second.raw, second.status) == (None, b"no json", 404)
    assert first.at < second.at
    assert sandbox.journal.iam() == []
    assert call.token not in repr(sandbox.journal[:]) + repr(sandbox.journal)
    sandbox.reset()
    assert len(sandbox.journal) == 0
