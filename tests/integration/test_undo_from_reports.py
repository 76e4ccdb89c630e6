"""What is logged can be sent as it stands, a killed process' plan too; from the shell no signature is needed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import InvalidEvent
from shared.telemetry import logger
from tests.conftest import FAR_AHEAD
from tests.support.deliveries import cloudevent
from tests.support.undo_key import signature, signed
from tests.support.undone import BINDINGS, UNDO, ago, detach_everything, undo
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, furnish, send

ROOT = Path(__file__).parents[2]


@pytest.fixture
def detached(sandbox: Sandbox) -> Sandbox:
    """The certificate is valid, and its domain is there without it."""
    detach_everything(sandbox)
    return sandbox


@pytest.mark.parametrize("message", ["detach.plan", "detach.report"])
def test_a_line_of_the_log_will_do_as_the_data(sandbox: Sandbox, new_runtime, caplog, message: str):
    """With all its fields, written anew by what collects logs."""
    furnish(sandbox, not_after=FAR_AHEAD)
    runtime = new_runtime()
    send(runtime, "domain_decommission", {"domains": [DOMAIN, "lost.example.com"], "context": {"ticket": "CHG-1"}})
    [record] = [record for record in caplog.records if record.message == message]
    line = json.loads(logger().registered_formatter.format(record))
    # What Powertools adds on Lambda.
    line |= {"cold_start": True, "function_name": "x", "function_arn": "arn:x", "function_request_id": "1"}
    line |= {"function_memory_size": "512", "xray_trace_id": "1-2-3"}
    assert undo(runtime, dict(reversed(line.items())))["status"] == "attached"
    assert sandbox.fleet.bindings() == BINDINGS


def test_an_unknown_field_beside_a_signed_undo_is_refused(detached: Sandbox, new_runtime):
    """A misspelt one must not pass for one that we know."""
    with pytest.raises(InvalidEvent, match="unknown field; did you mean undo_signature"):
        undo(new_runtime(), {"undo": UNDO, "undo_signatur": signature(UNDO, detached.project_id)})
    data = signed(UNDO, detached.project_id)
    with pytest.raises(InvalidEvent) as caught:
        undo(new_runtime(), {**data, "undo_signature": {**data["undo_signature"], "key": "x"}})
    assert caught.value.message == "undo_signature.key: unknown field; did you mean key_id?"


def test_the_plan_of_a_killed_process_can_be_undone_by_event(
    sandbox: Sandbox, environment: dict[str, str], new_runtime, tmp_path: Path
):
    """SIGKILL while the detach waits for its answer: the plan was logged and signed before."""
    furnish(sandbox, not_after=FAR_AHEAD)
    sandbox.faults.add(Fault(path="/domains/detach", applied=True, status=204, delay=20.0))
    event = json.dumps(cloudevent("apig.domain.decommissioned", data={"domain": DOMAIN}))
    program = (
        "import sys; from handlers import handle; from shared.core.delivery import Deadline, Delivery;"
        "from shared.wiring import Runtime; handle(Delivery(sys.argv[1], Deadline.after(60)), Runtime())"
    )
    log = tmp_path / "log"
    with log.open("wb") as stdout:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", program, event],
            env={**environment, "PYTHONPATH": str(ROOT / "src")},
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + 20
    while not sandbox.journal.detaches() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    [line] = log.read_text(encoding="utf-8").splitlines()
    sandbox.faults.clear()
    for instance_id in (FIRST, SECOND):  # whether the request was carried out or not
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)
    assert undo(new_runtime(), json.loads(line))["status"] == "attached"
    assert sandbox.fleet.bindings() == BINDINGS


@pytest.mark.parametrize("content", ["unsigned", "signed", "signed long ago", "a log"])
@pytest.mark.parametrize("with_key", [True, False])
def test_the_shell_needs_no_signature(
    detached: Sandbox, environment: dict[str, str], tmp_path: Path, content: str, with_key: bool
):
    """Who holds the credentials needs no proof; signatures that are there do no harm."""
    ours = signed(UNDO, detached.project_id, signed_at=ago(days=90))
    text = {
        "unsigned": json.dumps(UNDO),
        "signed": json.dumps(signed(UNDO, detached.project_id)),
        "signed long ago": json.dumps(ours),
        "a log": "web-1 " + json.dumps({"message": "detach.plan", **ours}) + "\nnothing\n",
    }[content]
    report = tmp_path / "report"
    report.write_text(text, encoding="utf-8")
    finished = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "scripts.undo", str(report)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": "src", **({} if with_key else {"UNDO_KEY_URI": ""})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert detached.fleet.bindings() == BINDINGS
