"""(c) False, the undo: by the writes of its event, and by its replay on a copy."""

from collections.abc import Iterator

from tests.storm.oracle.case import Case, Flight
from tests.storm.oracle.claims import of_outcome
from tests.storm.oracle.history import pair_of
from tests.storm.oracle.meaning import undo_pairs
from tests.storm.oracle.records import Pair
from tests.storm.oracle.verdict import Violation


def find(case: Case) -> Iterator[Violation]:
    """Each outcome's `undo`, then each replay."""
    removed = _removed(case)
    for flight in case.flights:
        yield from _told(case, flight)
        yield from _missing(flight, removed.get(flight, {}))
    yield from _replays(case)


def _removed(case: Case) -> dict[Flight, dict[Pair, bool]]:
    """What surely one attempt's requests have detached, with the flag that it had.

    Not what somebody attached again before the attempt was answered: it may have read that the binding is there, as it
    was, and has nothing to undo.
    """
    found: dict[Flight, dict[Pair, bool]] = {}
    for change in case.records.changes:
        pair, flag = (pair_of(change), bool(change["verified"])) if change["domain"] else (None, False)
        flight = case.owners.get(change["by"])
        if change["what"] == "detached" and flight is not None and pair is not None:
            found.setdefault(flight, {})[pair] = flag
        elif change["what"] == "attached":
            for removed in (pairs for other, pairs in found.items() if other.answered_at > change["at"]):
                if removed.get(pair) is flag:
                    del removed[pair]
    return found


def _told(case: Case, flight: Flight) -> Iterator[Violation]:
    """Nothing stands there that its requests cannot have detached, and the flags are those of the binding."""
    outcome = flight.outcome
    if outcome is None or not flight.meaning.detaches:
        return
    surely, perhaps = (undo_pairs(outcome.get("undo"), perhaps=each) for each in (False, True))
    since, until = flight.sent_at, flight.answered_at
    for pair, flags in {**surely, **perhaps}.items():
        writes = [write for write in case.by_pair.get(("detach", pair), ()) if flight.flies(write.at, write.at)]
        if not writes or (pair in surely and not any(write.done for write in writes)):
            yield _violation(flight, pair, "`undo` tells what no request of its time has detached")
        right = case.history.flags(pair, since, until)
        if not flags <= right:
            yield _violation(
                flight,
                pair,
                f"`undo` tells client verification {sorted(flags)}, and it was {sorted(right) or 'nothing'}",
            )
    for pair, _ in of_outcome(outcome)["detached"]:
        if pair not in surely and pair not in perhaps:
            yield _violation(flight, pair, "`undo` leaves out what `detached` tells")


def _missing(flight: Flight, removed: dict[Pair, bool]) -> Iterator[Violation]:
    if flight.delivery["result"] == "no_answer":
        return  # its plan line is what is left of it
    told = undo_pairs((flight.outcome or {}).get("undo"))
    missing = [pair for pair in removed if pair not in told]
    if missing:
        yield _violation(flight, missing[0], f"its requests have detached {len(missing)} that no `undo` tells, such as")
    for pair, flag in removed.items():
        if told.get(pair, {flag}) != {flag}:
            yield _violation(
                flight, pair, f"its request has detached it with client verification {flag}; `undo` tells {told[pair]}"
            )


def _violation(flight: Flight, pair: Pair, what: str) -> Violation:
    return Violation(
        "c",
        flight.event,
        f"attempt {flight.delivery['attempt']}: {what}: {pair[1]} on {pair[2]} (certificate {pair[0]})",
        frozenset({pair[0]}),
        flight.answered_at,
    )


def _replays(case: Case) -> Iterator[Violation]:
    for each in case.records.undo:
        before, restored = ({tuple(row) for row in each[name]} for name in ("before", "restored"))
        differing = sorted(before ^ restored)
        if differing:
            certificate_id, domain, gateway, _ = differing[0]
            yield Violation(
                "c",
                each["event"],
                f"its undo, replayed on a copy, does not bring back what was ({each.get('error') or 'no error'}):"
                f" {len(before - restored)} bindings are missing, {len(restored - before)} are others, such as {domain}"
                f" on {gateway}",
                frozenset({certificate_id}),
            )
