"""`vault:` against the real OpenBao: each way to log in, each way to fail, and a rotation under load."""

import base64
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox import Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores import open_store as open_any
from shared.credentials.stores import vault
from shared.credentials.stores.process import Process, Store
from shared.transport.connection import Connections
from shared.transport.send import Call, Transport
from shared.transport.tls import new_client
from tests.services.openbao import OpenBao
from tests.support.leaks import WATCH
from tests.support.listener import Heard, listening
from tests.support.world import CERTIFICATE, expire, furnish

pytestmark = pytest.mark.slow
PATH = "teams/web/apig"
URI = f"vault:secret/{PATH}"
CONTENT = {"token": secrets.token_urlsafe(30)}
POLICY = f'path "secret/data/{PATH}" {{ capabilities = ["read"] }}'


class World:
    """The variables of a process, its clients and its clock. `store` opens a store for them."""

    def __init__(self, bao: OpenBao, folder: Path) -> None:
        self.variables = {"VAULT_ADDR": bao.address, "VAULT_CACERT": bao.ca_file}
        self.ahead = 0.0
        self.calls: list[Call] = []
        self.service_account = folder / "service-account-token"
        self._clients: dict[str | None, Connections] = {}
        self._stores: list[Any] = []
        self.transport = Transport(self.client(None), 5.0, 2, Deadline.after(30), self.calls.append)

    def client(self, ca_file: str | None) -> Connections:
        return self._clients.setdefault(ca_file, new_client(ca_file, "VAULT_CACERT"))

    def store(self, uri: str = URI) -> Store:
        def clock() -> float:
            return time.monotonic() + self.ahead

        process = Process(self.variables.get, self.client)
        address = uri.removeprefix("vault:")
        self._stores.append(vault.open_store(address, process, service_account=self.service_account, clock=clock))
        return self._stores[-1]

    def read(self, uri: str = URI) -> Secret:
        return self.store(uri)(self.transport)

    def close(self) -> None:
        # Only the store knows the token that a login gave.
        WATCH.add(token.reveal() for store in self._stores if (token := store._ask._token) is not None)
        for client in self._clients.values():
            client.close()

    def routes(self) -> list[str]:
        return [call.route.removeprefix(f"SECRET_URI: {URI}: ") for call in self.calls]


@pytest.fixture
def world(bao: OpenBao, tmp_path: Path) -> Iterator[World]:
    bao.put(PATH, CONTENT)
    WATCH.add(CONTENT.values())
    bao.call("PUT", "sys/policies/acl/apig", {"policy": POLICY})
    world = World(bao, tmp_path)
    yield world
    world.close()


LOGIN, READ = "POST /v1/auth/approle/login", f"GET /v1/secret/data/{PATH}"
FOUND = Secret(json.dumps(CONTENT))


def approle(bao: OpenBao, world: World, **options: Any) -> str:
    """Makes a new role and puts it into the world's variables; returns its name."""
    if "approle/" not in bao.call("GET", "sys/auth")["data"]:
        bao.call("POST", "sys/auth/approle", {"type": "approle"})
    name = f"apig-{secrets.token_hex(4)}"
    bao.call("POST", f"auth/approle/role/{name}", {"token_policies": "apig", "token_ttl": "1h", **options})
    role_id = bao.call("GET", f"auth/approle/role/{name}/role-id")["data"]["role_id"]
    secret_id = bao.call("POST", f"auth/approle/role/{name}/secret-id")["data"]["secret_id"]
    world.variables |= {"VAULT_ROLE_ID": role_id, "VAULT_SECRET_ID": secret_id}
    WATCH.add([secret_id])
    return name


# --- the ways to log in ---


def test_a_secret_is_read_by_token(bao: OpenBao, world: World):
    """The token has a policy for the path. The secret's fields are given as one JSON object."""
    token = bao.call("POST", "auth/token/create", {"policies": ["apig"], "ttl": "1h"})["auth"]["client_token"]
    WATCH.add([token])
    world.variables["VAULT_TOKEN"] = token
    assert world.read() == FOUND
    assert world.routes() == [READ]


def test_a_secret_is_read_by_approle(bao: OpenBao, world: World):
    """There is one login. The secret is kept for five minutes, and the token for its lease."""
    approle(bao, world)
    read = world.store()
    assert [read(world.transport) for _ in range(3)] == [FOUND] * 3
    assert world.routes() == [LOGIN, READ]
    world.ahead = 301.0
    assert read(world.transport) == FOUND
    assert world.routes() == [LOGIN, READ, READ]


