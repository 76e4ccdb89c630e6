"""The HTTP door: functions-framework under gunicorn, with the command and the environment of the image."""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.platform.framework import SRC, Framework, of_image, wait_for
from tests.storm.answers import NO_ANSWER, Answer
from tests.storm.envelopes import Wire


class HttpDoor:
    """One process, for any number of senders."""

    batch = 1

    def __init__(self, variables: Mapping[str, str], folder: Path, timeout: float, name: str = "http") -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command, environment = of_image(port, variables)
        home = folder / f"home-{name}"
        home.mkdir()
        source = Path(os.environ.get("STORM_SOURCE", SRC))  # another one has a bug that the oracle has to find
        environment |= {"FUNCTION_SOURCE": str(source / "main.py"), "FUNCTION_TARGET": "handler", "HOME": str(home)}
        environment["CLOUD_RUN_TIMEOUT_SECONDS"] = f"{timeout:.0f}"
        self._output = (folder / "output" / f"{name}.log").open("wb")
        # A write to the end of the file at each line: stdout and stderr share it.
        self.process = subprocess.Popen(  # noqa: S603 - our own words
            command, env=environment, cwd=source, stdout=self._output, stderr=subprocess.STDOUT
        )
        self._framework = _Running(self.process, port, folder / "output" / f"{name}.log")
        self._timeout = timeout
        try:
            wait_for(self._framework)
        except BaseException:
            self.process.kill()
            raise

    def processes(self) -> list[int]:
        """The ids of the processes that belong to the function."""
        return [self.process.pid, *children(self.process.pid)]

    def sender(self) -> "HttpSender":
        """A sender with a connection of its own."""
        return HttpSender(self._framework.url, self._timeout)

    def stop(self) -> None:
        """SIGTERM, as the platform does."""
        if self.process.poll() is None:
            self._framework.stop()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class HttpSender:
    """Posts one event at a time and reads the answer as Knative's broker does: 2xx, to be retried, or refused."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout + 10, trust_env=False)

    def deliver(self, wires: list[tuple[int, int, Wire]]) -> list[Answer]:
        """One event; the other doors take several at once."""
        [(_, _, wire)] = wires
        try:
            reply = self._client.post(self._url, content=wire.body, headers=wire.headers)
        except httpx.TransportError:
            return [NO_ANSWER]
        fields = _fields(reply)
        if reply.is_success:
            return [Answer("acknowledged", None, reply.status_code, fields)]
        retry = reply.status_code in (404, 408, 429) or reply.status_code >= 500
        error, outcome = fields.get("error"), fields.get("outcome")
        return [Answer("retryable" if retry else "refused", error, reply.status_code, outcome)]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class _Running(Framework):
    """A framework whose output goes into one file."""

    def output(self) -> str:
        return self.folder.read_text(encoding="utf-8", errors="replace")


def _fields(reply: httpx.Response) -> dict[str, Any]:
    try:
        content = json.loads(reply.content)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def children(pid: int) -> list[int]:
    """The processes below this one."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    own = [int(each) for each in text.split()]
    return [*own, *(below for each in own for below in children(each))]
