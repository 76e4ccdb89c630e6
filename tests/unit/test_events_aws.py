"""AWS: events of EventBridge, and messages of SQS."""

import json
from typing import Any

import pytest

from shared.core.event_data import CertificateExpiry, ScheduledCleanup
from tests.support.deliveries import (
    EXPECTED_NAME,
    EXPIRED,
    GATEWAY,
    LEGACY,
    UNDO,
    UNDO_LIST,
    assert_refused,
    assert_understood,
    cloudevent,
    eventbridge,
    parsed,
    smn,
    sqs,
    timer,
)

DETAIL_TYPES = (
    "Certificate Expired, Certificate Expiring, ACM Certificate Expired, ACM Certificate Approaching Expiration,"
    " Domain Decommissioned, Cleanup Due, Scheduled Event, Detach Undo"
)
ONE_MESSAGE = "expected exactly one message with a text; SQS batches go to the Lambda door"


@pytest.mark.parametrize(
    ("envelope", "data"),
    [
        (eventbridge("Certificate Expired"), EXPIRED),
        (eventbridge("Certificate Expiring"), EXPIRED),
        (eventbridge("Domain Decommissioned", detail={"domain": "legacy.example.com"}), LEGACY),
        (eventbridge("Cleanup Due", detail={"instance_ids": [GATEWAY]}), ScheduledCleanup(instance_ids=(GATEWAY,))),
        (eventbridge("Scheduled Event", detail={}), ScheduledCleanup()),
        # EventBridge Scheduler's own event, when the schedule has no input
        (eventbridge("Scheduled Event", source="aws.scheduler", detail="{}"), ScheduledCleanup()),
        (eventbridge("Detach Undo", detail={"undo": UNDO_LIST}), UNDO),
        (
            eventbridge("ACM Certificate Expired", detail={"CommonName": "apigtest.example.com"}),
            CertificateExpiry(common_name="apigtest.example.com"),
        ),
        (
            eventbridge(
                "ACM Certificate Approaching Expiration", detail={"DaysToExpiry": 31, "CommonName": "*.a.example"}
            ),
            CertificateExpiry(common_name="*.a.example"),
        ),
    ],
)
def test_every_detail_type_is_understood(envelope: dict[str, Any], data: object) -> None:
    """Each detail-type of contract 3.3 comes out as its kind."""
    assert_understood(envelope, "eb-1", data)


@pytest.mark.parametrize(
    ("envelope", "event_id", "data"),
    [
        (sqs(cloudevent()), "ce-1", EXPIRED),
        (sqs(eventbridge()), "eb-1", EXPIRED),
        (sqs(timer()), "sqs-1", ScheduledCleanup()),
        ({"Records": [sqs(eventbridge())]}, "eb-1", EXPIRED),
        (sqs(smn(cloudevent())), "ce-1", EXPIRED),
        (sqs(cloudevent("apig.detach.undo", data=UNDO_LIST)), "ce-1", UNDO),
    ],
)
def test_a_message_carries_any_event(envelope: dict[str, Any], event_id: str, data: object) -> None:
    """The event's own id counts. The message's id serves an event that has none."""
    assert_understood(envelope, event_id, data)


def test_a_message_may_carry_the_undo_list_alone() -> None:
    """For a function of the kind `undo`, a list is bare data too."""
    event = parsed(sqs(json.dumps(UNDO_LIST)), kind="undo")
    assert (event.id, event.data) == ("sqs-1", UNDO)


@pytest.mark.parametrize(
    ("envelope", "field", "expected"),
    [
        (
            eventbridge("ACM Certificate Available"),
            "detail-type",
            f"expected {DETAIL_TYPES}, not 'ACM Certificate Available'",
        ),
        (eventbridge(detail=None), "detail", "expected an object"),
        (eventbridge(detail="{}"), "detail", "expected an object, not '{}'"),
        (eventbridge("Scheduled Event", detail=None), "detail", "expected an object"),
        (eventbridge("Scheduled Event", detail=[]), "detail", "expected an object"),
        (eventbridge("Scheduled Event", detail=0), "detail", "expected an object, not a number"),
        (eventbridge("Scheduled Event", detail=""), "detail", "expected an object, not ''"),
        (
            eventbridge("Scheduled Event", detail='{"instance_ids": []}'),
            "detail",
            "expected an object, not '{\"instance_ids\": []}'",
        ),
        (
            eventbridge("Cleanup Due", detail={}, instance_ids=[GATEWAY]),
            "instance_ids",
            "expected it inside detail, not beside it",
        ),
        (eventbridge(dry_run=True), "dry_run", "expected it inside detail, not beside it"),
        (eventbridge(id=5), "id", "expected 1 to 256 printable characters, not a number"),
        (eventbridge(id=""), "id", "expected 1 to 256 printable characters, not ''"),
        (eventbridge("ACM Certificate Expired", detail={}), "detail.CommonName", EXPECTED_NAME),
        (
            eventbridge("ACM Certificate Expired", detail={"CommonName": "My Awesome Service"}),
            "detail.CommonName",
            f"{EXPECTED_NAME}, not 'My Awesome Service'",
        ),
        ({"messageId": "sqs-1"}, "body", ONE_MESSAGE),
        (sqs("{"), "body", "expected JSON; wrong at line 1 column 2"),
        (sqs(""), "body", "expected JSON; wrong at line 1 column 1"),
        (sqs("null"), "body", "expected a JSON object"),
        (sqs(eventbridge(), instance_ids=[GATEWAY]), "instance_ids", "expected it inside body, not beside it"),
        ({"Records": [sqs(eventbridge())], "dry_run": True}, "dry_run", "expected it inside body, not beside it"),
        ({"Records": []}, "Records", ONE_MESSAGE),
        ({"Records": [sqs({}), sqs({})]}, "Records", ONE_MESSAGE),
        ({"Records": [{"s3": {}}]}, "Records", ONE_MESSAGE),
    ],
)
def test_a_broken_event_says_where(envelope: dict[str, Any], field: str, expected: str) -> None:
    """The error names the field. For an unknown detail-type it lists the known ones."""
    assert_refused(envelope, field, expected)
