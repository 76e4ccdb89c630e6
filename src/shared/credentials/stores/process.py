"""What a store may use of the process it runs in."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Process:
    """What is there to use.

    `get` reads an environment variable. `client` gives the process' client that trusts a CA file (None: the system's
    trust store). `platform_token` gives the token that the platform hands out, where it does.
    """

    get: Callable[[str], str | None]
    client: Callable[[str | None], httpx.Client]
    platform_token: Callable[[], str] | None = None
