"""What is told of each attempt, for the log and the metrics."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.transport.send import Call, Transport
from shared.transport.tls import new_client
from tests.support.calls import get

Told = tuple[str, str, str, int, int | None, str | None]


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def transport(sandbox: Sandbox, calls: list[Call]) -> Iterator[Transport]:
    with new_client(sandbox.ca_file) as client:
        yield Transport(client, 5.0, 4, Deadline.after(30), calls.append, sleep=lambda seconds: None)


def told(calls: list[Call]) -> list[Told]:
    return [
        (call.service, call.method, call.route, call.attempt, call.status, call.error and call.error.name)
        for call in calls
    ]


def test_each_attempt_is_told(sandbox: Sandbox, transport: Transport, calls: list[Call]):
    """With its number, its status and its error, and the time that it took."""
    sandbox.faults.add(Fault(service="apig", status=503, raw_body="<html>"))
    sandbox.faults.add(Fault(service="apig", action="reset", nth=2))
    sandbox.faults.add(Fault(service="apig", status=429, nth=3))
    sandbox.faults.add(Fault(service="apig", status=200, raw_body="{}", nth=4, delay=0.1))
    assert transport.send(get(f"{sandbox.endpoint}/v2/x")).status == 200
    assert told(calls) == [
        ("apig", "GET", "GET x", 1, 503, "Unavailable"),
        ("apig", "GET", "GET x", 2, None, "Unavailable"),
        ("apig", "GET", "GET x", 3, 429, "Unavailable"),
        ("apig", "GET", "GET x", 4, 200, None),
    ]
    assert all(0.0 < call.duration_ms < 5000.0 for call in calls)
    assert calls[3].duration_ms >= 100.0


@pytest.mark.parametrize(
    ("status", "error"),
    [(299, "Unavailable"), (300, "ConfigurationError"), (399, "ConfigurationError"), (400, "Rejected")],
)
def test_only_a_redirect_is_one(sandbox: Sandbox, transport: Transport, calls: list[Call], status: int, error: str):
    """3xx without a place to go to, and what lies on either side."""
    sandbox.faults.add(Fault(service="apig", status=status, raw_body="{}", times=None))
    with pytest.raises(DetachError, match="GET x answered") as raised:
        transport.send(get(f"{sandbox.endpoint}/v2/x"))
    assert told(calls[:1]) == [("apig", "GET", "GET x", 1, status, error)]
    assert ("a redirect to https://127.0.0.1" in str(raised.value)) == isinstance(raised.value, ConfigurationError)


def test_the_wait_doubles_up_to_twenty_seconds(sandbox: Sandbox, transport: Transport):
    """Full jitter: of these seconds, a part by chance."""
    waits: list[float] = []
    sandbox.faults.add(Fault(service="apig", status=503, times=None))
    longest = replace(transport, attempts=9, deadline=Deadline.after(60), sleep=waits.append, jitter=lambda: 1.0)
    with pytest.raises(Unavailable, match="503"):
        longest.send(get(sandbox.endpoint))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


def test_a_wait_beyond_the_platforms_time_is_not_begun(sandbox: Sandbox, transport: Transport, calls: list[Call]):
    """The error tells that more time would have helped."""
    sandbox.faults.add(Fault(service="apig", status=503, times=None))
    hasty = replace(transport, deadline=Deadline.after(1.5), jitter=lambda: 1.0, sleep=time.sleep)
    with pytest.raises(Unavailable, match="503") as raised:
        hasty.send(get(sandbox.endpoint))
    assert raised.value.out_of_time
    assert len(calls) == 2
    with pytest.raises(Unavailable) as raised:
        replace(transport, attempts=1).send(get(sandbox.endpoint))
    assert not raised.value.out_of_time


@pytest.mark.parametrize(
    ("throttled", "deadline", "message"),
    [
        (0.0, 0.0, r"^the time that the platform gives ran out before the next request$"),
        (100.0, 50.0, r"^GET x: throttled for longer than the platform's time$"),
    ],
)
def test_what_the_platforms_time_does_not_allow_is_not_begun(
    sandbox: Sandbox, transport: Transport, calls: list[Call], throttled: float, deadline: float, message: str
):
    """Nothing is sent, and nothing is waited for: the event comes again."""
    slept: list[float] = []
    hasty = replace(transport, deadline=Deadline.after(deadline), sleep=slept.append)
    if throttled:
        hasty.pace.throttled(time.monotonic(), throttled)
    with pytest.raises(Unavailable, match=message) as raised:
        hasty.send(get(sandbox.endpoint))
    assert (raised.value.out_of_time, raised.value.ambiguous) == (True, False)
    assert (sandbox.journal.apig(), calls, slept) == ([], [], [])
