"""`aws-secretsmanager:` through our stand-in for AWS' extension, with moto's Secrets Manager behind it."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, Unavailable
from shared.core.secret import Secret
from shared.credentials.stores.aws_secretsmanager import open_store
from shared.credentials.stores.process import Process, Store
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.services import extension
from tests.services.moto import SecretsManager
from tests.support.leaks import WATCH
from tests.support.listener import listening
from tests.support.world import CERTIFICATE, expire, furnish

pytestmark = pytest.mark.slow
SESSION = secrets.token_urlsafe(40)


@contextmanager
def running(manager: SecretsManager, **variables: str) -> Iterator[dict[str, str]]:
    """The stand-in as a process; gives the variables by which a function finds it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    found = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port, "AWS_SESSION_TOKEN": SESSION}
    environment = os.environ | found | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url} | variables
    process = subprocess.Popen([sys.executable, extension.__file__], env=environment)  # noqa: S603 - our own words
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def transport() -> Iterator[Transport]:
    WATCH.add([SESSION])
    with new_client(None) as client:
        yield Transport(client, 5.0, 4, Deadline.after(20), lambda call: None)


def store(transport: Transport, variables: dict[str, str], secret_id: str) -> Store:
    return open_store(secret_id, Process(variables.get, lambda ca_file: transport.client))


def content() -> dict[str, str]:
    token = secrets.token_urlsafe(24)
    WATCH.add([token])
    return {"token": token}


@pytest.fixture
def named(manager: SecretsManager) -> tuple[str, str, dict[str, str]]:
    """A new secret: its name, which needs quoting, its ARN, and its content."""
    name, held = f"prod/apig+detach@{secrets.token_hex(4)}", content()
    created = manager.call("CreateSecret", Name=name, SecretString=json.dumps(held))
    return name, created["ARN"], held


def test_a_secret_is_found_by_name_and_by_arn(
    manager: SecretsManager, transport: Transport, named: tuple[str, str, dict[str, str]]
):
    """Also when the name has characters that need quoting."""
    name, arn, held = named
    with running(manager) as variables:
        for secret_id in (name, arn):
            assert store(transport, variables, secret_id)(transport) == Secret(json.dumps(held))


def test_an_extension_that_is_not_ready_is_asked_again(
    manager: SecretsManager, transport: Transport, named: tuple[str, str, dict[str, str]]
):
    """While it starts, it answers 400. The same request is repeated and then succeeds."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(max(seconds, 0.3))

    patient = Transport(transport.client, 5.0, 6, Deadline.after(20), lambda call: None, sleep=sleep)
    with running(manager, EXTENSION_NOT_READY_SECONDS="0.7") as variables:
        assert store(transport, variables, named[0])(patient) == Secret(json.dumps(named[2]))
    assert waits


def test_an_extension_that_never_gets_ready_is_unavailable(
    manager: SecretsManager, transport: Transport, named: tuple[str, str, dict[str, str]]
):
    """The error says so, and the event may be tried again."""
    with running(manager, EXTENSION_NOT_READY_SECONDS="60") as variables:
        with pytest.raises(Unavailable, match="answered 400: the extension is not ready yet") as raised:
            store(transport, variables, named[0])(transport)
        assert f"SECRET_URI: aws-secretsmanager:{named[0]}" in raised.value.message


def test_a_missing_secret_is_named(manager: SecretsManager, transport: Transport):
    """The extension answers 400. The error has the secret's id and what to check."""
    with running(manager) as variables:
        with pytest.raises(ConfigurationError, match="there is no such secret; check its id") as raised:
            store(transport, variables, "no/such")(transport)
        assert raised.value.status == 400
        assert raised.value.message.startswith("SECRET_URI: aws-secretsmanager:no/such: GET /secretsmanager/get")


def test_a_binary_secret_is_refused(manager: SecretsManager, transport: Transport):
    """The error says that there is no SecretString."""
    name = f"binary-{secrets.token_hex(4)}"
    manager.call("CreateSecret", Name=name, SecretBinary="AAEC")
    with running(manager) as variables, pytest.raises(ConfigurationError, match="holds no SecretString"):
        store(transport, variables, name)(transport)


