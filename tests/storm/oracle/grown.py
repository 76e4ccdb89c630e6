"""(f) Hung or grown: an attempt beyond the platform's limit; threads, sockets or memory that grow without end."""

from collections.abc import Iterator
from statistics import median

from tests.storm.oracle.case import Case
from tests.storm.oracle.records import Json
from tests.storm.oracle.verdict import Violation

SLACK = 2.0  # seconds for the way there and back, on a busy machine
ENOUGH = 40  # samples of a process, one a second: before that, it still warms up
# What may come and go between two quarters of a run, by name: the most, and the share of what there was.
BOUNDS = {"rss_bytes": (16_000_000, 0.15), "threads": (8, 0.25), "fds": (16, 0.25)}


def find(case: Case) -> Iterator[Violation]:
    """Attempts, then processes."""
    limit = case.settings.platform_timeout_seconds
    for flight in case.flights:
        took = flight.answered_at - flight.sent_at
        if flight.delivery["result"] == "no_answer":
            what = f"was not answered within {took:.1f} s"
        elif took > limit + SLACK:
            what = f"took {took:.1f} s, and the platform gives {limit:.0f}"
        else:
            continue
        yield Violation("f", flight.event, f"attempt {flight.delivery['attempt']} {what}", at=flight.answered_at)
    yield from _grown(case.records.samples)


def _grown(samples: list[Json]) -> Iterator[Violation]:
    processes: dict[int, list[Json]] = {}
    for each in samples:
        processes.setdefault(each["pid"], []).append(each)
    for pid, taken in processes.items():
        if len(taken) < ENOUGH:
            continue
        quarter = len(taken) // 4
        for name, (most, share) in BOUNDS.items():
            values = [each[name] for each in taken]
            third, last = median(values[-2 * quarter : -quarter]), median(values[-quarter:])
            if last - third > max(most, third * share):
                yield Violation(
                    "f",
                    None,
                    f"process {pid}: {name} grew from {third:.0f} to {last:.0f} in the last quarter of the run",
                )
