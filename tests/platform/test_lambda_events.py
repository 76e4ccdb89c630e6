"""The built package under AWS's own runtime emulator: one event at a time."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from tests.platform.lambda_runtime import Function, message
from tests.support.undo_key import signed_within
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EVENTS = Path(__file__).parents[2] / "events/eventbridge"
Start = Callable[..., Function]

BOTH = [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]


def event_of(name: str) -> dict[str, Any]:
    """One of the event files, sent now: an event that is too old is refused."""
    loaded: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return loaded | {"time": datetime.now(UTC).isoformat()}


def token_calls(sandbox: Sandbox) -> list[str]:
    """The requests to IAM."""
    return [f"{each.method} {each.path}" for each in sandbox.journal.iam()]


def test_certificate_expired_from_eventbridge(sandbox: Sandbox, start: Start) -> None:
    """An expired certificate is detached from every domain. The outcome is the function's answer."""
    furnish(sandbox)
    answer = start("certificate_expiry").invoke(event_of("certificate_expired.json"))
    assert answer["event_id"] == "6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762"
    assert (answer["kind"], answer["status"], answer["dry_run"]) == ("certificate_expiry", "detached", False)
    assert answer["certificates"][0]["detached"] == BOTH
    assert answer["undo"][0]["certificate_id"] == CERTIFICATE
    assert sandbox.fleet.bindings() == set()
    assert [each.path for each in sandbox.journal.detaches()] == [
        f"/v2/{sandbox.project_id}/apigw/certificates/{CERTIFICATE}/domains/detach"
    ]


def test_acm_certificate_expired_from_eventbridge(sandbox: Sandbox, start: Start) -> None:
    """ACM's own event names no certificate of the gateways: they are found by the common name."""
    furnish(sandbox)
    answer = start("certificate_expiry").invoke(event_of("acm_certificate_expired.json"))
    assert (answer["status"], answer["certificates"][0]["certificate_id"]) == ("detached", CERTIFICATE)
    assert sandbox.fleet.bindings() == set()


def test_a_certificate_that_is_still_valid_is_left_alone(sandbox: Sandbox, start: Start) -> None:
    """An event that comes too early changes nothing. The outcome tells the certificate's date."""
    furnish(sandbox, not_after=timedelta(days=30))
    answer = start("certificate_expiry").invoke({"certificate_id": CERTIFICATE})
    assert answer["status"] == "not_due"
    not_after = datetime.fromisoformat(answer["certificates"][0]["not_after"])
    assert timedelta(days=29) < not_after - datetime.now(UTC) < timedelta(days=31)
    assert sandbox.journal.detaches() == []


def test_domain_decommissioned_from_eventbridge(sandbox: Sandbox, start: Start) -> None:
    """The domain loses its certificate, whatever the date. The certificate's other domains keep it."""
    furnish(sandbox, domains=("legacy.example.com", DOMAIN), not_after=timedelta(days=300))
    answer = start("domain_decommission").invoke(event_of("domain_decommissioned.json"))
    assert (answer["kind"], answer["status"]) == ("domain_decommission", "detached")
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}


@pytest.mark.parametrize("name", ["cleanup_due.json", "scheduled_event.json"])
def test_scheduled_cleanup_from_eventbridge(sandbox: Sandbox, start: Start, name: str) -> None:
    """A clean-up detaches every expired certificate of the gateways."""
    furnish(sandbox)
    sandbox.fleet.add_gateway(id=THIRD)
    answer = start("scheduled_cleanup").invoke(event_of(name))
    assert (answer["kind"], answer["status"]) == ("scheduled_cleanup", "detached")
    assert sandbox.fleet.bindings() == set()


def test_detach_undo_from_eventbridge(sandbox: Sandbox, start: Start) -> None:
    """What an outcome recorded is attached again."""
    furnish(sandbox, not_after=timedelta(days=30))
    before = sandbox.fleet.bindings()
    for _, domain, instance_id in before:
        sandbox.fleet.unbind(CERTIFICATE, domain, instance_id)
    function = start("undo")
    answer = function.invoke(signed_within(event_of("detach_undo.json"), sandbox.project_id))
    assert (answer["kind"], answer["status"], answer["undo"]) == ("undo", "attached", [])
    assert answer["certificates"][0]["attached"] == [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND]}]
    assert sandbox.fleet.bindings() == before
    assert [line["message"] for line in function.lines()] == ["attach.plan", "detach.report"]


