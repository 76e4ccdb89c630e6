"""A process that handles one event is killed with SIGKILL at a chosen point; its log is then read as it stands."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sandbox import Fault, Sandbox
from tests.support.leaks import WATCH

ROOT = Path(__file__).parents[2]
HANGING = 20.0  # seconds that an answer takes in which a process is killed: longer than a test waits
LATENCY = 0.004

# `received`: the server has received the request, and will never carry it out. `carried_out`: it has, and has not
# answered yet. `answered`: the answer is on its way or there, and the next request is not, or perhaps just is.
# `planned`: a line of the plan has just been written. `any`: at any time.
Where = Literal["received", "carried_out", "answered", "planned", "any"]
WHERE: tuple[Where, ...] = ("carried_out", "received", "planned", "answered", "any")


@dataclass(frozen=True)
class Point:
    """Where a process is killed: at its so-manieth request or line, and so many seconds later."""

    where: Where
    number: int
    after: float

    @classmethod
    def of(cls, where: Where, calls: int, chance: random.Random) -> "Point":
        """A point by chance, for an event that takes at least so many requests."""
        match where:
            case "planned":
                return cls(where, 1, chance.choice((0.0, chance.uniform(0, 0.02))))
            case "any":
                return cls(where, 1, chance.uniform(0, 2 * LATENCY * calls))
            case _:
                return cls(where, chance.randint(1, calls), chance.choice((0.0, chance.uniform(0, LATENCY))))

    def faults(self) -> tuple[Fault, ...]:
        """What keeps the process waiting for the answer in which it is to be killed."""
        if self.where == "received":
            return (Fault(nth=self.number, action="drop", delay=HANGING),)
        if self.where == "carried_out":
            return (Fault(nth=self.number, delay=HANGING),)
        return ()

    def reached(self, sandbox: Sandbox, log: Path) -> bool:
        """Whether the process has come so far."""
        if self.where == "planned":
            return b'.plan"' in log.read_bytes()
        if len(sandbox.journal) < self.number:
            return False
        # Noted a moment before the answer is sent. A request that is carried out is so before the next one is read.
        return self.where != "answered" or sandbox.journal[self.number - 1].status is not None


@dataclass
class Victim:
    """A process that handles one event against the sandbox, and the file with its log."""

    sandbox: Sandbox
    environment: dict[str, str] = field(repr=False)  # it holds a password, and a failing test prints what it has
    log: Path

    def kill(self, point: Point, text: str) -> None:
        """Start it for the event, and kill it there. It may have ended before, where the point is a time."""
        self.sandbox.faults.add(*point.faults())
        self.sandbox.behaviour.latency = LATENCY
        process = self._start(text)
        try:
            until(lambda: point.reached(self.sandbox, self.log) or process.poll() is not None)
            time.sleep(point.after)
        finally:
            process.kill()
            status = process.wait(10)
        assert status == -signal.SIGKILL or (status == 0 and point.where in ("answered", "planned", "any")), point
        assert WATCH.leaked(self.log.read_text(encoding="utf-8")) is None
        _settled(self.sandbox)
        self.sandbox.faults.clear()
        self.sandbox.behaviour.latency = 0.0

    def run(self, text: str) -> str:
        """Start it for the event, and let it end; gives the last line that it writes."""
        assert self._start(text).wait(60) == 0
        return self.log.read_text(encoding="utf-8").splitlines()[-1]

    def _start(self, text: str) -> "subprocess.Popen[bytes]":
        with self.log.open("wb") as stdout:
            process = subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, ROOT / "tests/e2e/event_process.py"],
                env={**self.environment, "PYTHONPATH": str(ROOT / "src")},
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=subprocess.STDOUT,
            )
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(text.encode())
        return process

    def cut_log(self, chance: random.Random) -> None:
        """Cut its last line, as by a collector that dies too; but no plan on which something has been sent."""
        head, _, last = self.log.read_bytes().rstrip(b"\n").rpartition(b"\n")
        if not last:
            return
        line = json.loads(last)
        planned = line.get("message") in ("detach.plan", "attach.plan")
        writes = (*self.sandbox.journal.detaches(), *self.sandbox.journal.attaches())
        if not (planned and any(line["certificate_id"] in write.path for write in writes)):
            self.log.write_bytes(head + b"\n" + last[: chance.randrange(len(last))])


def log_lines(log: Path, message: str) -> list[dict[str, Any]]:
    """The log's lines with that message. A line may be cut."""
    found = []
    for text in log.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            found.append(json.loads(text))
    return [line for line in found if line.get("message") == message]


def _settled(sandbox: Sandbox) -> None:
    """Wait until the server has carried out what the process had sent: a request does not die with its sender."""
    noted = -1
    while noted != len(sandbox.journal):
        noted = len(sandbox.journal)
        time.sleep(0.02)


def until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it; fail when it does not happen."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"did not happen in {seconds:.0f} seconds"
        time.sleep(0.0005)
