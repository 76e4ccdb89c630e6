"""AK/SK: two known signatures, and how the sandbox handles signed requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from sandbox.signing import SignedRequest, canonical_path, canonical_query, signature

HOST = "apig.eu-de.otc.t-systems.com"
PROJECT = "73d69ae0cfcf460190522d06b60f05ad"
DATE = "20240416T095341Z"


def test_the_signature_of_a_post_is_that_of_the_vendors_sdk() -> None:
    """A detach, as the vendor's own Python SDK signs it."""
    request = SignedRequest(
        "POST",
        f"/v2/{PROJECT}/apigw/certificates/a27be832f2e9441c8127fe48e3b5ac67/domains/detach",
        "",
        {"content-type": "application/json", "host": HOST, "x-project-id": PROJECT, "x-sdk-date": DATE},
        b'{"domains":[{"domain":"apigtest.example.com","instance_ids":["f0fa1789-3b76-433b-a787-9892951c620e"]}]}',
    )
    signed = ["content-type", "host", "x-project-id", "x-sdk-date"]
    expected = "3d4da645cf3e2e3ae4a2fc7bc961dffc10a57b2bfe67418e63eef063dec0b125"
    assert signature(request, signed, "SKEXAMPLE") == expected


def test_the_signature_of_a_get_is_that_of_the_vendors_sdk() -> None:
    """A list of certificates; the query is sorted before it is signed."""
    query = "instance_id=f0fa1789-3b76-433b-a787-9892951c620e&limit=500&offset=0"
    headers = {"host": HOST, "x-sdk-date": DATE}
    request = SignedRequest("GET", f"/v2/{PROJECT}/apigw/certificates", query, headers, b"")
    expected = "2edad6fed783cfd62a0ad7ae0808c4070ae9a496cacefffb65b6c7c1baba78a4"
    assert signature(request, ["host", "x-sdk-date"], "SKEXAMPLE") == expected


def test_paths_and_queries_have_one_canonical_form() -> None:
    """Paths are decoded, encoded again, and end with a slash; queries are sorted."""
    assert canonical_path("/a%2fb/c d/~x") == "/a%2Fb/c%20d/~x/"
    assert canonical_query("b=2&a=x+y&a=1&c") == "a=1&a=x%20y&b=2&c="


@pytest.fixture
def signed(connections: httpx.Client, sandbox: Sandbox) -> Any:
    """Signs a GET of the gateways by the sandbox's rules; each keyword argument makes one part wrong."""

    def get(
        access_key: str = sandbox.access_key,
        secret_key: str = sandbox.secret_key,
        age: timedelta = timedelta(0),
        project_id: str | None = sandbox.project_id,
        **headers: str,
    ) -> httpx.Response:
        path = f"/v2/{sandbox.project_id}/apigw/instances"
        url = httpx.URL(sandbox.endpoint + path)
        sent = {
            "host": f"{url.host}:{url.port}",
            "x-sdk-date": (datetime.now(UTC) - age).strftime("%Y%m%dT%H%M%SZ"),
        }
        if project_id is not None:
            sent["x-project-id"] = project_id
        names = sorted(sent)
        value = signature(SignedRequest("GET", path, "", sent, b""), names, secret_key)
        sent["authorization"] = (
            f"SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={';'.join(names)}, Signature={value}"
        )
        return connections.get(url, headers=sent | headers)

    return get


def test_a_valid_signature_replaces_the_token(signed: Any, sandbox: Sandbox) -> None:
    """The request has no token."""
    assert signed().status_code == 200
    assert "x-auth-token" not in sandbox.journal[-1].headers


@pytest.mark.parametrize(
    ("spoiled", "expected"),
    [
        ({"secret_key": "wrong"}, (401, "APIG.0301")),
        ({"access_key": "UNKNOWN"}, (401, "APIG.0301")),
        ({"age": timedelta(minutes=16)}, (401, "APIG.0301")),
        ({"age": timedelta(minutes=-16)}, (401, "APIG.0301")),
        ({"authorization": "SDK-HMAC-SHA256 nonsense"}, (401, "APIG.0301")),
        ({"project_id": None}, (403, "APIC.7118")),
        ({"project_id": "0" * 32}, (403, "APIC.7118")),
    ],
)
def test_an_invalid_signature_is_refused(signed: Any, error: Any, spoiled: Any, expected: Any) -> None:
    """A wrong key, an unknown key, a clock 16 minutes off, an unreadable header, no project or another one."""
    assert error(signed(**spoiled)) == expected


def test_more_than_five_failures_lock_an_access_key(signed: Any) -> None:
    """After that, even a valid signature is refused."""
    for _ in range(6):
        signed(secret_key="wrong")
    assert "AK access failed to reach the limit" in signed().json()["error_msg"]


def test_a_temporary_key_needs_its_security_token_and_expires(signed: Any, sandbox: Sandbox, error: Any) -> None:
    """Its secret key and its security token are among the known secrets."""
    keys, expired = sandbox.temporary_keys(), sandbox.temporary_keys(lifetime=-1)
    token = keys.pop("security_token")
    assert {token, keys["secret_key"]} <= sandbox.secrets
    assert signed(**keys, **{"x-security-token": token}).status_code == 200
    assert error(signed(**keys)) == (401, "APIG.0301")
    late = expired.pop("security_token")
    assert error(signed(**expired, **{"x-security-token": late})) == (401, "APIG.0301")