def test_an_answer_can_be_sent_as_it_is(sandbox: Sandbox, start: Start) -> None:
    """From the answer of one function to another: every binding is back."""
    furnish(sandbox, not_after=timedelta(days=30))
    before = sandbox.fleet.bindings()
    undo = start("domain_decommission").invoke({"domain": DOMAIN})
    assert sandbox.fleet.bindings() == set()
    assert start("undo").invoke(undo)["status"] == "attached"
    assert sandbox.fleet.bindings() == before


def test_a_page_of_a_clean_up_is_planned_and_nothing_detached(sandbox: Sandbox, start: Start) -> None:
    """A state machine sends each certificate of the page to the expiry function."""
    furnish(sandbox)
    page = start("plan_cleanup").invoke({})
    assert page == {"certificates": [{"certificate_id": CERTIFICATE}], "cursor": None, "gateways": []}
    assert len(sandbox.fleet.bindings()) == 2
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize(
    ("function", "data"),
    [
        ("certificate_expiry", {"certificate_id": CERTIFICATE}),
        ("certificate_expiry", {"common_name": "APIGTEST.example.com."}),
        ("domain_decommission", {"domain": DOMAIN}),
        ("scheduled_cleanup", {}),
    ],
)
def test_bare_data_needs_no_envelope(sandbox: Sandbox, start: Start, function: str, data: dict[str, Any]) -> None:
    """The event's id is then that of the request."""
    furnish(sandbox)
    running = start(function)
    answer = running.invoke(data)
    assert (answer["kind"], answer["status"]) == (function, "detached")
    assert sandbox.fleet.bindings() == set()
    assert answer["event_id"] == running.lines("detach.report")[0]["function_request_id"]


def test_the_function_of_every_kind_takes_envelopes_only(sandbox: Sandbox, start: Start) -> None:
    """`handler` takes any envelope. It refuses bare data, which does not tell its kind."""
    furnish(sandbox, domains=("legacy.example.com", DOMAIN))
    function = start("handler")
    assert function.invoke(event_of("domain_decommissioned.json"))["kind"] == "domain_decommission"
    assert function.invoke(event_of("certificate_expired.json"))["kind"] == "certificate_expiry"
    assert sandbox.fleet.bindings() == set()
    assert function.invoke({"certificate_id": CERTIFICATE})["errorType"] == "InvalidEvent"


def test_a_function_of_one_kind_refuses_the_others(sandbox: Sandbox, start: Start) -> None:
    """A rule with the wrong target changes nothing."""
    furnish(sandbox, domains=("legacy.example.com",))
    answer = start("certificate_expiry").invoke(event_of("domain_decommissioned.json"))
    assert answer["errorType"] == "InvalidEvent"
    assert answer["errorMessage"].startswith("detail-type: expected Certificate Expired")
    assert list(sandbox.journal) == []


def test_a_raised_error_carries_its_name_and_sentence(sandbox: Sandbox, start: Start) -> None:
    """The invocation fails with our error, so EventBridge and Lambda keep the event."""
    furnish(sandbox)
    unknown = "00000000000000000000000000000000"
    function = start("certificate_expiry")
    answer = function.invoke({"certificate_id": unknown})
    assert answer["errorType"] == "NotFound"
    assert "APIG.3025" in answer["errorMessage"] or "APIG.3021" in answer["errorMessage"]
    assert "\n" not in answer["errorMessage"]
    assert [line["error"] for line in function.lines("detach.report")] == ["NotFound"]


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        7,
        {"Records": []},
        {"Records": ["text"]},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [message({"certificate_id": CERTIFICATE}, 0), {"eventSource": "aws:sqs", "body": "{}"}]},
    ],
)
def test_json_that_is_no_event_is_refused(start: Start, event: Any) -> None:
    """Whatever a caller sends, the answer is our own error."""
    assert start("certificate_expiry").invoke(event)["errorType"] == "InvalidEvent"


def test_an_api_that_does_not_answer_ends_before_lambda_does(sandbox: Sandbox, start: Start) -> None:
    """The function reports and raises while there is time. Lambda would end it without a word."""
    furnish(sandbox)
    sandbox.faults.add(Fault(method="GET", path="/certificates/", service="apig", delay=20.0, times=None))
    function = start("certificate_expiry", timeout=4)
    started = time.monotonic()
    answer = function.invoke({"certificate_id": CERTIFICATE})
    assert time.monotonic() - started < 4
    assert answer["errorType"] == "Unavailable"
    report = function.lines("detach.report")[0]
    assert (report["status"], report["error"]) == ("failed", "Unavailable")
    assert sandbox.journal.detaches() == []


