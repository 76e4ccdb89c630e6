"""(b) Lost: an event acknowledged while what it had to do is not done, or an event without an end."""

from collections import defaultdict
from collections.abc import Iterator

from tests.storm.oracle.case import Case, Flight
from tests.storm.oracle.records import Json, Pair
from tests.storm.oracle.verdict import Violation

SHOWN = 3
GONE = ("APIG.3021", "APIG.3025")


def find(case: Case) -> Iterator[Violation]:
    """Each event by its attempts, and each acknowledgement by the journal."""
    yield from _without_end(case)
    for flight in case.flights:
        if flight.delivery["result"] == "acknowledged":
            yield from _failed(flight)
            left = list(_left(case, flight))
            if left:
                told = ", ".join(f"{pair[1]} on {pair[2]} (certificate {pair[0]})" for pair in left[:SHOWN])
                todo = "attached" if flight.meaning.kind == "undo" else "detached"
                yield Violation(
                    "b",
                    flight.event,
                    f"attempt {flight.delivery['attempt']} was acknowledged, and {len(left)} bindings that it meant are"
                    f" not {todo}: {told}",
                    frozenset(pair[0] for pair in left),
                    flight.answered_at,
                )


def _without_end(case: Case) -> Iterator[Violation]:
    ends: dict[int, list[str]] = defaultdict(list)
    for each in case.records.deliveries:
        if each["end"]:
            ends[each["event"]].append(each["end"])
    for event in case.meanings:
        if not ends[event]:
            yield Violation("b", event, "the event has no end: neither acknowledged nor among the dead letters")


def _failed(flight: Flight) -> Iterator[Violation]:
    """Acknowledged in spite of a failure that its own outcome tells."""
    outcome = flight.outcome or {}
    failed = [each for each in outcome.get("certificates", ()) if each.get("failed") or each.get("status") == "failed"]
    gateways = [each for each in outcome.get("gateways", ()) if each.get("status") == "failed"]
    if outcome.get("status") == "failed" or failed or gateways:
        yield Violation(
            "b",
            flight.event,
            f"attempt {flight.delivery['attempt']} was acknowledged although its outcome tells a failure",
        )


def _left(case: Case, flight: Flight) -> Iterator[Pair]:
    meaning, since, until = flight.meaning, flight.sent_at, flight.answered_at
    if meaning.refused:
        return
    if meaning.kind == "undo":
        yield from (pair for pair in meaning.undone if meaning.had_to_come(pair, since, until))
        return
    reached = _reached(flight)
    for pair in meaning.pairs():
        left = (reached is None or pair[0] in reached) and meaning.had_to_go(pair, since, until)
        if left and not _twice_denied(case, pair[0], since, until):
            yield pair


def _reached(flight: Flight) -> set[str] | None:
    """The certificates that a clean-up got to, when its time ended before its work; None for all."""
    outcome: Json = flight.outcome or {}
    if not outcome.get("cursor"):
        return None
    return {each["certificate_id"] for each in outcome.get("certificates", ())}


def _twice_denied(case: Case, certificate_id: str, since: float, until: float) -> bool:
    """Whether both its details and its listing said, each by a lie of the storm, that there is no such certificate."""
    denied = {
        each["path"].endswith("/attached-domains")
        for each in case.requests_in(since, until)
        if each["method"] == "GET"
        and each["fault"]
        and each["error_code"] in GONE
        and f"/certificates/{certificate_id}" in each["path"]
    }
    return denied == {True, False}
