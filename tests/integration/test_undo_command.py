"""`make undo`: a report in, the bindings back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.conftest import FAR_AHEAD
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, decommission, furnish, pairs

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
        f"{CERTIFICATE}: 2 attached, 0 attached already, 0 kept, 0 failed",
    )
    told = json.loads(finished.stdout)
    assert (told["status"], told["kind"], told["event_id"], told["undo"]) == ("attached", "undo", "report.json", [])
    assert sandbox.fleet.bindings() == BINDINGS


def test_a_log_brings_them_back_whatever_stands_before_its_lines(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """The plan is enough: a killed process has no report. Other lines do no harm, nor does a last one cut short."""
    log = tmp_path / "log.txt"
    plan = json.dumps({"message": "detach.plan", "undo": outcome["undo"]})
    log.write_text(
        f'2026-02-04T08:15:00Z web-1 {{"message":"gateway.call"}}\nno JSON\n2026-02-04T08:15:00Z web-1 {plan}\n'
        f"{plan}\n{plan[:40]}",
        encoding="utf-8",
    )
    assert undo(environment, log).returncode == 0
    assert sandbox.fleet.bindings() == BINDINGS


def test_the_plan_is_logged_on_stderr_before_it_is_attached(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """As for an event, under the name `attach`: its bindings are attached now, and no `undo` to read back."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(outcome), encoding="utf-8")
    lines = [line for line in undo(environment, report).stderr.splitlines() if line.startswith("{")]
    [plan] = [entry for line in lines if (entry := json.loads(line))["message"] == "attach.plan"]
    assert (plan["attach"], plan["event_id"], plan["kind"]) == (outcome["undo"], "report.json", "undo")
    assert "undo" not in plan


def test_a_dry_run_tells_what_would_be_attached(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """And attaches nothing."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(outcome), encoding="utf-8")
    finished = undo({**environment, "DETACH_DRY_RUN": "true"}, report)
    assert (finished.returncode, finished.stderr.splitlines()[-1]) == (
        0,
        f"{CERTIFICATE}: 2 would be attached, 0 attached already, 0 kept, 0 failed",
    )
    told = json.loads(finished.stdout)
    assert (told["status"], told["certificates"][0]["attached"]) == ("dry_run", [])
    assert pairs(told["certificates"][0]["planned"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    assert sandbox.journal.attaches() == []


def test_a_protected_domain_is_kept_and_named(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """DETACH_PROTECTED_DOMAINS holds for an undo too."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(outcome), encoding="utf-8")
    finished = undo({**environment, "DETACH_PROTECTED_DOMAINS": DOMAIN}, report)
    assert finished.returncode == 0
    assert f"{CERTIFICATE}: 0 attached, 0 attached already, 2 kept, 0 failed\n" in finished.stderr
    assert f"  {DOMAIN} on {FIRST}: kept: protected\n" in finished.stderr
    assert json.loads(finished.stdout)["status"] == "nothing_to_attach"
    assert sandbox.journal.attaches() == []


def test_the_report_of_a_whole_clean_up_may_be_undone(
    sandbox: Sandbox, environment: dict[str, str], outcome: dict[str, Any], tmp_path: Path
):
    """One report may hold as many bindings as one clean-up may change; more are refused whole."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(outcome), encoding="utf-8")
    refused = undo({**environment, "DETACH_MAX_BINDINGS": "1", "DETACH_MAX_CLEANUP_BINDINGS": "1"}, report)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("undo: BlastRadiusExceeded: 2 bindings ")
    assert sandbox.fleet.bindings() == set()
    assert undo({**environment, "DETACH_MAX_BINDINGS": "1"}, report).returncode == 0
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
    assert f"certificate {CERTIFICATE} has expired" in finished.stderr
    told = json.loads(finished.stdout)
    assert told["status"] == "failed"
    assert told["certificates"][0]["failed"][0]["error_code"] == "APIG.2102"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"status": "detached"}', "has no undo list in the shape of an outcome's"),
        ('[{"certificate_id": "x", "domains": []}]', "has no undo list in the shape of an outcome's"),
        ("7", "has no undo list in the shape of an outcome's"),
        ("a log of something else\n", "is no outcome, and no log with the lines detach.plan or detach.report"),
    ],
)
def test_what_is_no_report_is_named_in_one_sentence(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path, content: str, sentence: str
):
    """And nothing is sent."""
    report = tmp_path / "report.json"
    report.write_text(content, encoding="utf-8")
    finished = undo(environment, report)
    assert finished.returncode == 1
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr
    assert len(sandbox.journal) == 0
