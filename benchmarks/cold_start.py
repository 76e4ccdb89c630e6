"""`make bench-cold-start`: from the first event to its answer in a new execution environment, by how it is compiled.

Each round starts AWS's runtime emulator with awslambdaric once for each variant of the same package, and sends one
event that detaches a certificate from a domain in the sandbox, over TLS. What is measured is the wall time of that
first invocation: the start of Python, all imports, the token, and the API's four calls.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox import Fleet, Sandbox
from tests.platform.lambda_runtime import PACKAGE, PYTHON, Function, unpack

CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"


def fleet() -> Fleet:
    """One gateway, one expired certificate, one domain."""
    made = Fleet()
    gateway = made.add_gateway()
    made.add_certificate(id=CERTIFICATE, common_name="api.example.com", not_after="-P3D")
    made.add_domain("api.example.com", gateway.id)
    made.bind(CERTIFICATE, "api.example.com", gateway.id)
    return made


def variants(folder: Path) -> dict[str, Path]:
    """The package as it is built; without bytecode; and with bytecode that carries dates, as a zip makes it stale."""
    built = unpack(PACKAGE, folder / "built")
    source = shutil.copytree(built, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    dated = shutil.copytree(source, folder / "dated")
    compiling = [str(PYTHON), "-m", "compileall", "-q", "--invalidation-mode", "timestamp", str(dated)]
    subprocess.run(compiling, check=True)  # noqa: S603 - our own words
    for path in dated.rglob("*.py"):
        os.utime(path, (315_532_800, 315_532_800))  # 1980, the date of everything in a reproducible zip
    return {"as built: unchecked bytecode": built, "no bytecode": source, "dated bytecode, stale in a zip": dated}


def first_answer(task_root: Path, sandbox: Sandbox, output: Path) -> float:
    """Seconds from the first event to its answer."""
    sandbox.reset(fleet())
    variables = {
        "SECRET_URI": "env:CREDENTIALS",
        "CREDENTIALS": json.dumps(sandbox.credentials),
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": sandbox.ca_file,
    }
    with Function(task_root, "lambda_function.certificate_expiry", variables, output) as function:
        started = time.perf_counter()
        answer: Any = function.invoke({"certificate_id": CERTIFICATE})
        spent = time.perf_counter() - started
    if answer.get("status") != "detached":
        raise SystemExit(f"the function answered {answer}")
    return spent


def main() -> None:
    """Measure, and print a line a variant."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start")
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name, Sandbox.start() as sandbox:
        folder = Path(name)
        packages = variants(folder)
        spent: dict[str, list[float]] = {variant: [] for variant in packages}
        for _ in range(rounds):
            for variant, task_root in packages.items():
                spent[variant].append(first_answer(task_root, sandbox, folder / "output"))
    base = statistics.median(next(iter(spent.values())))
    lines = [f"First answer of a new execution environment, {rounds} rounds, {os.cpu_count()} cores"]
    for variant, seconds in spent.items():
        median, least = statistics.median(seconds), min(seconds)
        lines.append(
            f"  {variant:30} median {median * 1000:5.0f} ms (x {median / base:.2f})   least {least * 1000:5.0f} ms"
        )
    print("\n".join(lines))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
