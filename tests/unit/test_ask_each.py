"""The same question about several: what is told of one without an answer, and what ends it for all."""

import threading

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, NotFound, Unavailable
from shared.reconcile.gateways import ask_each


def answering(**errors: DetachError):
    """Answers with the name in capitals, and with the error of those that have one."""

    def ask(name: str) -> str:
        if name in errors:
            raise errors[name]
        return name.upper()

    return ask


@pytest.mark.parametrize("threads", [1, 3])
def test_one_without_an_answer_does_not_stop_the_others(threads: int):
    """In the order of the question, each once; half a second is time enough to go on."""
    down = Unavailable("down")
    answers, failed = ask_each("cabac", answering(a=down), Deadline.after(0.5), threads)
    assert (list(answers.items()), failed) == ([("c", "C"), ("b", "B")], {"a": down})


def test_without_time_one_error_is_an_error_for_all():
    """The answers are of no use any more: nothing could be done with them."""
    with pytest.raises(Unavailable, match="^down$"):
        ask_each("ab", answering(a=Unavailable("down")), Deadline.after(0))


def test_an_error_for_all_is_raised():
    """With all of the reasons, the retryable one first."""
    with pytest.raises(Unavailable, match="^down; also NotFound: gone$"):
        ask_each("ab", answering(a=NotFound("gone"), b=Unavailable("down")), Deadline.after(20))


@pytest.mark.parametrize("error", [CredentialsRefused("refused"), ConfigurationError("wrong")])
def test_what_is_about_none_of_them_alone_is_raised(error: DetachError):
    """Whatever the others would answer."""
    with pytest.raises(type(error)):
        ask_each("abc", answering(b=error), Deadline.after(20))


def test_nothing_asked_is_nothing_answered():
    """And no error, however little time is left."""
    assert ask_each((), answering(), Deadline.after(0)) == ({}, {})


def test_they_are_asked_one_by_one_unless_said_otherwise():
    """By the caller itself, so that one may rest on what another has answered."""
    answers, _ = ask_each("abc", lambda _: threading.get_ident(), Deadline.after(20))
    assert set(answers.values()) == {threading.get_ident()}
