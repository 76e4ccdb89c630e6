"""When credentials that were refused are sent again: accounts, access keys and AppRoles lock after a few failures."""

from collections.abc import Callable
from typing import Generic, TypeVar

from shared.core.errors import DetachError

SOON = 300.0  # seconds after a first refusal, which may have been a mistake of the server
LATER = 3600.0  # seconds after each further one: by then an account may have been unlocked
_LONG_AGO = 2 * LATER  # seconds after which a refusal counts as a first one again

E = TypeVar("E", bound=DetachError)


class Refusals(Generic[E]):
    """The last refusal of a login or a key, and until when it stands. `clock` gives seconds.

    One mistaken answer costs five minutes. After that it is one attempt an hour, which locks nothing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._error: E | None = None
        self._at = float("-inf")
        self._until = float("-inf")

    def wait(self, *, locked: bool = False) -> float:
        """The seconds for which a refusal that comes now will stand. `locked`: the server said that it is locked."""
        return LATER if locked or self._clock() - self._at < _LONG_AGO else SOON

    def note(self, error: E, *, locked: bool = False) -> None:
        """It was refused now; `error` is raised until it may be sent again."""
        wait = self.wait(locked=locked)
        self._error, self._at = error, self._clock()
        self._until = self._at + wait

    def standing(self) -> E | None:
        """The refusal, as long as nothing must be sent."""
        return self._error if self._clock() < self._until else None

    def clear(self) -> None:
        """It was accepted, or it is no longer what was refused."""
        self._error, self._at, self._until = None, float("-inf"), float("-inf")
