"""The wiring: settings → clients, once a process, when the first event arrives."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared import settings
from shared.apig.client import ApigClient
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError
from shared.core.event_data import DetachUndo
from shared.core.guards import Policy
from shared.core.undo_signature import UndoSigner, check_claim
from shared.credentials.provider import CredentialProvider
from shared.credentials.stores import open_store
from shared.credentials.stores.process import Process
from shared.credentials.undo_keys import UndoKeys
from shared.event_sink import ATTEMPTS, EventSink
from shared.readiness import Readiness
from shared.settings import Settings
from shared.telemetry import log_call
from shared.transport.connection import Connections
from shared.transport.send import Call, Transport
from shared.transport.tls import new_client

if TYPE_CHECKING:
    from shared.callers import Check

CALLER_TIME = 10.0  # seconds in which it has to be told who calls, and whether events could be handled


@dataclass(frozen=True, slots=True)
class Work:
    """What one event is handled with.

    `sink` is where a clean-up sends its events, if it is to send any. `undo_keys` sign `undo`, if there are any;
    `signer` is what does so for this event, once something is to be detached.
    """

    client: ApigClient
    policy: Policy
    sink: EventSink | None = None
    undo_keys: UndoKeys | None = None
    signer: UndoSigner | None = None

    def now(self) -> datetime:
        """The time in UTC by which certificates are due."""
        return self.client.clock.now()


class Runtime:
    """What the events of one process share: settings, HTTP clients, credentials. For any number of threads.

    Nothing is read until the first event. `get` reads a setting, `names` tells which there are, and `platform_token`
    gives the token that the platform itself hands out (`functiongraph:`): it is called at every event.
    """

    def __init__(
        self,
        get: Callable[[str], str | None] = os.environ.get,
        names: Callable[[], Iterable[str]] = lambda: tuple(os.environ),
        platform_token: Callable[[], str] | None = None,
    ) -> None:
        self._get = get
        self._names = names
        self._platform_token = platform_token
        self._lock = threading.RLock()
        self._shared: _Shared | None = None
        self._readiness = Readiness(self._reach)

    def check(self) -> None:
        """Read the settings, if they are not known yet; raises ConfigurationError for the first wrong one."""
        self._known()

    def work(self, deadline: Deadline, observe: Callable[[Call], None]) -> Work:
        """All that one event is handled with; a token is fetched if the project is not known without one."""
        return self._known().work(deadline, observe)

    def check_undo(self, data: DetachUndo, deadline: Deadline, observe: Callable[[Call], None]) -> None:
        """Refuse an undo by event that we have not signed, or that is too old: before anything else is asked.

        Raises InvalidEvent, or ConfigurationError without UNDO_KEY_URI: the event cannot be corrected then.
        """
        self._known().check_undo(data, deadline, observe)

    def sender(self, authorization: str | None) -> str | None:
        """Who calls the HTTP door, by their `Authorization` header; None where the settings leave that to the platform.

        Raises CallerRefused, or a DetachError when it cannot be told.
        """
        return self._known().sender(authorization)

    def not_ready(self) -> DetachError | None:
        """Why events could not be handled now: a login and one page of gateways, asked for once a minute at most."""
        return self._readiness.error()

    def _reach(self) -> None:
        work = self.work(Deadline.after(CALLER_TIME), log_call)
        next(work.client.instances(), None)  # no more than the first page

    def close(self) -> None:
        """Close the connections."""
        if self._shared is not None:
            self._shared.close()

    def _known(self) -> "_Shared":
        with self._lock:  # a wrong setting is told at every event, and read again
            if self._shared is None:
                values = settings.load(self._get, self._names())
                self._shared = _Shared(values, self._get, self._platform_token)
            return self._shared


class _Shared:
    def __init__(
        self, values: Settings, get: Callable[[str], str | None], platform_token: Callable[[], str] | None
    ) -> None:
        for name in ("httpx", "httpcore"):  # at DEBUG they log URLs and headers, tokens included
            logging.getLogger(name).setLevel(logging.WARNING)
        self._settings = values
        self._clients: dict[str | None, Connections] = {}
        self._client = self._client_for(values.ca_file)
        process = Process(get, self._client_for, platform_token)
        store = open_store(values.secret_uri, process)
        self._credentials = CredentialProvider(store, values.auth_url, values.region)
        uri = values.undo_key_uri
        self._undo_keys = None if uri is None else UndoKeys(open_store(uri, process, "UNDO_KEY_URI"))
        self._sink_client = self._client_of_sink()
        self._checks = self._checks_of_callers(process)

    def work(self, deadline: Deadline, observe: Callable[[Call], None]) -> Work:
        values = self._settings
        transport = self._transport(deadline, observe)
        project_id = self._project_id(transport)
        auth = self._credentials.auth(transport, project_id)
        client = ApigClient(transport, auth, values.apig_endpoint, project_id)
        return Work(client, values.policy, self._sink(deadline, observe), self._undo_keys)

    def check_undo(self, data: DetachUndo, deadline: Deadline, observe: Callable[[Call], None]) -> None:
        if self._undo_keys is None:
            raise ConfigurationError(
                "UNDO_KEY_URI: not set, so an undo by event is refused; undo from the shell, or set it for what comes"
            )
        if data.undo:  # an empty list attaches nothing
            check_claim(data, self._settings.max_undo_age, datetime.now(UTC))
            transport = self._transport(deadline, observe)
            self._undo_keys.check(data, transport, lambda: self._project_id(transport))

    def sender(self, authorization: str | None) -> str | None:
        if not self._checks:
            return None
        from shared.callers import sender_of  # noqa: PLC0415 - for the HTTP door alone

        values = self._settings
        deadline = Deadline.after(CALLER_TIME)
        transport = Transport(self._client, values.http_timeout, min(values.http_attempts, 2), deadline, log_call)
        return sender_of(authorization, self._checks, transport)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _transport(self, deadline: Deadline, observe: Callable[[Call], None]) -> Transport:
        values = self._settings
        return Transport(self._client, values.http_timeout, values.http_attempts, deadline, observe)

    def _project_id(self, transport: Transport) -> str:
        return self._settings.project_id or self._credentials.project_id(transport)

    def _client_for(self, ca_file: str | None) -> Connections:
        """The client that trusts this CA file: one, and one TLS context, for each that is named."""
        if ca_file not in self._clients:
            setting = "OS_CACERT" if ca_file == self._settings.ca_file else "VAULT_CACERT"
            self._clients[ca_file] = new_client(ca_file, setting)
        return self._clients[ca_file]

    def _client_of_sink(self) -> Connections:
        """The client of the event sink, which may have a CA of its own."""
        pem = self._settings.sink_ca
        if self._settings.sink is None:
            return self._client
        if pem is not None:
            self._clients["K_SINK"] = new_client(None, pem=pem)
        return self._client_for(None) if pem is None else self._clients["K_SINK"]

    def _sink(self, deadline: Deadline, observe: Callable[[Call], None]) -> EventSink | None:
        values = self._settings
        if values.sink is None:
            return None
        attempts = max(values.http_attempts, ATTEMPTS)
        transport = Transport(self._sink_client, values.http_timeout, attempts, deadline, observe)
        return EventSink(transport, values.sink, values.sink_extensions)

    def _checks_of_callers(self, process: Process) -> "tuple[Check, ...]":
        values = self._settings
        checks: list[Check] = []
        if values.door_bearer_uri is not None:
            from shared.callers.shared_token import SharedToken  # noqa: PLC0415 - for the HTTP door alone

            checks.append(SharedToken(values.door_bearer_uri, process))
        if values.door_oidc_issuer is not None and values.door_oidc_audience is not None:
            from shared.callers.id_token import IdToken  # noqa: PLC0415 - for the HTTP door alone
            from shared.callers.issuer import Issuer  # noqa: PLC0415

            issuer = Issuer(values.door_oidc_issuer, self._client_of_issuer())
            checks.append(IdToken(issuer, values.door_oidc_audience, values.door_oidc_subjects))
        return tuple(checks)

    def _client_of_issuer(self) -> Connections:
        """A public issuer is trusted by the system's trust store, a private one by OS_CACERT: so both count."""
        if self._settings.ca_file is None:
            return self._client
        pem = Path(self._settings.ca_file).read_text(encoding="ascii", errors="ignore")
        client = self._clients["DOOR_OIDC_ISSUER"] = new_client(None, pem=pem)
        return client
