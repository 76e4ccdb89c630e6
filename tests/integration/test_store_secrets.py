"""The stores' own credentials: not hammered when they are refused, and redacted like any other secret."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import redact
from shared.credentials.stores import aws_secretsmanager, gcp_secretmanager, vault
from shared.credentials.stores.process import Process, Store
from shared.transport.connection import Connections
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.leaks import WATCH
from tests.support.listener import Answer, Heard, Listener, listening

LOGINS = ("/v1/auth/approle/login", "/v1/auth/kubernetes/login")
KUBERNETES = {"VAULT_K8S_ROLE": "apig-detach"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Vault:
    """Refuses the logins whose secret is not in `good`, and repeats what it was sent, as no server should."""

    def __init__(self) -> None:
        self.good: set[str] = set()

    def __call__(self, heard: Heard) -> Answer:
        if heard.target in LOGINS:
            body = json.loads(heard.body)
            sent = body.get("secret_id") or body["jwt"]
            if sent not in self.good:
                return 400, json.dumps({"errors": [f"invalid {sent}", f"near {sent[3:15]}"]})
            token = "s." + secrets.token_urlsafe(20)
            WATCH.add([token])
            return 200, json.dumps({"auth": {"client_token": token, "lease_duration": 3600}})
        if heard.headers["x-vault-token"].startswith("bad"):
            return 500, json.dumps({"errors": [f"cannot use {heard.headers['x-vault-token']}"]})
        return 200, json.dumps({"data": {"data": {"token": "a-token-of-the-store"}}})


@pytest.fixture
def server() -> Iterator[tuple[Vault, Listener]]:
    WATCH.add(["a-token-of-the-store"])
    answer = Vault()
    with listening(answer) as listener:
        yield answer, listener


@pytest.fixture
def client() -> Iterator[Connections]:
    with new_client(None) as client:
        yield client


@pytest.fixture
def transport(client: Connections) -> Transport:
    return Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)


def new_secret(prefix: str = "") -> str:
    text = prefix + secrets.token_urlsafe(24)
    WATCH.add([text])
    return text


def vault_store(client: Connections, listener: Listener, clock: Clock, account: Path, **variables: str) -> Store:
    process = Process({"VAULT_ADDR": listener.url, **variables}.get, lambda ca_file: client)
    return vault.open_store("kv/apig", process, service_account=account, clock=clock)


def logins(listener: Listener) -> int:
    return sum(heard.target in LOGINS for heard in listener.heard)


def test_one_mistaken_refusal_of_vault_costs_five_minutes(server, client, transport, tmp_path: Path):
    """Each event of five hours is refused: a login after five minutes, and then one an hour."""
    _, listener = server
    clock, times = Clock(), []
    secret_id = new_secret()
    read = vault_store(client, listener, clock, tmp_path / "no", VAULT_ROLE_ID="r", VAULT_SECRET_ID=secret_id)
    for minute in range(300):
        clock.now = 1000.0 + minute * 60
        before = logins(listener)
        with pytest.raises(ConfigurationError, match="answered 400: invalid <secret>; near <secret>; check the role"):
            read(transport)
        times += [minute] * (logins(listener) - before)
    assert times == [0, 5, 65, 125, 185, 245]


def test_another_token_of_kubernetes_is_tried_at_once(server, client, transport, tmp_path: Path):
    """Kubernetes renews it in its file. What was refused is the old one."""
    answer, listener = server
    clock, account = Clock(), tmp_path / "token"
    WATCH.keep(account)
    read = vault_store(client, listener, clock, account, **KUBERNETES)
    account.write_text(new_secret())
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="check the role"):
            read(transport)
    assert logins(listener) == 1
    good = new_secret()
    answer.good.add(good)
    account.write_text(good)
    assert read(transport).reveal() == '{"token": "a-token-of-the-store"}'
    assert logins(listener) == 2


def test_what_vault_is_given_is_redacted_as_long_as_it_is_in_use(server, client, transport, tmp_path: Path):
    """Secret id, token and Kubernetes' token, whatever the server repeats of them, and later in any log line."""
    answer, listener = server
    account = tmp_path / "token"
    WATCH.keep(account)
    jwt, secret_id, token = new_secret(), new_secret(), new_secret("bad-")
    account.write_text(jwt)
    answer.good = {jwt, secret_id}
    stores = [
        vault_store(client, listener, Clock(), account, VAULT_ROLE_ID="r", VAULT_SECRET_ID=secret_id),
        vault_store(client, listener, Clock(), account, **KUBERNETES),
    ]
    for read in stores:
        read(transport)
    refused = vault_store(client, listener, Clock(), account, VAULT_TOKEN=token)
    with pytest.raises(Unavailable) as raised:
        refused(transport)
    assert "answered 500: cannot use <secret>; check the server's health" in raised.value.message
    given = [heard.headers["x-vault-token"] for heard in listener.heard if "x-vault-token" in heard.headers]
    for text in (jwt, secret_id, token, *given):
        assert redact(f"x {text} y") == "x <secret> y"


def test_the_session_token_of_aws_is_redacted_as_long_as_it_is_in_use(client: Connections, transport: Transport):
    """The extension's answers are not repeated, and the token is struck out wherever else it may stand."""
    session = new_secret()
    with listening(lambda heard: (400, f"denied for {session}")) as listener:
        variables = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(listener.port), "AWS_SESSION_TOKEN": session}
        read = aws_secretsmanager.open_store("name", Process(variables.get, lambda ca_file: client))
        with pytest.raises(DetachError) as raised:
            read(transport)
        [heard] = listener.heard
    assert heard.headers["x-aws-parameters-secrets-token"] == session
    assert session not in raised.value.message
    assert redact(f"x {session} y") == "x <secret> y"


def test_the_token_of_the_metadata_server_is_redacted_as_long_as_it_is_in_use(
    client: Connections, transport: Transport
):
    """It is kept for its hour."""
    token = new_secret()

    def answer(heard: Heard) -> Answer:
        if "computeMetadata" in heard.target:
            return 200, json.dumps({"access_token": token, "expires_in": 3599})
        return 403, token

    with listening(answer) as listener:
        process = Process({"GCE_METADATA_HOST": f"127.0.0.1:{listener.port}"}.get, lambda ca_file: client)
        read = gcp_secretmanager.open_store("projects/p/secrets/s/versions/1", process, endpoint=listener.url)
        with pytest.raises(ConfigurationError) as raised:
            read(transport)
    assert token not in raised.value.message
    assert redact(f"x {token} y") == "x <secret> y"
