"""What the oracle found: violations, figures, a table of them, and how to see one again."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from tests.storm.oracle.records import Json

LETTERS = {
    "a": "wrong",
    "b": "lost",
    "c": "false",
    "d": "leaked",
    "e": "misjudged",
    "f": "hung or grown",
    "g": "calls per event",
}
SHOWN = 40  # violations in the table; the letters' numbers are those of all


@dataclass(frozen=True)
class Violation:
    """One thing that must not be. `event` is the event's ordinal, None where none can be named.

    `certificates` are those that it is about and `at` its moment, both for the replay.
    """

    letter: str
    event: int | None
    what: str
    certificates: frozenset[str] = frozenset()
    at: float | None = None


@dataclass(frozen=True)
class Attempt:
    """What the replay needs of one attempt: the span, and the certificates that it touched or may have touched."""

    event: int
    since: float
    until: float
    certificates: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """All violations of a run, and its figures."""

    violations: list[Violation]
    run: Json
    figures: list[tuple[str, str]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    sources: dict[int, int] = field(default_factory=dict)
    """Undo → the event that it undoes."""
    folder: Path | None = None

    def count(self, letter: str) -> int:
        """How many of that letter."""
        return sum(each.letter == letter for each in self.violations)

    def table(self) -> Any:
        """For a rich console: the letters with their numbers, the figures, the violations with their replays."""
        numbers = Table("", "violation", "count", title="The oracle")
        for letter, name in LETTERS.items():
            if letter != "g":
                count = self.count(letter)
                numbers.add_row(f"({letter})", name, f"[{'bold red' if count else 'green'}]{count}")
        for name, value in self.figures:
            numbers.add_row("", escape(name), escape(value))
        if not self.violations:
            return numbers
        told = Table("", "event", "what", "see it again", title="Violations", show_lines=True)
        for each in self.violations[:SHOWN]:
            event = "" if each.event is None else str(each.event)
            told.add_row(f"({each.letter})", event, escape(each.what), escape(self.replay(each)))
        if len(self.violations) > SHOWN:
            told.caption = f"and {len(self.violations) - SHOWN} more"
        return Group(numbers, told)

    def replay(self, violation: Violation) -> str:
        """The command that sends the fewest events among which it may come again.

        AGAIN= gives the same requests the same faults; without it, they may fall elsewhere.
        """
        run, only = self.run, self._only(violation)
        words = [f"make storm SEED={run.get('seed', 1)} DOOR={run.get('door', 'http')}"]
        words.append(f"SENDERS={1 if len(only) == 1 else run.get('senders', 8)}")
        words.append(f"EVENTS={run.get('planned', run.get('events', 2000))} FAULTS={run.get('faults', 0.2)}")
        if only:
            words.append(f"ONLY={','.join(map(str, only))}")
            words += [f"AGAIN={self.folder}"] if self.folder else []
        return " ".join(words)

    def _only(self, violation: Violation) -> list[int]:
        """The event, what it undoes, and whoever touched the same certificates in its time."""
        own = [each for each in self.attempts if each.event == violation.event]
        certificates = violation.certificates or frozenset().union(*(each.certificates for each in own))
        if violation.at is not None:
            since = until = violation.at
            last = [each for each in own if each.since <= violation.at <= each.until]
            since = min([since, *(each.since for each in last)])
        elif own:
            since, until = own[-1].since, own[-1].until
        else:
            since = until = None
        events = set() if violation.event is None else {violation.event}
        if since is not None and certificates:
            events |= {
                each.event
                for each in self.attempts
                if each.since <= until and since <= each.until and each.certificates & certificates
            }
        return sorted(events | {self.sources[each] for each in events if each in self.sources})
