"""FunctionGraph: the events of the triggers TIMER, SMN and CTS."""

import json
from typing import Any

import pytest

from shared.core.event_data import DomainDecommission, ScheduledCleanup
from tests.support.deliveries import (
    CERTIFICATE_ID,
    EXPECTED_NAME,
    EXPIRED,
    LEGACY,
    UNDO,
    UNDO_LIST,
    assert_refused,
    assert_understood,
    cloudevent,
    cts,
    eventbridge,
    parsed,
    refused,
    smn,
    timer,
)

TRACES = "deletePublicRecordSet, deletePrivateRecordSet, deletePublicZone, deletePrivateZone"
ONE_MESSAGE = "expected exactly one message with a text; SQS batches go to the Lambda door"
SUCCEEDED = "expected an operation that succeeded; nothing was decommissioned"


@pytest.mark.parametrize(
    ("envelope", "event_id", "data"),
    [
        (timer(), "Timer_001 2023-06-01T08:30:00+08:00", ScheduledCleanup()),
        (timer(None), "Timer_001 2023-06-01T08:30:00+08:00", ScheduledCleanup()),
        (timer("{}"), "Timer_001 2023-06-01T08:30:00+08:00", ScheduledCleanup()),
        (timer(json.dumps(cloudevent())), "ce-1", EXPIRED),
        (smn(cloudevent()), "ce-1", EXPIRED),
        (smn(eventbridge()), "eb-1", EXPIRED),
        (smn(timer()), "a51671f77d4a479cacb09e2cd591a983", ScheduledCleanup()),
        (smn(cloudevent("apig.detach.undo", data=UNDO_LIST)), "ce-1", UNDO),
        (cts("deletePublicRecordSet"), "cts-1", LEGACY),
        (cts("deletePrivateRecordSet"), "cts-1", LEGACY),
        (cts("deletePublicZone"), "cts-1", LEGACY),
        (cts("deletePrivateZone"), "cts-1", LEGACY),
    ],
)
def test_every_trigger_is_understood(envelope: dict[str, Any], event_id: str, data: object) -> None:
    """Each trigger of contract 3.3 comes out as its kind."""
    assert_understood(envelope, event_id, data)


