"""The wiring: settings → clients, once a process, when the first event arrives."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from shared import secret_store, settings
from shared.event_sink import ATTEMPTS, EventSink
from shared.gateway import Gateway
from shared.identity import Identity
from shared.secret_store.surroundings import Surroundings
from shared.settings import Policy, Settings
from shared.telemetry import Report
from shared.tls import new_client
from shared.transport import Call, Deadline, Transport


@dataclass(frozen=True, slots=True)
class Work:
    """What one event is handled with; `sink` is where a clean-up sends its events, if it is to send any."""

    gateway: Gateway
    policy: Policy
    now: datetime
    report: Report
    sink: EventSink | None = None


class Runtime:
    """What the events of one process share: the settings, the HTTP client, the identity. For any number of threads."""

    def __init__(
        self,
        values: Settings,
        get: Callable[[str], str | None],
        platform_token: Callable[[], str] | None = None,
    ) -> None:
        for name in ("httpx", "httpcore"):  # at DEBUG they log URLs and headers, tokens included
            logging.getLogger(name).setLevel(logging.WARNING)
        self.settings = values
        self._clients: dict[str | None, httpx.Client] = {}
        self._client = self._client_for(values.ca_file)
        surroundings = Surroundings(get, self._client_for, platform_token)
        store = secret_store.open_store(values.secret_uri, surroundings)
        self._identity = Identity(store, values.auth_url, values.region)

    def _client_for(self, ca_file: str | None) -> httpx.Client:
        """The client that trusts this CA file: one, and one TLS context, for each that is named."""
        if ca_file not in self._clients:
            setting = "OS_CACERT" if ca_file == self.settings.ca_file else "VAULT_CACERT"
            self._clients[ca_file] = new_client(ca_file, setting)
        return self._clients[ca_file]

    @property
    def policy(self) -> Policy:
        """What may be detached."""
        return self.settings.policy

    def gateway(self, deadline: Deadline, observe: Callable[[Call], None]) -> Gateway:
        """The API Gateway client of one event, which fetches a token if the project is not known without one."""
        values = self.settings
        transport = Transport(self._client, values.http_timeout, values.http_attempts, deadline, observe)
        project_id = values.project_id or self._identity.project_id(transport)
        return Gateway(transport, self._identity.auth(transport, project_id), values.apig_endpoint, project_id)

    def _sink(self, deadline: Deadline, observe: Callable[[Call], None]) -> EventSink | None:
        values = self.settings
        if values.sink is None:
            return None
        if values.sink_ca is not None and "K_SINK" not in self._clients:
            self._clients["K_SINK"] = new_client(None, pem=values.sink_ca)
        client = self._client_for(None) if values.sink_ca is None else self._clients["K_SINK"]
        attempts = max(values.http_attempts, ATTEMPTS)
        transport = Transport(client, values.http_timeout, attempts, deadline, observe)
        return EventSink(transport, values.sink, values.sink_extensions)

    def work(self, deadline: Deadline, report: Report) -> Work:
        """All that one event is handled with, by the time that it is now."""
        gateway = self.gateway(deadline, report.call)
        return Work(gateway, self.policy, datetime.now(UTC), report, self._sink(deadline, report.call))

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()


_lock = threading.Lock()
_runtime: Runtime | None = None


def current(
    get: Callable[[str], str | None] = os.environ.get,
    names: Callable[[], Iterable[str]] = lambda: tuple(os.environ),
    platform_token: Callable[[], str] | None = None,
) -> Runtime:
    """The process' runtime, made on the first call; `get` reads a setting, `names` tells which there are.

    `platform_token` gives the token that the platform itself hands out (`functiongraph:`). The one of the first call
    stays, and is called at every event: let it ask the newest context, not the first. Raises
    ConfigurationError, and tries again at the next call.
    """
    global _runtime  # noqa: PLW0603 - one a process is the point
    with _lock:
        if _runtime is None:
            _runtime = Runtime(settings.load(get, names()), get, platform_token)
        return _runtime
