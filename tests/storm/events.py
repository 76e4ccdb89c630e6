"""The events of a storm, and what each of them means: written here in the storm's own words, never by a parser.

Event number k is drawn from the seed and k alone, so `ONLY=` sends the same events as the whole storm.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.storm import malformed
from tests.storm.envelopes import Said, Wire
from tests.storm.fleet import Certificate, World, plain
from tests.storm.spelling import ascii_name, spelt
from tests.storm.wrapping import wrapped

HOT, NEAR = 0.25, 16  # the share of events, of so many in a row, that are about the same certificate


@dataclass
class Event:
    """One event of the storm. `wire` is None for an undo, until the outcome that it undoes is there."""

    number: int
    meaning: dict[str, Any]
    wire: Wire | None
    before: list[tuple[str, str]] = field(default_factory=list)
    undo_of: int | None = None
    seal: Callable[[list[Any], dict[str, Any]], Wire] | None = None
    """For an undo: what is sent for this `undo` and its signature."""


class Generator:
    """Makes event number k. `door` is "http" or "lambda": each has envelopes that the other does not take."""

    def __init__(self, seed: int, world: World, door: str, now: datetime) -> None:
        self.seed = seed
        self.world = world
        self.door = door
        self.now = now.replace(microsecond=0)
        self._made: dict[int, Event] = {}
        self._expired = [each for each in world.certificates if each.expired]
        self._hot = [each for each in self._expired if each.bindings]

    def event(self, number: int) -> Event:
        """Event number k, counted from 0."""
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def _make(self, number: int) -> Event:
        rng = Random(f"{self.seed}/event/{number}")
        draw = rng.random()
        if number > 3 and draw < 0.08:
            return self._duplicate(number, rng)
        if number > 5 and draw < 0.16:
            return self._undo(number, rng)
        if draw < 0.25:
            return self._malformed(number, rng)
        if draw < 0.255:
            return self._cleanup(number, rng)
        if draw < 0.45:
            return self._decommission(number, rng)
        return self._expiry(number, rng)

    # --- the kinds ---

    def _expiry(self, number: int, rng: Random) -> Event:
        certificate = self._certificate(number, rng)
        data: dict[str, Any] = {}
        by_name = rng.random() < 0.2
        if by_name:
            data["common_name"] = spelt(rng, certificate.common_name)
            meant = [c for c in self.world.certificates if plain(c.common_name) == plain(certificate.common_name)]
        else:
            data["certificate_id"], meant = certificate.id, [certificate]
            if rng.random() < 0.1:
                data["common_name"] = spelt(rng, certificate.common_name)
        asked = None
        if rng.random() < 0.25 and certificate.bindings:
            asked = self._entries(rng, rng.sample(certificate.bindings, min(len(certificate.bindings), 4)))
            data["domains"] = asked
        if rng.random() < 0.15:
            data["instance_ids"] = rng.sample(self.world.gateways, rng.randint(1, 4))
        if rng.random() < 0.02 and not by_name:
            data, meant = {"certificate_id": f"{rng.getrandbits(128):032x}"}, []
            asked = None
        before = [act for each in meant for act in self._before(rng, each)]
        return self._plain(number, "certificate_expiry", data, asked, before, rng)

    def _decommission(self, number: int, rng: Random) -> Event:
        certificates = [c for c in rng.sample(self.world.certificates, 12) if c.bindings][: rng.choice((1, 1, 2, 3))]
        if rng.random() < HOT:
            certificates[0] = self._hot[number // NEAR % len(self._hot)]
        pairs = [rng.choice(each.bindings) for each in certificates]
        data: dict[str, Any]
        if len(pairs) == 1 and rng.random() < 0.6:
            data = {"domain": spelt(rng, pairs[0].domain)}
            asked = [data["domain"]]
        else:
            asked = self._entries(rng, pairs)
            data = {"domains": asked}
        if rng.random() < 0.15:
            data["certificate_id"] = certificates[0].id
        if rng.random() < 0.15:
            data["instance_ids"] = rng.sample(self.world.gateways, rng.randint(1, 4))
        before = [act for each in certificates for act in self._before(rng, each)]
        return self._plain(number, "domain_decommission", data, asked, before, rng)

    def _cleanup(self, number: int, rng: Random) -> Event:
        data: dict[str, Any] = {}
        if rng.random() < 0.8:
            data["instance_ids"] = rng.sample(self.world.gateways, rng.choice((1, 1, 2)))
        return self._plain(number, "scheduled_cleanup", data, None, [], rng)

    def _undo(self, number: int, rng: Random) -> Event:
        """Of one of the events before: what it detached is attached again, if it detached anything."""
        source = self._source(number, rng)
        if source is None:
            return self._expiry(number, rng)
        meaning = self._meaning(number, "undo", {}, None)
        said = self._said(number, "undo", None, rng)
        meaning |= {"undo_of": source.number, "source": said.source}
        if said.time is not None:
            meaning["age_seconds"] = (self.now - said.time).total_seconds()
        whole = rng.random() < 0.2

        def seal(undo: list[Any], signature: dict[str, Any]) -> Wire:
            spelling = Random(f"{self.seed}/seal/{number}")
            data: dict[str, Any] = {"undo": undo, "undo_signature": signature}
            if whole:
                data |= {"event_id": "an outcome", "kind": "certificate_expiry", "status": "detached"}
            wire, meaning["envelope"] = wrapped(
                Said(said.id, "undo", data, said.time, said.source), spelling, self.door, self.now
            )
            return wire

        before = []
        if rng.random() < 0.7:  # API Gateway attaches no certificate that has expired
            before = [("renew", meant) for _, meant in dict.fromkeys(source.before)]
        return Event(number, meaning, None, before, source.number, seal)

    def _source(self, number: int, rng: Random) -> Event | None:
        for _ in range(8):
            source = self.event(rng.randrange(max(0, number - 150), number))
            kind, expected = source.meaning["kind"], source.meaning["expected_error"]
            live = kind in ("certificate_expiry", "domain_decommission") and not source.meaning["dry_run"]
            if live and expected is None and source.before and source.undo_of is None:
                return source
        return None

    def _duplicate(self, number: int, rng: Random) -> Event:
        """An event that comes once more: the same bytes, another delivery."""
        again = rng.randrange(max(0, number - 60), number)
        source = self.event(again)
        if source.wire is None:
            return self._expiry(number, rng)
        meaning = {**source.meaning, "event": number}
        if meaning["envelope"] == "timer":
            meaning["id"] = f"message-{number}"
        return Event(number, meaning, source.wire)

    def _malformed(self, number: int, rng: Random) -> Event:
        shapes = {**malformed.SHAPES, **(malformed.OVER_HTTP if self.door == "http" else malformed.OVER_SQS)}
        name = rng.choice(sorted(shapes))
        certificate = rng.choice(self.world.certificates)
        said = Said(self._id(number), "certificate_expiry", {"certificate_id": certificate.id}, self.now, "/storm")
        made = shapes[name](said, rng)
        wire = made if isinstance(made, Wire) else Wire(json.dumps(made).encode(), malformed.STRUCTURED)
        meaning = self._meaning(number, None, {}, None)
        meaning |= {"expected_error": "InvalidEvent", "envelope": name, "source": None}
        return Event(number, meaning, wire)

    # --- the parts ---

    def _certificate(self, number: int, rng: Random) -> Certificate:
        """Mostly one that has expired, and now and then the one that other events near this one are about, too."""
        if rng.random() < HOT:
            return self._hot[number // NEAR % len(self._hot)]
        return rng.choice(self._expired if rng.random() < 0.7 else self.world.certificates)

    def _plain(
        self, number: int, kind: str, data: dict[str, Any], asked: Any, before: list[tuple[str, str]], rng: Random
    ) -> Event:
        if rng.random() < 0.04:
            data["dry_run"] = True
        if rng.random() < 0.15:
            data["context"] = {"ticket": f"OPS-{number}", "reason": "ünter test"}
        said = self._said(number, kind, data, rng)
        meaning = self._meaning(number, kind, data, asked)
        wire, envelope = wrapped(said, rng, self.door, self.now)
        meaning |= {"envelope": envelope, "source": said.source}
        if envelope == "cts":
            meaning["dns"] = "public"
        if envelope.endswith("timer") or envelope == "cts":
            meaning["source"] = None  # the platform's own field tells it
        if said.time is not None:
            meaning["age_seconds"] = (self.now - said.time).total_seconds()
        if envelope == "timer":
            meaning["id"] = f"message-{number}"
        return Event(number, meaning, wire, before)

    def _said(self, number: int, kind: str, data: Any, rng: Random) -> Said:
        time = None if rng.random() < 0.1 else self.now - timedelta(seconds=rng.choice((0, 1, 60, 3600, 250_000)))
        return Said(self._id(number), kind, data, time, rng.choice(("/storm", "https://monitoring.example.com/a")))

    def _id(self, number: int) -> str:
        return f"storm-{self.seed}-{number:05d}"

    def _meaning(self, number: int, kind: str | None, data: dict[str, Any], asked: Any) -> dict[str, Any]:
        gateways = {
            plain(ascii_name(each["domain"])): each["instance_ids"]
            for each in asked or ()
            if isinstance(each, dict) and each.get("instance_ids")
        }
        names = [plain(ascii_name(each["domain"] if isinstance(each, dict) else each)) for each in asked or ()]
        common_name = data.get("common_name")
        return {
            "event": number,
            "id": self._id(number),
            "kind": kind,
            "expected_error": None,
            "certificate_id": data.get("certificate_id"),
            "common_name": None if common_name is None else plain(ascii_name(common_name)),
            "domains": names or None,
            "instance_ids": data.get("instance_ids"),
            "domain_instance_ids": gateways,
            "dry_run": bool(data.get("dry_run")),
            "dns": None,
            "undo_of": None,
            "undo": None,
            "age_seconds": None,
            "source": None,
            "envelope": None,
        }

    def _entries(self, rng: Random, pairs: list[Any]) -> list[Any]:
        """Entries of `domains`, each name once."""
        entries: dict[str, Any] = {}
        for each in pairs:
            name = spelt(rng, each.domain)
            entry: Any = name
            if rng.random() < 0.4:
                entry = {"domain": name}
                if rng.random() < 0.6:
                    entry["instance_ids"] = sorted({each.instance_id, rng.choice(self.world.gateways)})
                if rng.random() < 0.2:
                    entry["verified_client_certificate_enabled"] = rng.random() < 0.5
            entries.setdefault(plain(each.domain), entry)
        if rng.random() < 0.2:
            entries["nowhere"] = f"nowhere{rng.randrange(99)}.example.com"
        return list(entries.values())

    def _before(self, rng: Random, certificate: Certificate) -> list[tuple[str, str]]:
        """What the neighbour does before the event is sent, so that most events find something to do."""
        acts = []
        if rng.random() < 0.85:
            acts += [("expire", certificate.id), ("refill", certificate.id)]
        if rng.random() < 0.05:
            acts.append(("renew", certificate.id))
        return acts
