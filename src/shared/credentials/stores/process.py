"""What a store is, and what it may use of the process it runs in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.core.secret import Secret
from shared.transport.connection import Connections
from shared.transport.send import Transport


@dataclass(frozen=True, slots=True)
class Process:
    """What is there to use.

    `get` reads an environment variable. `client` gives the process' client that trusts a CA file (None: the system's
    trust store). `platform_token` gives the token that the platform hands out, where it does.
    """

    get: Callable[[str], str | None]
    client: Callable[[str | None], Connections]
    platform_token: Callable[[], str] | None = None


class Store(Protocol):
    """Reads the secret where it is kept."""

    def __call__(self, transport: Transport, *, fresh: bool = False) -> Secret:
        """The secret as it stands, or as long as it may be kept; `fresh` when what it gave last has been refused.

        `transport` bounds what it asks of the network. Called by one thread at a time. Raises ConfigurationError, or
        Unavailable when the same call succeeds later; each names the address, never a secret.
        """
