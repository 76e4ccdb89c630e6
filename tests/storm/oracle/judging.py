"""The judgement: each letter's own judge over the same case."""

from dataclasses import replace
from pathlib import Path

from tests.storm.oracle import calls, false, grown, leaked, lost, misjudged, wrong
from tests.storm.oracle.case import Case, Flight
from tests.storm.oracle.records import Records, read
from tests.storm.oracle.verdict import Attempt, Verdict, Violation

JUDGES = (wrong, lost, false, leaked, misjudged, grown)


def judge(folder: Path) -> Verdict:
    """What the records in this folder prove. Reads everything, changes nothing."""
    return replace(judged(read(folder)), folder=folder)


def judged(records: Records) -> Verdict:
    """The same for records that have been read."""
    case = Case(records)
    violations: list[Violation] = [found for each in JUDGES for found in each.find(case)]
    sources = {n: each.fields["undo_of"] for n, each in case.meanings.items() if each.fields.get("undo_of") is not None}
    return Verdict(violations, records.run, calls.figures(case), [_attempt(case, f) for f in case.flights], sources)


def _attempt(case: Case, flight: Flight) -> Attempt:
    """What it touched: its outcome's certificates, the one that it names, those that carry its names, its writes'."""
    fields, outcome = flight.meaning.fields, flight.outcome or {}
    touched = {each["certificate_id"] for part in ("certificates", "undo") for each in outcome.get(part) or ()}
    touched |= {pair[0] for pair in flight.meaning.undone}
    if fields.get("certificate_id"):
        touched.add(fields["certificate_id"])
    elif flight.meaning.detaches and flight.meaning.kind != "scheduled_cleanup":
        touched |= {pair[0] for pair in flight.meaning.pairs()}
    touched |= {write.certificate_id for write in case.surely.get(flight, ())}
    return Attempt(flight.event, flight.sent_at, flight.until, frozenset(touched))
