"""The records of one storm, read as they are."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.storm.oracle.names import plain

Json = dict[str, Any]
Pair = tuple[str, str, str]
"""Certificate, domain (as it compares), gateway."""


@dataclass(frozen=True)
class Settings:
    """The function's settings that decide something."""

    max_bindings: int = 200
    max_cleanup_bindings: int = 2000
    protected: tuple[str, ...] = ()
    live_domains: str | None = None
    expiry_grace_seconds: float = 0.0
    max_event_age_seconds: float = 604_800.0
    platform_timeout_seconds: float = 300.0
    dry_run: bool = False


@dataclass(frozen=True)
class Records:
    """All of one run. The lists are in the order of the files."""

    run: Json
    requests: list[Json]
    changes: list[Json]
    deliveries: list[Json]
    meanings: dict[int, Json]
    samples: list[Json]
    end: Json
    undo: list[Json]
    secrets: list[str]
    output: dict[str, str] = field(default_factory=dict)
    """Name of a log file → its text."""

    @cached_property
    def settings(self) -> Settings:
        """Those of run.json that this knows; the others do not decide anything here."""
        given = self.run["settings"]
        known = {name: given[name] for name in Settings.__dataclass_fields__ if name in given}
        return Settings(**{**known, "protected": tuple(plain(each) for each in given.get("protected", ()))})

    def wall(self, at: float) -> float:
        """Epoch seconds at a moment of the monotonic clock."""
        return float(self.run["wall_at_start"] - self.run["started_at"] + at)

    def monotonic(self, wall: float) -> float:
        """The reverse."""
        return float(wall - self.run["wall_at_start"] + self.run["started_at"])


def read(folder: Path) -> Records:
    """Read the folder; a file that a storm may leave out counts as empty."""
    return Records(
        run=_object(folder / "run.json"),
        requests=sorted(_lines(folder / "requests.jsonl"), key=lambda each: each["n"]),
        changes=sorted(_lines(folder / "changes.jsonl"), key=lambda each: each["n"]),
        deliveries=_lines(folder / "deliveries.jsonl"),
        meanings={each["event"]: each for each in _lines(folder / "meanings.jsonl")},
        samples=_lines(folder / "samples.jsonl"),
        end=_object(folder / "end.json"),
        undo=_lines(folder / "undo.jsonl"),
        secrets=json.loads(_text(folder / "secrets.json") or "[]"),
        output={each.name: _text(each) for each in sorted((folder / "output").glob("*.log"))},
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _object(path: Path) -> Json:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _lines(path: Path) -> list[Json]:
    return [json.loads(line) for line in _text(path).split("\n") if line]
