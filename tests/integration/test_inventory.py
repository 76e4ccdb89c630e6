"""What a clean-up lists: several gateways at a time, in both of its listings."""

import json
import threading
from datetime import UTC, datetime

import pytest

from shared.apig.client import ApigClient
from shared.core.delivery import Deadline
from shared.core.guards import Policy
from shared.reconcile.inventory import Wanted, take_inventory
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.listener import Answer, Heard, listening

GATEWAYS = [f"{number:032x}" for number in range(1, 9)]
CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"


class Waiting:
    """A gateway API that answers a listing once so many of its gateways have been asked at the same time."""

    def __init__(self, together: int) -> None:
        self.together = threading.Barrier(together)

    def __call__(self, heard: Heard) -> Answer:
        if heard.target.split("?")[0].endswith("/instances"):
            return self.page("instances", [{"id": each, "status": "Running"} for each in GATEWAYS])
        try:
            self.together.wait(timeout=5)
        except threading.BrokenBarrierError:
            return 403, json.dumps({"error_code": "APIG.1301", "error_msg": "nobody else has asked"})
        if "/certificates?" in heard.target:
            return self.page("certs", [{"id": CERTIFICATE, "not_after": "2021-04-26T09:03:30Z"}])
        [instance_id] = [each for each in GATEWAYS if each in heard.target]
        domain = {"domain": f"{instance_id}.example.com", "ssl_id": CERTIFICATE, "cname_status": 1}
        return self.page("groups", [{"url_domains": [{**domain, "verified_client_certificate_enabled": False}]}])

    @staticmethod
    def page(key: str, rows: list) -> Answer:
        return 200, json.dumps({key: rows, "total": len(rows), "size": len(rows)})


@pytest.mark.parametrize(("concurrency", "together"), [(1, 1), (2, 2), (16, 4)])
def test_gateways_are_listed_side_by_side(concurrency: int, together: int):
    """As many as DETACH_CONCURRENCY says, and four at most: a page takes memory."""
    with listening(Waiting(together)) as api, new_client(None) as http:
        client = ApigClient(Transport(http, 10, 1, Deadline.after(20), lambda _: None), None, api.url, "3" * 32)
        policy = Policy(concurrency=concurrency)
        inventory = take_inventory(client, policy, lambda: datetime.now(UTC), Wanted())
    assert (inventory.gateways, inventory.instance_ids) == ((), frozenset(GATEWAYS))
    [listed] = inventory.due
    assert {binding.instance_id for binding in listed.bindings or ()} == set(GATEWAYS)
