"""`make bench-cleanup`: a clean-up of 3 gateways × 500 certificates × 20 domains, 250 of the certificates expired.

The sandbox is a process of its own, 20 ms away. The clean-up runs in a second process, whose memory is measured.
Printed are the calls against the least possible (pages, and one detach for each certificate), the wall time against
calls × latency ÷ concurrency, and the growth of the memory. Then comes the same clean-up once more, which has nothing
to do. The latency that a call really has, with what the sandbox itself needs, is told by a clean-up with one call at a
time.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
LATENCY = 0.02  # seconds
START_TIMEOUT = 30.0


@contextmanager
def sandbox(seed: Path, folder: Path, latency: float) -> Iterator[dict[str, str]]:
    """`python -m sandbox` with that fleet; gives the variables that lead to it."""
    settings = folder / "sandbox.env"
    command = [sys.executable, "-m", "sandbox", "--seed", str(seed), "--latency", str(latency)]
    process = subprocess.Popen(  # noqa: S603 - our own words
        [*command, "--write-env", str(settings)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_TIMEOUT
        while not settings.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.02)
        yield dict(line.split("=", 1) for line in settings.read_text(encoding="utf-8").splitlines())
    finally:
        process.terminate()
        process.wait(10)


def look(variables: dict[str, str], what: str) -> Any:
    """What the sandbox tells of itself: its `journal` or its `bindings`."""
    # Its certificate was made a moment ago by itself, and nothing secret is sent.
    return httpx.get(f"{variables['APIG_ENDPOINT']}/_sandbox/{what}", verify=False, timeout=30).json()  # noqa: S501


def clean_up(variables: dict[str, str], *, traced: bool = False, **more: str) -> dict[str, Any]:
    """One clean-up in a process of its own: what it measured of itself, and its outcome."""
    environment = {**variables, **more, "PYTHONPATH": "src", "TRACED": str(int(traced))}
    finished = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, __file__, "--here"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def here() -> None:
    """The clean-up, in this process; prints what was measured as its last line."""
    from handlers import handle  # noqa: PLC0415 - only this process has them on its path
    from shared.core.delivery import Deadline, Delivery  # noqa: PLC0415
    from shared.wiring import Runtime  # noqa: PLC0415

    runtime = Runtime()

    def clean_up_once(data: dict[str, Any]) -> dict[str, Any]:
        event = {"specversion": "1.0", "id": "b", "source": "/b", "type": "apig.cleanup.due", "data": data}
        return handle(Delivery(event, Deadline.after(300)), runtime).to_dict()

    # A look at the first certificates only, so that what every process needs once is there already.
    clean_up_once({"cursor": "after-" + "f" * 32})
    if traced := os.environ["TRACED"] == "1":
        tracemalloc.start()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # starts VmHWM anew
    before = _memory("VmRSS")
    started = time.perf_counter()
    outcome = clean_up_once({})
    spent = time.perf_counter() - started
    print(  # noqa: T201 - to the parent
        json.dumps(
            {
                "seconds": spent,
                "growth_mb": (_memory("VmHWM") - before) / 1024,
                "traced_mb": tracemalloc.get_traced_memory()[1] / 2**20 if traced else None,
                "certificates": len(outcome["certificates"]),
                "status": outcome["status"],
                "cursor": outcome["cursor"],
            }
        )
    )


def _memory(name: str) -> int:
    """Kilobytes, from the kernel."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def measure(concurrency: int) -> dict[str, Any]:
    """One clean-up, the same again, and one without latency whose memory is traced; with what they are held against."""
    from tests.support.fleets import counted_fleet  # noqa: PLC0415 - as above

    counted = counted_fleet(shared=10)
    fleet = counted.fleet
    # 499 new rows a page: each begins with the last row of the page before.
    pages = sum(-(-len(fleet.certificates_on(each)) // 499) for each in fleet.gateways)
    group_pages = sum(-(-len(fleet.groups_on(each)) // 499) for each in fleet.gateways)
    warm_up = 1 + pages  # which does not list the groups, since it finds nothing that is due
    setting = {"DETACH_CONCURRENCY": str(concurrency), "DETACH_MAX_CLEANUP_BINDINGS": "5000"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed = folder / "seed.json"
        seed.write_text(json.dumps(fleet.to_json()), encoding="utf-8")
        with sandbox(seed, folder, LATENCY) as variables:
            first = clean_up(variables, **setting)
            calls = _calls(variables)[warm_up:]
            left = {tuple(row.values()) for row in look(variables, "bindings")}
            second = clean_up(variables, **setting)
            again = _calls(variables)[warm_up + len(calls) + warm_up :]
        (folder / "sandbox.env").unlink()
        with sandbox(seed, folder, LATENCY) as variables:
            alone = clean_up(variables, **{**setting, "DETACH_CONCURRENCY": "1"})
        (folder / "sandbox.env").unlink()
        with sandbox(seed, folder, 0.0) as variables:
            traced = clean_up(variables, traced=True, **setting)
    return {
        **first,
        "traced_mb": traced["traced_mb"],
        "expired": len(counted.expired),
        "others_untouched": left == counted.staying,
        "calls": len(calls),
        "dates": sum(re.fullmatch("GET .*/certificates/[0-9a-f]{32}", call) is not None for call in calls),
        "least": 1 + pages + group_pages + len(counted.expired),
        "ideal": len(calls) * LATENCY / concurrency,
        "really": alone["seconds"] / len(calls),
        "again": second["status"],
        "calls_again": len(again),
        "posts_again": sum(call.startswith("POST") for call in again),
    }


def _calls(variables: dict[str, str]) -> list[str]:
    return [f"{each['method']} {each['path']}" for each in look(variables, "journal") if each["service"] == "apig"]


def show(concurrency: int, figures: dict[str, Any]) -> None:
    """Print the figures, each line with what it is held against."""
    print(  # noqa: T201 - a program that speaks to its user
        "DETACH_CONCURRENCY={concurrency}, {latency:.0f} ms away\n"
        "  certificates cleaned  {certificates} of {expired}, others untouched: {others_untouched}\n"
        "  calls                 {calls}, least possible {least}: {more:.3f};"
        " {dates} of them for dates that were read more than two seconds before\n"
        "  wall time             {seconds:.2f} s, calls × latency ÷ concurrency {ideal:.2f} s: {slower:.2f};"
        " at the {really_ms:.0f} ms that a call really takes: {real_slower:.2f}\n"
        "  memory growth         {growth_mb:.1f} MB resident at most, {traced_mb:.1f} MB traced\n"
        "  once more             {again}, {calls_again} calls, {posts_again} of them POST".format(
            concurrency=concurrency,
            latency=LATENCY * 1000,
            more=figures["calls"] / figures["least"],
            slower=figures["seconds"] / figures["ideal"],
            really_ms=figures["really"] * 1000,
            real_slower=figures["seconds"] / (figures["calls"] * figures["really"] / concurrency),
            **figures,
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[4, 16])
    arguments = parser.parse_args()
    if arguments.here:
        here()
    else:
        for number in arguments.concurrency:
            show(number, measure(number))
