"""The keys at UNDO_KEY_URI, under threads and with a store that hangs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from shared.core.delivery import Deadline
from shared.core.errors import InvalidEvent, Unavailable
from shared.core.event_data import DetachUndo
from shared.core.secret import Secret
from shared.credentials.undo_keys import UndoKeys
from shared.transport.send import Transport
from tests.support.deliveries import UNDO_LIST
from tests.support.undo_key import UNDO_KEY, signed

PROJECT = "0b1aa0f1f6a54bb5a5d7d4b36b1a6d0c"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


class Store:
    """A store that counts its readings, and answers when it is let."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.readings: list[bool] = []  # whether each was to be fresh
        self.open = threading.Event()
        self.open.set()

    def __call__(self, transport: Transport, *, fresh: bool = False) -> Secret:
        self.readings.append(fresh)
        if not self.open.wait(transport.deadline.left()):
            raise Unavailable("the store hangs")
        return Secret(self.text)


def transport(client: httpx.Client, seconds: float = 20.0) -> Transport:
    return Transport(client, 2.0, 1, Deadline.after(seconds), lambda call: None)


def check(keys: UndoKeys, client: httpx.Client, key: str) -> None:
    keys.check(DetachUndo.model_validate(signed(UNDO_LIST, PROJECT, key=key)), transport(client), lambda: PROJECT)


def test_a_store_that_hangs_stops_nobody_who_has_the_keys(client: httpx.Client):
    """One thread waits for it; the others sign with what was read before."""
    store = Store(UNDO_KEY)
    keys = UndoKeys(store)
    keys.signer(transport(client), PROJECT, datetime.now(UTC))
    store.open.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = pool.submit(keys.signer, transport(client, 2.0), PROJECT, datetime.now(UTC))
        while len(store.readings) < 2:
            time.sleep(0.001)
        others = [pool.submit(keys.signer, transport(client), PROJECT, datetime.now(UTC)) for _ in range(7)]
        assert {other.result(0.5).key.reveal() for other in others} == {UNDO_KEY}
        store.open.set()
        assert waiting.result().key.reveal() == UNDO_KEY
    assert len(store.readings) == 2


def test_without_a_key_an_event_waits_for_no_longer_than_its_time(client: httpx.Client):
    """Nothing can be signed yet, so the event comes again."""
    store = Store(UNDO_KEY)
    store.open.clear()
    keys = UndoKeys(store)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.signer, transport(client, 1.0), PROJECT, datetime.now(UTC))
        while not store.readings:
            time.sleep(0.001)
        with pytest.raises(Unavailable, match="UNDO_KEY_URI: another event is still reading the key"):
            keys.signer(transport(client, 0.1), PROJECT, datetime.now(UTC))
        with pytest.raises(Unavailable, match="the store hangs"):
            first.result()


def test_a_key_that_nobody_knows_is_looked_for_once_a_minute(client: httpx.Client):
    """It may have been made just now. A forger who makes up ids does not make us ask the store each time."""
    now = [100.0]
    store = Store(UNDO_KEY)
    keys = UndoKeys(store, lambda: now[0])
    newer = "newer-" + "n" * 40
    for _ in range(50):
        with pytest.raises(InvalidEvent):
            check(keys, client, newer)
    assert store.readings.count(True) == 1
    store.text = f"{newer}\n{UNDO_KEY}"
    now[0] += 61
    check(keys, client, newer)
    check(keys, client, UNDO_KEY)


def test_the_project_is_not_asked_for_a_key_that_nobody_knows(client: httpx.Client):
    """To know the project may take a login."""
    keys = UndoKeys(Store(UNDO_KEY))

    def project_id() -> str:
        raise AssertionError("asked")

    data = DetachUndo.model_validate(signed(UNDO_LIST, PROJECT, key="x" * 40))
    with pytest.raises(InvalidEvent, match=r"^undo_signature\.key_id: "):
        keys.check(data, transport(client), project_id)
