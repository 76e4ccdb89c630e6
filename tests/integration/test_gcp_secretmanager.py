"""`gcp-secretmanager:` against a stand-in that follows the metadata server's and Secret Manager's pages."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores.gcp_secretmanager import crc32c, open_store
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Answer, Heard, Listener, listening

NAME = "projects/my-project/secrets/apig/versions/latest"
TOKEN = f"ya29.{secrets.token_urlsafe(40)}"
PASSWORD = f"ä{secrets.token_urlsafe(20)}"
SECRET = json.dumps({"username": "u", "password": PASSWORD}, ensure_ascii=False)


@dataclass
class Google:
    """Both services; a test sets what they answer instead."""

    secret: str = SECRET
    token_status: int = 200
    status: int = 200
    payload: dict[str, str] = field(default_factory=dict)
    raw: str | None = None

    def answer(self, heard: Heard) -> Answer:
        if heard.target == "/computeMetadata/v1/instance/service-accounts/default/token":
            assert heard.headers["metadata-flavor"] == "Google"
            body = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
            return self.token_status, json.dumps(body) if self.token_status == 200 else "<html>not found</html>"
        assert heard.target == f"/v1/{NAME}:access"
        assert heard.headers["authorization"] == f"Bearer {TOKEN}"
        if self.status != 200:
            return self.status, json.dumps({"error": {"code": self.status, "message": "…", "status": "…"}})
        data = self.secret.encode()
        payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))} | self.payload
        return 200, self.raw if self.raw is not None else json.dumps({"name": NAME, "payload": payload})


@dataclass
class World:
    google: Google
    listener: Listener
    read: Store
    transport: Transport
    clock: list[float]


@pytest.fixture
def world() -> Iterator[World]:
    WATCH.add([TOKEN.removeprefix("ya29."), PASSWORD])
    with running(Google()) as world:
        yield world


@contextmanager
def running(google: Google) -> Iterator[World]:
    with listening(google.answer) as listener, new_client(None) as client:
        host = f"127.0.0.1:{listener.port}"
        clock = [0.0]
        around = Process({"GCE_METADATA_HOST": host}.get, lambda ca_file: client)
        read = open_store(NAME, around, endpoint=listener.url, clock=lambda: clock[0])
        transport = Transport(client, 2.0, 2, Deadline.after(20), lambda call: None, sleep=lambda seconds: None)
        yield World(google, listener, read, transport, clock)


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"123456789", 0xE3069283),  # the check value of CRC-32C
        (b"\x00" * 32, 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ],
)
def test_crc32c_gives_the_published_checksums(data: bytes, checksum: int):
    """The vectors of RFC 3720, appendix B.4."""
    assert crc32c(data) == checksum


def test_the_secret_is_read_with_a_token_and_kept(world: World):
    """A token of the metadata server, then the version's payload; both are kept."""
    assert [world.read(world.transport) for _ in range(3)] == [Secret(SECRET)] * 3
    assert len(world.listener.heard) == 2
    world.clock[0] = 301.0
    world.read(world.transport)
    assert [heard.target for heard in world.listener.heard[2:]] == [f"/v1/{NAME}:access"]
    world.clock[0] = 3600.0
    world.read(world.transport)
    assert len(world.listener.heard) == 5


def test_a_refused_secret_is_asked_for_again_at_once(world: World):
    """A refused secret is asked for again at once."""
    world.read(world.transport)
    world.google.secret = "another"
    assert world.read(world.transport) == Secret(SECRET)
    assert world.read(world.transport, fresh=True) == Secret("another")


def change(**answers: object) -> Callable[[Google], None]:
    def apply(google: Google) -> None:
        for name, value in answers.items():
            setattr(google, name, value)

    return apply


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        (change(status=403), ConfigurationError, "roles/secretmanager.secretAccessor"),
        (change(status=404), ConfigurationError, "no such secret or version"),
        (change(status=400), ConfigurationError, "disabled or destroyed"),
        (change(status=401), ConfigurationError, "token was refused"),
        (change(status=429), Unavailable, "quota"),
        (change(status=503), Unavailable, "health"),
        (change(token_status=404), ConfigurationError, "with a service account"),
        (change(token_status=503), Unavailable, "with a service account"),
        (change(raw="<html>"), ConfigurationError, "without a JSON object"),
        (change(raw='{"payload": {}}'), ConfigurationError, "payload.data"),
        (change(payload={"data": "no base64!"}), ConfigurationError, "base64"),
        (change(payload={"data": "aGVs bG8="}), ConfigurationError, "base64"),
        (change(payload={"data": "//79"}), ConfigurationError, "base64 of UTF-8"),
        (change(payload={"dataCrc32c": "1"}), Unavailable, "CRC32C"),
        (change(status=307), ConfigurationError, "redirect"),
    ],
)
def test_each_failure_names_the_address_and_what_to_check(
    changed: Callable[[Google], None], error: type[DetachError], named: str
):
    """One error that names the address and says what to check."""
    google = Google()
    changed(google)
    with running(google) as world, pytest.raises(error, match=named) as raised:
        world.read(world.transport)
    assert f"SECRET_URI: gcp-secretmanager:{NAME}" in raised.value.message
    assert TOKEN not in raised.value.message


def test_a_refused_token_is_not_kept(world: World):
    """The next event asks the metadata server for another one."""
    world.google.status = 401
    with pytest.raises(ConfigurationError):
        world.read(world.transport)
    world.google.status = 200
    assert world.read(world.transport) == Secret(SECRET)
    assert sum("computeMetadata" in heard.target for heard in world.listener.heard) == 2


def test_without_a_metadata_server_the_error_says_where_it_runs():
    """Without a metadata server it is said that this is not Google Cloud."""
    with running(Google()) as world:
        around = Process({"GCE_METADATA_HOST": "127.0.0.1:9"}.get, lambda ca_file: world.transport.client)
        with pytest.raises(Unavailable, match="that this runs on Google Cloud"):
            open_store(NAME, around)(world.transport)
