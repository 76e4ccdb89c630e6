"""The function's own log lines, on the clock of the records."""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from tests.storm.oracle.history import epoch
from tests.storm.oracle.meaning import undo_pairs
from tests.storm.oracle.records import Json, Pair, Records

COPIES = "undo.log"  # of the function that replays undos on a copy: its events are the storm's, its fleet is not


@dataclass(frozen=True)
class Line:
    """One line; `at` is its own timestamp on the monotonic clock."""

    at: float
    fields: Json

    @property
    def event_id(self) -> str:
        """The event's id, empty where none was read."""
        return str(self.fields.get("event_id") or "")

    @cached_property
    def planned(self) -> dict[Pair, set[bool]]:
        """Of a plan line: the pairs with their flags."""
        return undo_pairs(self.fields.get("undo") or self.fields.get("attach"))


class Log:
    """The lines of all processes, by message and event."""

    def __init__(self, records: Records) -> None:
        self._lines: dict[tuple[str, str], list[Line]] = defaultdict(list)
        self.calls: list[float] = []
        """`ApiCalls` of each event, as its metrics tell."""
        for name, text in records.output.items():
            if name != COPIES:
                self._read(text, records)

    def _read(self, text: str, records: Records) -> None:
        for raw in text.split("\n"):
            if not raw.startswith("{"):
                continue
            try:
                fields = json.loads(raw)
            except ValueError:
                continue  # cut off by the end of a process
            if "_aws" in fields:
                self.calls += fields.get("ApiCalls", ())
            elif {"message", "timestamp"} <= fields.keys():
                line = Line(records.monotonic(epoch(fields["timestamp"])), fields)
                self._lines[fields["message"], line.event_id].append(line)

    def of(self, message: str, event_id: str, since: float, until: float) -> list[Line]:
        """The lines of that event in the span."""
        return [line for line in self._lines.get((message, event_id), ()) if since <= line.at <= until]
