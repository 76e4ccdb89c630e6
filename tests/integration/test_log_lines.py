"""Each line is written at once: what many threads log and count comes out of a real pipe as whole lines of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
THREADS, EVENTS, CALLS = 8, 150, 250

# Eight threads that handle events, each with more calls than one record of metrics holds.
PROGRAM = f"""
import sys, threading
from shared.core.errors import Unavailable
from shared.telemetry import Report, logger
from shared.transport.send import Call

sys.setswitchinterval(1e-6)
logger()

def events(thread):
    for number in range({EVENTS}):
        report = Report("certificate_expiry", f"event-{{thread}}-{{number}}")
        for attempt in range({CALLS} if number == 0 else 1):
            error = Unavailable("x" * 3000) if attempt % 50 == 0 else None
            report.call(Call("apig", "GET", "GET certificates", 1, 1.0, 200, error))
        report.failed(Unavailable("no answer"))

threads = [threading.Thread(target=events, args=(thread,)) for thread in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def lines(**variables: str) -> list[str]:
    """What the program writes into a pipe."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "LOG_LEVEL": "INFO", **variables}
    process = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=50
    )
    print(process.stderr)
    return process.stdout.splitlines()


def test_every_line_of_many_threads_is_json():
    """Unbuffered, as in the image: text and line end in two writes would let other threads write in between."""
    found = [json.loads(line) for line in lines(PYTHONUNBUFFERED="1")]
    reports = [line["event_id"] for line in found if line.get("message") == "detach.report"]
    assert sorted(reports) == sorted(f"event-{t}-{n}" for t in range(THREADS) for n in range(EVENTS))
    records = [line for line in found if "_aws" in line]
    assert sum(sum(record.get("EventsFailed", [])) for record in records) == THREADS * EVENTS
    latencies = [len(record["ApiLatency"]) for record in records]
    assert sum(latencies) == THREADS * (CALLS + EVENTS - 1)
    assert max(latencies) <= 100  # CloudWatch takes no more values of a metric in one record
    assert {record["kind"] for record in records} == {"certificate_expiry"}


def test_metrics_can_be_switched_off():
    """By Powertools' own variable, the records of many values included."""
    assert not [line for line in lines(POWERTOOLS_METRICS_DISABLED="true") if "_aws" in line]
