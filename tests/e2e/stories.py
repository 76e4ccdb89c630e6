"""What is killed: an expiry, a decommission, a clean-up and an undo, each over the same fleet, with its event."""

import json
from typing import Any

from handlers import handle
from sandbox import Fleet
from shared.core.delivery import Deadline, Delivery
from shared.wiring import Runtime
from tests.e2e.witness import Row, row
from tests.support.deliveries import cloudevent, sqs

# A certificate is due two days before its end. So what is detached from those that end tomorrow can be attached again.
SETTINGS = {"DETACH_EXPIRY_GRACE": "-P2D", "DETACH_BATCH_SIZE": "3"}
TOMORROW, NEXT_YEAR = "P1D", "P365D"
GATEWAYS = ("7d39549681c54d968ec2910da9da95cd", "f0fa1789-3b76-433b-a787-9892951c620e")
NAME = "*.shop.example.com"

# The data of each event, and how many requests it takes at least, the login included.
EVENTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "expiry": ("apig.certificate.expired", {"common_name": NAME}, 10),
    "decommission": (
        "apig.domain.decommissioned",
        {"domains": ["d0.shop.example.com", "d3.shop.example.com", "b1.shop.example.com", "v0.shop.example.com"]},
        10,
    ),
    "clean-up": ("apig.cleanup.due", {}, 18),
}
UNDO_CALLS = 26  # of the undo of that clean-up
BATCH_CALLS = 27  # of all three, one after the other


def shop() -> Fleet:
    """Two gateways, and three certificates of one name: two of them end tomorrow, and so do eight more."""
    fleet = Fleet()
    for gateway in GATEWAYS:
        fleet.add_gateway(id=gateway)
    first, second = GATEWAYS
    everywhere = fleet.add_certificate(common_name=NAME, not_after=TOMORROW, type="global").id
    for number in range(7):
        for place, gateway in enumerate(GATEWAYS):
            verified = (number + place) % 3 == 0  # on one gateway alone
            fleet.carry(fleet.add_domain(f"d{number}.shop.example.com", gateway), everywhere, verified)
    beside = fleet.add_certificate(common_name=NAME, not_after=TOMORROW, instance_id=first).id
    valid = fleet.add_certificate(common_name=NAME, not_after=NEXT_YEAR, instance_id=second).id
    for number in range(3):
        fleet.carry(fleet.add_domain(f"b{number}.shop.example.com", first), beside, number == 1)
        fleet.carry(fleet.add_domain(f"v{number}.shop.example.com", second), valid, number == 0)
    for number in range(8):
        gateway = GATEWAYS[number % 2]
        other = fleet.add_certificate(common_name=f"*.c{number}.example.com", not_after=TOMORROW, instance_id=gateway)
        for domain in range(3):
            fleet.carry(fleet.add_domain(f"d{domain}.c{number}.example.com", gateway), other.id, domain == 2)
    return fleet


def bound(fleet: Fleet) -> set[Row]:
    """All bindings of a fleet."""
    return {each for each in map(row, fleet.domains.values()) if each is not None}


def rows(entries: list[dict[str, Any]]) -> set[Row]:
    """The same of an `undo`, or of what a line `attach.plan` tells."""
    return {
        (entry["certificate_id"], domain["domain"], gateway, domain["verified_client_certificate_enabled"])
        for entry in entries
        for domain in entry["domains"]
        for gateway in domain["instance_ids"]
    }


def staying(story: str, before: set[Row]) -> set[Row]:
    """What the event leaves: counted from the fleet above, not from what is asked."""
    going = {
        "expiry": lambda name: name.endswith(".shop.example.com") and name[0] != "v",
        "decommission": lambda name: name in EVENTS["decommission"][1]["domains"],
        "clean-up": lambda name: name[0] != "v",
    }[story]
    return {each for each in before if not going(each[1])}


def text_of(story: str) -> str:
    """The event as its sender writes it."""
    kind, data, _ = EVENTS[story]
    return json.dumps(cloudevent(kind, data=data))


def batch_text() -> str:
    """All three in a batch of SQS."""
    messages = [sqs(text_of(story), messageId=story, messageAttributes={}, attributes={}) for story in EVENTS]
    return json.dumps({"Records": messages})


def undo_text(data: Any) -> str:
    """An undo event with an outcome, or with a line of the log, as its data."""
    return json.dumps(cloudevent("apig.detach.undo", data=data))


def carry_out(runtime: Runtime, text: str) -> dict[str, Any]:
    """The outcome's JSON."""
    return handle(Delivery(text, Deadline.after(60)), runtime).to_dict()
