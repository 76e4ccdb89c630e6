"""Bad input: one InvalidEvent that names the field, and nothing is sent to anybody."""

import json

import pytest

from handlers import handle, plan_cleanup, refuse
from sandbox import Sandbox
from shared.core.delivery import MAX_BYTES, Deadline, Delivery
from shared.core.errors import InvalidEvent
from tests.support.world import CERTIFICATE, FIRST, furnish

EXPIRED = {"specversion": "1.0", "id": "1", "source": "/test", "type": "apig.certificate.expired"}


def event(data: object) -> bytes:
    return json.dumps(EXPIRED | {"data": data}).encode()


BAD = {
    "no address": (event({}), "data.certificate_id"),
    "null": (event({"certificate_id": None}), "data.certificate_id"),
    "number for an id": (event({"certificate_id": 12}), "data.certificate_id"),
    "list for an id": (event({"certificate_id": [CERTIFICATE]}), "data.certificate_id"),
    "object for an id": (event({"certificate_id": {"id": CERTIFICATE}}), "data.certificate_id"),
    "path up": (event({"certificate_id": "../" + CERTIFICATE}), "data.certificate_id"),
    "quoted slash": (event({"certificate_id": CERTIFICATE + "%2fdomains"}), "data.certificate_id"),
    "line break": (event({"certificate_id": CERTIFICATE + "\n"}), "data.certificate_id"),
    "upper case": (event({"certificate_id": CERTIFICATE.upper()}), "data.certificate_id"),
    "no gateways": (event({"certificate_id": CERTIFICATE, "instance_ids": []}), "data.instance_ids"),
    "common": (event({"certificate_id": CERTIFICATE, "instance_ids": ["common"]}), "data.instance_ids[0]"),
    "gateways as text": (event({"certificate_id": CERTIFICATE, "instance_ids": "all"}), "data.instance_ids"),
    "no domains": (event({"certificate_id": CERTIFICATE, "domains": []}), "data.domains"),
    "no name": (event({"certificate_id": CERTIFICATE, "domains": ["a.example.com", "*"]}), "data.domains[1].domain"),
    "name with a path": (event({"certificate_id": CERTIFICATE, "domains": ["a/../b"]}), "data.domains[0].domain"),
    "flag as text": (
        event(
            {
                "certificate_id": CERTIFICATE,
                "domains": [{"domain": "a.example.com", "verified_client_certificate_enabled": "no"}],
            }
        ),
        "data.domains[0].verified_client_certificate_enabled",
    ),
    "data missing": (json.dumps(EXPIRED).encode(), "data.certificate_id"),
    "data a list": (event([]), "data"),
    "unknown type": (json.dumps(EXPIRED | {"type": "apig.certificate.created", "data": {}}).encode(), "type"),
    "no type": (b'{"specversion":"1.0","id":"1","source":"/"}', "type"),
    "not JSON": (b'{"specversion":', "body"),
    "not UTF-8": (b"\xff\xfe{}", "body"),
    "empty": (b"", "body"),
    "a number": (b"1", "body"),
    "huge": (b" " * (MAX_BYTES + 1), "body"),
    "deep": (b"[" * 100_000, "body"),
    "deep object": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "body"),
    "long number": (b'{"a":' + b"9" * 10_000 + b"}", "body"),
    "named twice": (b'{"instance_ids":["a"],"instance_ids":null}', "body"),
}


@pytest.mark.parametrize(("raw", "field"), BAD.values(), ids=BAD)
def test_bad_input_is_one_error_that_names_the_field(sandbox: Sandbox, new_runtime, raw: bytes, field: str):
    """One InvalidEvent that begins with the field's name; neither IAM nor API Gateway hears of it."""
    furnish(sandbox)
    runtime = new_runtime()
    with pytest.raises(InvalidEvent) as caught:
        handle(Delivery(raw, Deadline.after(5)), runtime)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")
    assert len(caught.value.message) < 400
    assert list(sandbox.journal) == []
    assert len(sandbox.fleet.bindings()) == 2


def test_an_event_may_carry_a_context_for_its_readers(sandbox: Sandbox, new_runtime, caplog):
    """A ticket, a person, a reason: it stands in the outcome and in the log lines of plan and report."""
    furnish(sandbox)
    context = {"ticket": "CHG0031872", "owner": {"team": 7}}
    raw = event({"certificate_id": CERTIFICATE, "context": context})
    outcome = handle(Delivery(raw, Deadline.after(5)), new_runtime()).to_dict()
    assert (outcome["status"], outcome["context"]) == ("detached", context)
    lines = [record for record in caplog.records if record.message in ("detach.plan", "detach.report")]
    assert [line.context for line in lines] == [context, context]


def test_an_event_may_ask_for_a_dry_run(sandbox: Sandbox, new_runtime):
    """It makes the event harmless, and never the reverse: `false` does not end a dry run of the settings."""
    furnish(sandbox)
    raw = event({"certificate_id": CERTIFICATE, "dry_run": True})
    outcome = handle(Delivery(raw, Deadline.after(5)), new_runtime()).to_dict()
    assert (outcome["status"], outcome["dry_run"]) == ("dry_run", True)
    raw = event({"certificate_id": CERTIFICATE, "dry_run": False})
    outcome = handle(Delivery(raw, Deadline.after(5)), new_runtime(DETACH_DRY_RUN="true")).to_dict()
    assert (outcome["status"], outcome["dry_run"]) == ("dry_run", True)
    assert sandbox.journal.detaches() == []
    cleanup = json.dumps(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "/",
            "type": "apig.cleanup.due",
            "data": {"dry_run": True, "context": {"why": "look"}},
        }
    ).encode()
    page = plan_cleanup(Delivery(cleanup, Deadline.after(5)), new_runtime()).to_dict()
    assert page["certificates"] == [{"certificate_id": CERTIFICATE, "dry_run": True, "context": {"why": "look"}}]


@pytest.mark.parametrize("narrowing", [{"domain": "x.example.com"}, {"instance_id": [FIRST]}, {"Domains": ["x.org"]}])
def test_a_misspelt_narrowing_detaches_nothing(sandbox: Sandbox, new_runtime, narrowing: dict):
    """Left out, it would detach everything that the certificate is bound to."""
    furnish(sandbox)
    with pytest.raises(InvalidEvent, match="unknown field; did you mean"):
        handle(Delivery(event({"certificate_id": CERTIFICATE, **narrowing}), Deadline.after(5)), new_runtime())
    assert list(sandbox.journal) == []


def test_the_report_of_what_was_not_understood_has_the_functions_own_kind(new_runtime, caplog):
    """Whether its event, its page or its delivery could not be read: it counts as a failure of that function."""
    bad = Delivery(b"{", Deadline.after(5), "domain_decommission")
    with pytest.raises(InvalidEvent):
        handle(bad, new_runtime())
    with pytest.raises(InvalidEvent):
        plan_cleanup(Delivery(b"{", Deadline.after(5)), new_runtime())
    refuse(InvalidEvent("body", "expected JSON"), "undo")
    reports = [record for record in caplog.records if record.message == "detach.report"]
    assert [(report.kind, report.status, report.error) for report in reports] == [
        ("domain_decommission", "failed", "InvalidEvent"),
        ("scheduled_cleanup", "failed", "InvalidEvent"),
        ("undo", "failed", "InvalidEvent"),
    ]
