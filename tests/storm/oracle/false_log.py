"""(c) False, the log: a write without its plan, a plan or a report that disagrees with the journal or the answer."""

from collections.abc import Iterator

from tests.storm.oracle.case import LOG_CLOCK, Case, Flight
from tests.storm.oracle.claims import as_set, of_line, of_outcome
from tests.storm.oracle.log import Line
from tests.storm.oracle.verdict import Violation


def find(case: Case) -> Iterator[Violation]:
    """Plans by the writes, plans by the journal, reports by the answers."""
    yield from _unplanned(case)
    for flight in case.flights:
        yield from _plans(case, flight)
        if case.records.run.get("door") != "lambda":  # there, the outcome itself was read from the log
            yield from _reports(case, flight)


def _unplanned(case: Case) -> Iterator[Violation]:
    for write in case.writes:
        whose = case.justifying(write)
        if whose and not case.planning(write):
            yield Violation(
                "c",
                whose[0].event if len(whose) == 1 else None,
                f"request {write.n}: no line {write.action}.plan tells of {write.request['path']} before it was sent",
                frozenset({write.certificate_id}),
                write.at,
            )


def _plans(case: Case, flight: Flight) -> Iterator[Violation]:
    """What a plan calls its undo has to be what was bound, with its flag."""
    event_id = flight.meaning.fields["id"]
    same = [
        other.sent_at
        for other in case.in_flight(flight.sent_at, flight.until)
        if other.meaning.fields["id"] == event_id
    ]
    since = min([flight.sent_at, *same]) - LOG_CLOCK
    for line in case.log.of("detach.plan", event_id, flight.sent_at, flight.until):
        for pair, flags in line.planned.items():
            right = case.history.flags(pair, since, line.at + LOG_CLOCK)
            if not flags <= right:
                yield Violation(
                    "c",
                    flight.event,
                    f"detach.plan tells {pair[1]} on {pair[2]} with client verification {sorted(flags)}; it was bound"
                    f" with {sorted(right) or 'nothing'}",
                    frozenset({pair[0]}),
                    line.at,
                )


def _reports(case: Case, flight: Flight) -> Iterator[Violation]:
    """A line `detach.report` in its time that says what the answer says."""
    if flight.delivery["result"] == "no_answer" or flight.meaning.kind is None:
        return
    event_id, since, until = flight.meaning.fields["id"], flight.sent_at - LOG_CLOCK, flight.answered_at + LOG_CLOCK
    lines = case.log.of("detach.report", event_id, since, until)
    if not any(_agrees(line, flight, lines) for line in lines):
        what = "another thing than the answer" if lines else "nothing of it"
        yield Violation(
            "c", flight.event, f"attempt {flight.delivery['attempt']}: detach.report tells {what}", at=until
        )


def _agrees(line: Line, flight: Flight, lines: list[Line]) -> bool:
    fields, outcome = line.fields, flight.outcome
    if fields.get("error") != flight.delivery["error"]:
        return False
    if outcome is None:
        return fields.get("status") == "failed"
    if "parts" in fields:
        told = set().union(*(of_line(each.fields) for each in lines if "parts" in each.fields))
        return as_set(of_outcome(outcome)) <= told
    if not fields.get("certificate_id") and flight.delivery["error"]:
        return True  # it was refused as a whole, and its report is short
    return fields.get("status") == outcome.get("status") and of_line(fields) == as_set(of_outcome(outcome))
