"""The whole story on this machine: `python -m scripts.demo`, or `make demo`.

Starts the sandbox with a small fleet and the function on functions-framework, sends it the events of
events/cloudevents/, and shows the bindings before and after. Exits with 1 and a plain sentence if anything differs from
what the story expects.
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
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sandbox import Fleet, Sandbox
from sandbox.records import instant
from sandbox.tables import Binding

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "events" / "cloudevents"
LOG = ROOT / ".demo" / "function.log"
START_TIMEOUT = 30.0
SUFFIX = ".example.com"
WIDTH = 120

# Event file, expected status of its outcome, what the line says about it.
STORY = [
    ("certificate_expired", "detached", "a certificate that two gateways share has expired; status.… is protected"),
    ("certificate_expired_by_name", "detached", "two certificates have that name; one of them is valid yet"),
    ("certificate_expiring", "not_due", "it was renewed in place: the gateway's own date decides"),
    ("domain_decommissioned", "detached", "one domain, spelt in two ways, on three gateways"),
    ("domains_decommissioned", "detached", "legacy is gone by now, old-shop goes on one gateway"),
    ("certificate_expired", "nothing_to_detach", "the first event once more: a duplicate does no harm"),
    ("cleanup_due", "detached", "the schedule finds the one that nobody told of"),
]

# What the story detaches: certificate's name, domains. All the rest stays.
DETACHED = {
    "shared": {"apigtest.example.com", "orders.example.com", "invoices.example.com", "xn--bcher-kva.example.com"},
    "shop_2025": {"*.shop.example.com", "www.shop.example.com", "api.shop.example.com", "img.shop.example.com"},
    "legacy": {"legacy.example.com", "Legacy.example.com"},
    "old_shop": {"old-shop.example.com"},
    "partner_2024": {
        "*.partner.example.com",
        "acme.partner.example.com",
        "globex.partner.example.com",
        "initech.partner.example.com",
    },
}


class DemoError(Exception):
    """The story went another way than expected."""


def main() -> int:
    """Run the story; the exit status."""
    console = Console()
    fleet = Fleet.from_json((ROOT / "scripts" / "demo_fleet.json").read_text())
    try:
        with Sandbox.start(fleet=fleet) as sandbox, _function(sandbox) as url:
            before = fleet.bindings()
            console.print(_table("Bindings before", fleet, before, before))
            outcomes = _tell(console, url)
            after = fleet.bindings()
            console.print(_table("Bindings after", fleet, before, after))
            console.print(f"One outcome, that of {STORY[1][0]}.json:\n{_compact(outcomes[1])}", highlight=True)
            _check(fleet, before, after, sandbox)
    except DemoError as exc:
        console.print(f"[bold red]The demo failed:[/] {exc}\nThe function's log: {LOG}", highlight=False)
        return 1
    requests = len(sandbox.journal.detaches())
    console.print(
        f"[bold green]As expected:[/] {len(before) - len(after)} of {len(before)} bindings detached in {requests}"
        f" requests.\nStructured logs and metrics: {LOG}",
        highlight=False,
    )
    return 0


@contextlib.contextmanager
def _function(sandbox: Sandbox) -> Iterator[str]:
    """functions-framework with src/main.py, as `functions-framework --target handler` starts it anywhere."""
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
        process = subprocess.Popen(  # noqa: S603 - our own command
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
    raise DemoError(f"the function did not become healthy: {last}")


def _tell(console: Console, url: str) -> list[dict[str, Any]]:
    """Send the events one by one, with a progress line while each is under way."""
    outcomes = []
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    )
    with httpx.Client(trust_env=False, timeout=30) as client, progress:
        task = progress.add_task("", total=len(STORY))
        for number, (name, expected, why) in enumerate(STORY, 1):
            progress.update(task, description=f"event {number} of {len(STORY)}: {name}.json")
            started = time.monotonic()
            reply = client.post(
                url,
                content=(EVENTS / f"{name}.json").read_bytes(),
                headers={"Content-Type": "application/cloudevents+json"},
            )
            spent = (time.monotonic() - started) * 1000
            if reply.status_code != httpx.codes.OK:
                raise DemoError(f"{name}.json was answered {reply.status_code}: {reply.text}")
            outcome: dict[str, Any] = reply.json()
            outcomes.append(outcome)
            colour = {"detached": "green", "not_due": "yellow"}.get(outcome["status"], "cyan")
            line = Text.assemble(
                (f"{reply.status_code} ", "dim"),
                name.ljust(28),
                (outcome["status"].ljust(18), colour),
                (f"{spent:4.0f} ms\n    ", "dim"),
                (why, "italic dim"),
            )
            console.print(line)
            progress.advance(task)
            if outcome["status"] != expected:
                raise DemoError(f"{name}.json ended as {outcome['status']!r}; expected {expected!r}")
    return outcomes


def _check(fleet: Fleet, before: set[Binding], after: set[Binding], sandbox: Sandbox) -> None:
    names = {certificate.id: certificate.name for certificate in fleet.certificates.values()}
    expected = {(c, d, g) for c, d, g in before if d not in DETACHED.get(names[c], set())}
    for certificate_id, domain, gateway_id in sorted(after ^ expected):
        verb = "is still bound" if (certificate_id, domain, gateway_id) in after else "was detached"
        raise DemoError(f"{domain} on {fleet.gateways[gateway_id].name} {verb} ({names[certificate_id]})")
    for received in sandbox.journal.detaches():
        if not all(entry.get("instance_ids") for entry in received.body["domains"]):
            raise DemoError(f"a request named no gateways: {received.body}")


def _table(title: str, fleet: Fleet, before: set[Binding], now: set[Binding]) -> Table:
    """One row a certificate, its domains under their gateways; what has been detached is marked."""
    table = Table(title=f"{title} (names without {SUFFIX})", title_justify="left", title_style="bold", show_lines=True)
    table.add_column("certificate", no_wrap=True)
    table.add_column("expires", no_wrap=True)
    for gateway in fleet.gateways.values():
        table.add_column(gateway.name, no_wrap=True)
    for certificate in fleet.certificates.values():
        cells = []
        for gateway in fleet.gateways.values():
            names = sorted(d for c, d, g in before if (c, g) == (certificate.id, gateway.id))
            lines = [
                Text(_short(name))
                if (certificate.id, name, gateway.id) in now
                else Text(f"✗ {_short(name)}", "red strike")
                for name in names
            ]
            cells.append(Text("\n").join(lines))
        heading = Text.assemble(certificate.name, "\n", (_short(certificate.common_name), "dim"))
        table.add_row(heading, _age(certificate.not_after), *cells)
    return table


def _compact(value: Any, indent: str = "") -> str:
    """JSON in which all that fits into a line stands in one."""
    line = json.dumps(value)
    if len(indent) + len(line) <= WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [f"{json.dumps(key)}: {_compact(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in inner) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _compact(item, deeper) for item in value) + f"\n{indent}]"


def _short(name: str) -> str:
    return name.removesuffix(SUFFIX)


def _age(not_after: str) -> Text:
    days = (instant(not_after) - datetime.now(UTC)).total_seconds() / 86400
    if days < 0:
        return Text(f"{-days:.0f} d ago", "bold red")
    return Text(f"in {days:.0f} d", "yellow" if days < 30 else "green")


if __name__ == "__main__":
    sys.exit(main())
