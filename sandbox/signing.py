"""Verification of AK/SK signatures (SDK-HMAC-SHA256), written from the vendor's rules, not from any client's code.

iam api-ref calling_apis/authentication.rst: the canonical request is hashed, the hash and the date are signed with the
secret key, and `Authorization: SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…` carries the result.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from starlette.requests import Request

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)  # the AK/SK guide: a request is refused 15 minutes after its X-Sdk-Date

_AUTHORIZATION = re.compile(rf"{ALGORITHM} Access=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{{64}})")


class BadSignatureError(Exception):
    """The signature is wrong; the text says why, without any secret."""


@dataclass(frozen=True)
class SignedRequest:
    """The signed parts of a request: `path` and `query` as sent, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def has_signature(request: Request) -> bool:
    """Whether the request has a signature, valid or not."""
    return request.headers.get("authorization", "").startswith(ALGORITHM)


async def signed(request: Request) -> SignedRequest:
    """The signed parts of this request."""
    return SignedRequest(
        request.method,
        request.scope["raw_path"].decode("ascii"),
        request.scope["query_string"].decode("ascii"),
        {name.lower(): value for name, value in request.headers.items()},
        await request.body(),
    )


def canonical_path(path: str) -> str:
    """The path with each segment decoded and encoded again by RFC 3986; it always ends with a slash."""
    encoded = "/".join(quote(unquote(segment), safe="") for segment in path.split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def canonical_query(query: str) -> str:
    """Sort the pairs by key, then value, and encode both."""
    pairs = (each.partition("=") for each in query.split("&") if each)
    decoded = sorted((unquote(key.replace("+", " ")), unquote(value.replace("+", " "))) for key, _, value in pairs)
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in decoded)


def canonical_request(request: SignedRequest, signed_headers: list[str]) -> str:
    """The six parts, one per line. The part of the headers ends with a line end itself, so a blank line follows it."""
    missing = [name for name in signed_headers if name not in request.headers]
    if missing:
        raise BadSignatureError(f"the signed header {missing[0]} was not sent")
    # With this value of the header, the body is not part of the signature.
    unsigned = request.headers.get("x-sdk-content-sha256") == "UNSIGNED-PAYLOAD"
    return "\n".join(
        [
            request.method.upper(),
            canonical_path(request.path),
            canonical_query(request.query),
            "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed_headers),
            ";".join(signed_headers),
            "UNSIGNED-PAYLOAD" if unsigned else hashlib.sha256(request.body).hexdigest(),
        ]
    )


def signature(request: SignedRequest, signed_headers: list[str], secret_key: str) -> str:
    """The signature, in hex, that a client with this secret key must send."""
    hashed = hashlib.sha256(canonical_request(request, signed_headers).encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{request.headers['x-sdk-date']}\n{hashed}"
    return hmac.new(secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def verify(request: SignedRequest, secret_key_of: Callable[[str], str], now: datetime) -> str:
    """Return the access key that signed, or raise BadSignatureError; `secret_key_of` raises it for an unknown key."""
    parts = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
    if parts is None:
        raise BadSignatureError("the authorization header cannot be read")
    access_key, listed, sent = parts.groups()
    signed_headers = listed.split(";")
    if signed_headers != sorted(set(signed_headers)) or listed != listed.lower():
        raise BadSignatureError("SignedHeaders must be in lower case, sorted, and without duplicates")
    if "x-sdk-date" not in signed_headers:
        raise BadSignatureError("x-sdk-date must be signed")
    try:
        date = datetime.strptime(request.headers.get("x-sdk-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadSignatureError("x-sdk-date is not YYYYMMDDTHHMMSSZ") from None
    if abs(now - date) > MAX_SKEW:
        raise BadSignatureError("x-sdk-date is more than 15 minutes off")
    if not hmac.compare_digest(signature(request, signed_headers, secret_key_of(access_key)), sent):
        raise BadSignatureError("verify aksk signature fail")
    return access_key
