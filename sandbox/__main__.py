"""`python -m sandbox`: the sandbox as a process of its own, until SIGTERM or SIGINT."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from sandbox import Behaviour, Fleet, Sandbox

ENDING = {signal.SIGTERM, signal.SIGINT}


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not a port number (0 to 65535)")
    return number


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local IAM and API Gateway over TLS.")
    parser.add_argument(
        "--seed", type=Path, metavar="FILE.json", help="the fleet to start with; sandbox/seed.py shows the format"
    )
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="port of API Gateway (default: a free port)")
    parser.add_argument("--iam-port", type=_port, default=0, metavar="N", help="port of IAM (default: a free port)")
    parser.add_argument("--ca-file", type=Path, metavar="PATH", help="also write the CA certificate (PEM) to this file")
    parser.add_argument("--write-env", type=Path, metavar="FILE", help="write KEY=VALUE lines there once it listens")
    parser.add_argument(
        "--latency", type=float, default=0.0, metavar="S", help="seconds before each API Gateway answer"
    )
    return parser.parse_args()


def _fleet(seed: Path | None) -> Fleet:
    try:
        return Fleet() if seed is None else Fleet.from_json(seed.read_bytes())
    except (OSError, ValueError) as exc:
        sys.exit(f"sandbox: cannot read the seed {seed}: {exc}")


def _write_whole(path: Path, text: str, mode: int) -> None:
    """Write another file and rename it, so that a process that waits for this file never reads half of it."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def _run(arguments: argparse.Namespace, folder: Path) -> None:
    credentials = folder / "credentials.json"
    fleet = _fleet(arguments.seed)
    with Sandbox.start(
        fleet, Behaviour(latency=arguments.latency), port=arguments.port, iam_port=arguments.iam_port
    ) as sandbox:
        ca_file = Path(sandbox.ca_file)
        if arguments.ca_file is not None:
            _write_whole(arguments.ca_file, ca_file.read_text(encoding="ascii"), 0o644)
            ca_file = arguments.ca_file.resolve()
        _write_whole(credentials, json.dumps(sandbox.credentials, indent=2) + "\n", 0o600)
        print(
            f"API Gateway   {sandbox.endpoint}\n"
            f"IAM           {sandbox.auth_url}\n"
            f"CA file       {ca_file}\n"
            f"project       {sandbox.project_id} ({sandbox.credentials['project_name']})\n"
            f"user          {sandbox.credentials['username']} of {sandbox.credentials['domain_name']}\n"
            f"password      in {credentials}\n"
            f"fleet         {len(fleet.gateways)} gateways, {len(fleet.certificates)} certificates, "
            f"{len(fleet.domains)} domains, {len(fleet.bindings())} bindings\n"
            f"look inside   {sandbox.endpoint}/_sandbox/bindings (also fleet, journal, behaviour, faults, reset)\n"
            "Stop it with Ctrl-C.",
            flush=True,
        )
        if arguments.write_env is not None:
            variables = {
                "OS_AUTH_URL": sandbox.auth_url,
                "APIG_ENDPOINT": sandbox.endpoint,
                "OS_CACERT": ca_file,
                "SECRET_URI": f"file:{credentials}",
                "OS_PROJECT_ID": sandbox.project_id,
            }
            _write_whole(arguments.write_env, "".join(f"{k}={v}\n" for k, v in variables.items()), 0o644)
        signal.sigwait(ENDING)


def main() -> None:
    """Run until a signal ends it, and remove every file except those named in the options."""
    arguments = _arguments()
    # Blocked in this thread and in those it starts, and waited for: a signal handler could run while a lock is held.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        _run(arguments, folder)
    except OSError as exc:
        sys.exit(f"sandbox: {exc}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
