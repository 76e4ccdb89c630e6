"""The error that an event of many failures raises: one of them, whose message tells the others too."""

from collections.abc import Iterable

from shared.core.errors import DetachError, first_error

OTHERS = 4  # that are told beside the first one, each cut to LENGTH characters; the rest is counted
LENGTH = 300


def all_told(errors: Iterable[DetachError | None]) -> DetachError | None:
    """The first retryable error, or else the first one; it tells the distinct others. None when there is none.

    One that stands alone is returned as it is. Otherwise it is a new one: each certificate and binding keeps its own.
    """
    known = [error for error in errors if error is not None]
    first = first_error(known)
    if first is None:
        return None
    distinct = {(error.name, error.message): error for error in known}
    del distinct[first.name, first.message]
    if not distinct:
        return first
    told = [f"; also {name}: {message[:LENGTH]}" for name, message in list(distinct)[:OTHERS]]
    more = len(distinct) - len(told)
    return _with_message(
        first, f"{first.message}{''.join(told)}{f'; and {more} more, see the outcome' if more else ''}"
    )


def _with_message(error: DetachError, message: str) -> DetachError:
    """The same error with another message. Not by its own constructor: not every one takes a message."""
    other = type(error).__new__(type(error), message)
    other.__dict__.update(error.__dict__)
    other.message = message
    return other
