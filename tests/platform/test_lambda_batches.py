"""The built package under AWS's own runtime emulator: batches of SQS, and which ids are returned as failed."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from shared.core.event_data import Kind
from shared.core.kinds import KINDS
from tests.conftest import LONG_AGO
from tests.platform.lambda_runtime import Function, failures, message
from tests.support.undo_key import signed_within
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EVENTS = Path(__file__).parents[2] / "events"
Start = Callable[..., Function]

UNKNOWN = "00000000000000000000000000000000"
NAMES = [f"shop{number}.example.com" for number in range(7)]
CERTIFICATES = [f"{number:032x}" for number in range(0xC0, 0xC7)]


def seven_expired(sandbox: Sandbox) -> None:
    """A gateway with seven expired certificates, each on one domain."""
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    for name, certificate_id in zip(NAMES, CERTIFICATES, strict=True):
        fleet.add_certificate(id=certificate_id, common_name=name, not_after=LONG_AGO, instance_id=FIRST)
        fleet.add_domain(name, FIRST)
        fleet.bind(certificate_id, name, FIRST)


def seven_detached(sandbox: Sandbox) -> None:
    """A gateway with seven domains, and a valid certificate for each that is attached to none."""
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    for name, certificate_id in zip(NAMES, CERTIFICATES, strict=True):
        fleet.add_certificate(id=certificate_id, common_name=name, not_after="P90D", instance_id=FIRST)
        fleet.add_domain(name, FIRST)


def undo(certificate_id: str, domain: str) -> dict[str, Any]:
    """An outcome's `undo`."""
    entry = {"domain": domain, "instance_ids": [FIRST], "verified_client_certificate_enabled": False}
    return {"undo": [{"certificate_id": certificate_id, "domains": [entry]}]}


def eventbridge(detail_type: str, detail: dict[str, Any], number: int) -> dict[str, Any]:
    """An event as EventBridge puts it into a queue."""
    return {
        "version": "0",
        "id": f"event-{number}",
        "detail-type": detail_type,
        "source": "com.example.monitoring",
        "account": "123456789012",
        "time": datetime.now(UTC).isoformat(),
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


def cloudevent(event_type: str, data: dict[str, Any], number: int) -> dict[str, Any]:
    """A CloudEvent in structured mode."""
    source = "https://monitoring.example.com"
    return {"specversion": "1.0", "id": f"event-{number}", "source": source, "type": event_type, "data": data}


def each_way(kind: Kind, number: int) -> Any:
    """A good message of a kind: in turn an EventBridge event, a CloudEvent and bare data."""
    data: dict[str, Any] = MESSAGES[kind]["data"](number)
    if number % 3 == 0:
        return eventbridge(MESSAGES[kind].get("detail_type", KINDS[kind].detail_types[0]), data, number)
    return cloudevent(KINDS[kind].types[0], data, number) if number % 3 == 1 else data


# For each kind: the data of a good message by its number, three bad messages, and the errors of these three.
MESSAGES: dict[Kind, dict[str, Any]] = {
    "certificate_expiry": {
        "data": lambda number: {"certificate_id": CERTIFICATES[number]},
        "bad": [
            "{not JSON",
            {"certificate_id": UNKNOWN},
            eventbridge("Domain Decommissioned", {"domain": NAMES[0]}, 9),
        ],
        "errors": {"InvalidEvent": 2, "NotFound": 1},
    },
    "domain_decommission": {
        "data": lambda number: {"domain": NAMES[number]},
        "bad": [
            "",
            {"domain": NAMES[0], "certificate_id": UNKNOWN},
            cloudevent("apig.domain.decommissioned", {"domain": "no name"}, 9),
        ],
        "errors": {"InvalidEvent": 2, "NotFound": 1},
    },
    "scheduled_cleanup": {
        "detail_type": "Scheduled Event",
        "data": lambda _: {"instance_ids": [FIRST]},
        "bad": [
            "null",
            {"instance_ids": [UNKNOWN]},
            eventbridge("Certificate Expired", {"certificate_id": CERTIFICATES[0]}, 9),
        ],
        "errors": {"InvalidEvent": 2, "NotFound": 1},
    },
    "undo": {
        "data": lambda number: undo(CERTIFICATES[number], NAMES[number]),
        "bad": [
            "[1, 2",
            undo(UNKNOWN, NAMES[0]),
            cloudevent("apig.detach.undo", {"undo": [{"certificate_id": CERTIFICATES[0]}]}, 9),
        ],
        "errors": {"InvalidEvent": 2, "NotFound": 1},
    },
}


def test_there_are_messages_of_every_kind() -> None:
    """A new kind needs its messages here."""
    assert set(MESSAGES) == set(KINDS)


@pytest.mark.parametrize("kind", MESSAGES)
def test_of_ten_messages_exactly_the_three_bad_ones_come_back(sandbox: Sandbox, start: Start, kind: Kind) -> None:
    """What the seven others ask for is done."""
    (seven_detached if kind == "undo" else seven_expired)(sandbox)
    bodies = [each_way(kind, number) for number in range(7)]
    for position, bad in zip((2, 5, 9), MESSAGES[kind]["bad"], strict=True):
        bodies.insert(position, bad)
    bodies = [signed_within(body, sandbox.project_id) for body in bodies]
    function = start(kind)
    answer = function.invoke({"Records": [message(body, number) for number, body in enumerate(bodies)]})
    assert answer == failures(2, 5, 9)
    attached = {(certificate_id, name, FIRST) for certificate_id, name in zip(CERTIFICATES, NAMES, strict=True)}
    assert sandbox.fleet.bindings() == (attached if kind == "undo" else set())
    reports = function.lines("detach.report")
    assert len(reports) == 10
    errors = [report["error"] for report in reports if report["status"] == "failed"]
    assert {name: errors.count(name) for name in errors} == MESSAGES[kind]["errors"]
    assert [each.path for each in sandbox.journal.iam()] == ["/v3/auth/tokens"]


def test_the_batch_of_the_event_files(sandbox: Sandbox, start: Start) -> None:
    """A queue for every kind takes envelopes. Bare data does not tell its kind, so that message fails."""
    furnish(sandbox, domains=(DOMAIN, "legacy.example.com"))
    batch = json.loads((EVENTS / "sqs/batch.json").read_text(encoding="utf-8"))
    answer = start("handler", {"DETACH_MAX_EVENT_AGE": "P0D"}).invoke(batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "d9144555-9a4f-4ec3-99a0-34ce359b4b54"}]}
    assert sandbox.fleet.bindings() == set()