@pytest.mark.parametrize(
    ("envelope", "field", "expected"),
    [
        # TIMER: a narrowing that cannot be read must never widen to everything
        (timer('{"instance_ids": ["x"'), "user_event", "expected JSON; wrong at line 1 column 22"),
        (timer("[1]"), "user_event", "expected a JSON object, not a list"),
        (timer("\ufeff {}"), "user_event", "expected JSON; wrong at line 1 column 1"),
        (timer(json.dumps('{"instance_ids": []}')), "user_event",
         "expected a JSON object, not '{\"instance_ids\": []}'"),
        (timer('{"instance_ids": []}'), "user_event.instance_ids", "expected a list of at least one gateway id"),
        (timer(f'{{"certificate_id": "{CERTIFICATE_ID}"}}'), "user_event.certificate_id",
         "expected an event with a type, such as a CloudEvent"),
        (timer("Hello world"), "user_event", "expected JSON; wrong at line 1 column 1"),
        (timer(" \n"), "user_event", "expected JSON; wrong at line 2 column 1"),
        (timer("null"), "user_event", "expected a JSON object"),
        (timer("0"), "user_event", "expected a JSON object, not a number"),
        (timer("[]"), "user_event", "expected a JSON object"),
        (timer('""'), "user_event", "expected a JSON object, not ''"),
        # as JSON, not as text: not even an empty one
        (timer(7), "user_event", "expected text, not a number"),
        (timer(0), "user_event", "expected text, not a number"),
        (timer([]), "user_event", "expected text"),
        (timer({}), "user_event", "expected text, not an object"),
        (timer({"instance_ids": ["x"]}), "user_event", "expected text, not an object"),
        (timer(user_event=False), "user_event", "expected text, not a boolean"),
        (timer(json.dumps({"undo": UNDO_LIST})), "user_event.undo",
         "a timer undoes nothing; send an undo once, as an event of its own"),
        (timer(json.dumps(UNDO_LIST)), "user_event", "expected a JSON object, not a list"),
        (timer('{"common_name": "api.example.com"}'), "user_event.common_name",
         "expected an event with a type, such as a CloudEvent"),
        (timer('{"domain": "legacy.example.com"}'), "user_event.domain",
         "expected an event with a type, such as a CloudEvent"),
        (timer('{"domains": ["legacy.example.com"]}'), "user_event.domains",
         "expected an event with a type, such as a CloudEvent"),
        (timer(instance_ids=["x"]), "instance_ids", "expected it inside user_event, not beside it"),
        (timer(trigger_name="a\x00"), "id",
         "expected 1 to 256 printable characters, not 'a\\x00 2023-06-01T08:30:00+08:00'"),
        (timer(trigger_type="DDS"), "trigger_type", "expected TIMER, not 'DDS'"),
        # SMN
        ({"record": []}, "record", ONE_MESSAGE),
        ({"record": smn("{}")["record"] * 2}, "record", ONE_MESSAGE),
        ({"record": [{"smn": {"message": {}}}]}, "record", ONE_MESSAGE),
        (smn("this is smn message content"), "record[0].smn.message", "expected JSON; wrong at line 1 column 1"),
        # CTS
        (cts("BatchDisassociateDomains"), "cts.trace_name",
         f"expected {TRACES}, not 'BatchDisassociateDomains'"),
        (cts(trace_rating="warning"), "cts.trace_rating", SUCCEEDED),
        (cts(trace_rating="incident"), "cts.trace_rating", SUCCEEDED),
        (cts(trace_rating=None, trace_status="warning"), "cts.trace_status", SUCCEEDED),
        (cts(trace_rating="normal", trace_status="Incident "), "cts.trace_status", SUCCEEDED),
        (cts(trace_rating=None, trace_status="normal", code=403), "cts.code", f"{SUCCEEDED}, not 403"),
        (cts(code="500"), "cts.code", f"{SUCCEEDED}, not 500"),
        (cts(code="DNS.0302"), "cts.code", f"{SUCCEEDED}, not 'DNS.0302'"),
        (cts(code="4040404040"), "cts.code", f"{SUCCEEDED}, not 404040404"),
        ({**cts("deletePublicZone"), "instance_ids": ["x"]}, "instance_ids",
         "expected it inside the data of an event with a type, not beside it"),
        (cts(response={"type": "TXT"}), "cts", "expected a record of type A or CNAME, not 'TXT'"),
        (cts(request='{"type": "MX"}'), "cts", "expected a record of type A or CNAME, not 'MX'"),
        (cts(response={"type": "AAAA"}), "cts", "expected a record of type A or CNAME, not 'AAAA'"),
        (cts(response={"type": ""}), "cts", "expected a record of type A or CNAME, not ''"),
        (cts(request={"type": ["AAAA"]}), "cts", "expected a record of type A or CNAME, not a list"),
        (cts("deletePrivateRecordSet", request={"type": "aaaa"}), "cts",
         "expected a record of type A or CNAME, not 'aaaa'"),
        (cts(trace_rating=None, trace_status="warning", code=403), "cts.trace_status", SUCCEEDED),
        (cts(resource_name="ff8080825b8fc86c"), "cts.resource_name", f"{EXPECTED_NAME}, not 'ff8080825b8fc86c'"),
        (cts(trace_id=9), "cts.trace_id", "expected 1 to 256 printable characters, not a number"),
    ],
)  # fmt: skip
def test_a_broken_event_says_where(envelope: dict[str, Any], field: str, expected: str) -> None:
    """The error names the field. For an unknown trace it lists the known ones."""
    assert_refused(envelope, field, expected)


def test_a_timers_json_is_the_data_of_the_functions_kind() -> None:
    """A function of one kind takes the JSON of its timer as bare data."""
    event = parsed(timer('{"domain": "legacy.example.com"}'), kind="domain_decommission", default_id="request-1")
    assert (event.id, event.data) == ("request-1", LEGACY)


@pytest.mark.parametrize(
    "places",
    [
        {"resource_name": "legacy.example.com."},
        {"resource_name": "", "response": {"name": "legacy.example.com.", "type": "CNAME"}},
        {"resource_name": None, "response": '{"name": "legacy.example.com.", "type": "A"}'},
        {"resource_name": "2c9eb15558722857", "response": "", "request": {"name": "legacy.example.com."}},
        {"resource_name": 3, "response": "not JSON", "request": '{"name": "legacy.example.com", "type": "a"}'},
        {"resource_name": "", "message": "DELETE /v2/zones/1, delete record set[legacy.example.com.]"},
        {"trace_rating": None, "code": 204},
        {"trace_rating": None, "trace_status": "normal", "code": 0},
        {"code": None},
        {"code": " 0200 "},
        {"trace_name": "deletePublicZone", "response": {"name": "other.example.com.", "type": "public"}},
    ],
)
def test_a_trace_names_its_domain_in_one_of_several_places(places: dict[str, Any]) -> None:
    """The resource's name first, then the response's, the request's, and what stands in brackets in the message."""
    assert parsed(cts(**places)).data == LEGACY


def test_a_zone_stands_for_its_apex_only() -> None:
    """A deleted zone decommissions the zone's own name. The names below it are other events."""
    zone = cts("deletePublicZone", resource_name="example.com.")
    assert parsed(zone).data == DomainDecommission(domain="example.com")


@pytest.mark.parametrize(
    "message",
    ["DELETE [legacy.example.com], which is not the end", "[test4]", "legacy.example.com", "[" * 90_000, 5],
)
def test_a_trace_without_a_name_is_refused(message: Any) -> None:
    """No name is guessed from a message that does not end in one."""
    assert refused(lambda: parsed(cts(resource_name="", message=message)))[0] == "cts.resource_name"
