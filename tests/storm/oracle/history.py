"""What was so at which moment, by the journal: bindings, flags, dates, domains."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from math import inf

from tests.storm.oracle.names import plain
from tests.storm.oracle.records import Json, Pair, Records

CLOCKS = 900.0  # seconds that the gateway's clock may lie apart from ours: a date decides only where both agree


class History:
    """The fleet over time. Every question is about a span [since, until] of the monotonic clock."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._bound: dict[Pair, list[tuple[float, bool, bool]]] = {}  # at, bound, flag
        self._dates: dict[str, list[tuple[float, float | None]]] = {}  # at, epoch seconds; None: it is not there
        self._places: dict[tuple[str, str], list[tuple[float, bool]]] = {}  # at, there is such a domain
        self.names: dict[str, frozenset[str]] = {}
        """Certificate → its common name and subject alternative names."""
        self.resolving: set[tuple[str, str]] = set()
        self.at_rest: set[str] = set()
        """Gateways that are not running."""
        self._by_certificate: dict[str, list[Pair]] = defaultdict(list)
        self._by_name: dict[str, list[Pair]] = defaultdict(list)
        self._begin(records.run["fleet"])
        for change in records.changes:
            self._note(change)

    def _begin(self, fleet: Json) -> None:
        for each in fleet.get("gateways", ()):
            if each.get("status", "Running") != "Running":
                self.at_rest.add(each["id"])
        for each in fleet.get("certificates", ()):
            self._dates[each["id"]] = [(-inf, epoch(each["not_after"]))]
            names = [each.get("common_name") or "", *(each.get("san") or ())]
            self.names[each["id"]] = frozenset(plain(name) for name in names if name)
        for each in fleet.get("domains", ()):
            place = plain(each["name"]), each["gateway_id"]
            self._places[place] = [(-inf, True)]
            if each.get("status") == 3:
                self.resolving.add(place)
            if each.get("certificate_id"):
                pair = (each["certificate_id"], *place)
                before = self._bound.get(pair)
                flag = bool(each.get("verified_client_certificate_enabled")) or bool(before and before[0][2])
                self._row(pair)[:] = [(-inf, True, flag)]

    def _row(self, pair: Pair) -> list[tuple[float, bool, bool]]:
        if pair not in self._bound:
            self._bound[pair] = []
            self._by_certificate[pair[0]].append(pair)
            self._by_name[pair[1]].append(pair)
        return self._bound[pair]

    def _note(self, change: Json) -> None:
        at, what = change["at"], change["what"]
        if what in ("attached", "detached"):
            pair = pair_of(change)
            self._row(pair).append((at, what == "attached", bool(change["verified"])))
        elif what in ("renewed", "expired", "certificate_added"):
            self._dates.setdefault(change["certificate_id"], []).append((at, epoch(change["not_after"])))
        elif what == "certificate_removed":
            self._dates.setdefault(change["certificate_id"], []).append((at, None))
        elif what in ("domain_added", "domain_removed") and change.get("instance_id"):
            place = plain(change["domain"]), change["instance_id"]
            self._places.setdefault(place, []).append((at, what == "domain_added"))

    # --- bindings ---

    def pairs(self, *, certificate_id: str | None = None, names: Iterable[str] | None = None) -> list[Pair]:
        """Every pair that has ever been bound: of a certificate, of some names, or all."""
        if certificate_id is not None:
            wanted = None if names is None else set(names)
            return [p for p in self._by_certificate.get(certificate_id, ()) if wanted is None or p[1] in wanted]
        if names is not None:
            return [pair for name in names for pair in self._by_name.get(name, ())]
        return list(self._bound)

    def bound_throughout(self, pair: Pair, since: float, until: float) -> bool:
        """Bound at every moment of the span."""
        return all(bound for bound, _ in self._states(pair, since, until))

    def bound_sometime(self, pair: Pair, since: float, until: float) -> bool:
        """Bound at some moment of the span."""
        return any(bound for bound, _ in self._states(pair, since, until))

    def flags(self, pair: Pair, since: float, until: float) -> set[bool]:
        """The flags of client verification that the binding had in the span."""
        return {flag for bound, flag in self._states(pair, since, until) if bound}

    def holders(self, name: str, gateway: str, since: float, until: float) -> set[str]:
        """The certificates that the place carried at some moment of the span."""
        pairs = (pair for pair in self._by_name.get(name, ()) if pair[2] == gateway)
        return {pair[0] for pair in pairs if self.bound_sometime(pair, since, until)}

    def kept_by_another(self, pair: Pair, since: float, until: float) -> bool:
        """Whether the place carried one other certificate at every moment of the span."""
        others = (other for other in self._by_name.get(pair[1], ()) if other[2] == pair[2] and other[0] != pair[0])
        return any(self.bound_throughout(other, since, until) for other in others)

    def _states(self, pair: Pair, since: float, until: float) -> list[tuple[bool, bool]]:
        """Bound or not, and the flag: at the start of the span, and after each change in it."""
        row = self._bound.get(pair, [])
        first = bisect_right(row, since, key=lambda each: each[0])
        last = bisect_right(row, until, key=lambda each: each[0])
        before = row[first - 1][1:] if first else (False, False)
        return [before, *(each[1:] for each in row[first:last])]

    # --- certificates and domains ---

    def due_sometime(self, certificate_id: str, since: float, until: float) -> bool:
        """Whether `not_after` and the grace had passed at some moment of the span."""
        return any(self._due(date, until) for date in self._dates_in(certificate_id, since, until))

    def due_throughout(self, certificate_id: str, since: float, until: float) -> bool:
        """The same for every moment, whatever the gateway's clock says within what it may be off."""
        dates = self._dates_in(certificate_id, since, until)
        return all(self._due(date, since, CLOCKS) for date in dates)

    def valid_throughout(self, certificate_id: str, since: float, until: float) -> bool:
        """There at every moment of the span, and not expired."""
        now = self.records.wall(until) + CLOCKS
        return all(date is not None and date > now for date in self._dates_in(certificate_id, since, until))

    def known(self, certificate_id: str, since: float, until: float) -> bool:
        """There at every moment of the span."""
        return all(date is not None for date in self._dates_in(certificate_id, since, until))

    def domain_throughout(self, name: str, gateway: str, since: float, until: float) -> bool:
        """Whether the gateway had such a domain at every moment of the span."""
        row = self._places.get((name, gateway), [])
        first = bisect_right(row, since, key=lambda each: each[0])
        there = [row[first - 1][1] if first else False]
        return all([*there, *(is_there for at, is_there in row[first:] if at <= until)])

    def _due(self, date: float | None, at: float, margin: float = 0.0) -> bool:
        grace = self.records.settings.expiry_grace_seconds
        return date is not None and date + grace + margin <= self.records.wall(at)

    def _dates_in(self, certificate_id: str, since: float, until: float) -> list[float | None]:
        row = self._dates.get(certificate_id, [])
        first = bisect_right(row, since, key=lambda each: each[0])
        last = bisect_right(row, until, key=lambda each: each[0])
        return [row[first - 1][1] if first else None, *(date for _, date in row[first:last])]


def pair_of(change: Json) -> Pair:
    """The pair that a change is about."""
    return change["certificate_id"], plain(change["domain"]), change["instance_id"]


def epoch(text: str) -> float:
    """Epoch seconds of an RFC 3339 date."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
