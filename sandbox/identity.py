"""Who may call: one user in one project, and the tokens and access keys of this user, valid or not."""

import base64
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.records import hex_id, now
from sandbox.refusals import Refusal
from sandbox.signing import BadSignatureError, SignedRequest, verify

# common_errors_related_to_iam_authentication_information.rst: more than five failures in a row lock the key for 5 min.
KEY_FAILURES = 5
KEY_LOCK = timedelta(minutes=5)


@dataclass(frozen=True)
class Token:
    """A token; without a project it is a "global" token."""

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    project_id: str | None


@dataclass(frozen=True)
class AccessKey:
    """An AK/SK pair; a temporary one is valid only together with its security token."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Identity:
    """The account with its user and project (random for each sandbox), and all tokens and keys."""

    def __init__(self, project_id: str | None = None) -> None:
        mark = secrets.token_hex(4)
        self.username = f"detach-{mark}"
        self.password = f"Pw!{secrets.token_urlsafe(18)}"
        self.domain_name = f"OTC-EU-DE-{secrets.randbelow(10**20):020d}"
        self.project_name = f"eu-de_sandbox-{mark}"
        self.user_id, self.domain_id, self.project_id = hex_id(), hex_id(), project_id or hex_id()
        self._lock = threading.Lock()
        self._old_passwords: set[str] = set()
        self._tokens: dict[str, Token] = {}
        self._revoked: set[str] = set()
        self._wrong_passwords = 0
        self._key_failures: dict[str, int] = {}
        self._key_locked_until: dict[str, datetime] = {}
        self.key = _new_key()
        self._keys = {self.key.access_key: self.key}

    @property
    def secrets(self) -> frozenset[str]:
        """Every string that must appear nowhere but in requests and secret stores."""
        with self._lock:
            keys = self._keys.values()
            tokens = {key.security_token for key in keys if key.security_token is not None}
            return frozenset(
                {self.password, *self._old_passwords, *self._tokens, *(key.secret_key for key in keys), *tokens}
            )

    # --- passwords ---

    def sign_in(self, domain_name: str, user: str, password: str, lockout_after: int) -> None:
        """Raise Refusal unless the password is right and the account is not locked."""
        with self._lock:
            # identity-access-management appendix/error_codes.rst: IAM.0061, even for the right password.
            if self._wrong_passwords >= lockout_after:
                raise Refusal("IAM.0061")
            known = domain_name in {self.domain_name, self.domain_id} and user in {self.username, self.user_id}
            if not known or not secrets.compare_digest(password.encode(), self.password.encode()):
                self._wrong_passwords += known
                raise Refusal("IAM.0001")
            self._wrong_passwords = 0

    def change_password(self) -> str:
        """Another password, which alone signs in from now on. The tokens stay valid, as at the vendor for a while."""
        with self._lock:
            self._old_passwords.add(self.password)
            self.password = f"Pw!{secrets.token_urlsafe(18)}"
            return self.password

    # --- tokens ---

    def issue(self, lifetime: float, length: int, *, project: bool = True) -> Token:
        """Issue another token; the older ones stay valid."""
        # obtaining_a_user_token_through_password_authentication.rst: a token looks like CMS and begins with "MIID".
        issued = now()
        value = ("MIID" + _noise(length))[: max(length, 16)]
        token = Token(value, issued, issued + timedelta(seconds=lifetime), self.project_id if project else None)
        with self._lock:
            self._tokens[value] = token
        return token

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far. At the vendor, a new password or permission does so within 30 minutes."""
        with self._lock:
            self._revoked.update(self._tokens)

    def token(self, value: str) -> Token:
        """The token of this value, or a Refusal: APIG.1000 missing, 1001 expired, 1002 unknown or revoked."""
        with self._lock:
            token = self._tokens.get(value)
            revoked = value in self._revoked
        if not value:
            raise Refusal("APIG.1000")
        # The code for a revoked token is undocumented. 1002 fits: such a token cannot be resolved any more.
        if token is None or revoked:
            raise Refusal("APIG.1002")
        if token.expires_at <= now():
            raise Refusal("APIG.1001")
        return token

    # --- access keys ---

    def temporary_key(self, lifetime: float = 900.0) -> AccessKey:
        """obtaining_a_temporary_ak_sk.rst: 900 seconds by default."""
        key = _new_key(security_token=_noise(600), expires_at=now() + timedelta(seconds=lifetime))
        with self._lock:
            self._keys[key.access_key] = key
        return key

    def verify_signature(self, request: SignedRequest) -> None:
        """Raise a Refusal (401 APIG.0301) unless a known access key signed this request within 15 minutes."""
        asked: list[str] = []
        try:
            verify(request, lambda access_key: self._secret_key(access_key, asked), now())
            self._require_security_token(self._keys[asked[0]], request)
        except BadSignatureError as exc:
            for access_key in asked:
                self._count_failure(access_key)
            raise Refusal("APIG.0301", f"Incorrect IAM authentication information: {exc}") from None
        with self._lock:
            self._key_failures.pop(asked[0], None)

    def _secret_key(self, access_key: str, asked: list[str]) -> str:
        key = self._keys.get(access_key)
        if key is None:
            raise BadSignatureError(f"Get secretKey failed,ak:{access_key},err:ak not exist")
        if self._key_locked_until.get(access_key, now()) > now():
            raise BadSignatureError("AK access failed to reach the limit,forbidden.")
        asked.append(access_key)
        return key.secret_key

    def _require_security_token(self, key: AccessKey, request: SignedRequest) -> None:
        if key.security_token is None:
            return
        if request.headers.get("x-security-token") != key.security_token:
            raise BadSignatureError("the security token of the temporary key is missing or wrong")
        if key.expires_at is not None and key.expires_at <= now():
            raise BadSignatureError("the temporary key has expired")

    def _count_failure(self, access_key: str) -> None:
        with self._lock:
            failures = self._key_failures[access_key] = self._key_failures.get(access_key, 0) + 1
            if failures > KEY_FAILURES:
                self._key_locked_until[access_key] = now() + KEY_LOCK
                self._key_failures.pop(access_key)

    def reset(self) -> None:
        """Unlock the account and the keys, and revoke all tokens; `secrets` still has them."""
        self.revoke_tokens()
        with self._lock:
            self._wrong_passwords = 0
            self._key_failures.clear()
            self._key_locked_until.clear()


def _new_key(security_token: str | None = None, expires_at: datetime | None = None) -> AccessKey:
    return AccessKey(secrets.token_hex(10).upper(), secrets.token_urlsafe(30), security_token, expires_at)


def _noise(length: int) -> str:
    """Random text with the characters of the vendor's tokens."""
    return base64.b64encode(secrets.token_bytes(length), altchars=b"+-").decode()
