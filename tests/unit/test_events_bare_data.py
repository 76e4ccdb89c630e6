"""Bare data: what is sent to a function of one kind, without an envelope."""

import json
from typing import Any

import pytest

from shared.core.event_data import CertificateExpiry, DomainDecommission, DomainEntry, ScheduledCleanup
from tests.support.deliveries import (
    CERTIFICATE_ID,
    EXPIRED,
    GATEWAY,
    LEGACY,
    UNDO,
    UNDO_LIST,
    parsed,
    refused,
    smn,
    sqs,
)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID}, EXPIRED),
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID, "anything": {"else": 1.5}}, EXPIRED),
        (
            "certificate_expiry",
            {"common_name": "a.example.com", "domains": ["b.example.com"], "instance_ids": [GATEWAY]},
            CertificateExpiry(
                common_name="a.example.com",
                domains=(DomainEntry(domain="b.example.com"),),
                instance_ids=(GATEWAY,),
            ),
        ),
        ("domain_decommission", {"domain": "legacy.example.com"}, LEGACY),
        (
            "domain_decommission",
            {
                "domains": [{"domain": "a.example", "verified_client_certificate_enabled": True}],
                "certificate_id": CERTIFICATE_ID,
            },
            DomainDecommission(
                domains=(DomainEntry(domain="a.example", verified_client_certificate_enabled=True),),
                certificate_id=CERTIFICATE_ID,
            ),
        ),
        ("scheduled_cleanup", {}, ScheduledCleanup()),
        ("scheduled_cleanup", {"instance_ids": [GATEWAY]}, ScheduledCleanup(instance_ids=(GATEWAY,))),
        ("undo", UNDO_LIST, UNDO),
        ("undo", {"undo": UNDO_LIST, "status": "detached", "certificates": []}, UNDO),
    ],
)
def test_bare_data_goes_to_a_function_of_its_kind(kind: Any, data: Any, expected: object) -> None:
    """Bare data is taken as it is, also inside SQS and SMN. Other fields are ignored."""
    event = parsed(data, kind=kind, default_id="request-1")
    assert event == parsed(json.dumps(data), kind=kind, default_id="request-1")
    assert (event.id, event.data) == ("request-1", expected)
    in_sqs, in_smn = parsed(sqs(data), kind=kind), parsed(smn(data), kind=kind)
    assert (in_sqs.id, in_sqs.data) == ("sqs-1", expected)
    assert (in_smn.id, in_smn.data) == ("a51671f77d4a479cacb09e2cd591a983", expected)


def test_bare_data_needs_a_kind() -> None:
    """The function for every kind cannot guess which one bare data is for."""
    message = "expected an event that tells its type, such as a CloudEvent; bare data needs a function of one kind"
    assert refused(lambda: parsed({"certificate_id": CERTIFICATE_ID})) == ("type", message)
    assert refused(lambda: parsed({})) == ("type", message)
    assert refused(lambda: parsed(sqs({}))) == ("type", message)


@pytest.mark.parametrize("data", [{"instance_id": ["1" * 32]}, {"Type": "SubscriptionConfirmation", "Message": "x"}])
def test_bare_data_that_is_no_cleanups_is_refused(data: dict[str, Any]) -> None:
    """A misspelt narrowing, or an event for another function, must not clean up every gateway."""
    field, expected = refused(lambda: parsed(data, kind="scheduled_cleanup"))
    assert field == "body"
    assert expected.startswith("expected instance_ids, cursor, or an empty object for every gateway, not '")
    assert parsed({}, kind="scheduled_cleanup").data == ScheduledCleanup()
    assert parsed({"instance_ids": ["1" * 32], "x": 1}, kind="scheduled_cleanup").data.instance_ids == ("1" * 32,)
