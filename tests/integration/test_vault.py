"""`vault:` against a stand-in that follows Vault's API pages: what is sent, how long it serves, and each refusal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores import vault
from shared.credentials.stores.process import Process, Store
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Answer, Heard, Listener, listening

ROOT, SECRET_ID, JWT = (
    "s.Zq8vK2mWx7Lr4TnBfYd3",
    "6f1c9a52-7be0-4d83-9c41-d02e5b7fa816",
    "eyJhbGciOiJS.eyJx7Qk.Vw3Zt9",
)
HELD = {"token": "Hn5Rj1Xc8Pz4Gs7Md2"}
STATIC = {"VAULT_TOKEN": ROOT}
APPROLE = {"VAULT_ROLE_ID": "role-1", "VAULT_SECRET_ID": SECRET_ID}
KUBERNETES = {"VAULT_K8S_ROLE": "detach"}
URI = "SECRET_URI: vault:kv/team/apig"
READ = f"{URI}: GET /v1/kv/data/team/apig"
DENIED = f"{READ} answered 403: permission denied; check that the token is valid and that a policy of it allows read"


@pytest.fixture(autouse=True)
def _watched() -> None:
    WATCH.add([ROOT, SECRET_ID, JWT, HELD["token"]])


@dataclass
class Server:
    """A Vault: it gives `token-1`, `token-2` … to whoever logs in; a test says what it answers instead."""

    auth: Any = field(default_factory=lambda: {"lease_duration": 1000})
    login: Answer | None = None
    read: Any = field(default_factory=lambda: {"lease_duration": 0, "data": {"data": HELD, "metadata": {}}})
    status: int = 200
    revoked: set[str] = field(default_factory=set)
    logins: int = 0

    def __call__(self, heard: Heard) -> Answer:
        if heard.method == "POST":
            self.logins += 1
            token = {"client_token": f"token-{self.logins}"}
            auth = {**token, **self.auth} if isinstance(self.auth, dict) else self.auth
            return self.login or (200, json.dumps({"auth": auth}))
        if heard.headers["x-vault-token"] in self.revoked:
            return 403, json.dumps({"errors": ["permission denied"]})
        return self.status, self.read if isinstance(self.read, str) else json.dumps(self.read)


class Clock:
    now = 5000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    server: Server
    listener: Listener
    client: Connections
    account: Path
    clock: Clock = field(default_factory=Clock)
    asked_for: list[str | None] = field(default_factory=list)

    def store(self, address: str = "kv/team/apig", **variables: str) -> Store:
        def client(ca_file: str | None) -> Connections:
            self.asked_for.append(ca_file)
            return self.client

        process = Process({"VAULT_ADDR": self.listener.url, **variables}.get, client)
        return vault.open_store(address, process, service_account=self.account, clock=self.clock)

    @property
    def transport(self) -> Transport:
        return Transport(self.client, 5.0, 1, Deadline.after(20), lambda call: None)

    def refusal(self, **variables: str) -> DetachError:
        with pytest.raises(DetachError) as raised:
            self.store(**variables)(self.transport)
        return raised.value

    def targets(self) -> list[str]:
        found = [f"{heard.method} {heard.target}" for heard in self.listener.heard]
        self.listener.heard.clear()
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    server = Server()
    WATCH.keep(tmp_path / "token")
    with listening(server) as listener, new_client(None) as client:
        yield World(server, listener, client, tmp_path / "token")


# --- what is sent ---


def test_a_token_reads_the_newest_version(world: World):
    """GET /v1/{mount}/data/{path}, with the token and the header on which an agent may insist."""
    assert world.store(**STATIC)(world.transport) == Secret('{"token": "Hn5Rj1Xc8Pz4Gs7Md2"}')
    [heard] = world.listener.heard
    assert (heard.method, heard.target, heard.body) == ("GET", "/v1/kv/data/team/apig", b"")
    assert heard.headers["x-vault-token"] == ROOT
    assert heard.headers["x-vault-request"] == "true"
    assert "x-vault-namespace" not in heard.headers


def test_a_namespace_goes_with_each_request(world: World):
    """With the login, too."""
    world.store(VAULT_NAMESPACE="team/a", **APPROLE)(world.transport)
    assert [heard.headers["x-vault-namespace"] for heard in world.listener.heard] == ["team/a", "team/a"]
    assert [heard.headers["x-vault-request"] for heard in world.listener.heard] == ["true", "true"]


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("kv/apig", "/v1/kv/data/apig"),
        ("kv/apig/", "/v1/kv/data/apig"),
        ("kv/a b/c?d#e", "/v1/kv/data/a%20b/c%3Fd%23e"),
        ("kv/a%2fb", "/v1/kv/data/a%252fb"),
        ("kv v2/ä", "/v1/kv%20v2/data/%C3%A4"),
    ],
)
def test_each_part_of_the_path_is_quoted(world: World, address: str, target: str):
    """A slash parts them; anything else belongs to a name."""
    world.store(address, **STATIC)(world.transport)
    assert world.targets() == [f"GET {target}"]


@pytest.mark.parametrize("address", ["kv", "kv/", "/apig", "kv/a//b", "./apig", "kv/./apig", "kv/a/..", "../kv/apig"])
def test_a_path_that_would_be_another_one_is_refused(world: World, address: str):
    """A client resolves dots, and so they would leave the mount."""
    expected = f"SECRET_URI: vault:{address} names no path; expected vault:MOUNT/PATH, such as vault:kv/apig"
    with pytest.raises(ConfigurationError) as raised:
        world.store(address, **STATIC)
    assert raised.value.message == expected


def test_an_address_is_needed(world: World):
    """VAULT_ADDR has no default."""
    with pytest.raises(ConfigurationError) as raised:
        vault.open_store("kv/apig", Process({}.get, lambda ca_file: world.client))
    assert raised.value.message == "VAULT_ADDR: not set; SECRET_URI vault:kv/apig needs the server's https URL"


def test_the_ca_is_vaults_own(world: World):
    """VAULT_CACERT, or the system's trust store."""
    world.store(VAULT_CACERT="/etc/vault/ca.pem")
    world.store(VAULT_CACERT="")
    world.store()
    assert world.asked_for == ["/etc/vault/ca.pem", None, None]


