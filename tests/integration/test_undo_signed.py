"""Undo by event is for what we have signed ourselves; everything else is refused before anything is read."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import handle
from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import BlastRadiusExceeded, ConfigurationError, InvalidEvent
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.support.deliveries import cloudevent, eventbridge, smn, sqs, timer
from tests.support.leaks import WATCH
from tests.support.undo_key import signature, signed
from tests.support.undone import BINDINGS, UNDO, ago, detach_everything, undo
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, decommission, delivery, furnish

OTHER = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def detached(sandbox: Sandbox) -> Sandbox:
    """The certificate is valid, and its domain is there without it."""
    detach_everything(sandbox)
    return sandbox


def test_without_a_key_there_is_no_undo_by_event(detached: Sandbox, new_runtime):
    """It is a matter of the settings, whatever the event holds; nothing is sent, not even a login."""
    runtime = new_runtime(UNDO_KEY_URI="")
    for data in (UNDO, {"undo": UNDO}, signed(UNDO, detached.project_id), []):
        with pytest.raises(ConfigurationError, match=r"^UNDO_KEY_URI: not set") as caught:
            undo(runtime, data)
        assert not caught.value.retryable
    assert list(detached.journal) == []
    assert "undo_signature" not in decommission(runtime, domain=DOMAIN)


def test_a_signed_undo_attaches(detached: Sandbox, new_runtime):
    assert undo(new_runtime(), signed(UNDO, detached.project_id))["status"] == "attached"
    assert detached.fleet.bindings() == BINDINGS


def test_a_key_for_the_undo_is_read_from_its_own_address(detached: Sandbox, new_runtime, tmp_path: Path):
    """As a project of its own would: the credentials are elsewhere."""
    file = tmp_path / "key"
    WATCH.keep(file)
    key = "file-key-" + "f" * 40
    file.write_text(f"{key}\n", encoding="utf-8")
    runtime = new_runtime(UNDO_KEY_URI=f"file:{file}", OS_PROJECT_ID=detached.project_id)
    assert undo(runtime, signed(UNDO, detached.project_id, key=key))["status"] == "attached"


FORGED: dict[str, Any] = {
    "a bare list": (lambda _: UNDO, "undo_signature"),
    "no signature": (lambda _: {"undo": UNDO}, "undo_signature"),
    "no signature, and dry_run": (lambda _: {"undo": UNDO, "dry_run": True}, "undo_signature"),
    "a signature that is none": (lambda _: {"undo": UNDO, "undo_signature": "yes"}, "undo_signature"),
    "half a signature": (
        lambda project: {"undo": UNDO, "undo_signature": {"key_id": "0" * 16, "signed_at": ago()}},
        "undo_signature.signature",
    ),
    "another key": (lambda project: signed(UNDO, project, key="x" * 40), "undo_signature.key_id"),
    "another project": (lambda _: signed(UNDO, "f" * 32), "undo_signature.signature"),
    "too old": (lambda project: signed(UNDO, project, signed_at=ago(days=31)), "undo_signature.signed_at"),
    "from the future": (lambda project: signed(UNDO, project, signed_at=ago(minutes=-16)), "undo_signature.signed_at"),
    "made younger": (
        lambda project: {
            "undo": UNDO,
            "undo_signature": signature(UNDO, project, signed_at=ago(days=31)) | {"signed_at": ago()},
        },
        "undo_signature.signature",
    ),
    "an outcome with another list": (
        lambda project: {**signed(UNDO, project), "undo": [{**UNDO[0], "certificate_id": OTHER}]},
        "undo_signature.signature",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_is_not_ours_is_refused_before_anything_is_read(detached: Sandbox, new_runtime, what: str):
    """InvalidEvent, which no platform delivers again; the gateway is not asked at all."""
    make, field = FORGED[what]
    with pytest.raises(InvalidEvent) as caught:
        undo(new_runtime(), make(detached.project_id))
    assert caught.value.field == field
    assert not caught.value.retryable
    assert detached.journal.apig() == []
    if field != "undo_signature.signature":  # to check a signature, the project has to be known
        assert list(detached.journal) == []


def test_a_captured_undo_is_refused_once_it_is_too_old(detached: Sandbox, new_runtime):
    """DETACH_MAX_UNDO_AGE counts from the detach, not from the event."""
    captured = signed(UNDO, detached.project_id, signed_at=ago(hours=25))
    assert undo(new_runtime(), captured)["status"] == "attached"
    with pytest.raises(InvalidEvent, match="longer ago than DETACH_MAX_UNDO_AGE allows"):
        undo(new_runtime(DETACH_MAX_UNDO_AGE="P1D"), captured)


@pytest.mark.parametrize("days", [60, -60])
def test_a_wrong_clock_makes_no_undo_young(detached: Sandbox, new_runtime, days: int):
    """Ours is sixty days behind the gateway's, or ahead of it: it shows at the first reading, before any write."""
    theirs = format_datetime(datetime.now(UTC) + timedelta(days=days), usegmt=True)
    body = json.dumps({"total": 0, "size": 0, "groups": []})
    details = json.dumps({"id": CERTIFICATE, "common_name": DOMAIN, "not_after": FAR_AHEAD.isoformat()})
    for path, raw_body in (("/api-groups", body), (f"/{CERTIFICATE}$", details)):
        fault = Fault(service="apig", path=path, method="GET", status=200, raw_body=raw_body, headers={"Date": theirs})
        detached.faults.add(fault)
    with pytest.raises(ConfigurationError, match="the clocks differ by more than 15 minutes"):
        undo(new_runtime(), signed(UNDO, detached.project_id, signed_at=ago(days=1)))
    assert detached.journal.attaches() == []


