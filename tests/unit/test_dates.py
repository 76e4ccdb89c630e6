"""Dates of HTTP, as RFC 9110 (section 5.6.7) has them, wherever this machine stands."""

from datetime import UTC, datetime

import pytest

from shared.core.dates import http_date

# This machine's local time is not UTC.
pytestmark = pytest.mark.usefixtures("far_east")


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_an_http_date_is_a_moment_in_utc(text: str):
    """The three forms of the page, and what mail has besides."""
    moment = http_date(text)
    assert moment is not None
    assert moment.isoformat() == "1994-11-06T08:49:37+00:00"
    assert moment == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_what_is_no_date_tells_nothing(text: str):
    """Nor does one that no clock shows."""
    assert http_date(text) is None
