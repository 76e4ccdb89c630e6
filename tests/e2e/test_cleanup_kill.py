"""A clean-up is killed in the middle: the next one ends in the same state, and the logs hold the whole undo."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.support.fleets import counted_fleet
from tests.support.leaks import WATCH

ROOT = Path(__file__).parents[2]
MOMENTS = 20

Binding = tuple[str, str, str]


def start(environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as stdout:
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, ROOT / "tests/e2e/cleanup_process.py"],
            env={**environment, "PYTHONPATH": str(ROOT / "src")},
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )


def undo_of(*logs: Path) -> set[Binding]:
    """Every binding in the undo of a detach.plan or detach.report line; after a kill the last line may be cut."""
    found: set[Binding] = set()
    for log in logs:
        text = log.read_text(encoding="utf-8")
        assert WATCH.leaked(text) is None
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("message") in ("detach.plan", "detach.report"):
                found |= {
                    (undo["certificate_id"], domain["domain"], instance_id)
                    for undo in entry["undo"]
                    for domain in undo["domains"]
                    for instance_id in domain["instance_ids"]
                }
    return found


@pytest.mark.parametrize(
    "moment", [pytest.param(moment, marks=[pytest.mark.slow] if moment else []) for moment in range(MOMENTS)]
)
def test_killed_at_a_random_moment(sandbox: Sandbox, environment: dict[str, str], tmp_path: Path, moment: int):
    """SIGKILL between the first call and the last; then the clean-up runs once more."""
    chance = random.Random(f"clean-up {moment} {os.getpid()}")
    counted = counted_fleet(2, 60, 4, every=2, shared=6)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.latency = 0.004
    was = counted.fleet.bindings()
    calls = chance.randint(1, 5 + len(counted.expired))
    killed = start(environment, tmp_path / "killed")
    until = time.monotonic() + 20
    while len(sandbox.journal.apig()) < calls and killed.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.01))
    killed.kill()
    status = killed.wait(10)
    assert status in (0, -signal.SIGKILL)
    left = sandbox.fleet.bindings()
    assert was - left <= undo_of(tmp_path / "killed"), f"killed after {calls} calls"
    rerun = start(environment, tmp_path / "rerun")
    assert rerun.wait(30) == 0
    assert sandbox.fleet.bindings() == counted.staying
    assert undo_of(tmp_path / "killed", tmp_path / "rerun") == was - counted.staying