def test_approle_logs_in(world: World):
    """POST /v1/auth/approle/login, and the token that comes reads."""
    world.store(**APPROLE)(world.transport)
    login, read = world.listener.heard
    assert (login.method, login.target) == ("POST", "/v1/auth/approle/login")
    assert json.loads(login.body) == {"role_id": "role-1", "secret_id": SECRET_ID}
    assert "x-vault-token" not in login.headers
    assert read.headers["x-vault-token"] == "token-1"


@pytest.mark.parametrize(
    ("mount", "target"),
    [(None, "/v1/auth/kubernetes/login"), ("", "/v1/auth/kubernetes/login"), ("k8s/e u", "/v1/auth/k8s/e%20u/login")],
)
def test_kubernetes_logs_in(world: World, mount: str | None, target: str):
    """With the token of the service account, without its line end."""
    world.account.write_text(f"{JWT}\n")
    world.store(**KUBERNETES, **({} if mount is None else {"VAULT_K8S_MOUNT": mount}))(world.transport)
    login, read = world.listener.heard
    assert (login.method, login.target) == ("POST", target)
    assert json.loads(login.body) == {"role": "detach", "jwt": JWT}
    assert read.headers["x-vault-token"] == "token-1"


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({**STATIC, **APPROLE, **KUBERNETES}, ["GET /v1/kv/data/team/apig"]),
        ({**APPROLE, **KUBERNETES}, ["POST /v1/auth/approle/login", "GET /v1/kv/data/team/apig"]),
        (
            {"VAULT_ROLE_ID": "role-1", **KUBERNETES},
            ["POST /v1/auth/kubernetes/login", "GET /v1/kv/data/team/apig"],
        ),
        (
            {"VAULT_SECRET_ID": SECRET_ID, **KUBERNETES},
            ["POST /v1/auth/kubernetes/login", "GET /v1/kv/data/team/apig"],
        ),
    ],
)
def test_who_asks_is_decided_in_this_order(world: World, variables: dict[str, str], sent: list[str]):
    """The token, AppRole with both of its parts, Kubernetes."""
    world.account.write_text(JWT)
    world.store(**variables)(world.transport)
    assert world.targets() == sent


@pytest.mark.parametrize("variables", [{}, {"VAULT_ROLE_ID": "role-1"}, {"VAULT_SECRET_ID": SECRET_ID}])
def test_without_a_way_to_log_in_nothing_is_asked(world: World, variables: dict[str, str]):
    """All three ways are named."""
    error = world.refusal(**variables)
    assert isinstance(error, ConfigurationError)
    assert error.message == f"{URI} needs VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_K8S_ROLE"
    assert world.targets() == []


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), ("jwt-ä".encode(), "not ASCII text")]
)
def test_a_service_account_that_cannot_be_read_is_told(world: World, content: bytes | None, reason: str):
    """Its file is there only in a pod."""
    if content is not None:
        world.account.write_bytes(content)
    assert world.refusal(**KUBERNETES).message == (
        f"{URI}: VAULT_K8S_ROLE is set, and {world.account} cannot be read: {reason}; it is there only in a pod with a"
        " service account"
    )


