"""`make undo REPORT=FILE`: attach again what a report says was detached, with the environment's settings.

FILE is an outcome (JSON with `undo`), an `undo` list, or a log with the lines `detach.plan` and `detach.report`. The
outcome of the restore goes to stdout, what there is to say of it to stderr; the exit status is 1 if anything failed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from handlers import restore
from shared import runtime
from shared.errors import DetachError
from shared.models import DetachUndo, Event
from shared.restored import RestoreOutcome
from shared.telemetry import Report, logger
from shared.transport import Deadline

TIMEOUT = 3600.0  # seconds


def undo_lists(text: str) -> Iterator[list[Any]]:
    """Every undo list in a report: a JSON document's own, or those of a log's lines.

    A plan is logged before its certificate is written to, so a log tells the way back of a process that was killed,
    too; what it planned and did not detach is attached still, which a restore leaves as it is.
    """
    try:
        document = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            # What collects logs may put a time or a name before each line.
            entry = _json_object(line[line.find("{") :])
            if entry.get("message") in ("detach.plan", "detach.report"):
                yield entry.get("undo") or []
    else:
        yield document.get("undo", document) if isinstance(document, dict) else document


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read(path: Path) -> DetachUndo:
    """What a report says was detached; ends the program with a plain sentence for what is no report."""
    try:
        lists = list(undo_lists(path.read_text(encoding="utf-8")))
        undo = DetachUndo.model_validate([entry for each in lists for entry in each])
    except (OSError, UnicodeDecodeError) as exc:
        sys.exit(f"undo: cannot read {path}: {exc}")
    except (TypeError, ValidationError):
        sys.exit(f"undo: {path} has no undo list in the shape of an outcome's")
    if not lists:
        sys.exit(f"undo: {path} is no outcome, and no log with the lines detach.plan or detach.report")
    return undo


def told(outcome: RestoreOutcome) -> Iterator[str]:
    """The outcome in sentences."""
    for entry in outcome.certificates:
        verb = "would be attached" if outcome.dry_run else "attached"
        yield (
            f"{entry.certificate.id}: {len(entry.attached)} {verb}, {len(entry.already_attached)} attached already, "
            f"{len(entry.failed)} failed"
        )
        for binding, error in entry.failed:
            yield f"  {binding.domain} on {binding.instance_id}: {error.name}: {error.message}"


def main() -> None:
    """Restore, and tell."""
    parser = argparse.ArgumentParser(prog="make undo", description=__doc__)
    parser.add_argument("report", type=Path)
    path = parser.parse_args().report
    undo = read(path)
    for handler in logger.handlers:
        handler.setStream(sys.stderr)  # type: ignore[attr-defined]  # it is a StreamHandler
    report = Report("restore", path.name)
    try:
        work = runtime.current().work(Deadline.after(TIMEOUT), report)
        outcome = restore.handle(Event(path.name, undo), work)
    except DetachError as exc:
        sys.exit(f"undo: {exc.name}: {exc.message}")
    print(json.dumps(outcome.to_dict(), indent=2))
    print("\n".join(told(outcome)) or "nothing was detached", file=sys.stderr)
    sys.exit(outcome.status == "failed")


if __name__ == "__main__":
    main()
