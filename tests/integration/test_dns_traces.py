"""Traces of DNS deletions: what decommissions a domain, and what does not."""

from collections.abc import Callable
from typing import Any

import pytest

from handlers import handle
from sandbox import Sandbox
from shared.core.errors import InvalidEvent
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD
from tests.support.deliveries import cts, smn, sqs
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, delivery, furnish

NewRuntime = Callable[..., Runtime]
GONE, LIVE = 4, 3  # status of a CNAME: failed, resolved


def world(sandbox: Sandbox, status: int = GONE) -> None:
    """A domain with a valid certificate on two gateways, whose CNAME has that status."""
    furnish(sandbox, domains=(), not_after=FAR_AHEAD)
    for instance_id in (FIRST, SECOND):
        sandbox.fleet.add_domain(DOMAIN, instance_id, status=status)
        sandbox.fleet.bind(CERTIFICATE, DOMAIN, instance_id)


def handled(runtime: Runtime, **trace: Any) -> dict[str, Any]:
    return handle(delivery(cts(**{"resource_name": f"{DOMAIN}.", **trace})), runtime).to_dict()


@pytest.mark.parametrize("name", ["deletePublicRecordSet", "deletePublicZone"])
def test_a_public_deletion_decommissions(sandbox: Sandbox, new_runtime: NewRuntime, name: str):
    """A name that no longer resolves loses its certificate, valid or not; the outcome tells who deleted it."""
    world(sandbox)
    user = {"name": "dns-admin", "id": "e14aed517380466cac2d109877a5ac6b"}
    outcome = handled(new_runtime(), trace_name=name, service_type="DNS", user=user)
    assert (outcome["status"], outcome["source"]) == ("detached", "DNS/dns-admin/e14aed517380466cac2d109877a5ac6b")
    assert sandbox.fleet.bindings() == set()


@pytest.mark.parametrize("name", ["deletePrivateRecordSet", "deletePrivateZone"])
@pytest.mark.parametrize("carried", [lambda trace: trace, smn, sqs, lambda trace: sqs(smn(trace))])
def test_a_private_zone_is_anyones_to_delete(
    sandbox: Sandbox, new_runtime: NewRuntime, name: str, carried: Callable[[Any], Any]
):
    """Its traces are off, however they arrive. A setting takes them."""
    world(sandbox)
    trace = carried(cts(name, resource_name=DOMAIN))
    with pytest.raises(InvalidEvent, match="DETACH_PRIVATE_ZONES=true") as caught:
        handle(delivery(trace), new_runtime())
    assert caught.value.field == "cts.trace_name"
    assert len(sandbox.fleet.bindings()) == 2
    assert list(sandbox.journal.apig()) == []
    assert handle(delivery(trace), new_runtime(DETACH_PRIVATE_ZONES="true")).status == "detached"
    assert sandbox.fleet.bindings() == set()


@pytest.mark.parametrize(
    ("settings", "name", "kept"),
    [
        ({}, "deletePublicRecordSet", True),
        ({}, "deletePublicZone", True),
        ({"DETACH_PRIVATE_ZONES": "true"}, "deletePrivateRecordSet", True),
        ({"DETACH_LIVE_DOMAINS": "keep"}, "deletePublicRecordSet", True),
        ({"DETACH_LIVE_DOMAINS": "detach"}, "deletePublicRecordSet", False),
    ],
)
def test_a_live_domain_is_kept_unless_a_setting_says_otherwise(
    sandbox: Sandbox, new_runtime: NewRuntime, settings: dict[str, str], name: str, kept: bool
):
    """To replace a record is to delete it and to make it again: its domain still resolves."""
    world(sandbox, LIVE)
    outcome = handled(new_runtime(**settings), trace_name=name)
    if kept:
        assert outcome["status"] == "nothing_to_detach"
        [certificate] = outcome["certificates"]
        assert certificate["kept"] == [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST], "reason": "live"}]
        assert sandbox.journal.detaches() == []
    else:
        assert outcome["status"] == "detached"
        assert sandbox.fleet.bindings() == set()


def test_another_decommission_of_a_live_domain_is_carried_out(sandbox: Sandbox, new_runtime: NewRuntime):
    """Whoever sends it names the domain: only for what a trace says, `keep` is the default."""
    world(sandbox, LIVE)
    assert handle(delivery({"domain": DOMAIN}, "domain_decommission"), new_runtime()).status == "detached"


@pytest.mark.parametrize(
    "trace",
    [
        {"trace_rating": None, "trace_status": "warning", "code": 403},
        {"trace_rating": None, "trace_status": "incident"},
        {"trace_rating": "warning", "trace_status": "normal", "code": 0},
        {"trace_rating": "normal", "trace_status": "warning"},
        {"trace_rating": None, "code": 400},
        {"trace_rating": None, "code": "403"},
        {"code": 500},
        {"request": {"name": DOMAIN, "type": "AAAA"}},
        {"response": f'{{"name": "{DOMAIN}.", "type": "AAAA"}}'},
        {"response": {"type": "A"}, "request": {"type": "AAAA"}},
        {"response": {"type": "TXT"}},
        {"trace_name": "BatchDisassociateDomains"},
        {"trace_name": "createPublicRecordSet"},
    ],
)
def test_what_is_no_decommission_changes_nothing(sandbox: Sandbox, new_runtime: NewRuntime, trace: dict[str, Any]):
    """A deletion that failed, that of an AAAA alone, and our own call: nobody is even asked."""
    world(sandbox)
    with pytest.raises(InvalidEvent, match="^cts"):
        handled(new_runtime(), **trace)
    assert len(sandbox.fleet.bindings()) == 2
    assert list(sandbox.journal) == []