# --- how long it serves ---


@pytest.mark.parametrize(
    ("lease", "serves", "over"),
    [(1000, 899.0, 901.0), (1, 0.8, 1.0), (0, 1e9, None), (-1, 1e9, None), (None, 1e9, None), ("9", 1e9, None)],
)
def test_a_login_serves_for_nine_tenths_of_its_lease(world: World, lease: object, serves: float, over: float | None):
    """0 means that the token does not expire."""
    world.server.auth = {"lease_duration": lease}
    read = world.store(**APPROLE)
    read(world.transport)
    world.clock.now = 5000.0 + serves
    read(world.transport, fresh=True)
    assert world.server.logins == 1
    if over is not None:
        world.clock.now = 5000.0 + over
        read(world.transport, fresh=True)
        assert world.server.logins == 2
        assert world.listener.heard[-1].headers["x-vault-token"] == "token-2"


@pytest.mark.parametrize("lease", [60, 1, 0, -5, None, "60"])
def test_a_secret_is_kept_as_long_as_its_lease_says(world: World, lease: object):
    """Or for five minutes, when it says nothing."""
    kept = float(lease) if lease in (60, 1) else 300.0
    world.server.read = {"data": {"data": HELD}, "lease_duration": lease}
    read = world.store(**STATIC)
    read(world.transport)
    world.clock.now += kept - 0.5
    read(world.transport)
    assert len(world.targets()) == 1
    world.clock.now += 0.5
    read(world.transport)
    assert len(world.targets()) == 1


def test_a_token_that_was_revoked_is_replaced_once(world: World):
    """403 means an expired token or a missing permission: a login shows which."""
    read = world.store(**APPROLE)
    read(world.transport)
    world.server.revoked = {"token-1"}
    assert read(world.transport, fresh=True) == Secret('{"token": "Hn5Rj1Xc8Pz4Gs7Md2"}')
    assert world.server.logins == 2
    world.server.revoked = {"token-2", "token-3"}
    with pytest.raises(ConfigurationError) as raised:
        read(world.transport, fresh=True)
    assert (raised.value.message, world.server.logins) == (DENIED, 3)


def test_a_static_token_that_is_refused_is_sent_once(world: World):
    """No login can replace it, though one may be set up."""
    world.server.revoked = {ROOT}
    error = world.refusal(**STATIC, **APPROLE)
    assert isinstance(error, ConfigurationError)
    assert error.message == DENIED
    assert world.targets() == ["GET /v1/kv/data/team/apig"]


# --- what is answered instead ---


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (503, {"errors": ["Vault is sealed"]}, Unavailable, "503: it is sealed or not ready; unseal it"),
        (412, {"errors": ["a", "b"]}, Unavailable, "412: a; b; check the server's health"),
        (429, {}, Unavailable, "429: no reason given; check the server's health"),
        (472, {"errors": []}, Unavailable, "472: no reason given; check the server's health"),
        (473, {"errors": "a"}, Unavailable, "473: no reason given; check the server's health"),
        (500, {"errors": [1, 2, 3, 4, 5, 6]}, Unavailable, "500: 1; 2; 3; 4; 5; check the server's health"),
        (502, "<html>", Unavailable, "502: no reason given; check the server's health"),
        (400, {"errors": ["m" * 301]}, ConfigurationError, f"400: {'m' * 300}"),
        (499, {"errors": ["odd"]}, ConfigurationError, "499: odd"),
        (474, {"errors": ["odd"]}, ConfigurationError, "474: odd"),
        (401, {}, ConfigurationError,
         "401: permission denied; check that the token is valid and that a policy of it allows read"),
        (404, {}, ConfigurationError,
         "404: nothing is there; check mount and path, and that the mount is a KV engine of version 2"),
        (404, {"data": {"metadata": {}}}, ConfigurationError,
         "404: nothing is there; check mount and path, and that the mount is a KV engine of version 2"),
        (404, {"data": {"metadata": {"version": 3}}}, ConfigurationError,
         "404: its newest version is deleted; check mount and path, and that the mount is a KV engine of version 2"),
    ],
)  # fmt: skip
def test_each_refusal_says_what_to_check(world: World, status: int, body: object, error: type[DetachError], said: str):
    """Vault's own words only as far as they are short, and without a secret."""
    world.server.status, world.server.read = status, body
    raised = world.refusal(**STATIC)
    assert type(raised) is error
    assert raised.message == f"{READ} answered {said}"
    if error is Unavailable:
        assert raised.status == status