def test_a_new_version_is_seen_when_the_extensions_own_ttl_ends(
    manager: SecretsManager, transport: Transport, named: tuple[str, str, dict[str, str]]
):
    """Once it has, a version that was refused is replaced at once."""
    name, _, held = named
    with running(manager, SECRETS_MANAGER_TTL="1") as variables:
        read = store(transport, variables, name)
        assert read(transport) == Secret(json.dumps(held))
        new = content()
        manager.call("PutSecretValue", SecretId=name, SecretString=json.dumps(new))
        assert read(transport, fresh=True) == Secret(json.dumps(held))
        time.sleep(1.1)
        assert read(transport) == Secret(json.dumps(held))
        assert read(transport, fresh=True) == Secret(json.dumps(new))


def test_the_session_token_is_needed(
    manager: SecretsManager, transport: Transport, named: tuple[str, str, dict[str, str]]
):
    """The extension takes only requests with the function's session token. Outside of Lambda there is none."""
    with running(manager) as variables:
        with pytest.raises(ConfigurationError, match="answered 403"):
            store(transport, variables | {"AWS_SESSION_TOKEN": "another"}, named[0])(transport)
        del variables["AWS_SESSION_TOKEN"]
        with pytest.raises(ConfigurationError, match="AWS_SESSION_TOKEN is not set; the scheme is for AWS Lambda"):
            store(transport, variables, named[0])(transport)


def test_without_the_extension_the_error_names_the_layer(transport: Transport):
    """Nobody listens on the port."""
    variables = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "9", "AWS_SESSION_TOKEN": SESSION}
    hasty = Transport(transport.client, 5.0, 1, Deadline.after(20), lambda call: None)
    with pytest.raises(Unavailable, match="Connection refused.*layer AWS-Parameters-and-Secrets-Lambda-Extension"):
        store(hasty, variables, "apig")(hasty)
    with pytest.raises(ConfigurationError, match="PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: 'x' is no port"):
        store(hasty, variables | {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "x"}, "apig")(hasty)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((400, "AccessDeniedException: …"), ConfigurationError, "secretsmanager:GetSecretValue, and kms:Decrypt"),
        (
            (400, "an unexpected error occurred while executing request"),
            ConfigurationError,
            "the secret's id and region",
        ),
        ((400, "ThrottlingException: Rate exceeded"), Unavailable, "reaches Secrets Manager"),
        ((500, "an unexpected error occurred while executing request"), Unavailable, "reaches Secrets Manager"),
        ((200, "no JSON"), ConfigurationError, "without a JSON object"),
        ((200, "{}"), ConfigurationError, "without a JSON object"),
    ],
)
def test_each_failure_of_the_extension_has_its_error(
    transport: Transport, answer: tuple[int, str], error: type[DetachError], said: str
):
    """What the extension answers when its own call fails."""
    hasty = Transport(transport.client, 5.0, 1, Deadline.after(20), lambda call: None)
    with listening(lambda heard: answer) as listener:
        variables = {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(listener.port), "AWS_SESSION_TOKEN": SESSION}
        with pytest.raises(error, match=said):
            store(hasty, variables, "apig")(hasty)


def test_an_event_succeeds_again_after_a_rotation(manager: SecretsManager, sandbox: Sandbox, new_runtime: Any):
    """The token is rotated between two events. Until the extension sees the new one, the event is refused."""
    furnish(sandbox)
    name = f"apig-{secrets.token_hex(4)}"
    manager.call("CreateSecret", Name=name, SecretString=json.dumps({"token": sandbox.issue_token()}))
    with running(manager, SECRETS_MANAGER_TTL="1") as variables:
        runtime = new_runtime(SECRET_URI=f"aws-secretsmanager:{name}", **variables)
        assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "detached"
        sandbox.revoke_tokens()
        with pytest.raises(CredentialsRefused, match="the secret still holds the same"):
            expire(runtime, certificate_id=CERTIFICATE)
        manager.call("PutSecretValue", SecretId=name, SecretString=json.dumps({"token": sandbox.issue_token()}))
        time.sleep(1.1)
        assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "nothing_to_detach"
    WATCH.add(sandbox.secrets)
