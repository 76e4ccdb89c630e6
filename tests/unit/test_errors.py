"""The errors of the contract: which are retryable, which of several is raised, and what is told of one."""

import pytest

from shared.core import errors
from shared.core.errors import AccessDenied, InvalidEvent, Rejected, Unavailable, first_error


def test_refused_credentials_and_what_is_unavailable_are_retryable():
    """The tree of the contract."""
    retryable = {
        name: getattr(errors, name).retryable
        for name in (
            "InvalidEvent",
            "ConfigurationError",
            "CredentialsRefused",
            "AccessDenied",
            "NotFound",
            "BlastRadiusExceeded",
            "Rejected",
            "Unavailable",
        )
    }
    assert [name for name, value in retryable.items() if value] == ["CredentialsRefused", "Unavailable"]
    # Only what is unavailable is sent again by this process: accounts lock.
    assert [error.__name__ for error in errors.DetachError.__subclasses__() if error.repeatable] == ["Unavailable"]
    assert len(retryable) == len(errors.DetachError.__subclasses__())


def test_the_first_retryable_error_is_raised():
    """A retry then finishes what it can. Without a retryable one, it is the first."""
    denied, rejected, down, busy = AccessDenied("a"), Rejected("b"), Unavailable("c"), Unavailable("d")
    assert first_error([denied, rejected, None, down, busy]) is down
    assert first_error([None, rejected, denied]) is rejected
    assert first_error([None, None]) is None
    assert first_error([]) is None
    assert first_error(iter([denied, down])) is down


def test_the_json_names_the_error_and_the_apis_code():
    """Its name, the API's own code, and the message."""
    error = Rejected("POST x answered 400", error_code="APIG.2012", status=400)
    assert error.to_dict() == {"error": "Rejected", "error_code": "APIG.2012", "message": "POST x answered 400"}
    assert Unavailable("no answer").to_dict() == {
        "error": "Unavailable",
        "error_code": None,
        "message": "no answer",
    }


def test_an_error_knows_nothing_that_no_answer_told():
    """Without facts, a write is not ambiguous, nothing is throttled, and there was time."""
    error = Unavailable("no answer")
    assert (error.error_code, error.status, error.retry_after) == (None, None, 0.0)
    assert (error.ambiguous, error.throttled, error.out_of_time) == (False, False, False)


@pytest.mark.parametrize(("told", "event_id"), [((), ""), (("event-1",), "event-1")])
def test_an_invalid_event_names_the_field(told, event_id):
    """And the event, if the envelope told its id."""
    error = InvalidEvent("domains[0].domain", "expected a name", *told)
    assert error.message == str(error) == "domains[0].domain: expected a name"
    assert (error.field, error.event_id) == ("domains[0].domain", event_id)