def test_waits_between_attempts_end_before_lambda_does(sandbox: Sandbox, start: Start) -> None:
    """That holds for any number of attempts, and however long the API asks to wait."""
    furnish(sandbox)
    busy = Fault(status=429, error_code="APIG.0308", headers={"Retry-After": "30"}, service="apig", times=None)
    sandbox.faults.add(busy)
    started = time.monotonic()
    answer = start("certificate_expiry", {"HTTP_ATTEMPTS": "20"}, timeout=4).invoke({"certificate_id": CERTIFICATE})
    assert time.monotonic() - started < 4
    assert answer["errorType"] == "Unavailable"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DETACH_DRY_RUN": "maybe"}, "DETACH_DRY_RUN: 'maybe' is not allowed; expected true or false"),
        ({"DETACH_DRYRUN": "true"}, "DETACH_DRYRUN: no such setting; did you mean DETACH_DRY_RUN?"),
        ({"SECRET_URI": ""}, "SECRET_URI: not set"),
        ({"OS_CACERT": "/nowhere.pem"}, "OS_CACERT: '/nowhere.pem' is no readable file"),
    ],
)
def test_a_wrong_setting_is_named(sandbox: Sandbox, start: Start, variables: dict[str, str], message: str) -> None:
    """The answer and the report name the variable, its value and what is allowed. Nothing is sent."""
    function = start("certificate_expiry", variables)
    answer = function.invoke({"certificate_id": CERTIFICATE})
    assert answer["errorType"] == "ConfigurationError"
    assert answer["errorMessage"].startswith(message)
    assert function.lines("detach.report")[0]["error_message"].startswith(message)
    assert list(sandbox.journal) == []


def test_a_handler_that_does_not_exist_is_an_init_error(start: Start) -> None:
    """Lambda's own error for a wrong `Handler` of the template."""
    answer = start("certificate_expirry").invoke({})
    assert answer["errorType"] == "Runtime.HandlerNotFound"


def test_a_warm_function_fetches_no_second_token(sandbox: Sandbox, start: Start) -> None:
    """The second event uses the token and the connection of the first."""
    furnish(sandbox)
    function = start("certificate_expiry")
    assert function.invoke({"certificate_id": CERTIFICATE})["status"] == "detached"
    assert token_calls(sandbox) == ["POST /v3/auth/tokens"]
    assert function.invoke({"certificate_id": CERTIFICATE})["status"] == "nothing_to_detach"
    assert token_calls(sandbox) == ["POST /v3/auth/tokens"]
    cold = [line["cold_start"] for line in function.lines("detach.report")]
    assert cold == [True, False]
    assert [entry["ColdStart"] for entry in function.metrics()] == [[1.0], [0.0]]


def test_a_warm_function_survives_a_failed_event(sandbox: Sandbox, start: Start) -> None:
    """The next event is handled as if nothing had happened."""
    furnish(sandbox)
    function = start("certificate_expiry")
    assert function.invoke({"certificate_id": "x"})["errorType"] == "InvalidEvent"
    assert function.invoke({"certificate_id": CERTIFICATE})["status"] == "detached"


def test_a_dry_run_changes_nothing(sandbox: Sandbox, start: Start) -> None:
    """The answer tells what would be detached. It is the template's default."""
    furnish(sandbox)
    answer = start("certificate_expiry", {"DETACH_DRY_RUN": "true"}).invoke({"certificate_id": CERTIFICATE})
    assert (answer["status"], answer["dry_run"]) == ("dry_run", True)
    assert answer["certificates"][0]["planned"] == BOTH
    assert (answer["certificates"][0]["detached"], answer["undo"]) == ([], [])
    assert len(sandbox.fleet.bindings()) == 2
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize("log_format", ["JSON", "Text"])
def test_every_log_line_appears_once_and_tells_its_event(sandbox: Sandbox, start: Start, log_format: str) -> None:
    """Lambda's own log handler repeats none of our lines, in either log format."""
    furnish(sandbox)
    function = start("certificate_expiry", {"LOG_LEVEL": "DEBUG"}, log_format=log_format)
    function.invoke(event_of("certificate_expired.json"))
    lines = function.lines()
    assert [line["message"] for line in lines].count("detach.report") == 1
    assert {line["message"] for line in lines} == {"gateway.call", "detach.plan", "detach.report"}
    assert {line["event_id"] for line in lines} == {"6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762"}
    assert {line["function_name"] for line in lines} == {"certificate_expiry"}
    assert len({line["function_request_id"] for line in lines}) == 1
    calls = [(line["method"], line["route"]) for line in lines if line["message"] == "gateway.call"]
    assert len(calls) == len(list(sandbox.journal))
    assert function.output().count("detach.report") == 1
