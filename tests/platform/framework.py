"""functions-framework as a process of its own. At the end its output is searched for secrets."""

import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from dockerfile_parse import DockerfileParser

from tests.support.leaks import WATCH

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
COMMAND = Path(sys.executable).with_name("functions-framework")
START_TIMEOUT = 20.0


@dataclass
class Framework:
    """A running functions-framework with one target function."""

    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where the function is."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, content: bytes | str = b"", headers: Mapping[str, str] | None = None) -> httpx.Response:
        """POST to the function, as JSON where the headers do not say otherwise."""
        sent = httpx.Headers({"Content-Type": "application/json"})
        sent.update(headers)
        return httpx.post(self.url, content=content, headers=sent, timeout=30, trust_env=False)

    def output(self) -> str:
        """All that it has written so far, stdout and stderr."""
        return "".join((self.folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Its log lines, each of them JSON, with that message."""
        entries = [json.loads(line) for line in (self.folder / "stdout").read_text(encoding="utf-8").splitlines()]
        return [entry for entry in entries if not message or entry.get("message") == message]

    def listens(self) -> bool:
        """Whether a new connection is accepted."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextmanager
def framework(
    environment: Mapping[str, str], target: str, folder: Path, source: Path = SRC, *, by_gunicorn: bool = False
) -> Iterator[Framework]:
    """functions-framework as an operator starts it, or as the image does. It sees only this environment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [COMMAND, "--source", source / "main.py", "--target", target, "--host", "127.0.0.1", "--port", str(port)]
    if by_gunicorn:
        command, environment = of_image(port, environment)
        environment |= {"FUNCTION_SOURCE": str(source / "main.py"), "FUNCTION_TARGET": target}
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command,
            # gunicorn leaves a control socket in the home folder
            env={"HOME": str(folder), "THREADS": "16", **environment},
            cwd=source if by_gunicorn else folder,
            stdout=stdout,
            stderr=stderr,
        )
    running = Framework(process, port, folder)
    try:
        wait_for(running)
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        assert WATCH.leaked(running.output()) is None, "a secret stands in what functions-framework wrote"


def of_image(port: int, environment: Mapping[str, str]) -> tuple[list[Path | str], dict[str, str]]:
    """The command and the environment of the Dockerfile, on that port of this machine."""
    steps = DockerfileParser(path=str(ROOT / "Dockerfile")).structure
    values = {step["instruction"]: step["value"] for step in steps}  # of the last stage
    variables = dict(pair.split("=", 1) for pair in shlex.split(values["ENV"]))
    command, *arguments = json.loads(values["CMD"])
    own = {
        name: variables[name]
        for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "THREADS", "GUNICORN_CMD_ARGS")
    }
    return [COMMAND.with_name(command), f"--bind=127.0.0.1:{port}", *arguments], {**own, **environment}


def wait_for(running: Framework, seconds: float = START_TIMEOUT) -> None:
    """Return once it listens; fail with what it wrote when it does not."""
    deadline = time.monotonic() + seconds
    while not running.listens():
        assert running.process.poll() is None, f"functions-framework ended: {running.output()}"
        assert time.monotonic() < deadline, f"functions-framework does not listen: {running.output()}"
        time.sleep(0.02)
