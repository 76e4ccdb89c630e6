"""How far a clean-up gets in the time it has: when to stop, and the cursor from which the next call goes on."""

import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from shared.core.delivery import Deadline
from shared.core.errors import InvalidEvent

Item = TypeVar("Item")
Result = TypeVar("Result")

# Seconds that must be left for one more certificate: twice the longest so far, within these bounds. The upper bound is
# for a certificate that waited among throttled ones: it says little about the next, and one cut off is no loss.
RESERVE = (0.25, 5.0)
_CURSOR = re.compile(r"after-([0-9a-f-]*)(?:\.(\d{1,9}))?")


class Timebox:
    """Measures what is done, and says whether there is time for one more. For any number of threads."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._slowest = 0.0
        self._lock = threading.Lock()

    def timed(self, do: Callable[[Item], Result]) -> Callable[[Item], Result]:
        """The same as `do`, measured."""

        def measured(item: Item) -> Result:
            started = time.monotonic()
            result = do(item)
            with self._lock:
                self._slowest = max(self._slowest, time.monotonic() - started)
            return result

        return measured

    def has_time(self) -> bool:
        """Whether there is time for one more."""
        least, most = RESERVE
        return self._deadline.left() > min(max(least, 2 * self._slowest), most)


class Position(NamedTuple):
    """Where a clean-up stands: every certificate up to this id is done ("" at the start), with so many bindings.

    Ids are an order that nothing disturbs, whatever certificates come and go between two calls. The count lets the
    limit of a clean-up hold for all of its calls together.
    """

    after: str = ""
    bindings: int = 0

    def cursor(self) -> str:
        """The text from which the next call goes on."""
        return f"after-{self.after}.{self.bindings}"


def position(cursor: str | None) -> Position:
    """Where a call goes on. Raises InvalidEvent for an unknown cursor."""
    if cursor is None:
        return Position()
    known = _CURSOR.fullmatch(cursor)
    if known is None:
        raise InvalidEvent("cursor", "expected the cursor of a clean-up's outcome, unchanged")
    return Position(known[1], int(known[2] or 0))
