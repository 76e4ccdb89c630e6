"""The error of an event that failed for several reasons: one of them, and the others in its message."""

import pytest

from shared.core.all_told import LENGTH, all_told
from shared.core.errors import AccessDenied, DetachError, InvalidEvent, Rejected, Unavailable

DENIED = AccessDenied("denied", error_code="APIG.1005", status=403)
DOWN = Unavailable("down", retry_after=3.0, out_of_time=True)


def test_one_reason_is_that_error_itself():
    """However often it comes."""
    assert all_told([]) is None
    assert all_told([None]) is None
    assert all_told([None, DENIED, DENIED, AccessDenied("denied")]) is DENIED


def test_several_reasons_are_told_by_the_one_that_is_retryable():
    """All of its facts stay, and the errors themselves are as they were."""
    error = all_told([DENIED, DOWN, Rejected("refused"), DENIED])
    assert type(error) is Unavailable
    assert error.message == str(error) == "down; also AccessDenied: denied; also Rejected: refused"
    assert (error.retry_after, error.out_of_time, error.error_code) == (3.0, True, None)
    assert (DENIED.message, DOWN.message) == ("denied", "down")


def test_what_is_told_is_bounded():
    """The first in full, four others cut, and the number of the rest."""
    errors: list[DetachError] = [Rejected("x" * 1000), *(Rejected(f"{number} {'y' * 1000}") for number in range(250))]
    error = all_told(errors)
    assert error is not None
    assert error.message.startswith("x" * 1000 + "; also Rejected: 0 y")
    assert error.message.endswith("y; and 246 more, see the outcome")
    assert len(error.message) < 1000 + 4 * (LENGTH + 30) + 40


@pytest.mark.parametrize("first", [InvalidEvent("domains", "expected something", "event-1")])
def test_an_error_that_is_made_in_another_way_is_told_too(first):
    """Its own fields stay."""
    error = all_told([first, DENIED])
    assert type(error) is InvalidEvent
    assert (error.field, error.event_id) == ("domains", "event-1")
    assert error.message == "domains: expected something; also AccessDenied: denied"
