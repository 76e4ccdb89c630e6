"""(g) Calls per event: figures. No bound is known that all kinds of events would have to keep."""

from math import ceil

from tests.storm.oracle.case import Case


def figures(case: Case) -> list[tuple[str, str]]:
    """Names and values for the table."""
    records = case.records
    attempts = [flight.answered_at - flight.sent_at for flight in case.flights]
    apig = sum(each["service"] == "apig" for each in records.requests)
    rows = [
        ("events", f"{len(case.meanings)} ({len(case.flights)} attempts)"),
        (
            "requests",
            f"{len(records.requests)}, {sum(each['fault'] is not None for each in records.requests)} with a fault",
        ),
        ("writes", f"{len(case.writes)}, {sum(map(len, case.surely.values()))} surely of one attempt"),
        ("changes", f"{len(records.changes)}, {sum(each['by'] == 'neighbour' for each in records.changes)} by others"),
        ("undos replayed", str(len(records.undo))),
        ("seconds an attempt", _spread(attempts, ".2f")),
        ("(g) calls an attempt, by its metrics", _spread(case.log.calls, ".0f")),
        ("(g) calls an attempt, by the journal", f"mean {apig / max(1, len(case.flights)):.1f}"),
    ]
    exact = _exact(case)
    return [*rows, ("(g) calls an attempt, one sender", _spread(exact, ".0f"))] if exact else rows


def _exact(case: Case) -> list[float]:
    """With one sender, each request is of the only attempt in flight."""
    if case.records.run.get("senders") != 1 or case.records.run.get("door") == "lambda":
        return []
    return [
        float(sum(each["service"] == "apig" for each in case.requests_in(flight.sent_at, flight.answered_at)))
        for flight in case.flights
    ]


def _spread(values: list[float], form: str) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    middle, high = ordered[ceil(len(ordered) * 0.5) - 1], ordered[ceil(len(ordered) * 0.99) - 1]
    return f"median {middle:{form}}, p99 {high:{form}}, worst {ordered[-1]:{form}}"