@pytest.fixture(scope="module")
def issuer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def jwt(issuer: rsa.RSAPrivateKey, **claims: Any) -> str:
    """A signed JSON Web Token, as Kubernetes projects it into a pod."""
    now = int(time.time())
    kubernetes = {"namespace": "events", "serviceaccount": {"name": "apig-detach", "uid": "1f0c"}}
    content = {
        "iss": "https://kubernetes.default.svc",
        "aud": ["vault"],
        "sub": "system:serviceaccount:events:apig-detach",
        "iat": now,
        "exp": now + 600,
        "kubernetes.io": kubernetes,
        **claims,
    }
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "RS256"}, content)]
    signature = issuer.sign(b".".join(parts), padding.PKCS1v15(), hashes.SHA256())
    token = b".".join((*parts, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()
    WATCH.add([token.rpartition(".")[2]])
    return token


def test_a_secret_is_read_by_kubernetes_token_on_a_jwt_mount(bao: OpenBao, world: World, issuer: rsa.RSAPrivateKey):
    """OpenBao verifies the pod's token by the cluster's public key. Kubernetes renews it, and it is read again."""
    public = issuer.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    bao.call("POST", "sys/auth/kubernetes", {"type": "jwt"})
    bao.call("POST", "auth/kubernetes/config", {"jwt_validation_pubkeys": [public.decode()]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["apig"]}
    subject = {"bound_subject": "system:serviceaccount:events:apig-detach", "token_ttl": "1s", "token_max_ttl": "1s"}
    bao.call("POST", "auth/kubernetes/role/apig-detach", role | subject)
    world.variables["VAULT_K8S_ROLE"] = "apig-detach"
    WATCH.keep(world.service_account)
    world.service_account.write_text(jwt(issuer) + "\n")
    read = world.store()
    assert read(world.transport) == FOUND
    time.sleep(1.1)
    world.service_account.write_text("no token at all")
    with pytest.raises(ConfigurationError, match="check the role"):
        read(world.transport, fresh=True)
    world.ahead = 3601.0
    world.service_account.write_text(jwt(issuer, jti="another"))
    assert read(world.transport, fresh=True) == FOUND
    world.service_account.write_text(jwt(issuer, sub="system:serviceaccount:events:somebody-else"))
    with pytest.raises(ConfigurationError, match="answered 400") as raised:
        world.read()
    assert raised.value.message.startswith(f"SECRET_URI: {URI}: POST /v1/auth/kubernetes/login")


def test_a_secret_is_read_by_kubernetes_with_token_review(bao: OpenBao, world: World, issuer: rsa.RSAPrivateKey):
    """The real Kubernetes auth method asks the cluster's API about the token. The mount has another name here."""

    def review(heard: Heard) -> tuple[int, str]:
        assert heard.target == "/apis/authentication.k8s.io/v1/tokenreviews"
        user = {"username": "system:serviceaccount:events:apig-detach", "uid": "1f0c", "groups": []}
        status = {"authenticated": True, "user": user, "audiences": ["vault"]}
        return 201, json.dumps({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})

    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    with listening(review, headers={"Content-Type": "application/json"}, tls=tls) as cluster:
        config = {
            "kubernetes_host": f"https://127.0.0.1:{cluster.port}",
            "kubernetes_ca_cert": ca.cert_pem.bytes().decode(),
            "token_reviewer_jwt": jwt(issuer),
            "disable_local_ca_jwt": True,
        }
        bao.call("POST", "sys/auth/cluster-a", {"type": "kubernetes"})
        bao.call("POST", "auth/cluster-a/config", config)
        names = {"bound_service_account_names": "apig-detach", "bound_service_account_namespaces": "events"}
        bao.call("POST", "auth/cluster-a/role/apig-detach", {**names, "token_policies": "apig", "audience": "vault"})
        world.variables |= {"VAULT_K8S_ROLE": "apig-detach", "VAULT_K8S_MOUNT": "cluster-a"}
        WATCH.keep(world.service_account)
        world.service_account.write_text(jwt(issuer))
        assert world.read() == FOUND
        assert len(cluster.heard) == 1


def test_outside_of_kubernetes_the_missing_token_file_is_named(world: World):
    """There is no service account."""
    world.variables["VAULT_K8S_ROLE"] = "apig-detach"
    with pytest.raises(ConfigurationError, match=f"{world.service_account} cannot be read: No such file"):
        world.read()


def test_a_secret_of_a_namespace_is_found_only_with_the_namespace(bao: OpenBao, world: World):
    """VAULT_NAMESPACE says which."""
    bao.call("POST", "sys/namespaces/team")
    with httpx.Client(verify=ssl.create_default_context(cafile=bao.ca_file), trust_env=False) as client:
        headers = {"X-Vault-Token": bao.root_token, "X-Vault-Namespace": "team"}
        client.post(f"{bao.address}/v1/sys/mounts/kv", json={"type": "kv-v2"}, headers=headers).raise_for_status()
        for _ in range(50):  # the new engine is not ready at once
            reply = client.post(f"{bao.address}/v1/kv/data/apig", json={"data": CONTENT}, headers=headers)
            if reply.status_code == 200:
                break
            time.sleep(0.1)
    world.variables |= {"VAULT_TOKEN": bao.root_token, "VAULT_NAMESPACE": "team"}
    assert world.read("vault:kv/apig") == FOUND
    del world.variables["VAULT_NAMESPACE"]
    with pytest.raises(ConfigurationError, match="check mount and path"):
        world.read("vault:kv/apig")


# --- leases ---


def test_when_the_lease_has_ended_there_is_one_more_login(bao: OpenBao, world: World):
    """The token is leased for a second. There is no login before that."""
    approle(bao, world, token_ttl="1s", token_max_ttl="1s")
    read = world.store()
    assert read(world.transport) == FOUND
    time.sleep(1.1)
    assert read(world.transport, fresh=True) == FOUND
    assert world.routes() == [LOGIN, READ, LOGIN, READ]


def test_when_the_token_was_revoked_there_is_one_more_login(bao: OpenBao, world: World):
    """OpenBao answers 403 although the lease has not ended. Then the read is repeated."""
    name = approle(bao, world)
    read = world.store()
    read(world.transport)
    for accessor in bao.call("LIST", "auth/token/accessors")["data"]["keys"]:
        found = bao.request("POST", "auth/token/lookup-accessor", {"accessor": accessor}).json()
        if found.get("data", {}).get("meta", {}) and found["data"]["meta"].get("role_name") == name:
            bao.call("POST", "auth/token/revoke-accessor", {"accessor": accessor})
    assert read(world.transport, fresh=True) == FOUND
    assert world.routes() == [LOGIN, READ, READ, LOGIN, READ]


def test_with_a_token_for_one_use_each_read_logs_in(bao: OpenBao, world: World):
    """A role may allow a token only one use."""
    approle(bao, world, token_num_uses=1)
    read = world.store()
    assert [read(world.transport, fresh=True) for _ in range(3)] == [FOUND] * 3


def test_a_login_that_is_refused_is_not_repeated(bao: OpenBao, world: World):
    """AppRole locks after five failures. So five events make one login, and an hour later there is one more."""
    approle(bao, world)
    right = world.variables["VAULT_SECRET_ID"]
    world.variables["VAULT_SECRET_ID"] = "00000000-1111-2222-3333-444444444444"
    read = world.store()
    for _ in range(5):
        with pytest.raises(ConfigurationError, match="answered 400: invalid role or secret ID; check the role"):
            read(world.transport)
    assert world.routes() == [LOGIN]
    world.variables["VAULT_SECRET_ID"] = right
    world.ahead = 3601.0
    assert read(world.transport) == FOUND


# --- the ways to fail ---


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("vault:secret/no/such/path", "nothing is there; check mount and path"),
        ("vault:nomount/apig", "nothing is there; check mount and path"),
        ("vault:kv1/apig", "the mount is a KV engine of version 2"),
        ("vault:secret/deleted", "its newest version is deleted"),
    ],
)
def test_a_wrong_path_is_named_with_what_to_check(bao: OpenBao, world: World, uri: str, named: str):
    """No such path, no such mount, a KV engine of version 1, a deleted secret."""
    bao.request("POST", "sys/mounts/kv1", {"type": "kv", "options": {"version": "1"}})
    bao.call("POST", "kv1/apig", CONTENT)
    bao.put("deleted", CONTENT)
    bao.call("DELETE", "secret/data/deleted")
    world.variables["VAULT_TOKEN"] = bao.root_token
    with pytest.raises(ConfigurationError, match=named) as raised:
        world.read(uri)
    assert raised.value.message.startswith(f"SECRET_URI: {uri}: GET /v1/")


def test_when_permission_is_denied_token_and_policy_are_to_be_checked(bao: OpenBao, world: World):
    """The same for a valid token without a policy, and for a token that OpenBao does not know."""
    created = bao.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"})
    for token in (created["auth"]["client_token"], "s.nosuchtokennosuchtoken"):
        world.variables["VAULT_TOKEN"] = token
        with pytest.raises(
            ConfigurationError, match="permission denied; check that the token is valid and that a policy"
        ):
            world.read()
    approle(bao, world, token_policies="default")
    del world.variables["VAULT_TOKEN"]
    with pytest.raises(ConfigurationError, match="permission denied; check that the token is valid and that a policy"):
        world.read()
    assert world.routes()[-2:] == [LOGIN, READ]  # a new token was refused: another one would be too


def test_without_credentials_the_variables_are_named(world: World):
    """One of three ways to log in has to be set."""
    with pytest.raises(
        ConfigurationError, match="needs VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_K8S"
    ):
        world.read()


def test_while_it_is_sealed_the_known_secret_still_serves(bao: OpenBao, world: World):
    """A new read is unavailable, and may be tried again. It works once OpenBao is unsealed."""
    approle(bao, world)
    read = world.store()
    read(world.transport)
    bao.call("PUT", "sys/seal")
    try:
        with pytest.raises(Unavailable, match="it is sealed or not ready; unseal it") as raised:
            world.read()
        assert URI in raised.value.message
        world.ahead = 301.0
        assert read(world.transport) == FOUND
        with pytest.raises(Unavailable, match="unseal it"):
            read(world.transport, fresh=True)
    finally:
        bao.call("PUT", "sys/unseal", {"key": bao.unseal_key})
    for _ in range(50):  # it comes back in a moment
        if bao.request("GET", f"secret/data/{PATH}").status_code == 200:
            break
        time.sleep(0.1)
    assert world.read() == FOUND


def test_a_server_that_is_down_is_unavailable(world: World):
    """Nobody listens. It may be tried again, and the error says to check the address."""
    world.variables |= {"VAULT_ADDR": "https://127.0.0.1:9", "VAULT_TOKEN": "s.token"}
    with pytest.raises(Unavailable, match="Connection refused.*check VAULT_ADDR and VAULT_CACERT") as raised:
        world.read()
    assert URI in raised.value.message


def test_a_server_of_another_ca_gets_no_token(world: World, tmp_path: Path):
    """VAULT_CACERT says which CA is trusted."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    world.variables |= {"VAULT_CACERT": str(tmp_path / "other.pem"), "VAULT_TOKEN": "s.token"}
    with pytest.raises(ConfigurationError, match="certificate is not trusted") as raised:
        world.read()
    assert URI in raised.value.message


@pytest.mark.parametrize(
    ("answer", "error", "named"),
    [
        ((200, "<html>a proxy</html>"), ConfigurationError, "without a JSON object"),
        ((200, '{"data": []}'), ConfigurationError, "data of a KV v2 secret"),
        ((200, '{"data": {"data": "text"}}'), ConfigurationError, "data of a KV v2 secret"),
        ((429, '{"errors": []}'), Unavailable, "health"),
        ((500, '{"errors": ["internal error"]}'), Unavailable, "internal error"),
        ((412, "{}"), Unavailable, "health"),
        ((307, ""), ConfigurationError, "redirect"),
    ],
)
def test_an_answer_without_a_secret_is_one_error_that_names_the_address(
    world: World, answer: tuple[int, str], error: type[DetachError], named: str
):
    """A proxy's page, another shape, a server in trouble, a redirect."""
    with listening(lambda heard: answer) as listener:
        world.variables |= {"VAULT_ADDR": listener.url, "VAULT_TOKEN": "s.token"}
        with pytest.raises(error, match=named) as raised:
            world.read()
    assert URI in raised.value.message


# --- under load ---


def test_no_event_fails_while_the_password_is_rotated_under_load(
    bao: OpenBao, world: World, sandbox: Sandbox, new_runtime: Callable[..., Any], issue_password: Callable[[], str]
):
    """Eight threads handle 500 events, and the password is changed five times. No old password is tried.

    The order is that of docs/security.md: first IAM, then the store; then the old tokens end.
    """
    furnish(sandbox)
    approle(bao, world)
    bao.put(PATH, sandbox.credentials)
    runtime = new_runtime(SECRET_URI=URI, **world.variables)
    done: list[str] = []

    def handle(_: int) -> None:
        done.append(expire(runtime, certificate_id=CERTIFICATE)["status"])

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(handle, number) for number in range(500)]
        for rotation in range(1, 6):
            while len(done) < rotation * 80:
                time.sleep(0.01)
            issue_password()
            bao.put(PATH, sandbox.credentials)
            sandbox.revoke_tokens()
        for each in running:
            each.result()
    assert sorted(set(done)) == ["detached", "nothing_to_detach"]
    assert len(done) == 500
    logins = [received.status for received in sandbox.journal.iam()]
    assert logins == [201] * 6
    assert sum(received.status == 401 for received in sandbox.journal.apig()) <= 8 * 5


@pytest.fixture
def issue_password(sandbox: Sandbox) -> Iterator[Callable[[], str]]:
    """Changes the sandbox's password. At the end the first one is set again."""
    identity = sandbox._cloud.identity
    first = identity.password

    def change() -> str:
        WATCH.add([identity.password])
        identity.password = f"Pw!{secrets.token_urlsafe(18)}"
        WATCH.add([identity.password])
        return identity.password

    yield change
    identity.password = first


def test_the_scheme_vault_opens_this_store(bao: OpenBao, world: World):
    """SECRET_URI is all that says so."""
    world.variables["VAULT_TOKEN"] = bao.root_token
    assert open_any(URI, Process(world.variables.get, world.client))(world.transport) == FOUND
