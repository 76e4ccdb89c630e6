"""The window of a clean-up: the first certificates by their ids, with as many bindings as there is room for."""

from datetime import UTC, datetime

import pytest

from shared.apig.replies import GroupDomain
from shared.core.models import Binding, Certificate
from shared.reconcile.window import Window

FIRST, SECOND = "1" * 32, "2" * 32
EARLIER, LATER = datetime(2021, 4, 26, tzinfo=UTC), datetime(2022, 4, 26, tzinfo=UTC)


def domain(certificate_id: str, number: int = 0, instance_id: str = FIRST) -> GroupDomain:
    """A domain that carries this certificate."""
    return GroupDomain(certificate_id, Binding(f"{certificate_id}{number}.example.com", instance_id))


def window(certificates: str, most: int) -> Window:
    """With a due certificate for each letter."""
    made = Window("", most)
    for each in certificates:
        made.add(Certificate(each, not_after=EARLIER))
    return made


def held(made: Window, *, shown: bool = True) -> dict[str, int | None]:
    """The certificates that it gives, in order, each with the number of its bindings."""
    return {each.id: None if bound is None else len(bound) for each, bound in made.held(shown=shown)}


@pytest.mark.parametrize(
    ("most", "certificates", "through", "kept"),
    [(2, "dcba", None, "abcd"), (2, "edcba", "b", "ab"), (2, "edcbaf", "b", "ab"), (3, "gfedcba", "c", "abc")],
)
def test_twice_as_many_certificates_as_there_is_room_for_are_taken_in(most: int, certificates: str, through, kept: str):
    """With one more, the first are kept, and the window ends with the last of these."""
    made = window(certificates, most)
    assert (made.through, "".join(held(made, shown=False))) == (through, kept)


def test_the_last_certificate_of_the_window_is_still_taken_in():
    """Another gateway lists it with a later date, and has a domain of it: neither is missed."""
    made = window("edcba", most=2)
    made.add(Certificate("b", not_after=LATER))
    made.note(domain("b"))
    assert held(made) == {"b": 1}
    assert made.certificates["b"].not_after == LATER
    assert made.disputed == {"b"}


@pytest.mark.parametrize(("bound", "through"), [("aabb", None), ("aabbc", "a")])
def test_twice_as_many_bindings_as_there_is_room_for_are_noted(bound: str, through: str | None):
    """With one more, the last certificates are left to the next call."""
    made = window("abc", most=2)
    for number, each in enumerate(bound):
        made.note(domain(each, number))
    assert made.through == through


@pytest.mark.parametrize(
    ("bound", "kept", "through"),
    [
        ("aaa", {"a": 3}, None),
        ("aabb", {"a": 2}, "a"),
        ("aaab", {"a": 3}, "a"),
        ("abb", {"a": 1}, "a"),
        ("ab", {"a": 1, "b": 1}, None),
    ],
)
def test_a_certificate_is_held_whole(bound: str, kept: dict[str, int], through: str | None):
    """The first one too, however many bindings it has; the others as far as there is room for all of theirs."""
    made = window("ab", most=2)
    for number, each in enumerate(bound):
        made.note(domain(each, number))
    assert (held(made), made.through) == (kept, through)


@pytest.mark.parametrize(
    ("later", "kept", "through"),
    [("", {"a": 1, "b": 1, "c": 1}, None), ("d", {"a": 1, "b": 1, "c": 1}, "c")],
)
def test_what_is_forgotten_takes_no_room(later: str, kept: dict[str, int], through: str | None):
    """A gateway's listing was cut short: the bindings of the others count, and these only."""
    made = window("abcd", most=3)
    for each in "abc":
        made.note(domain(each, instance_id=SECOND))
    for each in "ad":
        made.note(domain(each))
    made.forget(FIRST)
    for each in later:
        made.note(domain(each, instance_id=SECOND))
    assert (held(made), made.through) == (kept, through)
