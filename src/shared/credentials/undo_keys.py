"""The keys at UNDO_KEY_URI: read when they are needed, and kept as their store keeps them."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from shared.core.errors import InvalidEvent, Unavailable
from shared.core.event_data import DetachUndo
from shared.core.secret import Secret
from shared.core.undo_signature import UndoSigner, check_signature, key_of, parse_keys
from shared.credentials.stores.process import Store
from shared.transport.send import Transport

LOOK_AGAIN = 60.0  # seconds between two looks for a key that nobody knows: a forger must not make us ask and ask


class UndoKeys:
    """One process' keys, for any number of threads; the first signs, every one verifies.

    `clock` gives monotonic seconds. Every method raises ConfigurationError for an unusable key, and Unavailable.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: tuple[Secret, ...] = ()
        self._looked_at = float("-inf")

    def signer(self, transport: Transport, project_id: str, signed_at: datetime) -> UndoSigner:
        """What signs one event's `undo`."""
        return UndoSigner(self._read(transport)[0], project_id, signed_at)

    def check(self, data: DetachUndo, transport: Transport, project_id: Callable[[], str]) -> None:
        """Refuse an undo that none of the keys has signed for this project; raises InvalidEvent.

        `project_id` may ask IAM, so it is called only for a key that is known.
        """
        key = key_of(data, self._read(transport))
        if key is None and self._clock() >= self._looked_at + LOOK_AGAIN:  # it may be newer than what we hold
            self._looked_at = self._clock()
            key = key_of(data, self._read(transport, fresh=True))
        if key is None:
            raise InvalidEvent("undo_signature.key_id", "expected that of a key at UNDO_KEY_URI")
        check_signature(data, key, project_id())

    def _read(self, transport: Transport, *, fresh: bool = False) -> tuple[Secret, ...]:
        """One thread at a time asks the store. While it does, the others use the keys that are there."""
        wait = 0.0 if self._keys and not fresh else min(max(transport.deadline.left(), 0.0), 3600.0)
        if self._lock.acquire(timeout=wait):
            try:
                self._keys = parse_keys(self._store(transport, fresh=fresh))
            finally:
                self._lock.release()
        elif not self._keys:
            raise Unavailable("UNDO_KEY_URI: another event is still reading the key, and this one's time ran out")
        return self._keys
