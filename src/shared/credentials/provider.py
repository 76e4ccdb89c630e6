"""The credentials on every request: kept across events and threads, renewed early, and when they are refused."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx

from shared.core.dates import http_date
from shared.core.delivery import Deadline
from shared.core.error_codes import BY_CODE, TOKEN_REFUSED, Answer, error_for
from shared.core.errors import ConfigurationError, CredentialsRefused, DetachError, Unavailable
from shared.credentials.content import AccessKey, Password, Token, parse_credentials
from shared.credentials.iam import LOCKED, Iam
from shared.credentials.refusals import SOON, Refusals
from shared.credentials.signing import MAX_SKEW, sign
from shared.credentials.stores.process import Store
from shared.transport.send import Auth, Reply, Transport

if TYPE_CHECKING:
    from shared.core.secret import Secret

RENEW_BEFORE = 120.0  # seconds before the token expires; half its life, if it lives for less than twice that
BRIEFLY = 5.0  # seconds that an event waits for a store or for IAM while its token is good
TRY_AGAIN = 30.0  # seconds after a renewal that did not succeed, while the token is good
RENEWALS = 2  # in a row for one call: a token may be revoked again before it is used


class CredentialProvider:
    """The process' credentials, for any number of threads.

    `clock` gives Unix seconds; `region` is the name of an access key's project when nothing else names one.
    A token that is refused is renewed once, by one thread. A secret that is refused is read again once; if it is still
    the same, it is not sent again for five minutes, and then for an hour each time, because accounts and access keys
    lock after a few failures. A token that is good waits for nobody: it is used while another thread renews it, and
    while IAM or the store does not answer.
    """

    def __init__(
        self, store: Store, auth_url: str, region: str = "eu-de", clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self._store = store
        self._iam = Iam(auth_url)
        self._region = region
        self._lock = threading.Lock()
        self._secret: Secret | None = None
        self._credentials: Token | Password | AccessKey | None = None  # what the secret holds
        self._held: Token | AccessKey | None = None  # what goes with the requests
        self._renew_at: float | None = None
        self._doubted = False  # what the store gave was refused: it is to be asked anew
        self._refusals = Refusals[CredentialsRefused](clock)
        self._project: tuple[Token | AccessKey, str] | None = None

    def auth(self, transport: Transport, project_id: str | None = None) -> Auth:
        """Puts the credentials on one event's requests; `transport` bounds the calls that this takes.

        `project_id` is the project whose resources are asked for: it is signed; a token has its own project.
        """
        return _Auth(self, transport, project_id)

    def project_id(self, transport: Transport) -> str:
        """The project's id: the secret's own, the token's, or for an access key the one of the region's name.

        Raises ConfigurationError when there is none, and whatever `current` raises.
        """
        held = self.current(transport)
        if held.project_id is not None:
            return held.project_id
        known = self._project
        if known is None or known[0] is not held:
            known = self._project = held, self._ask_project(held, transport)
        return known[1]

    def current(
        self, transport: Transport, refused: Token | AccessKey | None = None, reason: CredentialsRefused | None = None
    ) -> Token | AccessKey:
        """The credentials to send now; others than `refused`, which were refused for that `reason`.

        Raises CredentialsRefused when there are none, ConfigurationError for an unreadable secret, Unavailable.
        """
        if not self._lock.acquire(blocking=False):
            held = self._held
            if held is not None and held is not refused and self._is_good(held):
                return held  # somebody else is looking whether there are newer ones
            # None waits for another's calls longer than its own event's time.
            if not self._lock.acquire(timeout=min(max(transport.deadline.left(), 0.0), 3600.0)):
                raise Unavailable(
                    "another event is still fetching the credentials, and this one's time ran out", out_of_time=True
                )
        try:
            if refused is not None and refused is self._held:  # else another thread has renewed it already
                self._held, self._doubted = None, True
                return self._other_than(refused, reason, transport)
            if self._held is not None and self._is_good(self._held):
                return self._newest(self._held, transport)
            return self._another(transport)
        finally:
            self._lock.release()

    def _other_than(
        self, refused: Token | AccessKey, reason: CredentialsRefused | None, transport: Transport
    ) -> Token | AccessKey:
        """A new token, or what the store gives instead of what was refused."""
        changed = self._read(transport, fresh=True)
        if not changed and not isinstance(self._credentials, Password):
            if isinstance(refused, Token):
                self._held = refused  # the next event sends it again: a token locks nothing
            raise self._refused(reason or CredentialsRefused("refused"))
        self._held = self._new(transport)
        return self._held

    def _another(self, transport: Transport) -> Token | AccessKey:
        """A token or key, when none is held that is good. What has been refused is not sent again so soon."""
        # A password that is kept from the last login may have been changed in those 24 hours.
        again = isinstance(self._credentials, Password) and self._held is not None
        self._read(transport, fresh=self._doubted or again or self._refusals.standing() is not None)
        if (standing := self._refusals.standing()) is not None:
            raise _again(standing)
        self._held = self._new(transport)
        return self._held

    def _newest(self, held: Token | AccessKey, transport: Transport) -> Token | AccessKey:
        """What is held and good, unless the secret has changed, or it is time to log in again.

        To read the secret and to log in early is worth a short wait, and no failure.
        """
        due = self._renew_at is not None and self.clock() >= self._renew_at
        brief = _briefly(transport)
        try:
            if self._read(brief, fresh=due):
                self._held = self._new(transport)
            elif due and self._refusals.standing() is None:
                self._held = self._new(brief)
        except (CredentialsRefused, Unavailable):
            if self._held is not held:  # the secret is another one, and so it is no longer ours to use
                raise
            self._renew_at = self.clock() + TRY_AGAIN
        return self._held or held

    def _is_good(self, held: Token | AccessKey) -> bool:
        """Whether it has not ended; only the server knows the rest."""
        return isinstance(held, AccessKey) or held.expires_at is None or self.clock() < held.expires_at

    def _read(self, transport: Transport, *, fresh: bool) -> bool:
        """Read the secret; returns whether it has changed."""
        secret = self._store(transport, fresh=fresh)
        self._doubted = self._doubted and not fresh
        if self._secret is not None and secret == self._secret:
            return False
        credentials = parse_credentials(secret)
        self._secret, self._credentials, self._held = secret, credentials, None
        self._refusals.clear()
        return True

    def _new(self, transport: Transport) -> Token | AccessKey:
        try:
            return self._from_secret(transport)
        except CredentialsRefused as exc:
            if not self._read(transport, fresh=True):
                raise self._refused(exc) from None
        try:
            return self._from_secret(transport)
        except CredentialsRefused as exc:
            raise self._refused(exc) from None

    def _from_secret(self, transport: Transport) -> Token | AccessKey:
        held, now = self._credentials, self.clock()
        renew_at = None
        if isinstance(held, Password):
            held = self._iam.log_in(held, transport, now)
            lifetime = (held.expires_at or now) - now
            renew_at = now + max(lifetime - RENEW_BEFORE, lifetime / 2)
            self._refusals.clear()
        elif isinstance(held, Token) and held.expires_at is not None and held.expires_at <= now:
            raise CredentialsRefused("the token of SECRET_URI has expired, and the secret still holds the same one")
        if held is None:
            raise AssertionError("the secret has been read")
        self._renew_at = renew_at
        return held

    def _refused(self, error: CredentialsRefused) -> CredentialsRefused:
        """The error to raise, now and as long as the refusal stands."""
        text = f"{error.message}; the secret still holds the same credentials"
        if isinstance(self._credentials, Token):  # it locks nothing, and the gateway may have been wrong
            return _again(error, text)
        locked = error.error_code == LOCKED
        wait = "5 minutes" if self._refusals.wait(locked=locked) == SOON else "an hour"
        refused = _again(error, f"{text}, which are sent again in {wait}, or once the secret changes")
        self._refusals.note(refused, locked=locked)
        return _again(refused)

    def _ask_project(self, held: Token | AccessKey, transport: Transport) -> str:
        if isinstance(held, AccessKey):
            return self._iam.project_named(held.project_name or self._region, transport, self.auth(transport))
        found = self._iam.project_of(held, transport)
        if found is None:
            raise ConfigurationError("OS_PROJECT_ID: not set, and the token is not for a project")
        return found


def _again(error: CredentialsRefused, text: str | None = None) -> CredentialsRefused:
    """The same refusal as a new error, for another event."""
    return CredentialsRefused(text or error.message, error_code=error.error_code, status=error.status)


def _briefly(transport: Transport) -> Transport:
    """One attempt and a few seconds, of a quarter of the event's time at most: for what can be done later."""
    seconds = min(BRIEFLY, transport.deadline.left() / 4)
    return replace(transport, attempts=1, deadline=Deadline.after(seconds))


