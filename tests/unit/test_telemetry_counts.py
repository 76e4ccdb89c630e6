"""What a report counts, and what its lines hold, whatever the event was."""

import json
import logging
from typing import Any

import pytest

from shared.core.errors import BlastRadiusExceeded, CredentialsRefused, InvalidEvent, Unavailable
from shared.telemetry import Report, log_refused
from shared.transport.send import Call

FAILED = Unavailable("GET x answered 500", error_code="APIG.9008", status=500)


@pytest.fixture(autouse=True)
def _all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="apig-certificate-detach")


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The records of metrics."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if "CloudWatchMetrics" in line]


def line(caplog: pytest.LogCaptureFixture, message: str) -> logging.LogRecord:
    [record] = [record for record in caplog.records if record.message == message]
    return record


def facts(record: logging.LogRecord, *names: str) -> list[object]:
    return [getattr(record, name) for name in names]


def test_calls_are_counted_by_what_they_are_for(capsys: pytest.CaptureFixture[str]):
    """Calls of the gateway, tokens that IAM gave, and repeated attempts of any call."""
    report = Report("certificate_expiry", "event-1")
    for call in (
        Call("apig", "GET", "GET x", 1, 12.0, 500, FAILED),
        Call("apig", "GET", "GET x", 2, 13.0, 200, None),
        Call("apig", "POST", "POST x", 1, 14.0, 204, None),
        Call("iam", "POST", "POST /v3/auth/tokens", 1, 15.0, 401, CredentialsRefused("no")),
        Call("iam", "POST", "POST /v3/auth/tokens", 2, 16.0, 201, None),
        Call("iam", "GET", "GET /v3/projects", 1, 17.0, 200, None),
        Call("secret", "POST", "POST /v1/auth/approle/login", 3, 18.0, 200, None),
        Call("sink", "POST", "POST K_SINK", 1, 19.0, 202, None),
    ):
        report.call(call)
    report.failed(BlastRadiusExceeded("too many"))
    [record] = records(capsys)
    assert record["kind"] == "certificate_expiry"
    assert record["ApiLatency"] == [12.0, 13.0, 14.0]
    counted = {"ApiCalls": 3, "ApiRetries": 3, "TokensFetched": 1, "EventsHandled": 0, "EventsFailed": 1}
    counted |= {"InvalidEvents": 0, "GuardRefusals": 1}
    assert {name: record[name] for name in counted} == {name: [float(value)] for name, value in counted.items()}


@pytest.mark.parametrize(("calls", "sizes"), [(0, [0]), (99, [99]), (100, [99, 1]), (250, [99, 99, 52])])
def test_many_latencies_are_told_in_several_records(capsys: pytest.CaptureFixture[str], calls: int, sizes: list[int]):
    """Each of them once, and the counts with the first ones only."""
    report = Report()
    for number in range(calls):
        report.call(Call("apig", "GET", "GET x", 1, float(number), 200, None))
    report.failed(InvalidEvent("type", "expected another"))
    told = records(capsys)
    assert [len(record.get("ApiLatency", [])) for record in told] == sizes
    assert [latency for record in told for latency in record.get("ApiLatency", [])] == [*map(float, range(calls))]
    assert ["EventsFailed" in record for record in told] == [True] + [False] * (len(sizes) - 1)
    assert {record["kind"] for record in told} == {"unknown"}


def test_a_call_is_a_line_of_its_event(caplog: pytest.LogCaptureFixture):
    """With the message of its error, and a tenth of a millisecond."""
    Report("undo", "event-1").call(Call("apig", "GET", "GET x", 2, 12.3456, 500, FAILED))
    record = line(caplog, "gateway.call")
    assert record.levelname == "WARNING"
    assert facts(record, "event_id", "method", "route", "status", "error_code", "error", "attempt", "duration_ms") == [
        "event-1", "GET", "GET x", 500, "APIG.9008", "GET x answered 500", 2, 12.3,
    ]  # fmt: skip


@pytest.mark.parametrize(("known", "told"), [("", "event-9"), ("event-1", "event-1")])
def test_an_event_that_could_not_be_handled_is_told_whole(caplog: pytest.LogCaptureFixture, known: str, told: str):
    """The error knows the id that was read before it went wrong."""
    Report(None, known).failed(InvalidEvent("type", "expected another", "event-9"))
    record = line(caplog, "detach.report")
    assert record.levelname == "ERROR"
    assert facts(record, "event_id", "kind", "status", "error", "error_code", "error_message") == [
        told, None, "failed", "InvalidEvent", None, "type: expected another",
    ]  # fmt: skip
    assert facts(record, "certificate_id", "detached", "kept", "failed", "undo") == [None, [], [], [], []]
    assert not hasattr(record, "where")


def test_a_failure_that_the_platform_repeats_is_told_with_its_code(caplog: pytest.LogCaptureFixture):
    """As a warning."""
    Report("undo", "event-1").failed(FAILED)
    record = line(caplog, "detach.report")
    assert facts(record, "levelname", "kind", "error", "error_code", "error_message") == [
        "WARNING", "undo", "Unavailable", "APIG.9008", "GET x answered 500",
    ]  # fmt: skip


def test_a_page_is_told_and_counts_as_handled(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]):
    """Its certificates have events of their own."""
    Report("scheduled_cleanup", "event-1").paged({"certificates": [{}, {}], "gateways": ["g-1"], "cursor": "c"})
    record = line(caplog, "cleanup.page")
    assert facts(record, "levelname", "event_id", "kind", "certificates", "gateways", "cursor") == [
        "INFO", "event-1", "scheduled_cleanup", 2, ["g-1"], "c",
    ]  # fmt: skip
    [told] = records(capsys)
    assert (told["EventsHandled"], told["EventsFailed"]) == ([1.0], [0.0])


def test_a_request_that_is_not_taken_is_a_line(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]):
    """It is no event, so it is counted nowhere."""
    log_refused(401, "there is no `Authorization: Bearer`")
    record = line(caplog, "door.refused")
    assert facts(record, "levelname", "status", "reason") == ["WARNING", 401, "there is no `Authorization: Bearer`"]
    assert records(capsys) == []
