"""Certificates that many events mean at once, those events, a neighbour who renews and re-binds, and faults."""

import json
import random
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sandbox import Fault
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.e2e.witness import Row, WatchedFleet
from tests.support.deliveries import cloudevent
from tests.support.undo_key import signed

GATEWAYS = (
    "7d39549681c54d968ec2910da9da95cd",
    "f0fa1789-3b76-433b-a787-9892951c620e",
    "1d6b1cf2a7d94c0f8e9b5a3c4d2e1f00",
)
NAMES = 4  # of each certificate


@dataclass
class Scene:
    """The fleet, and what is sent about it.

    By the letter of their names, certificates are (e)xpired, of (d)ecommissioned domains, whose detach is (u)ndone,
    (b)oth decommissioned and undone, or (v)alid and left alone. `lasting` events change nothing more once all are
    handled; what becomes of `b` depends on who comes last.
    """

    project_id: str
    fleet: WatchedFleet = field(default_factory=WatchedFleet)
    ids: dict[str, str] = field(default_factory=dict)  # by name: e0, e1, …
    rows: dict[str, list[Row]] = field(default_factory=dict)
    lasting: list[str] = field(default_factory=list)
    contrary: list[str] = field(default_factory=list)
    decommissioned: set[str] = field(default_factory=set)
    undone: set[Row] = field(default_factory=set)
    taken: set[Row] = field(default_factory=set)
    numbers: "count[int]" = field(default_factory=count)

    def certificates(self, letter: str) -> list[str]:
        """The names of those certificates."""
        return [name for name in self.ids if name[0] == letter]

    def bindings(self, letter: str) -> set[Row]:
        """What they are or were bound to."""
        return {row for name in self.certificates(letter) for row in self.rows[name]}

    def event(self, kind: str, **data: Any) -> str:
        """An event with an id of its own."""
        return json.dumps(cloudevent(kind, id=f"event-{next(self.numbers)}", data=data))

    def decommission(self, *names: str) -> str:
        """These domains are taken out of service."""
        self.decommissioned.update(names)
        return self.event("apig.domain.decommissioned", domains=list(names))

    def undo(self, rows: list[Row]) -> str:
        """These were detached, and are to be attached again."""
        self.undone.update(rows)
        domains: dict[str, list[dict[str, Any]]] = {}
        for certificate_id, domain, gateway, verified in rows:
            entry = {"domain": domain, "instance_ids": [gateway], "verified_client_certificate_enabled": verified}
            domains.setdefault(certificate_id, []).append(entry)
        undo = [{"certificate_id": each, "domains": entries} for each, entries in domains.items()]
        return self.event("apig.detach.undo", **signed(undo, self.project_id))


def scene(project_id: str) -> Scene:
    """All of it. Events that mean the same certificates follow each other."""
    made = Scene(project_id)
    for gateway in GATEWAYS:
        made.fleet.add_gateway(id=gateway)
    for letter, number in (("e", 10), ("d", 6), ("u", 6), ("b", 3), ("v", 4)):
        for each in range(number):
            _add(made, letter, each)
    made.lasting += [*_expiries(made), *_decommissions(made), *_undos(made)]
    for name in made.certificates("b"):
        made.contrary += [made.decommission(*_names(name)), made.undo(made.rows[name])] * 2
    made.fleet.watch()
    return made


def _add(made: Scene, letter: str, number: int) -> None:
    """Every other certificate serves all gateways. Those of `u` are bound nowhere yet."""
    name, fleet = f"{letter}{number}", made.fleet
    everywhere = number % 2 == 0
    certificate = fleet.add_certificate(
        common_name=f"*.{name}.example.com",
        not_after=LONG_AGO if letter == "e" else FAR_AHEAD,
        type="global" if everywhere else "instance",
        instance_id=None if everywhere else GATEWAYS[number % 3],
    )
    made.ids[name], made.rows[name] = certificate.id, []
    for place, domain in enumerate(_names(name)):
        for gateway in GATEWAYS if everywhere else (GATEWAYS[number % 3],):
            made.rows[name].append((certificate.id, domain, gateway, place % 2 == 0))
            entry = fleet.add_domain(domain, gateway)
            if letter != "u":
                fleet.carry(entry, certificate.id, place % 2 == 0)


def _names(name: str) -> list[str]:
    return [f"n{each}.{name}.example.com" for each in range(NAMES)]


def _expiries(made: Scene) -> list[str]:
    events = [made.event("apig.cleanup.due") for _ in range(4)]
    for name in (*made.certificates("e"), *made.certificates("v")):
        events += [made.event("apig.certificate.expired", certificate_id=made.ids[name]) for _ in range(2)]
        events.append(made.event("apig.certificate.expiring", common_name=f"*.{name}.example.com"))
    return events


def _decommissions(made: Scene) -> list[str]:
    """Three for each domain, two certificates in some; expired certificates too, but those with a neighbour."""
    events = []
    for name, following in zip(made.certificates("d"), (*made.certificates("d")[1:], "e9"), strict=True):
        names = _names(name)
        events += [made.decommission(*part) for part in (names[:3], names[1:], (*names, *_names(following)[:2]))]
    return [*events, *(made.decommission(*_names(name)[:2]) for name in made.certificates("e")[4:])]


def _undos(made: Scene) -> list[str]:
    rows = [made.rows[name] for name in made.certificates("u")]
    parts = [part for each in rows for part in (each[: len(each) * 3 // 4], each[len(each) // 4 :])]
    return [made.undo(part) for part in (*parts, [row for each in rows[1:] for row in each])]


def neighbour(made: Scene, chance: random.Random) -> None:
    """Renews e0 and e1 in place, re-binds domains of e2 and e3 to new certificates, and gives one of u0 to another."""
    fleet = made.fleet
    tasks = [lambda name=name: fleet.renew(made.ids[name], "P365D") for name in ("e0", "e1")]
    tasks += [lambda row=row: _rebind(made, row) for name in ("e2", "e3") for row in made.rows[name][:2]]
    tasks.append(lambda: _rebind(made, made.rows["u0"][0]))
    chance.shuffle(tasks)
    for task in tasks:
        time.sleep(chance.uniform(0, 0.25))
        task()


def _rebind(made: Scene, row: Row) -> None:
    fleet, (certificate_id, domain, gateway, _) = made.fleet, row
    with fleet.lock:
        fleet.unbind(certificate_id, domain, gateway)
        new = fleet.add_certificate(common_name=domain, not_after=FAR_AHEAD, instance_id=gateway)
        fleet.bind(new.id, domain, gateway, verified_client_certificate_enabled=True)
        made.taken.add((new.id, domain, gateway, True))


def faults(chance: random.Random, number: int) -> list[Fault]:
    """What goes wrong in API Gateway: answers that are lost, refusals, cut connections; half of it in writes."""
    write, listed = {"method": "POST", "path": "/domains/"}, {"method": "GET"}
    sorts: list[dict[str, Any]] = [
        {"action": "lost_reply", **write},
        {"status": 500, "error_code": "APIG.9999", "applied": True, **write},
        {"error_code": "APIG.9008", **write},
        {"action": "reset", **write},
        {"error_code": "APIG.9008", **listed},
        {"action": "reset", **listed},
        {"status": 502, "raw_body": "<html>bad gateway</html>", **listed},
        {"status": 401, "error_code": "APIG.1002", **listed},
    ]
    made = []
    for each in range(number):
        sort = sorts[each % len(sorts)]
        made.append(Fault(service="apig", nth=chance.randint(1, 50 if "path" in sort else 300), **sort))
    return made