class _Auth:
    """One event's credentials; see `shared.transport.send.Auth`."""

    def __init__(self, provider: CredentialProvider, transport: Transport, project_id: str | None) -> None:
        self._provider = provider
        self._transport = transport
        self._project_id = project_id
        self._renewals: dict[str, int] = {}  # by call: how often in a row it was refused

    def prove(self, request: httpx.Request, subject: str) -> Callable[[Reply], DetachError | None]:
        """Put the credentials on the request; gives what looks at its answer."""
        held = self._provider.current(self._transport)
        if isinstance(held, Token):
            request.headers["X-Auth-Token"] = held.value.reveal()
        else:
            sign(request, held, datetime.fromtimestamp(self._provider.clock(), UTC), self._project_id)
        return lambda reply: self._judge(reply, request, subject, held)

    def _judge(self, reply: Reply, request: httpx.Request, subject: str, held: Token | AccessKey) -> DetachError | None:
        call = f"{request.method} {request.url}"
        if reply.status != httpx.codes.UNAUTHORIZED or not _refuses_credentials(reply):
            self._renewals.pop(call, None)
            return None
        reason = self._reason(reply, request, subject, held)
        renewals = self._renewals.pop(call, 0)
        if renewals == RENEWALS:
            raise reason
        self._provider.current(self._transport, refused=held, reason=reason)
        self._renewals[call] = renewals + 1
        return Unavailable(
            f"{reason.message}; new ones are there", error_code=reason.error_code, status=reason.status, renewed=True
        )

    def _reason(
        self, reply: Reply, request: httpx.Request, subject: str, held: Token | AccessKey
    ) -> CredentialsRefused:
        fields = reply.fields()
        code, message = (str(fields.get(name) or "") for name in ("error_code", "error_msg"))
        error = error_for(subject, Answer(401, code or None, message))
        text = error.message
        if isinstance(held, AccessKey):
            ours, theirs = self._provider.clock(), http_date(reply.headers.get("Date", ""))
            if theirs is not None and abs(ours - theirs.timestamp()) > MAX_SKEW:
                told = f" {error.error_code}" if error.error_code else ""
                text = (
                    f"{subject} answered 401{told}: the clocks differ by more than 15 minutes, so every signature is"
                    f" refused: this machine's says {_utc(ours)}, {request.url.host}'s says"
                    f" {_utc(theirs.timestamp())}; set it right"
                )
        return CredentialsRefused(text, error_code=error.error_code, status=401)


def _refuses_credentials(reply: Reply) -> bool:
    """Whether a 401 is about token or key. APIG.1005 (no permission) is not: a new token would not help."""
    code = str(reply.fields().get("error_code"))
    return code in TOKEN_REFUSED or code not in BY_CODE


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
