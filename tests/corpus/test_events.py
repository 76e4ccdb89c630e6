"""Each shape of an event, as the doors hand it over: the one answer that was decided for it, fast and small."""

import time
import tracemalloc

import pytest

from shared.core.delivery import Delivery
from shared.core.errors import InvalidEvent
from shared.core.event_data import Event
from shared.events import parse
from tests.corpus.case import Case, Refused, Taken
from tests.corpus.events import EVENTS

SECONDS = 0.05  # of the processor, so that a busy machine changes nothing
BYTES = 50 * 1024 * 1024
LONGEST = 400  # characters of a message

NAMES = [case.name for case in EVENTS]


def answer(delivery: Delivery) -> Event | InvalidEvent:
    """What the parser makes of it; any other exception is a crash."""
    try:
        return parse(delivery)
    except InvalidEvent as error:
        return error


def seconds(delivery: Delivery) -> float:
    """What it takes of the processor."""
    began = time.thread_time()
    answer(delivery)
    return time.thread_time() - began


def differs(found: Event | InvalidEvent, expected: Refused | Taken) -> str:
    """What is not as expected; empty when all is."""
    if isinstance(found, InvalidEvent) or isinstance(expected, Refused):
        told = found.message if isinstance(found, InvalidEvent) else f"taken as {found}"
        right = (
            isinstance(found, InvalidEvent)
            and isinstance(expected, Refused)
            and found.field == expected.field
            and told.startswith(f"{expected.field}: ")
            and expected.says in told
            and len(told) <= LONGEST
        )
        return "" if right else f"{told}; expected {expected}"
    seen = {
        "kind": found.kind,
        "data": found.data.model_dump(mode="json", exclude_defaults=True),
        "id": found.id,
        "source": found.source,
        "time": None if found.time is None else found.time.isoformat().replace("+00:00", "Z"),
    }
    wanted = {name: getattr(expected, name) for name in seen if getattr(expected, name) is not None}
    wrong = [f"{name} {seen[name]!r}, expected {value!r}" for name, value in wanted.items() if seen[name] != value]
    return "; ".join(wrong)


def test_each_shape_has_a_name_of_its_own() -> None:
    assert len(NAMES) >= 300
    assert sorted({name for name in NAMES if NAMES.count(name) > 1}) == []


@pytest.mark.parametrize("case", EVENTS, ids=NAMES)
def test_it_is_one_event_or_one_error(case: Case) -> None:
    """The expected answer, whichever door hands it over; under 50 ms and 50 MB."""
    for delivery in case.deliveries():
        assert differs(answer(delivery), case.answer) == ""
        assert any(seconds(delivery) < SECONDS for _ in range(3))
        tracemalloc.start()
        try:
            answer(delivery)
            assert tracemalloc.get_traced_memory()[1] < BYTES
        finally:
            tracemalloc.stop()
