"""What holds for the envelopes of all vendors: one inside the other, the event's id, and a function of one kind."""

import dataclasses
import json
from typing import Any

import pytest

from shared import events
from shared.core.event_data import ScheduledCleanup
from shared.events.envelope import ENVELOPE_KEYS
from tests.support.deliveries import (
    EXPIRED,
    cloudevent,
    cts,
    eventbridge,
    parsed,
    refused,
    smn,
    sqs,
    timer,
)


def test_an_event_is_frozen() -> None:
    """No later step can widen an event."""
    event = parsed(cloudevent())
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.id = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        event.data.instance_ids = None


@pytest.mark.parametrize(
    ("kind", "envelope", "field", "expected"),
    [
        ("scheduled_cleanup", cloudevent(), "type",
         "expected apig.cleanup.due, dev.knative.sources.ping, not 'apig.certificate.expired'"),
        (
            "domain_decommission",
            eventbridge(),
            "detail-type",
            "expected Domain Decommissioned, not 'Certificate Expired'",
        ),
        (
            "certificate_expiry",
            cts(),
            "cts.trace_name",
            "expected an event for certificate_expiry, not 'deletePublicRecordSet'",
        ),
        (
            "certificate_expiry",
            timer(),
            "user_event.certificate_id",
            "expected a certificate id (or a common_name instead)",
        ),
        ("domain_decommission", smn(cloudevent()), "type",
         "expected apig.domain.decommissioned, not 'apig.certificate.expired'"),
    ],
)  # fmt: skip
def test_a_function_of_one_kind_takes_only_that(kind: Any, envelope: dict[str, Any], field: str, expected: str) -> None:
    """An event of another kind is refused, not bent into this one."""
    assert refused(lambda: parsed(envelope, kind=kind)) == (field, expected)


def test_the_events_own_id_comes_first() -> None:
    """Then the id of the message that carried it, and then the one that the door gives."""
    without = eventbridge()
    del without["id"]
    assert parsed(without, default_id="request-1").id == "request-1"
    assert parsed(sqs(without), default_id="request-1").id == "sqs-1"
    assert parsed(smn(without, message_id=None), default_id="request-1").id == "request-1"
    assert parsed(cts(trace_id=""), default_id="request-1").id == "request-1"
    assert parsed(eventbridge(), default_id="request-1").id == "eb-1"


def test_without_any_id_a_digest_of_the_content_serves() -> None:
    """The same content has the same id, however it is written."""
    assert parsed({}, kind="scheduled_cleanup").id == "44136fa355b3678a1146ad16f7e8649e"
    one = parsed({"cursor": "c", "context": {"note": "é"}}, kind="scheduled_cleanup").id
    assert one == "7fba23c221b64dd9a4c4778768b35e87"  # of {"context":{"note":"\\u00e9"},"cursor":"c"}
    assert one == parsed('{"context": {"note": "\\u00e9"},  "cursor": "c"}', kind="scheduled_cleanup").id
    assert one != parsed({"cursor": "d", "context": {"note": "é"}}, kind="scheduled_cleanup").id


def test_the_doors_id_is_checked_too() -> None:
    """1 to 256 printable characters."""
    assert refused(lambda: parsed({}, kind="scheduled_cleanup", default_id="a\x00"))[0] == "id"
    assert refused(lambda: parsed({}, kind="scheduled_cleanup", default_id="a" * 257))[0] == "id"
    assert parsed({}, kind="scheduled_cleanup", default_id="a" * 256).id == "a" * 256


def test_envelopes_inside_envelopes_are_bounded() -> None:
    """Three are read. The fourth is refused."""
    assert parsed(sqs(smn(timer(json.dumps({})))), kind="scheduled_cleanup").data == ScheduledCleanup()
    assert parsed(sqs(smn(cloudevent()))).data == EXPIRED
    expected = "expected at most 3 envelopes, one inside the other"
    assert refused(lambda: parsed(sqs(sqs(sqs(cloudevent()))))) == ("body", expected)
    assert refused(lambda: parsed(sqs(sqs(smn(cloudevent()))))) == ("record[0].smn.message", expected)
    assert refused(lambda: parsed(sqs(sqs(timer(json.dumps(cloudevent())))))) == ("user_event", expected)
    bottomless: dict[str, Any] = cloudevent()
    for _ in range(12):
        bottomless = sqs(bottomless)
    assert refused(lambda: parsed(bottomless)) == ("body", expected)


def test_the_keys_of_envelopes_are_those_that_have_a_reader() -> None:
    """A timer's `user_event` is an envelope of its own if it has one of them."""
    assert set(events._READERS) == ENVELOPE_KEYS
