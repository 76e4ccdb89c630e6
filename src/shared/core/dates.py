"""Moments that others write down: RFC 3339 in what they tell, HTTP dates in headers, or nothing."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# API Gateway and EventGrid give 0 to 9 fractional digits; Python keeps six.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def rfc_3339(value: object) -> datetime | None:
    """The moment that a text tells, in UTC; None for anything else: a number, a date alone, one without an offset."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date (RFC 9110, section 5.6.7), in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        # asctime's form names no zone: it is UTC, wherever this machine stands.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
