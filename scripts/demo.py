"""`make demo`: what the function does, shown on this machine without a cloud account.

Starts the sandbox with a small fleet, and the function on functions-framework. Sends the function the events of
events/cloudevents/ and shows the bindings before and after. If anything differs from what is expected, it says so and
exits with 1.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from sandbox import Fleet, Sandbox
from sandbox.tables import Binding
from scripts.demo_output import SUFFIX, bindings_table, compact_json

ROOT = Path(__file__).resolve().parent.parent
FLEET = ROOT / "scripts" / "demo_fleet.json"
EVENTS = ROOT / "events" / "cloudevents"
LOG = ROOT / ".demo" / "function.log"
START_TIMEOUT = 30.0

INTRODUCTION = f"""\
This demo starts a local IAM and API Gateway, and the function. It needs no cloud account, and changes nothing outside\
 this machine. The function gets seven events, one after the other, and detaches certificates from domains.
The fleet has three gateways: eu-prod, eu-stage and partners. Names are shown without {SUFFIX}.
"""


class Step(NamedTuple):
    """One event: its file, the expected status of its outcome, and what a reader should see in it."""

    event: str
    status: str
    text: str


STEPS = [
    Step(
        "certificate_expired",
        "detached",
        'The certificate "shared" has expired. It is detached from its domains on both gateways. Only status keeps it,'
        " because a setting protects this domain.",
    ),
    Step(
        "certificate_expired_by_name",
        "detached",
        "Two certificates have the common name *.shop. Only the expired one, shop_2025, is detached.",
    ),
    Step(
        "certificate_expiring",
        "not_due",
        "This certificate was renewed in the meantime. The gateway's own date decides, so nothing is detached.",
    ),
    Step(
        "domain_decommissioned",
        "detached",
        "The domain legacy is decommissioned. Its valid certificate is detached from it on all three gateways; the"
        " spelling Legacy is the same domain.",
    ),
    Step(
        "domains_decommissioned",
        "detached",
        "Two domains are decommissioned. legacy was detached by the event before; old-shop is detached now.",
    ),
    Step(
        "certificate_expired",
        "nothing_to_detach",
        "The first event arrives a second time. Nothing is left to detach, so a duplicate does no harm.",
    ),
    Step(
        "cleanup_due",
        "detached",
        "A schedule starts a clean-up. It finds partner_2024, which has expired without an event.",
    ),
]
SHOWN = 4  # the step whose whole outcome is shown

# What must be detached at the end: certificate name, domains. Everything else must still be bound.
DETACHED = {
    "shared": {"apigtest.example.com", "orders.example.com", "invoices.example.com", "xn--bcher-kva.example.com"},
    "shop_2025": {"*.shop.example.com", "www.shop.example.com", "api.shop.example.com", "img.shop.example.com"},
    "legacy": {"legacy.example.com", "Legacy.example.com"},
    "old_shop": {"old-shop.example.com"},
    "partner_2024": {
        "*.partner.example.com",
        "acme.partner.example.com",
        "globex.partner.example.com",
        "hooli.partner.example.com",
    },
}


class DemoError(Exception):
    """Something differs from what the demo expects."""


def main() -> int:
    """Run the demo; returns the exit status."""
    console = Console()
    fleet = Fleet.from_json(FLEET.read_text(encoding="utf-8"))
    console.print(INTRODUCTION, highlight=False)
    try:
        with Sandbox.start(fleet=fleet) as sandbox, _function(sandbox) as url:
            before = fleet.bindings()
            title = "Bindings before the events: the domains of each certificate on each gateway"
            console.print(bindings_table(title, fleet, before, before))
            console.print("\n[bold]The events and their outcomes[/]", highlight=False)
            outcomes = _send_events(console, url)
            after = fleet.bindings()
            console.print(bindings_table("Bindings after the events (✗ = detached)", fleet, before, after))
            console.print(
                f"\n[bold]The outcome of event {SHOWN + 1}, {STEPS[SHOWN].event}.json[/]"
                " (`undo` holds what is needed to attach again)",
                highlight=False,
            )
            console.print(compact_json(outcomes[SHOWN], console.width), markup=False)
            _check(fleet, before, after, sandbox)
    except DemoError as exc:
        console.print(f"[bold red]The demo failed:[/] {exc}\nLog of the function: {LOG}", highlight=False)
        return 1
    requests = len(sandbox.journal.detaches())
    console.print(
        f"\n[bold green]As expected:[/] {len(before) - len(after)} of {len(before)} bindings detached with {requests}"
        f" requests.\nLogs and metrics of the function: {LOG}",
        highlight=False,
    )
    return 0


@contextlib.contextmanager
def _function(sandbox: Sandbox) -> Iterator[str]:
    """The function on functions-framework, started as on any other machine; yields its URL."""
    LOG.parent.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SECRET_URI": "env:DEMO_CREDENTIALS",
        "DEMO_CREDENTIALS": json.dumps(sandbox.credentials),
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": sandbox.ca_file,
        "DETACH_PROTECTED_DOMAINS": "status.example.com",
        "LOG_LEVEL": "DEBUG",
    }
    command = [
        str(Path(sys.executable).parent / "functions-framework"),
        "--source",
        "src/main.py",
        "--target",
        "handler",
    ]
    with LOG.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is built here
            [*command, "--host", "127.0.0.1", "--port", str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    last = (LOG.read_text().strip().splitlines() or ["nothing was logged"])[-1]
    raise DemoError(f"the function did not start; the last line of its log: {last}")


def _send_events(console: Console, url: str) -> list[dict[str, Any]]:
    """Send the events one after the other, and print each outcome; returns the outcomes."""
    outcomes = []
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
    with httpx.Client(trust_env=False, timeout=30) as client, progress:
        task = progress.add_task("", total=len(STEPS))
        for number, step in enumerate(STEPS, 1):
            name = f"{step.event}.json"
            progress.update(task, description=f"event {number} of {len(STEPS)}: {name}")
            started = time.monotonic()
            reply = client.post(
                url,
                json=_event(EVENTS / name),
                headers={"Content-Type": "application/cloudevents+json"},
            )
            spent = (time.monotonic() - started) * 1000
            if reply.status_code != httpx.codes.OK:
                raise DemoError(f"the answer to {name} was {reply.status_code}: {reply.text}")
            outcome: dict[str, Any] = reply.json()
            outcomes.append(outcome)
            colour = {"detached": "green", "not_due": "yellow"}.get(outcome["status"], "cyan")
            line = Text.assemble(
                f"{number}. ", name.ljust(34), (outcome["status"].ljust(18), colour), (f"{spent:4.0f} ms", "dim")
            )
            console.print(line)
            console.print(Padding(step.text, (0, 0, 0, 3), expand=False), style="dim", highlight=False)
            progress.advance(task)
            if outcome["status"] != step.status:
                raise DemoError(f"{name} ended as {outcome['status']!r}; expected {step.status!r}")
    return outcomes


def _event(path: Path) -> dict[str, Any]:
    """The event of a file, sent now: the function may refuse an event that is too old."""
    event: dict[str, Any] = json.loads(path.read_bytes())
    return event | {"time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _check(fleet: Fleet, before: set[Binding], after: set[Binding], sandbox: Sandbox) -> None:
    names = {certificate.id: certificate.name for certificate in fleet.certificates.values()}
    expected = {(c, d, g) for c, d, g in before if d not in DETACHED.get(names[c], set())}
    for certificate_id, domain, gateway_id in sorted(after ^ expected):
        wrong = "still carries" if (certificate_id, domain, gateway_id) in after else "no longer carries"
        raise DemoError(
            f"{domain} on {fleet.gateways[gateway_id].name} {wrong} the certificate {names[certificate_id]}"
        )
    for received in sandbox.journal.detaches():
        if not all(entry.get("instance_ids") for entry in received.body["domains"]):
            raise DemoError(f"a detach request names no gateways, so it acts on all of them: {received.body}")


if __name__ == "__main__":
    sys.exit(main())
