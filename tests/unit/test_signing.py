"""AK/SK signing: the two vectors, what is signed, and what a signature must not depend on."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from shared.core.secret import Secret
from shared.credentials.content import AccessKey
from shared.credentials.signing import canonical_request, sign

MOMENT = datetime(2024, 4, 16, 9, 53, 41, tzinfo=UTC)
PROJECT = "73d69ae0cfcf460190522d06b60f05ad"
KEY = AccessKey("AKEXAMPLE", Secret("SKEXAMPLE"))
BASE = f"https://apig.eu-de.otc.t-systems.com/v2/{PROJECT}/apigw/certificates"


def detach_request() -> httpx.Request:
    body = '{"domains":[{"domain":"apigtest.example.com","instance_ids":["f0fa1789-3b76-433b-a787-9892951c620e"]}]}'
    return httpx.Request(
        "POST",
        f"{BASE}/a27be832f2e9441c8127fe48e3b5ac67/domains/detach",
        content=body,
        headers={"Content-Type": "application/json"},
    )


def test_a_detach_is_signed_as_the_vendors_client_does():
    """The detach of the vendor's example, byte for byte what huaweicloudsdkcore 3.1.219 makes of it."""
    request = detach_request()
    sign(request, KEY, MOMENT, PROJECT)
    assert request.headers["X-Sdk-Date"] == "20240416T095341Z"
    assert request.headers["X-Project-Id"] == PROJECT
    assert request.headers["Authorization"] == (
        "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=content-type;host;x-project-id;x-sdk-date,"
        " Signature=3d4da645cf3e2e3ae4a2fc7bc961dffc10a57b2bfe67418e63eef063dec0b125"
    )


def test_a_listing_is_signed_as_the_vendors_client_does():
    """A GET with a query and no body; only the host and the date are signed."""
    query = {"offset": "0", "instance_id": "f0fa1789-3b76-433b-a787-9892951c620e", "limit": "500"}
    request = httpx.Request("GET", BASE, params=query)
    sign(request, KEY, MOMENT)
    assert request.headers["Authorization"] == (
        "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=host;x-sdk-date,"
        " Signature=2edad6fed783cfd62a0ad7ae0808c4070ae9a496cacefffb65b6c7c1baba78a4"
    )


def test_a_temporary_key_signs_its_security_token():
    """The token is sent, and is among the signed headers."""
    request = httpx.Request("GET", BASE)
    sign(request, AccessKey("AKEXAMPLE", Secret("SKEXAMPLE"), Secret("a-security-token")), MOMENT, PROJECT)
    assert request.headers["X-Security-Token"] == "a-security-token"
    signed = request.headers["Authorization"].split(", ")[1]
    assert signed == "SignedHeaders=host;x-project-id;x-sdk-date;x-security-token"


def test_signing_again_leaves_nothing_of_the_first():
    """The second signature of a request is that of a new request."""
    first, again = detach_request(), detach_request()
    sign(again, AccessKey("OTHER", Secret("OTHERSECRET")), datetime(2020, 1, 1, tzinfo=UTC), PROJECT)
    sign(first, KEY, MOMENT, PROJECT)
    sign(again, KEY, MOMENT, PROJECT)
    assert again.headers["Authorization"] == first.headers["Authorization"]


@pytest.mark.parametrize("name", ["User-Agent", "Accept-Encoding", "Connection", "Via", "X-Forwarded-For"])
def test_what_a_proxy_may_change_is_not_signed(name: str):
    """Headers that a proxy adds or changes on the way do not break the signature."""
    changed = detach_request()
    changed.headers[name] = "something else"
    plain = detach_request()
    sign(changed, KEY, MOMENT, PROJECT)
    sign(plain, KEY, MOMENT, PROJECT)
    assert changed.headers["Authorization"] == plain.headers["Authorization"]


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("/v2/a", "/v2/a/"),
        ("/v2/a/", "/v2/a/"),
        ("/v2/%7Ea%20b", "/v2/~a%20b/"),
        ("/v2/a+b", "/v2/a%2Bb/"),
        ("/b%C3%BCcher", "/b%C3%BCcher/"),
    ],
)
def test_the_canonical_path_is_encoded_by_rfc_3986(path: str, canonical: str):
    """Segment by segment, with a slash at the end."""
    assert canonical_request("get", path, "", {}, b"").split("\n")[:2] == ["GET", canonical]


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=10&a=1", "a=1&a=10&a=2"),
        ("a", "a="),
        ("a=x%20y", "a=x%20y"),
        ("a=x+y", "a=x%20y"),
        ("a=%2F%7E%2a", "a=%2F~%2A"),
    ],
)
def test_the_canonical_query_is_sorted_and_encoded(query: str, canonical: str):
    """By name, then by value; encoded by RFC 3986."""
    assert canonical_request("GET", "/", query, {}, b"").split("\n")[2] == canonical


def test_the_canonical_request_ends_with_headers_and_hash():
    """Names in order, values without space around them, a blank line, the names, and the hash of the body."""
    text = canonical_request("GET", "/", "", {"x-sdk-date": " 2024 ", "host": "example.com"}, b"")
    assert text.split("\n")[3:] == [
        "host:example.com",
        "x-sdk-date:2024",
        "",
        "host;x-sdk-date",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]


def test_the_secret_key_is_not_sent():
    """Neither whole nor in part."""
    request = detach_request()
    sign(request, AccessKey("AKEXAMPLE", Secret("a-very-secret-key")), MOMENT, PROJECT)
    assert "very-sec" not in json.dumps(dict(request.headers))
    assert "very-sec" not in str(request.url)