@pytest.mark.parametrize(
    "body",
    [{"data": None}, {"data": []}, {"data": {}}, {"data": {"data": None}}, {"data": {"data": "text"}}, {"auth": {}}],
)
def test_an_answer_of_another_engine_is_told(world: World, body: object):
    """KV v1 has the fields one level higher."""
    world.server.read = body
    assert world.refusal(**STATIC).message == (
        f"{URI}: the answer holds no data of a KV v2 secret; check that the address is right for it"
    )


@pytest.mark.parametrize("auth", [None, [], {"client_token": None}, {"client_token": ""}, {"client_token": 5}])
def test_a_login_without_a_token_is_told(world: World, auth: object):
    """And nothing is read."""
    world.server.auth = auth
    assert world.refusal(**APPROLE).message == (
        f"{URI}: the answer holds no auth.client_token; check that the address is right for it"
    )
    assert world.targets() == ["POST /v1/auth/approle/login"]


def test_what_is_no_json_is_told(world: World):
    """A page of a proxy."""
    world.server.read = "<html>"
    assert world.refusal(**STATIC).message == (
        f"{READ} answered 200 without a JSON object; check VAULT_ADDR and VAULT_CACERT, and that the server is up and"
        " unsealed"
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "400: wrong"),
        (403, "403: permission denied"),
        (404, "404: nothing is there; check mount and path, and that the mount is a KV engine of version 2"),
    ],
)
def test_a_refused_login_is_told_and_not_sent_again(world: World, status: int, said: str):
    """It stands for five minutes."""
    world.server.login = status, json.dumps({"errors": ["wrong"]})
    read = world.store(**APPROLE)
    for _ in range(2):
        with pytest.raises(ConfigurationError) as raised:
            read(world.transport)
        assert raised.value.message == (
            f"{URI}: POST /v1/auth/approle/login answered {said}; check the role, its id and its bound claims"
        )
    assert world.server.logins == 1
    world.clock.now += 300
    world.server.login = None
    read(world.transport)
    assert world.server.logins == 2


def test_a_login_that_fails_otherwise_is_tried_again(world: World):
    """A Vault that is sealed has refused nobody."""
    world.server.login = 503, ""
    read = world.store(**APPROLE)
    for _ in range(2):
        with pytest.raises(Unavailable, match="answered 503: it is sealed"):
            read(world.transport)
    assert world.server.logins == 2


def test_an_accepted_login_ends_the_count_of_refusals(world: World):
    """The next refusal is a first one again, and so is that of another secret id."""
    variables = {**APPROLE, "VAULT_ADDR": world.listener.url}
    process = Process(variables.get, lambda ca_file: world.client)
    read = vault.open_store("kv/apig", process, service_account=world.account, clock=world.clock)
    refused = 400, json.dumps({"errors": ["wrong"]})
    for change in ({"VAULT_SECRET_ID": SECRET_ID}, {"VAULT_SECRET_ID": "another-secret-id"}):
        variables.update(change)
        world.server.login, before = refused, world.server.logins
        for wait in (0.0, 299.0, 1.0):
            world.clock.now += wait
            with pytest.raises(ConfigurationError, match="check the role"):
                read(world.transport)
        assert world.server.logins == before + 2
    world.clock.now += 3600.0
    world.server.login = None
    read(world.transport)
    world.server.login, world.server.revoked = refused, {f"token-{world.server.logins}"}
    for wait, more in ((0.0, 1), (299.0, 0), (1.0, 1)):
        world.clock.now += wait
        before = world.server.logins
        with pytest.raises(ConfigurationError, match="check the role"):
            read(world.transport, fresh=True)
        assert world.server.logins == before + more


def test_a_server_that_does_not_answer_is_named(world: World):
    """With what to check."""
    with listening(lambda heard: (200, "{}")) as gone:
        port = gone.port
    error = world.refusal(VAULT_ADDR=f"http://127.0.0.1:{port}", **STATIC)
    assert isinstance(error, Unavailable)
    assert error.message.startswith(f"{READ}: no answer from 127.0.0.1:{port} (ConnectError")
    assert error.message.endswith("; check VAULT_ADDR and VAULT_CACERT, and that the server is up and unsealed")
