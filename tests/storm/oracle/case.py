"""One run as the judges see it: deliveries in flight, writes, and which delivery a write may belong to."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.storm.oracle.history import History
from tests.storm.oracle.log import Log
from tests.storm.oracle.meaning import Meaning
from tests.storm.oracle.names import plain
from tests.storm.oracle.records import Json, Pair, Records

LOG_CLOCK = 0.25  # seconds that a log line's time and the journal's may lie apart
NO_ANSWER = 2.0  # seconds more than the platform's limit, after which an attempt that was not answered has surely ended


@dataclass(frozen=True, eq=False)
class Flight:
    """One attempt to deliver one event."""

    delivery: Json
    meaning: Meaning
    until: float

    @property
    def event(self) -> int:
        """The event's ordinal."""
        return int(self.delivery["event"])

    @property
    def sent_at(self) -> float:
        """When it was sent."""
        return float(self.delivery["sent_at"])

    @property
    def answered_at(self) -> float:
        """When it was answered."""
        return float(self.delivery["answered_at"])

    @property
    def outcome(self) -> Json | None:
        """The outcome, if the answer had one."""
        told = self.delivery.get("outcome")
        return told if isinstance(told, dict) and ("certificates" in told or "status" in told) else None

    def flies(self, since: float, until: float) -> bool:
        """Whether it is in flight at some moment of the span."""
        return self.sent_at <= until and since <= self.until


@dataclass(frozen=True, eq=False)
class Write:
    """One request that changes something: `flags` are those of each pair; `bare` are domains without gateways."""

    request: Json
    action: str
    certificate_id: str
    flags: dict[Pair, bool | None]
    bare: tuple[str, ...]

    @property
    def at(self) -> float:
        """When it arrived."""
        return float(self.request["at"])

    @property
    def n(self) -> int:
        """Its number in the journal."""
        return int(self.request["n"])

    @property
    def done(self) -> bool:
        """Whether its answer said so."""
        return self.request["status"] == 204


class Case:
    """The records of a run with what they tell of each other."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.settings = records.settings
        self.history = History(records)
        self.log = Log(records)
        self.meanings = {n: Meaning(each, self.settings, self.history) for n, each in records.meanings.items()}
        self.flights = sorted(
            (self._flight(each) for each in records.deliveries if each["event"] in self.meanings),
            key=lambda flight: flight.sent_at,
        )
        self._sent = [flight.sent_at for flight in self.flights]
        self._longest = max((flight.until - flight.sent_at for flight in self.flights), default=0.0)
        self.writes = [write_of(each) for each in records.requests if each["service"] == "apig" and _writes(each)]

    def _flight(self, delivery: Json) -> Flight:
        until = delivery["answered_at"]
        if delivery["result"] == "no_answer":
            until = max(until, delivery["sent_at"] + self.settings.platform_timeout_seconds + NO_ANSWER)
        return Flight(delivery, self.meanings[delivery["event"]], until)

    def in_flight(self, since: float, until: float | None = None) -> list[Flight]:
        """The attempts in flight at some moment of the span."""
        until = since if until is None else until
        first = bisect_right(self._sent, since - self._longest - 1)
        last = bisect_right(self._sent, until)
        return [flight for flight in self.flights[first:last] if flight.flies(since, until)]

    # --- whose write is it ---

    def reasons(self, write: Write, flight: Flight) -> list[str]:
        """Why this attempt does not justify the write, a sentence for each of its pairs."""
        found = []
        for pair, flag in write.flags.items():
            meaning = flight.meaning
            why = (
                meaning.why_no_attach(pair, flag, flight.sent_at, write.at)
                if write.action == "attach"
                else meaning.why_no_detach(pair, flight.sent_at, write.at)
            )
            if why:
                found.append(f"{pair[1]} on {pair[2]}: event {flight.event} {why}")
        return found

    def justifying(self, write: Write) -> list[Flight]:
        """The attempts in flight that justify the whole write."""
        if write.n not in self._justifying:
            flights = self.in_flight(write.at) if write.flags else []
            self._justifying[write.n] = [flight for flight in flights if not self.reasons(write, flight)]
        return self._justifying[write.n]

    @cached_property
    def _justifying(self) -> dict[int, list[Flight]]:
        return {}

    def has_plan(self, write: Write, flight: Flight) -> bool:
        """Whether the attempt's event logged a plan with all of the write before it."""
        lines = self.log.of(
            f"{write.action}.plan", flight.meaning.fields["id"], flight.sent_at - LOG_CLOCK, write.at + LOG_CLOCK
        )
        return any(write.flags.keys() <= line.planned.keys() for line in lines)

    def planning(self, write: Write) -> list[Flight]:
        """Those of the justifying attempts that planned it, by their log."""
        return [flight for flight in self.justifying(write) if self.has_plan(write, flight)]

    @cached_property
    def surely(self) -> dict[Flight, list[Write]]:
        """The writes that can only have been of one attempt."""
        found: dict[Flight, list[Write]] = {}
        for write in self.writes:
            whose = self.planning(write) or self.justifying(write)
            if len(whose) == 1:
                found.setdefault(whose[0], []).append(write)
        return found

    @cached_property
    def owners(self) -> dict[int, Flight]:
        """The number of a write → the attempt that it is surely of."""
        return {write.n: flight for flight, writes in self.surely.items() for write in writes}

    @cached_property
    def by_pair(self) -> dict[tuple[str, Pair], list[Write]]:
        """The writes that name a pair, by action and pair."""
        found: dict[tuple[str, Pair], list[Write]] = {}
        for write in self.writes:
            for pair in write.flags:
                found.setdefault((write.action, pair), []).append(write)
        return found

    @cached_property
    def requests_by_second(self) -> dict[int, list[Json]]:
        """All requests by the second in which they arrived."""
        found: dict[int, list[Json]] = {}
        for each in self.records.requests:
            found.setdefault(int(each["at"]), []).append(each)
        return found

    def requests_in(self, since: float, until: float) -> list[Json]:
        """The requests that arrived in the span."""
        return [
            each
            for second in range(int(since), int(until) + 1)
            for each in self.requests_by_second.get(second, ())
            if since <= each["at"] <= until
        ]


def _writes(request: Json) -> bool:
    return request["method"] not in ("GET", "HEAD", "OPTIONS")


def write_of(request: Json) -> Write:
    """The write that a request is; what is no request of the two documented shapes has an empty action."""
    parts = request["path"].split("/")
    action = parts[-1] if parts[-2:-1] == ["domains"] and parts[-1] in ("attach", "detach") else ""
    certificate_id = parts[-3] if action else ""
    body: Any = request.get("body")
    flags: dict[Pair, bool | None] = {}
    bare = []
    for entry in body.get("domains") or () if isinstance(body, dict) else ():
        gateways = entry.get("instance_ids") if isinstance(entry, dict) else None
        if not gateways:
            bare.append(str(entry.get("domain")) if isinstance(entry, dict) else repr(entry))
            continue
        for gateway in gateways:
            flags[certificate_id, plain(entry["domain"]), gateway] = entry.get("verified_client_certificate_enabled")
    return Write(request, action, certificate_id, flags, tuple(bare))
