"""The IAM protocol against the real Keystone. Its tokens are valid for four seconds."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import CredentialsRefused
from shared.wiring import Runtime
from tests.services.gateway import Gateway, guarded_by
from tests.services.keystone import LOCKED_AFTER, TOKEN_LIFETIME, Keystone
from tests.support.leaks import WATCH

if TYPE_CHECKING:
    from shared.transport.send import Call

pytestmark = pytest.mark.slow


@pytest.fixture
def credentials(keystone: Keystone) -> dict[str, str]:
    user = keystone.new_user()
    WATCH.add([user["password"]])
    return user


@pytest.fixture
def gateway(keystone: Keystone, tmp_path: Path) -> Iterator[Gateway]:
    with guarded_by(keystone, tmp_path) as gateway:
        yield gateway
        WATCH.add(gateway.tokens)


class World:
    """A runtime and its calls."""

    def __init__(self, keystone: Keystone, gateway: Gateway, folder: Path) -> None:
        self._variables = {
            "SECRET_URI": "env:CREDENTIALS",
            "OS_AUTH_URL": keystone.auth_url,
            "APIG_ENDPOINT": gateway.endpoint,
            "OS_CACERT": str(folder / "both-cas.pem"),
        }
        self.calls: list[Call] = []
        self.runtime: Runtime | None = None

    def use(self, credentials: Any) -> None:
        """The content of the secret, from now on."""
        self._variables["CREDENTIALS"] = credentials if isinstance(credentials, str) else json.dumps(credentials)

    def instances(self) -> int:
        """List the gateways, in three pages; returns how many were found."""
        if self.runtime is None:
            self.runtime = Runtime(self._variables.get, lambda: self._variables)
        return len(list(self.runtime.work(Deadline.after(30), self.calls.append).client.instances()))

    def logins(self) -> int:
        """How often a token was asked for."""
        return len([call for call in self.calls if call.route == "POST /v3/auth/tokens"])


@pytest.fixture
def world(keystone: Keystone, gateway: Gateway, tmp_path: Path) -> Iterator[World]:
    world = World(keystone, gateway, tmp_path)
    yield world
    if world.runtime is not None:
        world.runtime.close()


def without(credentials: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in credentials.items() if key != name}


@pytest.mark.parametrize("left_out", ["project_name", "project_id"])
def test_a_login_names_the_project_by_id_or_by_name(
    world: World, gateway: Gateway, credentials: dict[str, str], left_out: str
):
    """Keystone takes either. Its token tells the project's id, which stands in the path of the gateway's calls."""
    world.use(without(credentials, left_out))
    assert world.instances() == 4
    assert world.logins() == 1
    assert set(gateway.projects) == {credentials["project_id"]}


def test_a_token_in_the_secret_is_asked_for_its_project_once(
    world: World, gateway: Gateway, keystone: Keystone, credentials: dict[str, str]
):
    """There is no login."""
    world.use(keystone.token_of(credentials))
    assert world.instances() == 4
    assert [call.route for call in world.calls if call.service == "iam"] == ["GET /v3/auth/tokens"]
    assert set(gateway.projects) == {credentials["project_id"]}


def test_a_token_is_kept_while_it_is_good_and_renewed_before_it_is_refused(
    world: World, gateway: Gateway, credentials: dict[str, str]
):
    """No request is answered with 401."""
    world.use(credentials)
    started = time.monotonic()
    assert world.instances() == 4
    assert world.instances() == 4
    assert world.logins() <= 1 + (time.monotonic() - started) / (TOKEN_LIFETIME / 2)
    time.sleep(TOKEN_LIFETIME + 0.5)
    before = world.logins()
    assert world.instances() == 4
    assert world.logins() == before + 1
    assert set(gateway.statuses) == {200}


def test_a_token_revoked_between_two_pages_is_renewed_once(
    world: World, gateway: Gateway, keystone: Keystone, credentials: dict[str, str]
):
    """The listing goes on where it was."""
    world.use(credentials)

    def revoke(number: int) -> None:
        if number == 1:
            keystone.call("DELETE", "/auth/tokens", subject=gateway.tokens[-1], expected=204)

    gateway.before = revoke
    assert world.instances() == 4
    assert gateway.statuses == [200, 401, 200, 200]
    assert world.logins() == 2


def test_a_wrong_password_is_tried_once(world: World, keystone: Keystone, credentials: dict[str, str]):
    """Five events, and one failure in Keystone's own lockout counter. Then the right password works at once."""
    world.use(credentials | {"password": "a-wrong-password"})
    for _ in range(5):
        with pytest.raises(CredentialsRefused, match="POST /v3/auth/tokens answered 401"):
            world.instances()
    assert keystone.failures(credentials["username"]) == 1
    assert LOCKED_AFTER > 1
    world.use(credentials)
    assert world.instances() == 4
    assert keystone.failures(credentials["username"]) == 0


def test_an_unknown_project_is_tried_once(world: World, credentials: dict[str, str]):
    """Keystone refuses a project that does not exist in the same way as a password."""
    world.use(credentials | {"project_id": "0" * 32})
    for _ in range(3):
        with pytest.raises(CredentialsRefused, match="answered 401"):
            world.instances()
    assert world.logins() == 1
