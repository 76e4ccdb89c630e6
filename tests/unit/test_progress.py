"""How far a clean-up gets: when there is time for one more, and from where the next call goes on."""

import time
from dataclasses import dataclass

import pytest

from shared.core.errors import InvalidEvent
from shared.reconcile.progress import Position, Timebox, position


@dataclass
class Left:
    """A deadline whose time a test sets."""

    seconds: float = 0.0

    def left(self) -> float:
        return self.seconds


@pytest.mark.parametrize(("seconds", "enough"), [(0.2, False), (0.3, True)])
def test_before_anything_is_measured_a_quarter_of_a_second_is_enough(seconds: float, enough: bool):
    """Nobody knows yet how long one takes."""
    assert Timebox(Left(seconds)).has_time() is enough


def test_there_is_time_for_one_more_when_twice_the_longest_is_left():
    """A shorter one that comes later changes nothing."""
    left, within = Left(), 0.0

    def slow(_: int) -> None:
        nonlocal within
        started = time.monotonic()
        time.sleep(0.15)
        within = time.monotonic() - started

    timebox = Timebox(left)
    started = time.monotonic()
    timebox.timed(slow)(1)
    around = time.monotonic() - started  # it is measured as something between the two
    assert timebox.timed(str)(7) == "7"
    left.seconds = 2 * within - 0.001
    assert not timebox.has_time()
    left.seconds = 2 * around + 0.001
    assert timebox.has_time()


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        (None, Position("", 0)),
        ("after-", Position("", 0)),
        ("after-a1b2-3c", Position("a1b2-3c", 0)),
        ("after-a1b2-3c.40", Position("a1b2-3c", 40)),
        ("after-.7", Position("", 7)),
    ],
)
def test_a_cursor_says_after_which_certificate_and_with_how_many_bindings(cursor: str | None, expected: Position):
    """One without a count has changed nothing before."""
    assert position(cursor) == expected


@pytest.mark.parametrize("cursor", ["", "after", "after-A", "after-a.", "after-a.1234567890", "after-a.1 ", "x"])
def test_another_cursor_is_refused(cursor: str):
    """It names the field and what to send."""
    with pytest.raises(InvalidEvent, match="^cursor: expected the cursor of a clean-up's outcome, unchanged$"):
        position(cursor)


def test_what_a_position_tells_is_a_cursor():
    """The text that the next call is given."""
    assert Position("a1b2", 40).cursor() == "after-a1b2.40"
