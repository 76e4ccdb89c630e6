"""(c) False: an outcome or a log line that disagrees with the journal, an undo that does not bring back what was."""

from collections.abc import Iterator

from tests.storm.oracle import false_log, false_undo
from tests.storm.oracle.case import Case, Flight
from tests.storm.oracle.claims import of_outcome
from tests.storm.oracle.records import Json, Pair
from tests.storm.oracle.verdict import Violation

SHOWN = 3
Finding = tuple[str, list[Pair] | None]  # None: it is about no binding; an empty list: nothing was found
READ_WHOLE = ("detached", "nothing_to_detach", "dry_run")  # statuses of a certificate whose bindings were all read


def find(case: Case) -> Iterator[Violation]:
    """All outcomes, then the log, then the undos."""
    for flight in case.flights:
        if flight.outcome is not None:
            for what, pairs in _of_outcome(case, flight, flight.outcome):
                if pairs is None or pairs:
                    yield violation(flight, what, pairs or [])
    yield from false_log.find(case)
    yield from false_undo.find(case)


def violation(flight: Flight, what: str, pairs: list[Pair]) -> Violation:
    """One of this letter, with the first pairs that it is about."""
    told = ", ".join(f"{pair[1]} on {pair[2]} (certificate {pair[0]})" for pair in pairs[:SHOWN])
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    return Violation(
        "c",
        flight.event,
        f"attempt {flight.delivery['attempt']}: {what}{': ' if told else ''}{told}{more}",
        frozenset(pair[0] for pair in pairs),
        flight.answered_at,
    )


def _of_outcome(case: Case, flight: Flight, outcome: Json) -> Iterator[Finding]:
    yield from _of_the_event(flight, outcome)
    told = {name: dict(pairs) for name, pairs in of_outcome(outcome).items()}
    history, since, until = case.history, flight.sent_at, flight.answered_at
    for action in ("detach", "attach"):
        done = told[f"{action}ed"]
        unanswered = [pair for pair in done if not _answered(case, flight, action, pair)]
        yield f"`{action}ed` tells what no answer said", unanswered
        double = [pair for pair in told["failed"] if pair in done]
        yield f"`{action}ed` and `failed` tell the same binding", double
    for name in ("detached", "already_detached"):
        still = [pair for pair in told[name] if history.bound_throughout(pair, since, until)]
        yield f"`{name}` tells what was bound all the time", still
    for name in ("attached", "already_attached"):
        never = [pair for pair in told[name] if not history.bound_sometime(pair, since, until)]
        yield f"`{name}` tells what was never bound", never
    for reason, pairs in _by_reason(told["kept"]).items():
        yield f"`kept` gives the reason {reason}", [p for p in pairs if not _true_reason(case, flight, p, reason)]
    if flight.meaning.detaches:
        never = [pair for pair in told["kept"] if not history.bound_sometime(pair, since, until)]
        yield "`kept` tells what was never bound", never
        yield from _planned(case, flight, told["planned"])
        yield "`not_found` names a domain that was bound all the time", list(_found_all_the_time(case, flight, outcome))
        yield (
            "no list tells what was bound all the time",
            list(_untold(case, flight, outcome, set().union(*told.values()))),
        )
    yield from _not_due(case, flight, outcome)


def _of_the_event(flight: Flight, outcome: Json) -> Iterator[Finding]:
    """The fields about the event as a whole, and a status that the lists contradict."""
    fields, meaning = flight.meaning.fields, flight.meaning
    if meaning.kind is None:
        return
    for name, right in (("event_id", fields["id"]), ("kind", meaning.kind), ("dry_run", meaning.dry_run)):
        if name in outcome and outcome[name] != right:
            yield f"`{name}` is {outcome[name]!r}, and the event's is {right!r}", None
    status, told = outcome.get("status"), of_outcome(outcome)
    done = "attached" if meaning.kind == "undo" else "detached"
    if flight.delivery["result"] != "acknowledged":
        if status not in (None, "failed") and not outcome.get("cursor"):
            yield f"the status is {status}, and the event failed", None
        return
    found = told[f"already_{done}"]
    # What an undo finds attached may have been so before.
    if (told[done] or (found and meaning.detaches)) and status != done:
        yield f"the status is {status}, although bindings are {done}", None
    if status == done and not (told[done] or found):
        yield f"the status is {status}, and nothing is", None
    if (status == "dry_run" and not meaning.dry_run) or (told["planned"] and not meaning.dry_run):
        yield "it tells of a dry run, and the event asked for none", None


