"""`DOOR_BEARER_URI`: a token that the callers share with this function, kept in a secret store."""

import hmac
import re
import threading

from shared.core.errors import CallerRefused, ConfigurationError, Unavailable
from shared.core.secret import Secret, each_in
from shared.credentials.content import HEADER_SAFE
from shared.credentials.stores import open_store
from shared.credentials.stores.process import Process
from shared.transport.send import Transport

SENDER = "bearer"
SHORTEST = 16  # characters


class SharedToken:
    """Tells whether a token is one of those in the store, for any number of threads.

    A change is seen when the store sees it. Several tokens may be valid at a time, so that none is missing while
    callers change over.
    """

    def __init__(self, uri: str, process: Process) -> None:
        self._store = open_store(uri, process, "DOOR_BEARER_URI")
        self._lock = threading.Lock()
        self._known: tuple[Secret, tuple[Secret, ...]] | None = None  # what the store gave, and the tokens in it

    def __call__(self, shown: Secret, transport: Transport) -> str:
        """See `shared.callers.Check`."""
        given = shown.reveal().encode(errors="surrogateescape")
        # Each is compared, and in constant time: how long it takes tells nothing.
        same = [hmac.compare_digest(given, token.reveal().encode()) for token in self._tokens(transport)]
        if not any(same):
            raise CallerRefused("the token is none of DOOR_BEARER_URI")
        return SENDER

    def _tokens(self, transport: Transport) -> tuple[Secret, ...]:
        if not self._lock.acquire(timeout=max(transport.deadline.left(), 0.0)):
            raise Unavailable("DOOR_BEARER_URI: the store has not answered another request yet")
        try:
            content = self._store(transport)
            if self._known is None or self._known[0] != content:
                self._known = content, _parsed(content)
            return self._known[1]
        finally:
            self._lock.release()


def _parsed(content: Secret) -> tuple[Secret, ...]:
    try:
        tokens = each_in(content, "token")
    except ValueError as exc:
        raise ConfigurationError(f"DOOR_BEARER_URI: {exc}") from None
    good = [t for t in tokens if len(t.reveal()) >= SHORTEST and re.match(HEADER_SAFE, t.reveal())]
    if not tokens or len(good) < len(tokens):
        which = "a token is not as expected" if tokens else "there is no token"
        raise ConfigurationError(
            f"DOOR_BEARER_URI: {which}: at least {SHORTEST} visible ASCII characters without a space"
        )
    return tokens
