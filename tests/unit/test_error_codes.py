"""What each code means: by `error_code` first, by status second."""

import pytest

from shared import errors
from shared.error_codes import error_for


@pytest.mark.parametrize(
    ("status", "code", "name", "ambiguous"),
    [
        (500, "APIG.9008", "Unavailable", False),  # throttling, surely not carried out
        (429, "APIG.0308", "Unavailable", False),
        (401, "APIG.1010", "Unavailable", False),
        (500, "APIG.1029", "Unavailable", True),
        (409, "APIG.3711", "Unavailable", False),
        (409, "APIG.3718", "Unavailable", False),
        (409, "APIC.7701", "Unavailable", False),
        (500, "APIG.9999", "Unavailable", True),
        (500, "APIG.0601", "Unavailable", True),
        (503, None, "Unavailable", True),
        (429, None, "Unavailable", False),
        (401, "APIG.1005", "AccessDenied", False),
        (403, "APIG.1005", "AccessDenied", False),
        (403, "APIG.1115", "AccessDenied", False),
        (401, "APIG.1002", "AccessDenied", False),
        (401, None, "AccessDenied", False),
        (401, "APIG.1003", "ConfigurationError", False),
        (404, "APIG.3021", "NotFound", False),
        (404, "APIG.3025", "NotFound", False),
        (404, "APIG.3001", "NotFound", False),
        (404, "APIG.3030", "NotFound", False),
        (404, "APIG.3007", "Rejected", False),
        (400, "APIG.2012", "Rejected", False),
        (400, "APIG.2000", "Rejected", False),
        (409, "APIC.7712", "Rejected", False),
        (412, "APIG.3458", "Rejected", False),
        (302, None, "ConfigurationError", False),
        (200, None, "Unavailable", True),
    ],
)
def test_answer(status, code, name, ambiguous):
    """Status and code → the error of the contract, and whether a write may have been done."""
    error = error_for("GET x", status, code, "text")
    assert (error.name, error.ambiguous) == (name, ambiguous)
    assert (error.status, error.error_code) == (status, code)
    assert error.message.startswith(f"GET x answered {status}")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "APIG.3097"),
        (404, "APIG.3020"),
        (400, "APIG.2000"),
        (400, "APIG.3309"),
        (404, "APIG.3021"),
        (404, "APIG.3030"),
    ],
)
def test_perhaps_detached(status, code):
    """Of a detach these are no verdict; of any other call they are."""
    assert error_for("POST detach", status, code, "", detaching=True).ambiguous
    assert not error_for("GET x", status, code, "").ambiguous


def test_once_a_minute():
    """APIG.3711 is not worth asking again within the minute."""
    assert error_for("POST x", 409, "APIG.3711", "").retry_after == 60.0


def test_long_message_is_cut():
    """A message of megabytes does not reach the logs."""
    assert len(str(error_for("GET x", 400, "APIG.2012", "x" * 10_000))) < 400


def test_only_unavailable_is_retryable():
    """The tree of the contract."""
    retryable = {
        name: getattr(errors, name).retryable
        for name in (
            "InvalidEvent",
            "ConfigurationError",
            "AccessDenied",
            "NotFound",
            "BlastRadiusExceeded",
            "Rejected",
            "Unavailable",
        )
    }
    assert [name for name, value in retryable.items() if value] == ["Unavailable"]
    assert len(retryable) == len(errors.DetachError.__subclasses__())
