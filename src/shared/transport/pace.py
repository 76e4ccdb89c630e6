"""How fast the threads of one event send: throttled by one answer, they slow down together."""

import threading
import time
from collections.abc import Callable


class Pace:
    """How fast the threads of one event send, all together.

    A throttled answer stops and slows all of them; each other answer speeds them up a little. `clock` gives seconds.
    """

    _FIRST, _MOST, _LEAST = 0.05, 2.0, 0.01  # seconds from one request to the next

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._interval = 0.0
        self._round = 0
        self._next = self._until = self._slowed = float("-inf")

    def turn(self, *, at_once: bool = False, within: float = float("inf")) -> tuple[float, int] | None:
        """Take a turn: the seconds until it comes, and the round to which it belongs.

        `at_once` goes before those that wait, who come that much later. None, and no turn is taken, if it would not
        come `within` so many seconds.
        """
        with self._lock:
            now = self._clock()
            turn = max(now, self._until if at_once else self._next)
            if turn - now > within:
                return None
            self._next = max(turn, self._next) + self._interval
            return turn - now, self._round

    def holds(self, taken: int) -> bool:
        """Whether turns of this round are still valid: after a throttled answer, a new one has to be taken."""
        return taken == self._round

    def throttled(self, sent: float, wait: float) -> None:
        """A request sent at `sent` was refused because there were too many: no thread sends for `wait` seconds."""
        with self._lock:
            now = self._clock()
            if sent >= self._slowed:  # several that were sent before the slow-down count once
                self._interval = min(max(2 * self._interval, self._FIRST), self._MOST)
                self._slowed = now
            self._until = self._next = max(self._until, now + max(wait, self._interval))
            self._round += 1

    def answered(self) -> None:
        """A request was answered in any other way."""
        with self._lock:
            self._interval = 0.9 * self._interval if self._interval > self._LEAST else 0.0
