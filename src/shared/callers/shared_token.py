"""`DOOR_BEARER_URI`: a token that the callers share with this function, kept in a secret store."""

import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.core.errors import CallerRefused, ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.content import HEADER_SAFE
from shared.credentials.stores import open_store
from shared.credentials.stores.process import Process
from shared.transport.send import Transport

SENDER = "bearer"
SHORTEST = 16  # characters
_EXPECTED = (
    f'one token a line, or JSON with "token" (text, or a list of them), each at least {SHORTEST} visible ASCII'
    " characters without a space"
)


class SharedToken:
    """Tells whether a token is one of those in the store, for any number of threads.

    A change is seen when the store sees it. Several tokens may be valid at a time, so that none is missing while
    callers change over.
    """

    def __init__(self, uri: str, process: Process) -> None:
        with _named():
            self._store = open_store(uri, process)
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
            with _named():
                content = self._store(transport)
            if self._known is None or self._known[0] != content:
                self._known = content, _parsed(content)
            return self._known[1]
        finally:
            self._lock.release()


def _parsed(content: Secret) -> tuple[Secret, ...]:
    text = content.reveal().strip()
    tokens: object = text.splitlines()
    if text.startswith(("{", "[", '"')):  # broken JSON must not count as a token
        try:
            tokens = json.loads(text)["token"]
        except (ValueError, LookupError, TypeError, RecursionError):
            tokens = None
        tokens = [tokens] if isinstance(tokens, str) else tokens
    found = [t.strip() for t in tokens if isinstance(t, str) and t.strip()] if isinstance(tokens, list) else []
    if not found or not all(len(token) >= SHORTEST and re.match(HEADER_SAFE, token) for token in found):
        raise ConfigurationError(f"DOOR_BEARER_URI: the secret is not as expected: {_EXPECTED}")
    return tuple(map(Secret, found))


@contextmanager
def _named() -> Iterator[None]:
    """The stores' errors name the setting by which they are mostly opened; these must name ours."""
    try:
        yield
    except DetachError as exc:
        exc.message = exc.message.replace("SECRET_URI", "DOOR_BEARER_URI", 1)
        exc.args = (exc.message,)
        raise