def _answered(case: Case, flight: Flight, action: str, pair: Pair) -> bool:
    """Whether a write in its time names the pair, was answered 204, and is not surely another attempt's."""
    return any(
        write.done and flight.flies(write.at, write.at) and case.owners.get(write.n, flight) is flight
        for write in case.by_pair.get((action, pair), ())
    )


def _by_reason(kept: dict[Pair, Json]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair, entry in kept.items():
        found.setdefault(str(entry.get("reason")), []).append(pair)
    return found


def _true_reason(case: Case, flight: Flight, pair: Pair, reason: str) -> bool:
    meaning = flight.meaning
    match reason:
        case "protected":
            return meaning.must_keep(pair) == "protected"
        case "wildcard_covers_protected":
            return pair[1].startswith("*.") and meaning.may_keep(pair)
        case "live":
            return meaning.keeps_live and pair[1:] in case.history.resolving
        case "not_requested":
            return not meaning.asks_for(pair)
        case "renewed":
            expiry = meaning.kind != "domain_decommission"
            return expiry and not case.history.due_throughout(pair[0], flight.sent_at, flight.answered_at)
    return False


def _planned(case: Case, flight: Flight, planned: dict[Pair, Json]) -> Iterator[Finding]:
    """A dry run tells what would be changed: neither more nor less."""
    meaning, since, until = flight.meaning, flight.sent_at, flight.answered_at
    if not meaning.dry_run or meaning.kind is None or flight.delivery["result"] != "acknowledged":
        return
    more = [
        pair
        for pair in planned
        if not (meaning.of_certificate(pair[0]) and meaning.asks_for(pair) and not meaning.must_keep(pair))
        or not case.history.bound_sometime(pair, since, until)
        or (meaning.kind != "domain_decommission" and not case.history.due_sometime(pair[0], since, until))
    ]
    yield "`planned` tells what the event does not mean", more
    less = [pair for pair in meaning.pairs() if pair not in planned and meaning.had_to_go(pair, since, until)]
    yield "`planned` leaves out what the event means", less


def _found_all_the_time(case: Case, flight: Flight, outcome: Json) -> Iterator[Pair]:
    missing = set(outcome.get("not_found") or ())
    for pair in flight.meaning.pairs() if missing else ():
        if pair[1] in missing and case.history.bound_throughout(pair, flight.sent_at, flight.answered_at):
            yield pair


def _untold(case: Case, flight: Flight, outcome: Json, told: set[Pair]) -> Iterator[Pair]:
    """Bindings of a certificate that was read whole, of which no list says anything."""
    if flight.meaning.kind not in ("certificate_expiry", "domain_decommission"):
        return
    for certificate in outcome.get("certificates") or ():
        if certificate.get("status") in READ_WHOLE:
            for pair in case.history.pairs(certificate_id=certificate["certificate_id"]):
                if pair not in told and case.history.bound_throughout(pair, flight.sent_at, flight.answered_at):
                    yield pair


def _not_due(case: Case, flight: Flight, outcome: Json) -> Iterator[Finding]:
    for certificate in outcome.get("certificates") or ():
        since, until = flight.sent_at, flight.answered_at
        if certificate.get("status") == "not_due" and case.history.due_throughout(
            certificate["certificate_id"], since, until
        ):
            yield (
                f"certificate {certificate['certificate_id']} is told not to be due, and had expired all the time",
                None,
            )