def test_bare_data_takes_the_id_of_its_message(sandbox: Sandbox, start: Start) -> None:
    """So its report can be found by the message's id."""
    seven_expired(sandbox)
    function = start("certificate_expiry")
    records = [message({"certificate_id": CERTIFICATES[number]}, number) for number in range(2)]
    assert function.invoke({"Records": records}) == {"batchItemFailures": []}
    assert [line["event_id"] for line in function.lines("detach.report")] == ["message-0", "message-1"]


def test_a_report_tells_the_queue_and_who_put_the_message_there(sandbox: Sandbox, start: Start) -> None:
    """The event's own source comes first. The sender is what SQS says, whatever the message says."""
    seven_expired(sandbox)
    function = start("certificate_expiry")
    bare = message({"certificate_id": CERTIFICATES[0]}, 0)
    pretending = message({"certificate_id": CERTIFICATES[1]}, 2)
    pretending["attributes"]["SenderId"] = "AIDAPRETENDER"
    records = [
        bare,
        message(eventbridge("Certificate Expired", {"certificate_id": CERTIFICATES[1]}, 1), 1),
        message(pretending, 2),
    ]
    assert function.invoke({"Records": records}) == {"batchItemFailures": []}
    queue, sender = "arn:aws:sqs:eu-central-1:123456789012:apig-certificate-detach", "AIDAIENQZJOLO23YVJ4VO"
    told = [(line["source"], line["sender"]) for line in function.lines("detach.report")]
    assert told == [(queue, sender), ("com.example.monitoring", sender), (queue, sender)]


def test_a_message_that_waited_too_long_changes_nothing(sandbox: Sandbox, start: Start) -> None:
    """Bare data has no time of its own: that of its message counts. The others of the batch are handled."""
    seven_expired(sandbox)
    records = [message({"certificate_id": CERTIFICATES[number]}, number) for number in range(2)]
    long_ago = datetime.now(UTC) - timedelta(days=8)
    records[0]["attributes"]["SentTimestamp"] = f"{long_ago.timestamp() * 1000:.0f}"
    assert start("certificate_expiry").invoke({"Records": records}) == failures(0)
    assert (CERTIFICATES[0], NAMES[0], FIRST) in sandbox.fleet.bindings()
    assert (CERTIFICATES[1], NAMES[1], FIRST) not in sandbox.fleet.bindings()


