"""Plans, reports and outcomes are signed; what could not be signed is not detached."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import ConfigurationError, Unavailable
from tests.conftest import FAR_AHEAD
from tests.support.broker import broker
from tests.support.fleets import counted_fleet
from tests.support.leaks import WATCH
from tests.support.listener import listening
from tests.support.undo_key import signature
from tests.support.world import CERTIFICATE, DOMAIN, decommission, expire, furnish, send


def is_signed(fields: dict[str, Any], project_id: str) -> bool:
    """Whether an independent signer says the same."""
    told = fields["undo_signature"]
    return bool(told == signature(fields["undo"], project_id, signed_at=told["signed_at"]))


def test_plan_report_and_outcome_are_signed(sandbox: Sandbox, new_runtime, caplog):
    """Each by itself, and each will do as the data of an undo."""
    furnish(sandbox, not_after=FAR_AHEAD)
    outcome = decommission(new_runtime(), domain=DOMAIN)
    lines = [record.__dict__ for record in caplog.records if record.message in ("detach.plan", "detach.report")]
    assert [line["message"] for line in lines] == ["detach.plan", "detach.report"]
    for fields in (outcome, *lines):
        assert is_signed(fields, sandbox.project_id)
    assert abs(datetime.fromisoformat(outcome["undo_signature"]["signed_at"]) - datetime.now(UTC)) < timedelta(
        seconds=5
    )


def test_each_part_of_a_long_report_is_signed_by_itself(sandbox: Sandbox, new_runtime, caplog):
    """So is each plan; a part can be undone without the others."""
    counted = counted_fleet(3, 50, 20, every=1)
    sandbox.reset(counted.fleet)
    outcome = send(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="3000"), "scheduled_cleanup", {}).to_dict()
    reports = [record.__dict__ for record in caplog.records if record.message == "detach.report"]
    plans = [record.__dict__ for record in caplog.records if record.message == "detach.plan"]
    assert (len(reports), len(plans)) == (6, 150)
    assert len({report["undo_signature"]["signature"] for report in reports}) == 6
    assert all(is_signed(fields, sandbox.project_id) for fields in (outcome, *reports, *plans))


def test_an_outcome_that_failed_is_signed_too(sandbox: Sandbox, new_runtime):
    """What was done before the failure can be undone."""
    furnish(sandbox, domains=("a.example.com", "b.example.com"))
    sandbox.faults.add(Fault(path="/domains/detach", nth=2, error_code="APIG.3718", times=None))
    with pytest.raises(Unavailable) as caught:
        expire(new_runtime(DETACH_BATCH_SIZE="1", HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    assert caught.value.outcome is not None
    assert caught.value.outcome["undo"]
    assert is_signed(caught.value.outcome, sandbox.project_id)


def test_what_detaches_nothing_needs_no_key(sandbox: Sandbox, new_runtime):
    """A dry run, a certificate that is not due, nothing bound: the key is not read, and no guard costs a call."""
    furnish(sandbox)
    broken = new_runtime(UNDO_KEY_URI="file:/nowhere/key")
    assert (
        "undo_signature"
        not in send(broken, "certificate_expiry", {"certificate_id": CERTIFICATE, "dry_run": True}).to_dict()
    )
    sandbox.fleet.renew(CERTIFICATE, "P90D")
    assert expire(broken, certificate_id=CERTIFICATE)["status"] == "not_due"
    assert decommission(broken, domain="elsewhere.example.com")["status"] == "nothing_to_detach"


def test_a_clean_up_that_only_tells_its_sink_needs_no_key(sandbox: Sandbox, new_runtime):
    """The function that detaches signs."""
    furnish(sandbox)
    with broker() as sink:
        outcome = send(new_runtime(UNDO_KEY_URI="file:/nowhere/key", K_SINK=sink.url), "scheduled_cleanup", {})
    assert outcome.to_dict()["emitted"] == 1


def test_signing_costs_no_call(sandbox: Sandbox, new_runtime):
    """An expiry takes its three calls, signed or not."""
    furnish(sandbox)
    assert "undo_signature" in expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.apig()) == 3


@pytest.mark.parametrize("kind", ["certificate_expiry", "scheduled_cleanup"])
def test_a_key_store_that_is_down_fails_the_event_before_the_first_write(sandbox: Sandbox, new_runtime, kind: Any):
    """What could not be undone by event is not detached. The event comes again, and succeeds then."""
    furnish(sandbox)
    data = {"certificate_id": CERTIFICATE} if kind == "certificate_expiry" else {}
    answer: list[tuple[int, str]] = [(503, "{}")]
    with listening(lambda _: answer[0]) as vault:
        runtime = new_runtime(
            UNDO_KEY_URI="vault:kv/undo", VAULT_ADDR=vault.url, VAULT_TOKEN="t" * 20, HTTP_ATTEMPTS="1"
        )
        with pytest.raises(Unavailable, match=r"UNDO_KEY_URI: vault:kv/undo: .*503"):
            send(runtime, kind, data)
        assert sandbox.journal.detaches() == []
        key = "vault-key-" + "v" * 32
        WATCH.add((key,))
        answer[0] = (200, json.dumps({"data": {"data": {"key": [key]}}}))
        outcome = send(runtime, kind, data).to_dict()
    told = outcome["undo_signature"]
    assert told == signature(outcome["undo"], sandbox.project_id, key=key, signed_at=told["signed_at"])
    assert {heard.target for heard in vault.heard} == {"/v1/kv/data/undo"}


def test_a_key_that_is_too_short_changes_nothing(sandbox: Sandbox, new_runtime):
    """The error names the setting, and never the key."""
    furnish(sandbox)
    with pytest.raises(ConfigurationError, match="UNDO_KEY_URI: key 1 of 1 is too short"):
        expire(new_runtime(TEST_UNDO_KEY="short-and-secret"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("hunter:x", "UNDO_KEY_URI: unknown scheme 'hunter'"),
        ("env:", "UNDO_KEY_URI: 'env:' names nothing"),
        ("file:relative", "UNDO_KEY_URI: file:relative is relative"),
        ("vault:kv/undo", "VAULT_ADDR: not set; UNDO_KEY_URI vault:kv/undo needs"),
    ],
)
def test_a_wrong_address_is_told_with_its_own_setting(new_runtime, uri: str, told: str):
    """At the start of a process, as that of the credentials is."""
    with pytest.raises(ConfigurationError) as caught:
        new_runtime(UNDO_KEY_URI=uri).check()
    assert caught.value.message.startswith(told)
    assert "SECRET_URI" not in caught.value.message


def test_an_empty_variable_is_told_with_its_own_setting(sandbox: Sandbox, new_runtime):
    """Also when the store is read."""
    furnish(sandbox)
    with pytest.raises(ConfigurationError, match=r"^UNDO_KEY_URI: env:TEST_UNDO_KEY is not set, or empty$"):
        expire(new_runtime(TEST_UNDO_KEY=" "), certificate_id=CERTIFICATE)
