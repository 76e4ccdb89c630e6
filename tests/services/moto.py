"""The real moto server as a process: AWS Secrets Manager over plain HTTP."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class SecretsManager:
    """Secrets Manager at `url`, in the region eu-central-1."""

    url: str

    def call(self, operation: str, **parameters: str) -> Any:
        """One operation of its API, such as CreateSecret; returns the JSON of the answer."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/secretsmanager/aws4_request",
        }
        with httpx.Client(trust_env=False) as client:
            reply = client.post(self.url, json=parameters, headers=headers, timeout=10)
        assert reply.status_code == 200, f"{operation}: {reply.status_code} {reply.text}"
        return reply.json()


@contextmanager
def running(folder: Path) -> Iterator[SecretsManager]:
    """moto on a free port, ended with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)  # noqa: S603
        try:
            manager = SecretsManager(f"http://127.0.0.1:{port}")
            _wait(manager, process)
            yield manager
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(manager: SecretsManager, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with httpx.Client(trust_env=False) as client:
                client.get(f"{manager.url}/moto-api/", timeout=5)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("moto did not start")
