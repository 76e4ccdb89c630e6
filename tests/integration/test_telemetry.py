"""What an operator sees: one report an event, one line a call, the contract's metrics."""

import json
import logging

import pytest

from handlers import handle
from sandbox import Fault, Sandbox
from shared.core.errors import AccessDenied, InvalidEvent, Unavailable
from shared.wiring import Runtime
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, delivery, expire, furnish, send


def lines(caplog, message: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == message]


def metrics(capsys) -> dict:
    [line] = [line for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    return json.loads(line)


def test_one_report_an_event(sandbox: Sandbox, new_runtime, caplog):
    """The fields of the contract, at INFO."""
    furnish(sandbox)
    outcome = expire(new_runtime(DETACH_PROTECTED_DOMAINS="x.org"), certificate_id=CERTIFICATE, instance_ids=[FIRST])
    [report] = lines(caplog, "detach.report")
    assert report.levelname == "INFO"
    assert (report.event_id, report.kind, report.status) == ("event-1", "certificate_expiry", "detached")
    assert (report.certificate_id, report.dry_run) == (CERTIFICATE, False)
    assert report.detached == [{"certificate_id": CERTIFICATE, "domain": DOMAIN, "instance_ids": [FIRST]}]
    assert report.kept == [
        {"certificate_id": CERTIFICATE, "domain": DOMAIN, "instance_ids": [SECOND], "reason": "not_requested"}
    ]
    assert report.failed == []
    assert (report.error, report.error_code) == (None, None)
    assert report.undo == outcome["undo"]


def test_the_undo_is_logged_before_the_first_write(sandbox: Sandbox, new_runtime, caplog):
    """A process that is killed in the middle of its writing has said what it was about to detach."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/domains/detach", status=403, error_code="APIG.1005"))
    with pytest.raises(AccessDenied):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    [plan] = lines(caplog, "detach.plan")
    assert plan.undo == [
        {
            "certificate_id": CERTIFICATE,
            "domains": [
                {"domain": DOMAIN, "instance_ids": [SECOND, FIRST], "verified_client_certificate_enabled": False}
            ],
        }
    ]
    messages = [record.message for record in caplog.records]
    assert messages.index("detach.plan") < messages.index("detach.report")
    [report] = lines(caplog, "detach.report")
    assert (report.levelname, report.error, report.error_code) == ("ERROR", "AccessDenied", "APIG.1005")
    assert report.undo == []


def test_one_line_a_call(sandbox: Sandbox, new_runtime, caplog):
    """DEBUG when it went well, WARNING when it failed, with route and status and never a header."""
    furnish(sandbox)
    sandbox.faults.add(Fault.throttled(path="/attached-domains"))
    with caplog.at_level(logging.DEBUG, logger="apig-certificate-detach"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    calls = [(r.levelname, r.method, r.route, r.status, r.error_code, r.attempt) for r in lines(caplog, "gateway.call")]
    assert calls == [
        ("DEBUG", "POST", "POST /v3/auth/tokens", 201, None, 1),
        ("DEBUG", "GET", "GET certificates/{certificate_id}", 200, None, 1),
        ("WARNING", "GET", "GET certificates/{certificate_id}/attached-domains", 500, "APIG.9008", 1),
        ("DEBUG", "GET", "GET certificates/{certificate_id}/attached-domains", 200, None, 2),
        ("DEBUG", "POST", "POST certificates/{certificate_id}/domains/detach", 204, None, 1),
    ]
    assert all(record.duration_ms > 0 for record in lines(caplog, "gateway.call"))


def test_the_metrics_are_those_of_the_contract(sandbox: Sandbox, new_runtime, capsys):
    """The contract's names, in its namespace, with `service` and `kind`."""
    furnish(sandbox)
    sandbox.faults.add(Fault.throttled(path="/attached-domains"))
    expire(new_runtime(), certificate_id=CERTIFICATE, instance_ids=[FIRST])
    emitted = metrics(capsys)
    [directive] = emitted["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "ApigCertificateDetach"
    assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [["kind", "service"]]
    assert (emitted["service"], emitted["kind"]) == ("apig-certificate-detach", "certificate_expiry")
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "EventsHandled": "Count",
        "EventsFailed": "Count",
        "InvalidEvents": "Count",
        "GuardRefusals": "Count",
        "DomainsDetached": "Count",
        "DomainsAlreadyDetached": "Count",
        "DomainsKept": "Count",
        "ApiCalls": "Count",
        "ApiRetries": "Count",
        "ApiLatency": "Milliseconds",
        "TokensFetched": "Count",
        "ColdStart": "Count",
    }
    totals = {metric["Name"]: sum(emitted[metric["Name"]]) for metric in directive["Metrics"]}
    del totals["ApiLatency"], totals["ColdStart"]
    assert totals == {
        "EventsHandled": 1,
        "EventsFailed": 0,
        "InvalidEvents": 0,
        "GuardRefusals": 0,
        "DomainsDetached": 1,
        "DomainsAlreadyDetached": 0,
        "DomainsKept": 1,
        "ApiCalls": 4,
        "ApiRetries": 1,
        "TokensFetched": 1,
    }


def test_dry_run_counts_nothing_as_detached(sandbox: Sandbox, new_runtime, capsys):
    """What would be detached is reported and not counted."""
    furnish(sandbox)
    expire(new_runtime(DETACH_DRY_RUN="true"), certificate_id=CERTIFICATE)
    assert sum(metrics(capsys)["DomainsDetached"]) == 0


def test_invalid_event_is_counted(sandbox: Sandbox, new_runtime, capsys, caplog):
    """An event that cannot be understood is a failed and an invalid one."""
    runtime = new_runtime()
    with pytest.raises(InvalidEvent):
        send(runtime, "certificate_expiry", {"certificate_id": "x"})
    emitted = metrics(capsys)
    assert (emitted["EventsFailed"], emitted["InvalidEvents"], emitted["EventsHandled"]) == ([1.0], [1.0], [0.0])
    [report] = lines(caplog, "detach.report")
    assert (report.event_id, report.status, report.error) == ("event-1", "failed", "InvalidEvent")


def test_retryable_failure_is_a_warning(sandbox: Sandbox, new_runtime, caplog):
    """What the platform retries by itself wakes nobody."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/certificates/", status=503, times=None))
    with pytest.raises(Unavailable):
        expire(new_runtime(HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    [report] = lines(caplog, "detach.report")
    assert report.levelname == "WARNING"


def test_a_bug_tells_where_and_not_what(sandbox: Sandbox, new_runtime, caplog):
    """An exception that nobody foresaw may hold anything, so only its frames are told."""

    password = "hunter" + "2"

    def bug():
        raise ValueError(f"cannot log in with {password}")

    runtime = Runtime(lambda _name: bug(), lambda: ())
    with pytest.raises(RuntimeError, match="^ValueError: a bug; the log line detach.report tells where$"):
        handle(delivery({"certificate_id": CERTIFICATE}, "certificate_expiry"), runtime)
    [report] = lines(caplog, "detach.report")
    assert report.error == "ValueError"
    assert "in bug" in "".join(report.where)
    assert "hunter2" not in json.dumps(report.__dict__, default=str)
