"""When what was refused is sent again."""

from shared.core.errors import CredentialsRefused
from shared.credentials.refusals import Refusals


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_five_minutes_and_then_an_hour_each_time():
    """The first one may be a mistake of the server."""
    clock = Clock()
    refusals, error = Refusals[CredentialsRefused](clock), CredentialsRefused("no")
    assert refusals.standing() is None
    for wait in (300.0, 3600.0, 3600.0, 3600.0):
        assert refusals.wait() == wait
        refusals.note(error)
        clock.now += wait - 1
        assert refusals.standing() is error
        clock.now += 1
        assert refusals.standing() is None


def test_what_is_locked_has_its_hour_at_once():
    """Another attempt would only keep it locked."""
    clock = Clock()
    refusals = Refusals[CredentialsRefused](clock)
    refusals.note(CredentialsRefused("locked"), locked=True)
    clock.now += 3599
    assert refusals.standing() is not None


def test_after_two_quiet_hours_it_is_a_first_one_again():
    """A process that is asked once a day is not locked out for an hour each day."""
    clock = Clock()
    refusals = Refusals[CredentialsRefused](clock)
    refusals.note(CredentialsRefused("no"))
    clock.now += 7200
    assert refusals.wait() == 300.0


def test_what_was_accepted_since_starts_anew():
    """`clear` forgets."""
    refusals = Refusals[CredentialsRefused](Clock())
    refusals.note(CredentialsRefused("no"))
    refusals.clear()
    assert refusals.standing() is None
    assert refusals.wait() == 300.0