ENVELOPES: dict[str, Any] = {
    "a CloudEvent": lambda data: delivery(json.dumps(cloudevent("apig.detach.undo", data=data))),
    "a CloudEvent in binary mode": lambda data: Delivery(
        json.dumps(data),
        Deadline.after(20),
        headers={"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ops", "ce-type": "apig.detach.undo"},
    ),
    "an event of EventBridge": lambda data: delivery(eventbridge("Detach Undo", detail=data)),
    "a message of SQS": lambda data: delivery(sqs(eventbridge("Detach Undo", detail=data))),
    "bare data in a message of SQS": lambda data: delivery(sqs(data), "undo"),
    "a message of SMN": lambda data: delivery(smn(cloudevent("apig.detach.undo", data=data))),
    "bare data in a message of SMN": lambda data: delivery(smn(data), "undo"),
    "a timer": lambda data: delivery(timer(json.dumps(cloudevent("apig.detach.undo", data=data)), time=None)),
    "bare data": lambda data: delivery(data, "undo"),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_every_envelope_needs_the_signature_and_carries_it(detached: Sandbox, new_runtime, envelope: str):
    """None of them is a way around it."""
    runtime = new_runtime()
    with pytest.raises(InvalidEvent) as caught:
        handle(ENVELOPES[envelope]({"undo": UNDO}), runtime)
    assert caught.value.field == "undo_signature"
    assert list(detached.journal) == []
    outcome = handle(ENVELOPES[envelope](signed(UNDO, detached.project_id)), runtime)
    assert (outcome.status, detached.fleet.bindings()) == ("attached", BINDINGS)


def test_a_dry_run_of_a_signed_undo_attaches_nothing(detached: Sandbox, new_runtime):
    """`dry_run` and `context` are not signed: they can only make the event harmless, or tell of it."""
    data = signed(UNDO, detached.project_id) | {"dry_run": True, "context": {"ticket": "CHG-7"}}
    outcome = undo(new_runtime(), data)
    assert (outcome["status"], outcome["context"]) == ("dry_run", {"ticket": "CHG-7"})
    assert detached.journal.attaches() == []


def test_a_refused_undo_counts_as_an_invalid_event(detached: Sandbox, new_runtime, capsys):
    """And is reported with the field that is wrong."""
    with pytest.raises(InvalidEvent):
        undo(new_runtime(), UNDO)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metrics] = [line for line in lines if "_aws" in line]
    assert (metrics["kind"], metrics["InvalidEvents"], metrics["EventsFailed"]) == ("undo", [1.0], [1.0])


def test_one_decommission_and_one_forged_undo(sandbox: Sandbox, new_runtime):
    """Client verification off, another certificate, 500 protected domains under a cap of 1: nothing is attached."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=LONG_AGO, type="global")
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, FIRST)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, FIRST, verified_client_certificate_enabled=True)
    names = [f"host{number}.shop.example.com" for number in range(500)]
    for name in names:
        sandbox.fleet.add_domain(name, FIRST)
    runtime = new_runtime(DETACH_MAX_BINDINGS="2", DETACH_PROTECTED_DOMAINS="*.shop.example.com")
    outcome = decommission(runtime, domain=DOMAIN)
    assert sandbox.fleet.bindings() == set()

    def entry(certificate_id: str, *domains: str) -> dict[str, Any]:
        flags = {"instance_ids": [FIRST], "verified_client_certificate_enabled": False}
        return {"certificate_id": certificate_id, "domains": [{"domain": domain, **flags} for domain in domains]}

    forged: tuple[list[dict[str, Any]], ...] = (
        [entry(CERTIFICATE, DOMAIN)],  # client verification off
        [entry(OTHER, DOMAIN)],  # another certificate
        [entry(CERTIFICATE, *names)],  # 500 protected domains
        [*outcome["undo"], entry(OTHER, *names)],  # ours, and more
    )
    calls = len(sandbox.journal)
    for undo_list in forged:
        for data in (undo_list, {"undo": undo_list}, outcome | {"undo": undo_list}):
            with pytest.raises(InvalidEvent):
                undo(runtime, data)
    assert len(sandbox.journal) == calls
    # Even with a signature, the guards hold: what is protected is kept, and a plan above the cap is refused whole.
    attached = undo(runtime, signed([entry(CERTIFICATE, *names[:2])], sandbox.project_id))
    assert attached["status"] == "nothing_to_attach"
    for most in (2, 500):
        with pytest.raises(BlastRadiusExceeded):
            undo(runtime, signed([entry(CERTIFICATE, *names[:most], DOMAIN)], sandbox.project_id))
    assert sandbox.journal.attaches() == []
    assert undo(runtime, outcome)["status"] == "attached"  # what is really ours still works