def test_when_every_message_fails_every_id_comes_back(start: Start) -> None:
    """The function itself does not fail then: its messages go to the dead-letter queue one by one."""
    function = start("certificate_expiry")
    assert function.invoke({"Records": [message("?", number) for number in range(3)]}) == failures(0, 1, 2)
    assert len(function.lines("detach.report")) == 3
    assert "Traceback" not in function.output()


def test_a_wrong_setting_acknowledges_nothing(sandbox: Sandbox, start: Start) -> None:
    """Each message comes back, and each report names the variable."""
    function = start("certificate_expiry", {"DETACH_BATCH_SIZE": "0"})
    records = [message({"certificate_id": CERTIFICATE}, number) for number in range(2)]
    assert function.invoke({"Records": records}) == failures(0, 1)
    reports = function.lines("detach.report")
    assert [report["error"] for report in reports] == ["ConfigurationError"] * 2
    assert reports[0]["error_message"].startswith("DETACH_BATCH_SIZE: '0' is not allowed")
    assert list(sandbox.journal) == []


def test_a_batch_that_runs_out_of_time_answers_before_lambda_ends_it(sandbox: Sandbox, start: Start) -> None:
    """What was done stays done. What was not reached fails at once, without a request, and comes again."""
    seven_expired(sandbox)
    slow = Fault(method="GET", path=CERTIFICATES[1], service="apig", delay=20.0, times=None)
    sandbox.faults.add(slow)
    function = start("certificate_expiry", timeout=5)
    records = [message({"certificate_id": CERTIFICATES[number]}, number) for number in range(4)]
    started = time.monotonic()
    assert function.invoke({"Records": records}) == failures(1, 2, 3)
    assert time.monotonic() - started < 5
    assert [line.get("error") for line in function.lines("detach.report")] == [None, *["Unavailable"] * 3]
    assert not [each for each in sandbox.journal.apig() if CERTIFICATES[2] in each.path]


def test_a_clean_up_that_runs_out_of_time_comes_again(sandbox: Sandbox, start: Start) -> None:
    """Its message is acknowledged only when nothing is left. Each delivery goes on where the last one stopped."""
    seven_expired(sandbox)
    sandbox.behaviour.latency = 0.4
    function = start("scheduled_cleanup", {"DETACH_CONCURRENCY": "1"}, timeout=5)
    left = 7
    while function.invoke({"Records": [message({}, 0)]}) != failures():
        assert 0 < len(sandbox.fleet.bindings()) < left
        left = len(sandbox.fleet.bindings())
    assert 0 < left < 7, "it did not run out of time"
    assert sandbox.fleet.bindings() == set()
    assert len(sandbox.journal.detaches()) == 7


def test_a_fifo_queue_keeps_the_order_of_a_group(sandbox: Sandbox, start: Start) -> None:
    """After a failure, the rest of its message group comes back untouched. Other groups go on."""
    seven_expired(sandbox)
    records = [
        message({"certificate_id": UNKNOWN}, 0, queue="detach.fifo", group="shop"),
        message({"certificate_id": CERTIFICATES[1]}, 1, queue="detach.fifo", group="shop"),
        message({"certificate_id": CERTIFICATES[2]}, 2, queue="detach.fifo", group="blog"),
    ]
    assert start("certificate_expiry").invoke({"Records": records}) == failures(0, 1)
    assert (CERTIFICATES[1], NAMES[1], FIRST) in sandbox.fleet.bindings()
    assert (CERTIFICATES[2], NAMES[2], FIRST) not in sandbox.fleet.bindings()


def test_one_event_twice_in_a_batch_detaches_once(sandbox: Sandbox, start: Start) -> None:
    """A message that is delivered twice is harmless."""
    furnish(sandbox)
    records = [message({"certificate_id": CERTIFICATE}, number) for number in range(2)]
    assert start("certificate_expiry").invoke({"Records": records}) == {"batchItemFailures": []}
    assert len(sandbox.journal.detaches()) == 1
    assert sandbox.journal.detaches()[0].body == {"domains": [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]}
