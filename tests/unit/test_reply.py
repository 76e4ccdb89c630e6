"""What an answer says of waiting, and what it holds."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from shared.transport.send import Reply


def reply(**headers: str) -> Reply:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Reply(429, httpx.Headers(raw), b"")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", 0.0),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 5000, 3600.0),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("٧", 0.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_in_seconds(value: str, seconds: float):
    """An hour at most; what is no number of seconds says nothing."""
    assert reply(Retry_After=value).retry_after == seconds


@pytest.mark.parametrize(
    ("date", "until", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT", 30.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", 30.0),  # RFC 850
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:50:07 1994", 30.0),  # asctime
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT", 3600.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", 0.0),
        ("no date", "Sun, 06 Nov 1994 08:50:07 GMT", 0.0),  # by our own clock, that was long ago
    ],
)
def test_retry_after_as_a_date(date: str, until: str, seconds: float):
    """By the clock of the server that says it (RFC 9110, section 10.2.3)."""
    assert reply(Date=date, Retry_After=until).retry_after == seconds


def test_retry_after_as_a_date_without_the_servers_own():
    """Then by our clock."""
    until = datetime.now(UTC) + timedelta(seconds=100)
    assert 97.0 < reply(Retry_After=format_datetime(until, usegmt=True)).retry_after <= 100.0


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'"text"', b"\xff\xfe\xfa", b"[" * 20_000, b'{"a":' * 20_000, b'{"a": 1, "a": 2}']
)
def test_what_is_no_json_object_has_no_fields(body: bytes):
    """An error may come as a proxy's page, as brackets without end, or with a key twice."""
    assert Reply(500, httpx.Headers(), body).fields() == {}
