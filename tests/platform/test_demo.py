"""`make demo`, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def demo(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120"} | variables,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_demo_ends_as_expected():
    """It exits with 0, and shows both tables, one outcome and where the logs are."""
    run = demo()
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    for shown in (
        "Bindings before",
        "Bindings after",
        '"undo": [',
        "As expected: 18 of 28 bindings",
        ".demo/function.log",
    ):
        assert shown in run.stdout


def test_demo_fails_when_something_differs():
    """With a function that detaches nothing, it exits with 1 and says what differs."""
    run = demo(DETACH_DRY_RUN="true")
    print(run.stdout, run.stderr)
    assert run.returncode == 1
    assert "The demo failed: certificate_expired.json ended as 'dry_run'; expected 'detached'" in run.stdout
