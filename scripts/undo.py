"""`make undo REPORT=FILE`: attach again what a report says was detached, with the environment's settings.

FILE is an outcome (JSON with `undo`), an `undo` list, or a log with the lines `detach.plan` and `detach.report`. No
signature is needed, and one that is there is not looked at: whoever runs this has the credentials. The outcome of the
undo goes to stdout, the same in sentences to stderr. The exit status is 1 if anything failed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from handlers import carry_out
from shared.core.delivery import Deadline
from shared.core.errors import DetachError
from shared.core.event_data import DetachUndo, Event
from shared.core.outcome import Outcome
from shared.telemetry import Report, logger
from shared.wiring import Runtime, Work

TIMEOUT = 3600.0  # seconds


def undo_lists(text: str) -> Iterator[list[Any]]:
    """Every undo list in a report: a JSON document's own, or those of a log's lines.

    A plan is logged before the first write to its certificate, so the log of a process that was killed is enough. What
    was planned and not detached is still attached, and an undo leaves it as it is.
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
    """What a report says was detached; ends the program with one sentence if the file is no report."""
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


def carry_out_undo(name: str, undo: DetachUndo) -> Outcome:
    """The outcome of the undo, by the same procedure as for an event; a DetachError ends the program."""
    event = Event(name, undo)
    report = Report(event.kind, event.id)
    runtime = Runtime()
    try:
        return carry_out(event, _for_a_report(runtime.work(Deadline.after(TIMEOUT), report.call)), report)
    except DetachError as exc:
        sys.exit(f"undo: {exc.name}: {exc.message}")
    finally:
        runtime.close()


def _for_a_report(work: Work) -> Work:
    """The same, but for as many bindings as one report may hold: it may be that of a whole clean-up."""
    most = max(work.policy.max_bindings, work.policy.max_cleanup_bindings)
    return replace(work, policy=replace(work.policy, max_bindings=most))


def sentences(outcome: Outcome) -> Iterator[str]:
    """The outcome, for a person to read."""
    for entry in outcome.certificates:
        attached = f"{len(entry.planned)} would be" if outcome.dry_run else f"{len(entry.changed)}"
        yield (
            f"{entry.plan.certificate.id}: {attached} attached, {len(entry.already)} attached already,"
            f" {len(entry.kept)} kept, {len(entry.failed)} failed"
        )
        for binding, reason in entry.kept:
            yield f"  {binding.domain} on {binding.instance_id}: kept: {reason}"
        for binding, error in entry.failed:
            yield f"  {binding.domain} on {binding.instance_id}: {error.name}: {error.message}"


def main() -> None:
    """Read the report, undo it, and tell the outcome."""
    parser = argparse.ArgumentParser(prog="make undo", description=__doc__)
    parser.add_argument("report", type=Path)
    path = parser.parse_args().report
    undo = read(path)
    for handler in logger().handlers:
        handler.setStream(sys.stderr)  # type: ignore[attr-defined]  # a StreamHandler; stdout is for the outcome
    outcome = carry_out_undo(path.name, undo)
    print(json.dumps(outcome.to_dict(), indent=2))
    print("\n".join(sentences(outcome)) or "nothing was detached", file=sys.stderr)
    sys.exit(outcome.status == "failed")


if __name__ == "__main__":
    main()
