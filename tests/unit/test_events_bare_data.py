"""Bare data: what is sent to a function of one kind, without an envelope."""

import json
from typing import Any

import pytest

from shared.core.event_data import CertificateExpiry, DomainDecommission, DomainEntry, Kind, ScheduledCleanup
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

SIGNATURE = {"key_id": "0" * 16, "signed_at": "2026-02-04T08:15:00Z", "signature": "0" * 64}


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID}, EXPIRED),
        (
            "certificate_expiry",
            {"certificate_id": CERTIFICATE_ID, "context": {"else": 1.5}, "dry_run": True},
            CertificateExpiry(certificate_id=CERTIFICATE_ID, context={"else": 1.5}, dry_run=True),
        ),
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


@pytest.mark.parametrize(
    ("kind", "data", "field", "expected"),
    [
        ("scheduled_cleanup", {"instance_id": ["1" * 32]}, "instance_id", "did you mean instance_ids?"),
        ("scheduled_cleanup", {"instance_ids": ["1" * 32], "x": 1}, "x", "expected one of instance_ids, cursor,"),
        ("scheduled_cleanup", {"Type": "SubscriptionConfirmation"}, "Type", "expected one of instance_ids, cursor,"),
        ("scheduled_cleanup", {"certificate_id": CERTIFICATE_ID}, "certificate_id", "expected one of instance_ids,"),
        ("scheduled_cleanup", {"undo": UNDO_LIST}, "undo", "expected one of instance_ids, cursor,"),
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID, "domain": "a.b"}, "domain", "did you mean domains?"),
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID, "Domains": []}, "Domains", "did you mean domains?"),
        ("domain_decommission", {"domain": "a.b", "instance_id": []}, "instance_id", "did you mean instance_ids?"),
        ("domain_decommission", {"event": "ssl_expiring", "domain": "a.b"}, "event", "expected one of domain,"),
        (
            "domain_decommission",
            {"domains": [{"domain": "a.b", "instanceIds": []}]},
            "domains[0].instanceIds",
            "did you mean instance_ids?",
        ),
        (
            "undo",
            {"undo": UNDO_LIST, "certificate": "x"},
            "certificate",
            "expected one of undo, undo_signature,",
        ),
        ("undo", {"undo": [{**UNDO_LIST[0], "domain": []}]}, "undo[0].domain", "did you mean domains?"),
        (
            "domain_decommission",
            {"domains": [{"domain": "a.b", "x": 1}]},
            "domains[0].x",
            "expected one of domain, instance_ids, verified_client_certificate_enabled",
        ),
        ("undo", {"undo": [{**UNDO_LIST[0], "x": 1}]}, "undo[0].x", "expected one of certificate_id, domains"),
        (
            "undo",
            {"undo": [{**UNDO_LIST[0], "domains": [{**UNDO_LIST[0]["domains"][0], "x": 1}]}]},
            "undo[0].domains[0].x",
            "expected one of domain, instance_ids, verified_client_certificate_enabled",
        ),
        (
            "undo",
            {"undo": UNDO_LIST, "undo_signature": {**SIGNATURE, "x": 1}},
            "undo_signature.x",
            "expected one of key_id,",
        ),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_known_one(
    kind: Kind, data: dict[str, Any], field: str, expected: str
) -> None:
    """A misspelt narrowing would widen the event, and an event for another function would be taken for ours."""
    told, message = refused(lambda: parsed(data, kind=kind))
    assert told == field
    assert message.startswith(f"unknown field; {expected}")


def test_an_unknown_field_is_named_as_its_sender_wrote_it() -> None:
    """With the envelope around it."""
    event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "apig.cleanup.due", "data": {"instance_id": "x"}}
    assert refused(lambda: parsed(event)) == ("data.instance_id", "unknown field; did you mean instance_ids?")


@pytest.mark.parametrize("context", [[], "CHG-1", {"note": "x" * (8192 - len('{"note": ""}') + 1)}])
def test_the_context_is_a_bounded_object(context: Any) -> None:
    """A ticket, a person, a reason: it goes into every log line, so it has a limit."""
    greatest = {"note": "x" * (8192 - len('{"note": ""}'))}
    assert parsed({"context": greatest}, kind="scheduled_cleanup").data == ScheduledCleanup(context=greatest)
    field, message = refused(lambda: parsed({"context": context}, kind="scheduled_cleanup"))
    assert (field, message.partition(",")[0]) == ("context", "expected a JSON object of at most 8192 bytes")
