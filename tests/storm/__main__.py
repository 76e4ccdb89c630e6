"""`python -m tests.storm`: a storm, its records, and what the oracle says of them. `make storm` calls it."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.storm.run import Plan, run

EVERY = 10.0  # seconds between two lines, where there is no terminal


def main() -> None:
    """Run one storm a door; exit status 1 when the oracle finds a violation."""
    arguments = _arguments()
    console = Console()
    doors = ("http", "lambda") if arguments.door == "both" else (arguments.door,)
    violated = False
    for door in doors:
        folder = _folder(arguments.keep, door, len(doors))
        plan = Plan(
            arguments.seed,
            arguments.events,
            door,
            arguments.senders,
            arguments.faults,
            arguments.only,
            again=arguments.again,
        )
        console.print(
            f"storm of {plan.events} events through {door}: seed {plan.seed}, {plan.senders} senders,"
            f" {plan.faults:.0%} faults, records in {folder}"
        )
        with _Shown(console) as progress:
            run(plan, folder, progress)
        bad = _judge(folder, console)
        violated = violated or bad
        if bad or arguments.keep:
            console.print(f"the records stay in {folder}")
        else:
            shutil.rmtree(folder)
    sys.exit(1 if violated else 0)


def _judge(folder: Path, console: Console) -> bool:
    """Print the oracle's table; whether there is a violation."""
    from tests.storm.oracle import judge  # noqa: PLC0415 - a storm can be run for its records alone

    verdict = judge(folder)
    (folder / "secrets.json").unlink(missing_ok=True)
    console.print(verdict.table())
    return bool(verdict.violations)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--door", choices=("http", "lambda", "both"), default="http")
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--faults", type=float, default=0.2, help="share of the requests that fail (default: 0.2)")
    parser.add_argument("--only", type=_numbers, default=(), help="send these events alone, such as 17,204")
    parser.add_argument(
        "--again", type=Path, help="with --only: a folder of records; its faults for these events come once more"
    )
    parser.add_argument("--keep", type=Path, help="keep the records in this folder")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.replace(",", " ").split())


def _folder(keep: Path | None, door: str, doors: int) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix=f"storm-{door}-"))
    folder = keep / door if doors > 1 else keep
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"storm: {folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Shown:
    """A bar on a terminal, and else a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, object] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._bar.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _tell(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done)
        if not self._console.is_terminal and (time.monotonic() - self._told > EVERY or done == total):
            self._told = time.monotonic()
            self._console.print(f"{what}: {done} of {total}")


if __name__ == "__main__":
    main()
