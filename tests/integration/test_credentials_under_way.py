"""A token that is good waits for nobody: an IAM or a store that hangs, and threads that race for a renewal."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import CredentialsRefused, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.content import Token
from shared.credentials.provider import CredentialProvider
from shared.credentials.stores.remote import Cached
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.calls import get, post
from tests.support.leaks import WATCH
from tests.support.raw import Raw, request_of, talking

PASSWORD = {"username": "u", "password": "pw-of-a-made-up-user", "domain_name": "d", "project_id": "p"}
BRIEF = 0.5  # seconds of HTTP_TIMEOUT


@pytest.fixture(autouse=True)
def _watched() -> None:
    WATCH.add([PASSWORD["password"]])


@pytest.fixture
def client() -> Iterator[Connections]:
    with new_client(None) as client:
        yield client


def transport(client: Connections, timeout: float = BRIEF, deadline: float = 20.0) -> Transport:
    return Transport(client, timeout, 4, Deadline.after(deadline), lambda call: None)


class Iam:
    """Gives tokens of an hour; `hangs` makes it drip its answers instead, and `refuses` say 401."""

    def __init__(self) -> None:
        self.logins = 0
        self.hangs = self.refuses = False

    def __call__(self, raw: Raw, connection: socket.socket) -> None:
        while request_of(connection):
            self.logins += 1
            if self.hangs:
                connection.sendall(b"HTTP/1.1 201 Created\r\n")
                raw.drip(connection, b"X-More: 1\r\n")
                return
            now = datetime.now(UTC)
            facts = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(hours=1)).isoformat()}
            body = json.dumps({"token": facts | {"project": {"id": "p"}}}).encode()
            status = b"401 Unauthorized" if self.refuses else b"201 Created"
            head = b"HTTP/1.1 %s\r\nX-Subject-Token: token-%d\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % (status, self.logins, len(body)) + body)


class Clock:
    """Unix seconds that a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class World:
    """A provider with a token of this IAM, whose clock says that it is time to renew it."""

    def __init__(self, iam: Iam, raw: Raw, client: Connections) -> None:
        self.iam = iam
        self.client = client
        self.clock = Clock()
        self.content = PASSWORD
        self.provider = CredentialProvider(self._read, f"{raw.url}/v3", clock=self.clock)
        self.first = self.provider.current(transport(client))
        self.clock.ahead = 3500.0

    def _read(self, _: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG002 - a store's signature
        return Secret(json.dumps(self.content))

    def current(self) -> tuple[Token, float]:
        started = time.monotonic()
        return self.provider.current(transport(self.client)), time.monotonic() - started


@pytest.fixture
def world(client: Connections) -> Iterator[World]:
    iam = Iam()
    with talking(iam) as raw:
        yield World(iam, raw, client)


def test_while_iam_hangs_the_token_that_is_good_serves_everybody(world: World):
    """Eight threads at once: one of them asks IAM, briefly, and the others do not even wait for that."""
    world.iam.hangs = True
    together = threading.Barrier(8)

    def go(_: int) -> tuple[Token, float]:
        together.wait()
        return world.current()

    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(go, range(8)))
    assert [token is world.first for token, _ in got] == [True] * 8
    spent = sorted(seconds for _, seconds in got)
    assert spent[6] < 0.1
    assert spent[7] < BRIEF + 0.3
    assert world.iam.logins == 2


def test_a_renewal_that_did_not_succeed_is_tried_again_after_half_a_minute(world: World):
    """Until then no event waits. When IAM answers again, the token is renewed."""
    world.iam.hangs = True
    world.current()
    for _ in range(5):
        token, seconds = world.current()
        assert token is world.first
        assert seconds < 0.1
    assert world.iam.logins == 2
    world.iam.hangs = False
    world.clock.ahead += 31
    assert world.current()[0] is not world.first
    assert world.iam.logins == 3


def test_an_early_login_that_is_refused_does_not_end_what_is_good(world: World):
    """The password was changed in IAM first. The old token serves to its end, and only then is the refusal told."""
    world.iam.refuses = True
    for _ in range(5):
        assert world.current()[0] is world.first
    assert world.iam.logins == 2
    world.clock.ahead = 3590.0
    assert world.current()[0] is world.first
    world.clock.ahead = 3601.0
    with pytest.raises(CredentialsRefused, match="sent again in 5 minutes"):
        world.current()
    assert world.iam.logins == 2
    world.iam.refuses = False
    world.content = PASSWORD | {"password": "pw-of-a-made-up-user-2"}
    assert world.current()[0] is not world.first


def test_an_event_in_a_hurry_gives_a_renewal_a_quarter_of_its_time(world: World):
    """An event with half a second left."""
    world.iam.hangs = True
    started = time.monotonic()
    assert world.provider.current(transport(world.client, deadline=0.5)) is world.first
    assert time.monotonic() - started < 0.3


