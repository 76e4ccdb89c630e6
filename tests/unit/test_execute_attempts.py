"""Executing a plan when the API changes a part at each attempt, and answers as if it had failed."""

import json
from datetime import UTC, datetime

import pytest

from shared.apig.client import ApigClient
from shared.core.delivery import Deadline
from shared.core.guards import Policy
from shared.core.models import Binding, Certificate
from shared.core.plan import Entry, Plan
from shared.reconcile.execute import execute
from shared.transport.send import Call, Transport
from shared.transport.tls import new_client
from tests.support.listener import Answer, Heard, listening

CERTIFICATE = Certificate("a27be832f2e9441c8127fe48e3b5ac67")
GATEWAYS = [f"{number:032x}" for number in range(1, 6)]
DOMAIN = "a.example.com"


class PartlyDone:
    """A gateway API that detaches one of the bindings at each request, and answers with 500."""

    def __init__(self) -> None:
        self.bound = list(GATEWAYS)

    def __call__(self, heard: Heard) -> Answer:
        if heard.method == "POST":
            [entry] = json.loads(heard.body)["domains"]
            self.bound.remove(entry["instance_ids"][0])
            return 500, json.dumps({"error_code": "APIG.9999", "error_msg": "failed"})
        rows = [{"url_domain": DOMAIN, "instance_id": instance_id, "status": 1} for instance_id in self.bound]
        return 200, json.dumps({"bound_domains": rows, "total": len(rows), "size": len(rows)})


@pytest.fixture
def api() -> PartlyDone:
    return PartlyDone()


@pytest.mark.parametrize(
    ("attempts", "gateways"),
    [
        (4, 4),
        (1, 2),
        (4, 5),
    ],
)
def test_what_is_detached_bit_by_bit_ends_well_or_with_an_error_of_the_api(api, attempts, gateways):
    """Whatever the number of attempts, the outcome has each binding, and those that are gone are in its undo."""
    calls: list[Call] = []
    api.bound = GATEWAYS[:gateways]
    with listening(api) as listener, new_client(None) as http:
        transport = Transport(http, 10, attempts, Deadline.after(20), calls.append, sleep=lambda seconds: None)
        client = ApigClient(transport, None, listener.url, "3" * 32)
        bindings = tuple(Binding(DOMAIN, instance_id) for instance_id in GATEWAYS[:gateways])
        plan = Plan("detach", CERTIFICATE, (Entry(bindings),))
        outcome = execute(plan, client, Policy(), lambda: datetime.now(UTC))
    assert [result.binding for result in outcome.results] == list(bindings)
    gone = tuple(binding for binding in bindings if binding.instance_id not in api.bound)
    assert set(gone) <= set(outcome.ours)
    assert outcome.already == gone
    assert outcome.status == ("failed" if api.bound else "detached")
