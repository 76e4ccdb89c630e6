"""AK/SK against the sandbox, whose verification is written from the vendor's pages and shares no code with ours."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import AccessDenied, ConfigurationError, CredentialsRefused
from shared.core.secret import Secret
from shared.credentials.provider import CredentialProvider
from shared.transport.send import Transport
from shared.transport.tls import new_client
from tests.support.calls import status_of
from tests.support.world import CERTIFICATE, DOMAIN, expire, furnish

# Requests are signed in UTC, and this machine's local time is another.
pytestmark = pytest.mark.usefixtures("far_east")


@pytest.fixture
def key(sandbox: Sandbox) -> dict[str, str]:
    return {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}


def expired(new_runtime: Any, content: dict[str, Any], **variables: str) -> dict[str, Any]:
    return expire(new_runtime(TEST_CREDENTIALS=json.dumps(content), **variables), certificate_id=CERTIFICATE)


def test_an_event_is_handled_with_signatures_alone(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """Every request is signed for its project, none carries a token, and IAM is not asked."""
    furnish(sandbox)
    outcome = expired(new_runtime, key | {"project_id": sandbox.project_id})
    assert outcome["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
    assert len(sandbox.journal.iam()) == 0
    for received in sandbox.journal.apig():
        assert received.headers["authorization"].startswith(f"SDK-HMAC-SHA256 Access={sandbox.access_key}, ")
        assert received.headers["x-project-id"] == sandbox.project_id
        assert "x-auth-token" not in received.headers


def test_names_that_need_quoting_are_signed_as_they_are_sent(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """A wildcard and a name beyond ASCII are signed as they are sent."""
    furnish(sandbox, domains=["*.example.com", DOMAIN])
    outcome = expired(new_runtime, key, OS_PROJECT_ID=sandbox.project_id)
    assert outcome["status"] == "detached"


def test_a_temporary_key_goes_with_its_security_token(sandbox: Sandbox, new_runtime: Any):
    """A temporary key goes with its security token."""
    furnish(sandbox)
    outcome = expired(new_runtime, sandbox.temporary_keys(), OS_PROJECT_ID=sandbox.project_id)
    assert outcome["status"] == "detached"
    assert all(received.headers["x-security-token"] for received in sandbox.journal.apig())


def test_a_project_named_by_the_secret_is_looked_up_once(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """Without an id IAM is asked once, by a signed request, for the project that the secret names."""
    furnish(sandbox)
    name = sandbox.credentials["project_name"]
    assert expired(new_runtime, key | {"project_name": name})["status"] == "detached"
    (received,) = sandbox.journal.iam()
    assert (received.method, received.path, received.query) == ("GET", "/v3/projects", {"name": name})
    assert "x-project-id" not in received.headers


def test_without_any_project_the_one_of_the_region_is_used(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """When nothing names a project, it is the one that has the region's name; that there is none is said."""
    with pytest.raises(ConfigurationError, match="IAM knows 0 projects named 'eu-de'"):
        expired(new_runtime, key)


def test_unknown_keys_are_sent_once(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """More than five failures lock an access key: one refusal, and it is not sent again."""
    runtime = new_runtime(
        TEST_CREDENTIALS=json.dumps(key | {"secret_key": "a-wrong-secret-key", "project_id": "0" * 32})
    )
    for _ in range(7):
        with pytest.raises(CredentialsRefused, match=r"401 APIG\.0301.*sent again in 5 minutes") as raised:
            expire(runtime, certificate_id=CERTIFICATE)
        assert "a-wrong" not in raised.value.message
    assert len(sandbox.journal.apig()) == 1


class Store:
    """A store in memory whose content a test changes."""

    def __init__(self, content: dict[str, str]) -> None:
        self.content = content

    def __call__(self, transport: Transport, *, fresh: bool = False) -> Secret:  # noqa: ARG002 - a store's signature
        return Secret(json.dumps(self.content))


def ask(sandbox: Sandbox, identity: CredentialProvider, transport: Transport) -> int:
    return status_of(sandbox, transport, identity.auth(transport, sandbox.project_id))


def test_a_refused_key_is_read_again_and_the_new_one_signs(sandbox: Sandbox, key: dict[str, str]):
    """The refused key is read again, and the new one signs the same request; then a token may take its place."""
    temporary = sandbox.temporary_keys(lifetime=0.5)
    store = Store(temporary)
    with new_client(sandbox.ca_file) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)
        identity = CredentialProvider(store, sandbox.auth_url)
        assert ask(sandbox, identity, transport) == 200
        time.sleep(0.6)
        store.content = key
        assert ask(sandbox, identity, transport) == 200
        assert "x-security-token" not in sandbox.journal.apig()[-1].headers
        store.content = {"token": sandbox.issue_token()}
        assert ask(sandbox, identity, transport) == 200
        assert "authorization" not in sandbox.journal.apig()[-1].headers


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clock_skew_names_both_clocks(sandbox: Sandbox, key: dict[str, str], minutes: int):
    """The refusal of a signature by a wrong clock tells this machine's time and the server's."""
    now = time.time()
    with new_client(sandbox.ca_file) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)
        identity = CredentialProvider(Store(key), sandbox.auth_url, clock=lambda: now + minutes * 60)
        with pytest.raises(CredentialsRefused, match="the clocks differ by more than 15 minutes") as raised:
            ask(sandbox, identity, transport)
    ours = datetime.fromtimestamp(now + minutes * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    theirs = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:")
    assert f"this machine's says {ours}, 127.0.0.1's says {theirs}" in raised.value.message


def test_clock_skew_is_told_without_a_code_too(sandbox: Sandbox, key: dict[str, str]):
    """A proxy in front of the gateway may refuse the signature in its own words."""
    sandbox.faults.add(Fault(service="apig", status=401, raw_body="<html>"))
    with new_client(sandbox.ca_file) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)
        identity = CredentialProvider(Store(key), sandbox.auth_url, clock=lambda: time.time() + 1000)
        with pytest.raises(CredentialsRefused, match=r"^GET x answered 401: the clocks differ by more than 15 min"):
            ask(sandbox, identity, transport)


def test_no_permission_is_no_reason_to_ask_again(sandbox: Sandbox, new_runtime: Any, key: dict[str, str]):
    """APIG.1005 is about what the key may do, and the key stays in use."""
    furnish(sandbox)
    sandbox.faults.add(Fault(service="apig", error_code="APIG.1005"))
    runtime = new_runtime(TEST_CREDENTIALS=json.dumps(key), OS_PROJECT_ID=sandbox.project_id)
    with pytest.raises(AccessDenied, match=r"APIG\.1005"):
        expire(runtime, certificate_id=CERTIFICATE)
    assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "detached"
