"""`DOOR_OIDC_ISSUER` and `DOOR_OIDC_AUDIENCE`: ID tokens of an OpenID Connect issuer, such as Knative's senders have.

PyJWT checks them. Only the HTTP door's dependencies have it, so it is imported when the first token comes.
"""

from collections.abc import Collection
from typing import Any

from shared.callers.issuer import Issuer
from shared.core.errors import CallerRefused
from shared.core.secret import Secret
from shared.transport.send import Transport

# Signatures that only the issuer can make: no "none", and no HS…, whose key would be a secret of ours.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
LEEWAY = 60.0  # seconds by which the issuer's clock and ours may differ
_LONGEST = 255  # characters of `sub` (OpenID Connect Core 1.0, section 2)


class IdToken:
    """Tells who sends an ID token of this issuer for this audience, for any number of threads."""

    def __init__(self, issuer: Issuer, audience: str, subjects: Collection[str] = ()) -> None:
        self._issuer = issuer
        self._audience = audience
        self._subjects = subjects  # empty: everybody to whom the issuer gives a token for this audience

    def __call__(self, shown: Secret, transport: Transport) -> str:
        """See `shared.callers.Check`: the sender is the e-mail address if the issuer has verified it, or `sub`."""
        claims = self._claims(shown.reveal(), transport)
        subject = claims["sub"]
        if not 0 < len(subject) <= _LONGEST or not subject.isprintable():
            raise CallerRefused("the ID token's sub is not 1 to 255 printable characters")
        email = claims.get("email")
        verified = isinstance(email, str) and email.isprintable() and claims.get("email_verified") is True
        sender = str(email) if verified else subject
        if self._subjects and not {subject, sender} & set(self._subjects):
            raise CallerRefused("the ID token is of nobody in DOOR_OIDC_SUBJECTS")
        return sender

    def _claims(self, token: str, transport: Transport) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - see above

        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise CallerRefused("the token is no ID token") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or not isinstance(key_id, str):
            raise CallerRefused("the ID token is not signed with a named key of an issuer")
        key = self._issuer.key(key_id, transport)
        if key.get("alg", algorithm) != algorithm:
            raise CallerRefused("the ID token is signed in another way than its key is for")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                jwt.PyJWK(key, algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=[self._issuer.url, f"{self._issuer.url}/"],  # the setting is kept without the slash at its end
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as exc:
            raise CallerRefused(f"the ID token is refused: {_reason(exc)}") from None
        return claims


def _reason(exc: Exception) -> str:
    """In our words: PyJWT's may repeat parts of the token."""
    import jwt  # noqa: PLC0415 - see above

    reasons: dict[type[Exception], str] = {
        jwt.ExpiredSignatureError: "it has expired",
        jwt.ImmatureSignatureError: "it is not valid yet; check the clocks",
        jwt.InvalidAudienceError: "it is for another audience than DOOR_OIDC_AUDIENCE",
        jwt.InvalidIssuerError: "it is of another issuer than DOOR_OIDC_ISSUER",
        jwt.InvalidSignatureError: "its signature is wrong",
    }
    if isinstance(exc, jwt.MissingRequiredClaimError):
        return f"it has no {exc.claim}"
    return next((text for kind, text in reasons.items() if isinstance(exc, kind)), type(exc).__name__)
