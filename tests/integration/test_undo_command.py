"""`make undo`: a report in, the bindings back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.conftest import FAR_AHEAD
from tests.leaks import WATCH
from tests.world import CERTIFICATE, DOMAIN, FIRST, SECOND, decommission, furnish

ROOT = Path(__file__).parents[2]


def undo(environment: dict[str, str], report: Path) -> "subprocess.CompletedProcess[str]":
    finished = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "scripts.undo", str(report)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert WATCH.leaked(finished.stdout + finished.stderr) is None
    return finished


@pytest.fixture
def outcome(sandbox: Sandbox, new_runtime) -> dict[str, Any]:
    """Of a decommission."""
    furnish(sandbox, not_after=FAR_AHEAD)
    return decommission(new_runtime(), domain=DOMAIN)


BINDINGS = {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}


@pytest.mark.parametrize("part", ["outcome", "undo", "reply"])
def test_an_outcome_brings_the_bindings_back(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path, part: str
):
    """The outcome, its undo list alone, or the file printed over several lines."""
    report = tmp_path / "report.json"
    content = outcome["undo"] if part == "undo" else outcome
    report.write_text(json.dumps(content, indent=2 if part == "reply" else None), encoding="utf-8")
    finished = undo(environment, report)
    assert (finished.returncode, finished.stderr.splitlines()[-1]) == (
        0,
        f"{CERTIFICATE}: 2 attached, 0 attached already, 0 failed",
    )
    assert json.loads(finished.stdout)["status"] == "restored"
    assert sandbox.fleet.bindings() == BINDINGS


def test_a_log_brings_them_back_whatever_stands_before_its_lines(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """The plan is enough: a killed process has no report. Other lines, and a last one cut short, do no harm."""
    log = tmp_path / "log.txt"
    plan = json.dumps({"message": "detach.plan", "undo": outcome["undo"]})
    log.write_text(
        f'2026-02-04T08:15:00Z web-1 {{"message":"gateway.call"}}\nno JSON\n2026-02-04T08:15:00Z web-1 {plan}\n'
        f"{plan}\n{plan[:40]}",
        encoding="utf-8",
    )
    assert undo(environment, log).returncode == 0
    assert sandbox.fleet.bindings() == BINDINGS


def test_what_cannot_come_back_is_told_and_the_status_is_one(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """An expired certificate is refused with its code."""
    sandbox.fleet.renew(CERTIFICATE, "-P1D")
    report = tmp_path / "report.json"
    report.write_text(json.dumps(outcome), encoding="utf-8")
    finished = undo(environment, report)
    assert finished.returncode == 1
    assert "APIG.2102" in finished.stderr
    assert json.loads(finished.stdout)["certificates"][0]["failed"][0]["error_code"] == "APIG.2102"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"status": "detached"}', "has no undo list in the shape of an outcome's"),
        ('[{"certificate_id": "x", "domains": []}]', "has no undo list in the shape of an outcome's"),
        ("7", "has no undo list in the shape of an outcome's"),
        ("a log of something else\n", "is no outcome, and no log with the lines detach.plan or detach.report"),
    ],
)
def test_what_is_no_report_is_said_plainly(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path, content: str, sentence: str
):
    """One sentence, and nothing is sent."""
    report = tmp_path / "report.json"
    report.write_text(content, encoding="utf-8")
    finished = undo(environment, report)
    assert finished.returncode == 1
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr
    assert len(sandbox.journal) == 0
