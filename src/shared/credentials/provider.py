"""The credentials on every request: kept across events and threads, renewed early, and once when refused."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from shared.core.error_codes import BY_CODE, TOKEN_REFUSED, Answer, error_for
from shared.core.errors import ConfigurationError, CredentialsRefused, Unavailable
from shared.credentials.content import AccessKey, Password, Token, parse_credentials
from shared.credentials.iam import Iam
from shared.credentials.signing import MAX_SKEW, sign
from shared.credentials.stores.process import Store
from shared.transport.send import Reply, Transport

if TYPE_CHECKING:
    from shared.core.secret import Secret

RENEW_BEFORE = 120.0  # seconds before the token expires; half its life, if it lives for less than twice that
REFUSED_FOR = 3600.0  # seconds until what IAM refused is tried once more: an account may have been unlocked meanwhile


def _again(error: CredentialsRefused, text: str | None = None) -> CredentialsRefused:
    """The same refusal as a new error, for another event."""
    return CredentialsRefused(text or error.message, error_code=error.error_code, status=error.status)


class CredentialProvider:
    """The process' credentials, for any number of threads.

    `clock` gives Unix seconds; `region` is the name of an access key's project when nothing else names one.
    A token that is refused is renewed once, by one thread. A secret that is refused is read again once; if it is still
    the same, it is not sent again for an hour, because accounts and access keys lock after a few failures.
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
        self._refusal: tuple[CredentialsRefused, float] | None = None
        self._project: tuple[Token | AccessKey, str] | None = None

    def auth(self, transport: Transport, project_id: str | None = None) -> httpx.Auth:
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
        with self._turn(transport):
            # Another thread may have renewed it already.
            renew = refused is not None and refused is self._held
            self._read(transport, fresh=renew or self._refusal is not None or self._to_log_in())
            if renew and refused is self._held:  # the secret is still the same
                if not isinstance(self._credentials, Password):
                    raise self._refused(reason or CredentialsRefused("refused"))
                self._held = None
            if self._refusal is not None:
                if self.clock() - self._refusal[1] < REFUSED_FOR:
                    raise _again(self._refusal[0])
                self._refusal = None
            if self._held is None or self._expires():
                self._held = self._new(transport)
            return self._held

    @contextmanager
    def _turn(self, transport: Transport) -> Iterator[None]:
        """One thread at a time. None waits for another's calls longer than its own event's time."""
        if not self._lock.acquire(timeout=min(max(transport.deadline.left(), 0.0), 3600.0)):
            raise Unavailable("another event is still fetching the credentials, and this one's time ran out")
        try:
            yield
        finally:
            self._lock.release()

    def _read(self, transport: Transport, *, fresh: bool) -> bool:
        """Read the secret; returns whether it has changed."""
        secret = self._store(transport, fresh=fresh)
        if self._secret is not None and secret == self._secret:
            return False
        credentials = parse_credentials(secret)
        self._secret, self._credentials, self._held, self._refusal = secret, credentials, None, None
        return True

    def _expires(self) -> bool:
        return self._renew_at is not None and self.clock() >= self._renew_at

    def _to_log_in(self) -> bool:
        # A password that is kept from the last login may have been changed in those 24 hours.
        return isinstance(self._credentials, Password) and self._held is not None and self._expires()

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
        self._renew_at = None
        if isinstance(held, Password):
            held = self._iam.log_in(held, transport, now)
            lifetime = (held.expires_at or now) - now
            self._renew_at = now + max(lifetime - RENEW_BEFORE, lifetime / 2)
        elif isinstance(held, Token) and held.expires_at is not None:
            if held.expires_at <= now:
                raise CredentialsRefused("the token of SECRET_URI has expired, and the secret still holds the same one")
            self._renew_at = held.expires_at
        if held is None:
            raise AssertionError("the secret has been read")
        return held

    def _refused(self, error: CredentialsRefused) -> CredentialsRefused:
        """The error to raise, now and for the next hour."""
        text = f"{error.message}; the secret still holds the same credentials"
        if not isinstance(self._credentials, Token):  # a token locks nothing, and the gateway may have been wrong
            text += ", which are sent again in an hour, or once the secret changes"
            self._refusal = _again(error, text), self.clock()
        return _again(error, text)

    def _ask_project(self, held: Token | AccessKey, transport: Transport) -> str:
        if isinstance(held, AccessKey):
            return self._iam.project_named(held.project_name or self._region, transport, self.auth(transport))
        found = self._iam.project_of(held, transport)
        if found is None:
            raise ConfigurationError("OS_PROJECT_ID: not set, and the token is not for a project")
        return found


class _Auth(httpx.Auth):
    def __init__(self, provider: CredentialProvider, transport: Transport, project_id: str | None) -> None:
        self._provider = provider
        self._transport = transport
        self._project_id = project_id

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.read()  # its hash is signed
        held = self._provider.current(self._transport)
        self._prove(request, held)
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            reply = Reply(response.status_code, response.headers, response.read())
            if _refuses_credentials(reply):
                reason = self._reason(request, reply, held)
                held = self._provider.current(self._transport, refused=held, reason=reason)
                if request.extensions.get("write"):
                    raise Unavailable(
                        f"{reason.message}; renewed", status=401, error_code=reason.error_code, renewed=True
                    )
                self._prove(request, held)
                yield request

    def _prove(self, request: httpx.Request, held: Token | AccessKey) -> None:
        for name in ("X-Auth-Token", "Authorization", "X-Security-Token"):  # of what has been refused
            request.headers.pop(name, None)
        if isinstance(held, Token):
            request.headers["X-Auth-Token"] = held.value.reveal()
        else:
            sign(request, held, datetime.fromtimestamp(self._provider.clock(), UTC), self._project_id)

    def _reason(self, request: httpx.Request, reply: Reply, held: Token | AccessKey) -> CredentialsRefused:
        route = f"{request.method} {request.url.path}"
        fields = reply.fields()
        code, message = (str(fields.get(name) or "") for name in ("error_code", "error_msg"))
        if isinstance(held, AccessKey):
            ours, theirs = self._provider.clock(), _date(reply)
            if theirs is not None and abs(ours - theirs) > MAX_SKEW:
                return CredentialsRefused(
                    f"{route} answered 401 {code}: the clocks differ by more than 15 minutes, so every"
                    f" signature is refused: this machine's says {_utc(ours)}, {request.url.host}'s says"
                    f" {_utc(theirs)}; set it right",
                    error_code=code or None,
                    status=401,
                )
        error = error_for(route, Answer(401, code or None, message))
        return CredentialsRefused(error.message, error_code=error.error_code, status=401)


def _refuses_credentials(reply: Reply) -> bool:
    """Whether a 401 is about token or key. APIG.1005 (no permission) is not: a new token would not help."""
    code = reply.fields().get("error_code")
    return code in TOKEN_REFUSED or code not in BY_CODE


def _date(reply: Reply) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers["Date"]).timestamp()
    except (LookupError, ValueError):
        return None


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
