"""The real OpenBao server in its own dev mode: in memory, over TLS, unsealed. It ends with the block."""

import secrets
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class OpenBao:
    """A running OpenBao; `unseal_key` unseals it again after `PUT sys/seal`."""

    address: str
    ca_file: str
    root_token: str = field(repr=False)
    unseal_key: str = field(repr=False)

    def call(self, method: str, path: str, body: Any = None, expected: tuple[int, ...] = (200, 204)) -> Any:
        """One call as root; returns the JSON of the answer, or None."""
        reply = self.request(method, path, body)
        assert reply.status_code in expected, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One call as root."""
        with httpx.Client(verify=ssl.create_default_context(cafile=self.ca_file), trust_env=False) as client:
            headers = {"X-Vault-Token": self.root_token}
            return client.request(method, f"{self.address}/v1/{path}", json=body, headers=headers, timeout=10)

    def put(self, path: str, data: dict[str, str], mount: str = "secret") -> None:
        """A new version of a KV v2 secret."""
        self.call("POST", f"{mount}/data/{path}", {"data": data})


@contextmanager
def running(folder: Path) -> Iterator[OpenBao]:
    """OpenBao on a free port, with its KV v2 engine at `secret/`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root_token = secrets.token_hex(20)
    log_file = folder / "openbao.log"
    command = [
        str(Path(sys.executable).with_name("bao")),
        "server",
        "-dev",
        f"-dev-root-token-id={root_token}",
        f"-dev-listen-address=127.0.0.1:{port}",
        "-dev-no-store-token",
        "-dev-tls",
        f"-dev-tls-cert-dir={folder}",
    ]
    with log_file.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)  # noqa: S603
        try:
            unseal_key = _wait(log_file, process)
            yield OpenBao(f"https://127.0.0.1:{port}", str(folder / "vault-ca.pem"), root_token, unseal_key)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(log_file: Path, process: subprocess.Popen[bytes]) -> str:
    """The unseal key, which the server prints when it is ready."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        text = log_file.read_text()
        if "Root Token:" in text:
            return text.split("Unseal Key:")[1].split()[0]
        time.sleep(0.05)
    raise RuntimeError(f"OpenBao did not start; see {log_file}")
