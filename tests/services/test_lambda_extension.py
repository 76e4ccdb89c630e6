"""The package under AWS's own runtime emulator, which starts our stand-in for the extension from /opt/extensions."""

import json
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.platform.lambda_runtime import PACKAGE, Function, unpack
from tests.services import extension
from tests.services.moto import SecretsManager
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, furnish

pytestmark = pytest.mark.slow
SESSION = secrets.token_urlsafe(40)
FOLDER = Path("/opt/extensions")  # where Lambda looks, and so does its emulator


@pytest.fixture(scope="module")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked as Lambda does."""
    return unpack(PACKAGE, tmp_path_factory.mktemp("task") / "root")


@pytest.fixture
def _installed() -> Iterator[None]:
    """Puts the stand-in where the layer would be. What was not there before is removed afterwards."""
    there = FOLDER.exists()
    FOLDER.mkdir(exist_ok=True)
    program = FOLDER / extension.NAME
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {extension.__file__}\n")
    program.chmod(0o755)
    try:
        yield
    finally:
        program.unlink()
        if not there:
            FOLDER.rmdir()


@dataclass(frozen=True)
class World:
    """A running function, and the name of its secret."""

    function: Function
    secret: str


@pytest.fixture
def world(
    _installed: None,
    sandbox: Sandbox,
    environment: dict[str, str],
    manager: SecretsManager,
    task_root: Path,
    tmp_path: Path,
) -> Iterator[World]:
    """The function. Its secret is in moto's Secrets Manager, and only the extension reaches it."""
    name = f"apig-{secrets.token_hex(4)}"
    manager.call("CreateSecret", Name=name, SecretString=json.dumps({"token": sandbox.issue_token()}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    variables = environment | {
        "SECRET_URI": f"aws-secretsmanager:{name}",
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port,
        "AWS_SESSION_TOKEN": SESSION,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url,
        "SECRETS_MANAGER_TTL": "1",
        "EXTENSION_NOT_READY_SECONDS": "0.3",
        "HTTP_ATTEMPTS": "10",
        "LOG_LEVEL": "DEBUG",
    }
    del variables["TEST_CREDENTIALS"]
    with Function(task_root, "lambda_function.certificate_expiry", variables, tmp_path / "output") as function:
        yield World(function, name)
    print(function.output())


def test_the_extension_serves_the_function(world: World, sandbox: Sandbox, manager: SecretsManager):
    """First "not ready", then the secret. A revoked token is an error; after a rotation the next event succeeds."""
    furnish(sandbox)
    event: dict[str, Any] = {"certificate_id": CERTIFICATE}
    assert world.function.invoke(event)["status"] == "detached"
    calls = [line for line in world.function.lines("gateway.call") if "/secretsmanager/get" in line["route"]]
    statuses = [call["status"] for call in calls]
    assert statuses == [400] * (len(statuses) - 1) + [200]
    assert len(statuses) > 1

    sandbox.revoke_tokens()
    assert world.function.invoke(event)["errorType"] == "CredentialsRefused"
    content = json.dumps({"token": sandbox.issue_token()})
    manager.call("PutSecretValue", SecretId=world.secret, SecretString=content)
    time.sleep(1.1)
    assert world.function.invoke(event)["status"] == "nothing_to_detach"

    WATCH.add([*sandbox.secrets, SESSION])
    assert WATCH.leaked(world.function.output()) is None


def test_a_missing_secret_is_named(world: World, sandbox: Sandbox, manager: SecretsManager):
    """The event fails with one error, which has the address and what to check."""
    furnish(sandbox)
    manager.call("DeleteSecret", SecretId=world.secret, ForceDeleteWithoutRecovery=True)
    answer = world.function.invoke({"certificate_id": CERTIFICATE})
    assert answer["errorType"] == "ConfigurationError"
    assert "there is no such secret; check its id" in answer["errorMessage"]
