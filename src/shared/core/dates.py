"""Moments that others write down: RFC 3339, or nothing."""

import re
from datetime import UTC, datetime

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
