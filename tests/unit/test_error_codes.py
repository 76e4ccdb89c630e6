"""What each code means: by `error_code` first, by status second."""

import pytest

from shared.core.error_codes import Answer, error_for


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
        (401, "APIG.1002", "CredentialsRefused", False),
        (401, None, "CredentialsRefused", False),
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
        (300, None, "ConfigurationError", False),
        (302, None, "ConfigurationError", False),
        (399, None, "ConfigurationError", False),
        (200, None, "Unavailable", True),
        (299, None, "Unavailable", True),
        (400, None, "Rejected", False),
    ],
)
def test_an_answer_stands_for_one_error(status, code, name, ambiguous):
    """Status and code → the error of the contract, and whether a write may have been done."""
    error = error_for("GET x", Answer(status, code, "text"))
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
def test_a_detach_may_be_done_after_these(status, code):
    """For a detach these answers decide nothing. For any other call they do."""
    assert error_for("POST detach", Answer(status, code, ""), detaching=True).ambiguous
    assert not error_for("GET x", Answer(status, code, "")).ambiguous


def test_modifiable_once_a_minute_waits_a_minute():
    """APIG.3711 waits for 60 seconds, or for the longer Retry-After."""
    assert error_for("POST x", Answer(409, "APIG.3711", "")).retry_after == 60.0
    assert error_for("POST x", Answer(409, "APIG.3711", "", retry_after=5.0)).retry_after == 60.0
    assert error_for("POST x", Answer(409, "APIG.3711", "", retry_after=90.0)).retry_after == 90.0
    assert error_for("POST x", Answer(429, None, "", retry_after=5.0)).retry_after == 5.0
    assert error_for("POST x", Answer(429, None, "")).retry_after == 0.0
    assert error_for("POST x", Answer(409, "APIG.3718", "")).retry_after == 0.0


def test_a_long_message_is_cut():
    """A message of megabytes does not reach the logs: 300 characters do."""
    message = error_for("GET x", Answer(400, "APIG.2012", "x" * 10_000)).message
    assert message == f"GET x answered 400 APIG.2012: {'x' * 300}"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("APIG.2012", "APIG.2012"),
        ("common_Error-7.zZ", "common_Error-7.zZ"),
        ("A" * 40, "A" * 40),
        ("A" * 41, None),
        ("two words", None),
        ("APIG.2012\n", None),
        ("", None),
        (None, None),
    ],
)
def test_only_what_looks_like_a_code_is_told_as_one(code, told):
    """At most 40 letters, digits, dots, hyphens and underscores; any other text may be anything."""
    assert error_for("GET x", Answer(400, code, "text")).error_code == told


@pytest.mark.parametrize(
    ("status", "code", "throttled"),
    [
        (429, None, True),
        (500, "APIG.9008", True),
        (429, "APIG.0308", True),
        (403, "IAM.0012", True),
        (500, "APIG.9999", False),
        (409, "APIG.3711", False),
    ],
)
def test_too_many_requests_are_throttled(status, code, throttled):
    """By the code, whatever the status, or by 429."""
    assert error_for("GET x", Answer(status, code, "")).throttled is throttled


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (403, "APIG.1005", "; grant the permission"),
        (401, "APIG.1002", "; check the credentials"),
        (404, "APIG.3021", "; it may be in another project"),
        (401, "APIG.1003", "; the token needs the scope of a project"),
        (400, "APIG.2012", ""),
        (503, None, ""),
    ],
)
def test_the_message_says_what_to_do(status, code, hint):
    """Where something can be done; an answer without a message is told as such."""
    shown = f" {code}" if code else ""
    assert error_for("GET x", Answer(status, code, "text")).message == f"GET x answered {status}{shown}: text{hint}"
    assert error_for("GET x", Answer(status, code, "")).message == f"GET x answered {status}{shown}: no message{hint}"
