"""`Sandbox`: both services on real sockets with real TLS, in a thread of this process."""

import dataclasses
import shutil
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import trustme
import uvicorn

from sandbox.apig import ApiGateway
from sandbox.behaviour import Behaviour
from sandbox.cloud import Cloud
from sandbox.control import Control
from sandbox.dispatcher import Connection, Dispatcher
from sandbox.faults import Faults
from sandbox.fleet import Fleet
from sandbox.iam import Iam
from sandbox.journal import Journal

HOST = "127.0.0.1"
START_TIMEOUT = 10.0


class Sandbox:
    """A running IAM and API Gateway. `with Sandbox.start(fleet=…) as sandbox:` ends it with the block."""

    def __init__(self, cloud: Cloud) -> None:
        """Prepare; `start` is the way in."""
        self._cloud = cloud
        self._seed = cloud.fleet.to_json()
        self._first_behaviour = dataclasses.replace(cloud.behaviour)
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.ca_file = str(self._folder / "ca.pem")
        dispatcher = Dispatcher(
            cloud,
            Iam(cloud).app,
            ApiGateway(cloud).app,
            Control(cloud, self.reset).app,
            lambda: cast("set[Connection]", self._server.server_state.connections),
        )
        tls = _tls(self.ca_file)
        config = uvicorn.Config(
            dispatcher,
            loop="asyncio",  # connections are cut by means of its transports
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            backlog=512,
            ssl_context_factory=lambda *_: tls,
        )
        self._dispatcher = dispatcher
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._sockets: list[socket.socket] = []

    @classmethod
    def start(
        cls, fleet: Fleet | None = None, behaviour: Behaviour | None = None, *, port: int = 0, iam_port: int = 0
    ) -> Self:
        """Listen on 127.0.0.1 (port 0 = any free one) and return once connections are accepted."""
        sandbox = cls(Cloud(fleet=Fleet() if fleet is None else fleet, behaviour=behaviour or Behaviour()))
        try:
            sandbox._listen(port, iam_port)
        except BaseException:
            sandbox.stop()
            raise
        return sandbox

    def _listen(self, port: int, iam_port: int) -> None:
        for wanted in (port, iam_port):
            # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it each answer waits 40 ms.
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            self._sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HOST, wanted))
            except OSError as exc:
                raise OSError(exc.errno, f"cannot listen on {HOST}:{wanted}: {exc.strerror}") from exc
        apig, iam = (sock.getsockname()[1] for sock in self._sockets)
        self._dispatcher.iam_port = iam
        self._cloud.endpoint, self._cloud.auth_url = f"https://{HOST}:{apig}", f"https://{HOST}:{iam}/v3"
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start; its thread's traceback is on stderr")
            time.sleep(0.002)

    def _serve(self) -> None:
        self._server.run(sockets=self._sockets)

    def stop(self) -> None:
        """End within a fraction of a second, whatever is still open or waiting."""
        if self._thread.is_alive():
            # Set first: with it the server waits for no connection and no task.
            self._server.force_exit = self._server.should_exit = True
            self._thread.join(timeout=5)
        for sock in self._sockets:
            sock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    # --- where it is, and how to get in ---

    @property
    def auth_url(self) -> str:
        """IAM, with its version: https://127.0.0.1:PORT/v3."""
        return self._cloud.auth_url

    @property
    def endpoint(self) -> str:
        """API Gateway: https://127.0.0.1:PORT."""
        return self._cloud.endpoint

    @property
    def project_id(self) -> str:
        """The one project, 32 hex digits."""
        return self._cloud.identity.project_id

    @property
    def credentials(self) -> dict[str, str]:
        """The user's; made up anew for every sandbox, so that a leak of one can be told."""
        identity = self._cloud.identity
        names = ("username", "password", "domain_name", "project_name", "project_id")
        return {name: getattr(identity, name) for name in names}

    @property
    def access_key(self) -> str:
        """The permanent access key (AK)."""
        return self._cloud.identity.key.access_key

    @property
    def secret_key(self) -> str:
        """The permanent secret key (SK)."""
        return self._cloud.identity.key.secret_key

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret string: password, secret keys, security tokens, all tokens issued so far."""
        return self._cloud.identity.secrets

    def issue_token(self, lifetime: float = 86_400.0, *, project: bool = True) -> str:
        """A valid token without a call to IAM; `project=False` gives one without project information."""
        return self._cloud.identity.issue(lifetime, self.behaviour.token_bytes, project=project).value

    def revoke_tokens(self) -> None:
        """From now on all tokens issued so far are refused with 401."""
        self._cloud.identity.revoke_tokens()

    def temporary_keys(self, lifetime: float = 900.0) -> dict[str, str]:
        """A temporary `access_key`, `secret_key` and `security_token`."""
        key: dict[str, Any] = dataclasses.asdict(self._cloud.identity.temporary_key(lifetime))
        del key["expires_at"]
        return key

    # --- its state ---

    @property
    def fleet(self) -> Fleet:
        """What there is; may be changed at any time."""
        return self._cloud.fleet

    @property
    def behaviour(self) -> Behaviour:
        """The switches; may be changed at any time, or replaced as a whole."""
        return self._cloud.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._cloud.behaviour = behaviour

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self._cloud.faults

    @property
    def journal(self) -> Journal:
        """What was received."""
        return self._cloud.journal

    def reset(self, fleet: Fleet | None = None) -> None:
        """Back to the start: journal and faults empty, behaviour and fleet (or this one) as at the start.

        Tokens issued so far are refused from now on; the account and its keys are unlocked.
        """
        self._cloud.fleet = Fleet.from_json(self._seed) if fleet is None else fleet
        self._cloud.behaviour = dataclasses.replace(self._first_behaviour)
        self._cloud.faults.clear()
        self._cloud.journal.clear()
        self._cloud.identity.reset()


class _Server(uvicorn.Server):
    """A server that lets go at once."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut what is open: a polite end of TLS waits for the other side, half a minute if it sleeps."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _tls(ca_file: str) -> ssl.SSLContext:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HOST, "localhost").configure_cert(context)
    ca.cert_pem.write_to_path(ca_file)
    return context
