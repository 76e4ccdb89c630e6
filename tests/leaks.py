"""The watch over everything captured: no known secret, whole or in a part of eight characters or more."""

from collections.abc import Iterable

PART = 8


class Watch:
    """The secrets that are known by now; `leaked` looks for them in a text."""

    def __init__(self) -> None:
        self._parts: dict[str, int] = {}
        self._known: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Watch for these from now on, and for every part of theirs."""
        for secret in set(secrets) - self._known:
            self._known.add(secret)
            for start in range(max(1, len(secret) - PART + 1)):
                self._parts.setdefault(secret[start : start + PART], len(self._known))

    def leaked(self, text: str) -> str | None:
        """The first part of a secret that stands in the text."""
        short = [part for part in self._parts if len(part) < PART and part in text]
        windows = (text[start : start + PART] for start in range(len(text) - PART + 1))
        return next(iter(short), None) or next((window for window in windows if window in self._parts), None)


WATCH = Watch()
