"""The watch over everything captured: no known secret, whole or in a part of eight characters or more."""

from collections.abc import Iterable, Iterator
from pathlib import Path

PART = 8


class Watch:
    """The secrets that are known by now; `leaked` looks for them in a text, `leaking` in the files of a folder."""

    def __init__(self) -> None:
        self._parts: set[str] = set()  # of eight characters: millions by the end of a run
        self._short: set[str] = set()  # secrets that are shorter
        self._known: set[str] = set()
        self._kept: set[Path] = set()
        self._read: list[str] = []

    def add(self, secrets: Iterable[str]) -> None:
        """Watch for these from now on, and for every part of theirs."""
        for secret in set(secrets) - self._known:
            self._known.add(secret)
            if len(secret) < PART:
                self._short.add(secret)
            self._parts.update(secret[start : start + PART] for start in range(len(secret) - PART + 1))

    def keep(self, *places: Path) -> None:
        """These files or folders are where a secret belongs: what a test hands to a function, a server's own state."""
        self._kept.update(place.resolve() for place in places)

    def read(self, text: str) -> None:
        """What a test has taken out of the captured output, to look at it itself; it stays under watch."""
        self._read.append(text)

    def taken(self) -> str:
        """All of that since the last call."""
        text = "\n".join(self._read)
        self._read.clear()
        return text

    def leaked(self, text: str) -> str | None:
        """The first part of a secret that stands in the text."""
        short = next((part for part in self._short if part in text), None)
        windows = (text[start : start + PART] for start in range(len(text) - PART + 1))
        return short or next((window for window in windows if window in self._parts), None)

    def leaking(self, folder: Path) -> Iterator[Path]:
        """The files below the folder that hold a part of a secret, and are no place for one."""
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or self._kept & {path.resolve(), *path.resolve().parents}:
                continue
            if self.leaked(path.read_bytes().decode("utf-8", errors="ignore")) is not None:
                yield path


WATCH = Watch()
