"""Whether events could be handled now: asked for real, but seldom, however often somebody wants to know."""

import threading
import time
from collections.abc import Callable

from shared.core.errors import DetachError, Unavailable

KEEP_FOR = 60.0  # seconds, for success and failure


class Readiness:
    """What `check` came to, kept for a minute; for any number of threads, one of which asks at a time.

    `check` raises a DetachError when events could not be handled. `clock` is monotonic, in seconds.
    """

    def __init__(self, check: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: tuple[DetachError | None, float] | None = None  # and until when it is kept

    def error(self) -> DetachError | None:
        """Why events could not be handled. Nobody waits for another's check: the last answer serves meanwhile."""
        if self._lock.acquire(blocking=False):
            try:
                if self._answer is None or self._clock() >= self._answer[1]:
                    self._answer = self._asked(), self._clock() + KEEP_FOR
            finally:
                self._lock.release()
        if self._answer is None:
            return Unavailable("the first check is still under way")
        return self._answer[0]

    def _asked(self) -> DetachError | None:
        try:
            self._check()
        except DetachError as exc:
            return exc
        return None
