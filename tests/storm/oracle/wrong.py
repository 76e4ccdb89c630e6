"""(a) Wrong: a binding removed or attached that no event justifies at that moment, or a guard passed."""

from collections.abc import Iterator

from tests.storm.oracle.case import Case, Write
from tests.storm.oracle.history import pair_of
from tests.storm.oracle.verdict import Violation

OTHER = ("is about another certificate", "is no undo", "is no event that detaches", "must be refused")


def find(case: Case) -> Iterator[Violation]:
    """Every write is looked at, carried out or not: what was refused by luck is wrong all the same."""
    for write in case.writes:
        yield from _of_write(case, write)
    yield from _too_many(case)
    yield from _changed_beside(case)


def _of_write(case: Case, write: Write) -> Iterator[Violation]:
    about = f"{write.request['method']} {write.request['path']}"
    certificates = frozenset({write.certificate_id}) if write.certificate_id else frozenset()
    if not write.action:
        yield Violation("a", None, f"request {write.n}: {about} is no call that the function may make", at=write.at)
        return
    whose = case.justifying(write)
    event = _of_certificate(case, write)
    for domain in write.bare:
        yield Violation("a", event, f"request {write.n}: {about} names no gateway for {domain}", certificates, write.at)
    if whose or not write.flags:
        return
    event, why = _nearest(case, write)
    yield Violation("a", event, f"request {write.n}: {about}: {why}", certificates, write.at)


def _of_certificate(case: Case, write: Write) -> int | None:
    """The event in flight that may be about the certificate, if there is one alone."""
    events = {
        flight.event
        for flight in case.in_flight(write.at)
        if flight.meaning.detaches and flight.meaning.of_certificate(write.certificate_id)
    }
    return events.pop() if len(events) == 1 else None


def _nearest(case: Case, write: Write) -> tuple[int | None, str]:
    """The event in flight that comes nearest to meaning it, and why it does not."""
    tried = [(flight, case.reasons(write, flight)) for flight in case.in_flight(write.at)]
    if not tried:
        return None, "no event is in flight"

    def foreign(reasons: list[str]) -> int:
        return sum(any(each.endswith(other) for other in OTHER) for each in reasons)

    flight, reasons = min(tried, key=lambda each: (not case.has_plan(write, each[0]), foreign(each[1]), len(each[1])))
    if foreign(reasons) == len(write.flags) and not case.has_plan(write, flight):
        domains = ", ".join(sorted({pair[1] for pair in write.flags})[:3])
        return None, f"no event in flight means certificate {write.certificate_id} ({domains}) to {write.action}"
    more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
    return flight.event, "; ".join(reasons[:3]) + more


def _too_many(case: Case) -> Iterator[Violation]:
    """Only what can have been of one attempt alone is counted."""
    for flight, writes in case.surely.items():
        pairs = {pair for write in writes for pair in write.flags}
        if len(pairs) > flight.meaning.cap:
            yield Violation(
                "a",
                flight.event,
                f"attempt {flight.delivery['attempt']} changed {len(pairs)} bindings, and {flight.meaning.cap} are"
                " allowed",
                frozenset(pair[0] for pair in pairs),
                writes[-1].at,
            )


def _changed_beside(case: Case) -> Iterator[Violation]:
    """A change by a request that did not name it: the sandbox acted on every gateway, or on another port's name."""
    by_number = {write.n: write for write in case.writes}
    for change in case.records.changes:
        if change["by"] == "neighbour" or change["what"] not in ("attached", "detached"):
            continue
        write = by_number.get(change["by"])
        if change.get("all_gateways") or write is None or pair_of(change) not in write.flags:
            yield Violation(
                "a",
                None,
                f"request {change['by']} {change['what']} {change['domain']} on {change['instance_id']}, which it did"
                " not name",
                frozenset({change["certificate_id"]}),
                change["at"],
            )
