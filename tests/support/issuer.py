"""An OpenID Connect issuer on this machine. Its tokens are made by hand, without a JOSE library."""

import base64
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.listener import Answer, Heard, Listener, listening

AUDIENCE = "apig-certificate-detach"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is what it is for
EC = ec.generate_private_key(ec.SECP256R1())
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
WHOLE = padding.PSS.DIGEST_LENGTH


def coded(content: bytes | int | dict[str, Any]) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    if isinstance(content, dict):
        content = json.dumps(content).encode()
    if isinstance(content, int):
        content = content.to_bytes((content.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def public(key: PrivateKey, kid: str, **fields: str) -> dict[str, Any]:
    """The public key as a JWK (RFC 7518, section 6)."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "n": coded(numbers.n), "e": coded(numbers.e), **fields}
    point = key.public_key().public_numbers()
    x, y = (coded(value.to_bytes(32, "big")) for value in (point.x, point.y))
    return {"kty": "EC", "kid": kid, "crv": "P-256", "x": x, "y": y, **fields}


def signature(key: PrivateKey, algorithm: str, content: bytes) -> bytes:
    """By RFC 7518, section 3."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), WHOLE) if algorithm == "PS256" else padding.PKCS1v15()
    return key.sign(content, scheme, hashes.SHA256())


def token(header: dict[str, Any], claims: dict[str, Any], key: PrivateKey) -> str:
    """A signed token (RFC 7515, section 7.1)."""
    content = f"{coded(header)}.{coded(claims)}"
    return f"{content}.{coded(signature(key, header['alg'], content.encode()))}"


@dataclass
class Issuer:
    """Where it listens, which keys it publishes, and what it answers instead while `broken` is set."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public(RSA, "rsa"), public(EC, "ec", alg="ES256")])
    found: dict[str, Any] = field(default_factory=dict)  # replaces fields of the discovery document
    broken: Answer | None = None
    delay: float = 0.0  # seconds
    listener: Listener | None = None

    @property
    def asked(self) -> list[str]:
        """The paths that it was asked for."""
        assert self.listener is not None
        return [heard.target for heard in self.listener.heard]

    def claims(self, **others: Any) -> dict[str, Any]:
        """Those of a good token; None leaves one out."""
        now = int(time.time())
        known = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "system:serviceaccount:web:broker",
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in (known | others).items() if value is not None}

    def bearer(self, **claims: Any) -> str:
        """The `Authorization` header of a good token, with these claims in it."""
        return f"Bearer {token({'alg': 'RS256', 'kid': 'rsa'}, self.claims(**claims), RSA)}"

    def answer(self, heard: Heard) -> Answer:
        time.sleep(self.delay)
        if self.broken is not None:
            return self.broken
        if heard.target == "/.well-known/openid-configuration":
            return 200, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.found})
        return (200, json.dumps({"keys": self.keys})) if heard.target == "/keys" else (404, "{}")


@contextmanager
def issuing(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """An issuer, until the block ends."""
    issuer = Issuer()
    with listening(issuer.answer, tls=tls) as listener:
        issuer.listener = listener
        issuer.url = listener.url if tls is None else f"https://localhost:{listener.port}"
        yield issuer
