"""The deployed template: an event goes from the bus through its queue to the function, and to the cloud."""

import json

import pytest

from sandbox import Sandbox
from tests.e2e.aws.client import ROOT, Aws, until
from tests.support.undo_key import signed
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

UNKNOWN = "0123456789abcdef0123456789abcdef"


def _is_drained(aws: Aws, queue: str) -> None:
    until(lambda: aws.messages(f"{queue}Queue"), lambda waiting: waiting == 0)
    assert aws.messages(f"{queue}DeadLetters") == 0


@pytest.mark.parametrize("name", ["certificate_expired", "certificate_expiring"])
def test_an_expired_certificate_is_detached(aws: Aws, sandbox: Sandbox, name: str) -> None:
    """An event on the stack's bus detaches the certificate everywhere, in one call, and leaves both queues empty."""
    furnish(sandbox)
    aws.put_event(name, certificate_id=CERTIFICATE)
    until(sandbox.fleet.bindings, lambda bindings: not bindings)
    [detach] = sandbox.journal.detaches()
    assert detach.body == {"domains": [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]}
    _is_drained(aws, "CertificateExpiry")


@pytest.mark.parametrize("name", ["acm_certificate_expired", "acm_certificate_approaching_expiration"])
def test_an_event_of_acm_comes_from_the_default_bus(aws: Aws, sandbox: Sandbox, name: str) -> None:
    """AWS's own event finds the gateway's certificate by its common name."""
    furnish(sandbox)
    aws.put_event(name)
    until(sandbox.fleet.bindings, lambda bindings: not bindings)
    _is_drained(aws, "CertificateExpiry")


def test_a_decommissioned_domain_is_detached(aws: Aws, sandbox: Sandbox) -> None:
    """Only that domain's bindings go."""
    furnish(sandbox, domains=[DOMAIN, "legacy.example.com"])
    aws.put_event("domain_decommissioned")
    until(
        sandbox.fleet.bindings,
        lambda bindings: bindings == {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)},
    )
    _is_drained(aws, "DomainDecommission")


def test_a_clean_up_that_an_event_asks_for(aws: Aws, sandbox: Sandbox) -> None:
    """The function cleans up the named gateways by itself."""
    furnish(sandbox)
    aws.put_event("cleanup_due", instance_ids=[FIRST, SECOND])
    until(sandbox.fleet.bindings, lambda bindings: not bindings)
    _is_drained(aws, "ScheduledCleanup")


def test_an_undo_attaches_again(aws: Aws, sandbox: Sandbox) -> None:
    """What a signed undo list holds is attached again; one that is not signed ends in the dead letters."""
    furnish(sandbox)
    sandbox.fleet.renew(CERTIFICATE, "P90D")  # the gateway attaches no expired certificate
    bound = sandbox.fleet.bindings()
    for gateway in (FIRST, SECOND):
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, gateway)
    detail = json.loads((ROOT / "events/eventbridge/detach_undo.json").read_text(encoding="utf-8"))["detail"]
    aws.put_event("detach_undo", **signed(detail["undo"], sandbox.project_id))
    until(sandbox.fleet.bindings, lambda bindings: bindings == bound)
    _is_drained(aws, "Undo")
    aws.call(
        "sqs",
        "SetQueueAttributes",
        QueueUrl=aws.outputs["UndoQueueUrl"],
        Attributes={"VisibilityTimeout": "3"},
    )
    sent = len(sandbox.journal.attaches())
    aws.put_event("detach_undo", undo=detail["undo"])
    until(lambda: aws.messages("UndoDeadLetters"), lambda waiting: waiting == 1, seconds=120)
    assert aws.take("UndoDeadLetters")["detail"] == {"undo": detail["undo"]}
    assert len(sandbox.journal.attaches()) == sent


def test_a_failing_event_is_received_four_times_and_kept(aws: Aws, sandbox: Sandbox) -> None:
    """It ends in the dead-letter queue as it was, while the one sent along with it succeeds."""
    furnish(sandbox)
    aws.call(
        "sqs",
        "SetQueueAttributes",  # twelve minutes between two receives is for real life
        QueueUrl=aws.outputs["CertificateExpiryQueueUrl"],
        Attributes={"VisibilityTimeout": "3"},
    )
    aws.put_event("certificate_expired", certificate_id=UNKNOWN)
    aws.put_event("certificate_expired", certificate_id=CERTIFICATE)
    until(lambda: aws.messages("CertificateExpiryDeadLetters"), lambda waiting: waiting == 1, seconds=120)
    assert [each.path[-32:] for each in sandbox.journal.apig() if each.error_code == "APIG.3021"] == [UNKNOWN] * 4
    dead = aws.take("CertificateExpiryDeadLetters")
    assert (dead["detail-type"], dead["detail"]) == ("Certificate Expired", {"certificate_id": UNKNOWN})
    assert sandbox.fleet.bindings() == set()
    _is_drained(aws, "CertificateExpiry")


def test_a_rule_matches_its_own_events_alone(aws: Aws) -> None:
    """Each event's file is matched by the rule of its kind, on the bus it comes on, and by no other."""
    matched: dict[str, list[str]] = {}
    for path in sorted((ROOT / "events/eventbridge").glob("*.json")):
        event = path.read_text(encoding="utf-8")
        bus = "default" if json.loads(event)["source"].startswith("aws.") else aws.outputs["EventBusName"]
        matched[path.stem] = [
            rule["Name"].split("-")[-2]  # the nested stack, the rule's name in the template, and letters at random
            for rule in aws.call("events", "ListRules", EventBusName=bus)["Rules"]
            if aws.call("events", "TestEventPattern", EventPattern=rule["EventPattern"], Event=event)["Result"]
        ]
    assert matched == {
        "acm_certificate_approaching_expiration": ["AcmCertificateRule"],
        "acm_certificate_expired": ["AcmCertificateRule"],
        "certificate_expired": ["CertificateExpiryRule"],
        "certificate_expiring": ["CertificateExpiryRule"],
        "cleanup_due": ["ScheduledCleanupRule"],
        "detach_undo": ["DetachUndoRule"],
        "domain_decommissioned": ["DomainDecommissionRule"],
        "scheduled_event": [],  # goes from a schedule straight to its target, and is on no bus
    }