def test_once_the_token_has_ended_iam_has_to_answer(world: World):
    """A token that is not good any more is not sent."""
    world.iam.hangs = True
    world.clock.ahead = 3601.0
    with pytest.raises(Unavailable, match="POST /v3/auth/tokens: no answer"):
        world.provider.current(Transport(world.client, 0.2, 1, Deadline.after(5), lambda call: None))


def test_a_refused_token_is_not_given_to_others_while_it_is_renewed(world: World):
    """They wait for the new one: the refused token is not sent again in vain."""
    world.clock.ahead = 0.0
    world.iam.hangs = True
    slow = Transport(world.client, 0.4, 1, Deadline.after(5), lambda call: None)
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(world.provider.current, slow, world.first)
        while world.iam.logins < 2:
            time.sleep(0.005)
        world.iam.hangs = False
        assert world.current()[0] is not world.first
        with pytest.raises(Unavailable):
            renewing.result()


def test_a_store_that_hangs_does_not_hold_a_token_that_is_good(client: Connections):
    """The store's answer may be kept no longer, and it does not give another one: the token goes on."""
    hanging = threading.Event()

    def converse(raw: Raw, connection: socket.socket) -> None:
        while request_of(connection):
            if hanging.is_set():
                raw.drip(connection, b"HTTP/1.1 200 OK\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with talking(converse) as raw:

        def ask(sender: Transport) -> tuple[Secret, float]:
            sender.send(get(raw.url))
            return Secret("a-ready-made-token"), 0.0

        provider = CredentialProvider(Cached(ask), "https://127.0.0.1:9/v3")
        WATCH.add(["a-ready-made-token"])
        token = provider.current(transport(client))
        hanging.set()
        started = time.monotonic()
        for _ in range(10):
            assert provider.current(transport(client)) is token
        assert time.monotonic() - started < BRIEF + 0.3


def test_rotation_is_seen_at_once_whatever_others_do(sandbox: Sandbox):
    """Threads that use the held token while another one looks do not keep a new secret from being seen."""
    held = [sandbox.issue_token()]
    over = threading.Event()

    def read(_: Transport, *, fresh: bool = False) -> Secret:
        time.sleep(0.002)
        return Secret(held[0])

    provider = CredentialProvider(read, sandbox.auth_url)
    with new_client(sandbox.ca_file) as client:
        sender = transport(client, 5.0)

        def busy() -> None:
            while not over.wait(0.001):
                provider.current(sender)

        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(busy) for _ in range(8)]
            try:
                for _ in range(5):
                    held[0] = sandbox.issue_token()
                    time.sleep(0.1)
                    assert provider.current(sender).value == Secret(held[0])
            finally:
                over.set()
            assert [each.result() for each in running] == [None] * 8


def test_threads_meet_revoked_tokens_again_and_again(sandbox: Sandbox):
    """Eight threads read while tokens are revoked under them: nothing fails, and no more logins than revocations."""
    over = threading.Event()

    def read(_: Transport, *, fresh: bool = False) -> Secret:
        return Secret(json.dumps(sandbox.credentials))

    provider = CredentialProvider(read, sandbox.auth_url)
    url = f"{sandbox.endpoint}/v2/{sandbox.project_id}/apigw/instances"
    with new_client(sandbox.ca_file) as client:

        def busy() -> list[DetachError]:
            failed: list[DetachError] = []
            while not over.is_set():
                sender = transport(client, 5.0)
                try:
                    sender.send(get(url), provider.auth(sender, sandbox.project_id))
                except DetachError as exc:
                    failed.append(exc)
            return failed

        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(busy) for _ in range(8)]
            for _ in range(10):
                time.sleep(0.1)
                sandbox.revoke_tokens()
            over.set()
            assert [each.result() for each in running] == [[]] * 8
    assert len(sandbox.journal.iam()) <= 11


def test_a_write_is_unambiguous_when_iam_fails_before_it(sandbox: Sandbox):
    """Nothing was sent to the gateway: so nobody has to look what was done."""
    sandbox.faults.add(Fault(service="iam", status=503, times=None))

    def read(_: Transport, *, fresh: bool = False) -> Secret:
        return Secret(json.dumps(sandbox.credentials))

    provider = CredentialProvider(read, sandbox.auth_url)
    with new_client(sandbox.ca_file) as client:
        sender = Transport(client, 5.0, 1, Deadline.after(5), lambda call: None)
        with pytest.raises(Unavailable, match="POST /v3/auth/tokens answered 503") as raised:
            sender.send(post(sandbox.endpoint), provider.auth(sender))
    assert not raised.value.ambiguous
    assert sandbox.journal.apig() == []
