"""The real OpenStack Keystone. Its state is made once under build/, and it is served as a process of its own over TLS.

`python -m tests.services.keystone FOLDER PORT CERTIFICATE` serves the state in FOLDER.
"""

import os
import secrets
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import trustme

STATE = Path("build/keystone")  # relative to the repository, where pytest and make run
TOKEN_LIFETIME = 4  # seconds, so that a test sees a token expire
LOCKED_AFTER = 3  # failures

_CONFIG = """\
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet-keys
[credential]
key_repository = {folder}/credential-keys
[token]
expiration = {lifetime}
allow_expired_window = 0
[identity]
password_hash_rounds = 4
[security_compliance]
lockout_failure_attempts = {attempts}
lockout_duration = 1800
[oslo_policy]
enforce_scope = false
"""


@dataclass(frozen=True)
class Keystone:
    """A running Keystone. `password` is its admin's; `auth_url` is the identity API, and ends with /v3."""

    auth_url: str
    ca_file: str
    password: str
    folder: Path

    def call(
        self, method: str, path: str, body: Any = None, *, subject: str = "", expected: int = 200
    ) -> httpx.Response:
        """One call as the admin; `subject` is the token that it is about, if it is about one."""
        headers = {"X-Auth-Token": self.admin_token()} | ({"X-Subject-Token": subject} if subject else {})
        with httpx.Client(verify=ssl.create_default_context(cafile=self.ca_file), trust_env=False) as client:
            reply = client.request(method, f"{self.auth_url}{path}", json=body, headers=headers, timeout=30)
        assert reply.status_code == expected, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply

    def verify(self, token: str) -> httpx.Response:
        """What Keystone says of a token: 200, or 401 or 404. The token itself asks."""
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        with httpx.Client(verify=ssl.create_default_context(cafile=self.ca_file), trust_env=False) as client:
            return client.get(f"{self.auth_url}/auth/tokens", headers=headers, timeout=30)

    def new_user(self) -> dict[str, str]:
        """The credentials of a new user, who is a member of a new project, as SECRET_URI holds them."""
        name, password = f"detach-{secrets.token_hex(4)}", secrets.token_urlsafe(24)
        project = self.call(
            "POST", "/projects", {"project": {"name": f"eu-de_{name}", "domain_id": "default"}}, expected=201
        )
        project_id = project.json()["project"]["id"]
        user = {"name": name, "password": password, "domain_id": "default"}
        user_id = self.call("POST", "/users", {"user": user}, expected=201).json()["user"]["id"]
        (role,) = self.call("GET", "/roles?name=member").json()["roles"]
        self.call("PUT", f"/projects/{project_id}/users/{user_id}/roles/{role['id']}", expected=204)
        return {
            "username": name,
            "password": password,
            "domain_name": "Default",
            "project_name": f"eu-de_{name}",
            "project_id": project_id,
        }

    def token_of(self, credentials: dict[str, str]) -> str:
        """A token for these credentials, got by another client than ours."""
        names = (credentials["username"], credentials["password"], credentials["project_name"])
        return log_in(self, *names).headers["X-Subject-Token"]

    def failures(self, username: str) -> int:
        """The lockout counter of a user, from Keystone's own database."""
        query = "SELECT failed_auth_count FROM local_user WHERE name = ?"
        with closing(sqlite3.connect(f"file:{self.folder / 'keystone.db'}?mode=ro", uri=True)) as database:
            return int(database.execute(query, (username,)).fetchone()[0] or 0)

    def admin_token(self) -> str:
        """A new token of the admin, in the project `admin`."""
        return log_in(self, "admin", self.password, "admin").headers["X-Subject-Token"]


def log_in(keystone: Keystone, username: str, password: str, project_name: str) -> httpx.Response:
    """A login by any client but ours."""
    domain = {"id": "default"}
    user = {"name": username, "password": password, "domain": domain}
    scope = {"project": {"name": project_name, "domain": domain}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    with httpx.Client(verify=ssl.create_default_context(cafile=keystone.ca_file), trust_env=False) as client:
        return client.post(f"{keystone.auth_url}/auth/tokens", json=body, timeout=30)


@contextmanager
def running(folder: Path) -> Iterator[Keystone]:
    """Keystone on a copy of the state, in `folder`, until the block ends."""
    password = _prepare(folder)
    ca = trustme.CA()
    ca_file, certificate = folder / "ca.pem", folder / "server.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "serve.log").open("w")
    command = [sys.executable, "-m", "tests.services.keystone", str(folder), str(port), str(certificate)]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - our own words
    try:
        keystone = Keystone(f"https://127.0.0.1:{port}/v3", str(ca_file), password, folder)
        _wait(keystone, process)
        yield keystone
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _prepare(folder: Path) -> str:
    """Copy the state to `folder`, making it first if this machine has none (some 25 seconds)."""
    if not (STATE / "password").exists():
        shutil.rmtree(STATE, ignore_errors=True)
        STATE.mkdir(parents=True)
        _configure(STATE.resolve())
        password = secrets.token_urlsafe(24)
        endpoint = "http://127.0.0.1/v3"  # of the catalog, which nobody reads
        for command in (
            ["db_sync"],
            ["fernet_setup"],
            ["credential_setup"],
            ["bootstrap", "--bootstrap-password", password, "--bootstrap-public-url", endpoint],
        ):
            _manage(STATE.resolve(), command)
        (STATE / "password").write_text(password)  # last: it says that the state is complete
    shutil.copytree(STATE, folder, dirs_exist_ok=True)
    _configure(folder)
    return (STATE / "password").read_text()


def _configure(folder: Path) -> None:
    text = _CONFIG.format(folder=folder, lifetime=TOKEN_LIFETIME, attempts=LOCKED_AFTER)
    (folder / "keystone.conf").write_text(text)


def _manage(folder: Path, command: list[str]) -> None:
    manage = Path(sys.executable).with_name("keystone-manage")
    owner = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
    subprocess.run(  # noqa: S603 - our own words
        [
            str(manage),
            "--config-file",
            str(folder / "keystone.conf"),
            *command,
            *(owner if command[0].endswith("_setup") else []),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )


def _wait(keystone: Keystone, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with httpx.Client(verify=ssl.create_default_context(cafile=keystone.ca_file), trust_env=False) as client:
                if client.get(keystone.auth_url, timeout=5).status_code == 200:
                    return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"Keystone did not start; see {keystone.folder / 'serve.log'}")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _serve(folder: str, port: str, certificate: str) -> None:
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = f"{folder}/keystone.conf"
    sys.argv = ["keystone"]  # or oslo.config takes our own arguments for its own
    from keystone.wsgi.api import application  # noqa: PLC0415 - reads its configuration when it is imported

    server = make_server("127.0.0.1", int(port), application, _Server, _Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
