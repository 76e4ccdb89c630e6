"""The key that signs `undo` is rotated: what it signed stays good, and nothing else becomes so."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import Sandbox
from shared.core.errors import DetachError, InvalidEvent
from tests.conftest import FAR_AHEAD
from tests.support.leaks import WATCH
from tests.support.undo_key import signature, signed
from tests.support.undone import BINDINGS, UNDO, detach_everything, undo
from tests.support.world import DOMAIN, decommission, furnish

OTHER = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def detached(sandbox: Sandbox) -> Sandbox:
    """The certificate is valid, and its domain is there without it."""
    detach_everything(sandbox)
    return sandbox


NEW, OLD = "new-" + "n" * 40, "old-" + "o" * 40


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with keys, as Kubernetes mounts it."""
    file = tmp_path / "undo" / "key"
    file.parent.mkdir()
    WATCH.keep(file.parent)
    WATCH.add((NEW, OLD))
    return file


def write(file: Path, *keys: str) -> None:
    """Replace the file in one step."""
    written = file.with_name(f"{file.name}-{threading.get_ident()}")
    written.write_text("\n".join(keys), encoding="utf-8")
    os.replace(written, file)  # noqa: PTH105 - what it is about


def test_a_key_is_rotated_without_losing_what_it_signed(sandbox: Sandbox, new_runtime, key_file: Path):
    """The new one goes first, the old one stays below until nothing that it signed is young enough."""
    furnish(sandbox, not_after=FAR_AHEAD)
    write(key_file, OLD)
    runtime = new_runtime(UNDO_KEY_URI=f"file:{key_file}")
    by_old = decommission(runtime, domain=DOMAIN)
    write(key_file, NEW, OLD)
    assert undo(runtime, by_old)["status"] == "attached"
    by_new = decommission(runtime, domain=DOMAIN)
    assert by_new["undo_signature"]["key_id"] == signature([], "", key=NEW)["key_id"]
    write(key_file, NEW)
    assert undo(runtime, by_new)["status"] == "attached"
    with pytest.raises(InvalidEvent, match=r"^undo_signature\.key_id: "):
        undo(runtime, by_old)


def test_a_rotation_races_with_forgers(detached: Sandbox, new_runtime, key_file: Path):
    """While the key is swapped again and again, what is ours is taken each time, and what is forged never."""
    detached.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    forged_entry = [{**UNDO[0], "certificate_id": OTHER}]
    write(key_file, OLD, NEW)
    runtime = new_runtime(UNDO_KEY_URI=f"file:{key_file}")
    done = threading.Event()

    def rotate() -> None:
        while not done.is_set():
            write(key_file, NEW, OLD)
            write(key_file, OLD, NEW)

    def ours(number: int) -> str:
        return str(undo(runtime, signed(UNDO, detached.project_id, key=(NEW, OLD)[number % 2]))["status"])

    def forged(number: int) -> str:
        real = signature(UNDO, detached.project_id, key=(NEW, OLD)[number % 2])
        try:
            undo(runtime, {"undo": forged_entry, "undo_signature": real})
        except DetachError as exc:
            return exc.name
        return "taken"

    rotation = threading.Thread(target=rotate)
    rotation.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            taken, refused = list(pool.map(ours, range(24))), list(pool.map(forged, range(200)))
    finally:
        done.set()
        rotation.join()
    assert set(taken) <= {"attached", "nothing_to_attach"}
    assert set(refused) == {"InvalidEvent"}
    assert detached.fleet.bindings() == BINDINGS
