"""The wiring: settings → clients, once a process, when the first event arrives."""

import logging
import os
import threading
from collections.abc import Callable, Iterable

from shared import secret_store, settings
from shared.gateway import Gateway
from shared.identity import Identity
from shared.settings import Policy, Settings
from shared.transport import Call, Deadline, Transport, new_client


class Runtime:
    """What the events of one process share: the settings, the HTTP client, the identity. For any number of threads."""

    def __init__(
        self,
        values: Settings,
        get: Callable[[str], str | None],
        platform_token: Callable[[], str] | None = None,
    ) -> None:
        self.settings = values
        self._client = new_client(values.ca_file)
        store = secret_store.open_store(values.secret_uri, get, platform_token)
        self._identity = Identity(store, values.auth_url)

    @property
    def policy(self) -> Policy:
        """What may be detached."""
        return self.settings.policy

    def gateway(self, deadline: Deadline, observe: Callable[[Call], None]) -> Gateway:
        """The API Gateway client of one event, which fetches a token if the project is not known without one."""
        values = self.settings
        transport = Transport(self._client, values.http_timeout, values.http_attempts, deadline, observe)
        project_id = values.project_id or self._identity.project_id(transport)
        return Gateway(transport, self._identity.auth(transport), values.apig_endpoint, project_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


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
            logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL; our own lines do that
            _runtime = Runtime(settings.load(get, names()), get, platform_token)
        return _runtime
