"""Requests over HTTPS: one client a process, and for each event its time limit, its retries and its observer."""

import json
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import httpx

from shared.core.dates import http_date
from shared.core.delivery import Deadline
from shared.core.errors import DetachError, Unavailable
from shared.transport.connection import UNANSWERED, Connections, StaleError, UnreadableError
from shared.transport.failures import redirected, unanswered, unreadable
from shared.transport.pace import Pace

Service = Literal["apig", "iam", "secret", "sink"]
LONGEST_WAIT = 3600.0  # seconds of a Retry-After
_AT_ONCE = 2  # attempts beyond those of HTTP_ATTEMPTS, for errors after which nothing is waited for
# Nothing is encoded on the way: what an encoding would become in memory is not told by its size.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "apig-certificate-detach"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. The headers stay out of its repr: one of them may be a token."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def fields(self) -> dict[str, Any]:
        """The JSON object of the body. It is empty for anything else: an error may come as a proxy's HTML page.

        So it is when a key comes twice: nobody knows which of the two values is meant.
        """
        try:
            content = json.loads(self.body, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def retry_after(self) -> float:
        """The seconds of Retry-After, an hour at most; 0 when there is none.

        A date (RFC 9110, section 10.2.3) is compared with the answer's own, or else with this machine's clock.
        """
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value), LONGEST_WAIT)
        until = http_date(value)
        if until is None:
            return 0.0
        now = http_date(self.headers.get("Date", "")) or datetime.now(UTC)
        return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and what counts as its answer.

    `route` is how logs and metrics name it: never the URL, which holds ids. `subject` is how messages name it, with
    its ids; without one they take the route. `expected` are the statuses that mean success; `classify` makes an error
    of any other answer. `repeat` is False for a write; `attempt` is then the number of the sender's own attempt, from
    1 on. After `fresh_until`, in seconds of the monotonic clock, it must not be sent any more: what it rests on may
    have changed. `at_once`: it goes before what waits for its turn, because the read that it belongs to has waited.
    """

    service: Service
    method: str
    url: str = field(repr=False)
    route: str
    expected: Collection[int]
    classify: Callable[[Reply], DetachError]
    params: Mapping[str, str | int] | None = None
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    repeat: bool = True
    attempt: int = 1
    fresh_until: float | None = None
    at_once: bool = False
    subject: str = ""

    @property
    def named(self) -> str:
        """How messages name it."""
        return self.subject or self.route

    def built(self) -> httpx.Request:
        """The request as HTTP has it, without credentials."""
        headers = {**_HEADERS, **(self.headers or {})}
        return httpx.Request(self.method, self.url, params=self.params, json=self.content, headers=headers)


class Auth(Protocol):
    """The credentials of one event's requests."""

    def prove(self, request: httpx.Request, subject: str) -> Callable[[Reply], DetachError | None]:
        """Put the credentials on a request; gives what looks at its answer.

        That gives None unless the answer refuses the credentials. If it does, they are renewed, and it gives an error
        with the fact `renewed`; it raises CredentialsRefused when that has been tried often enough. `subject` names
        the call in messages.
        """


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, as it is logged and counted: never a header, never a body. `duration_ms` is in milliseconds."""

    service: Service
    method: str
    route: str
    attempt: int
    duration_ms: float
    status: int | None
    error: DetachError | None


@dataclass(frozen=True, slots=True)
class Transport:
    """How one event's requests are sent.

    `timeout` is in seconds, and holds for one attempt as a whole: connecting, TLS, sending, and the last byte of the
    answer.
    """

    client: Connections
    timeout: float
    attempts: int
    deadline: Deadline
    observe: Callable[[Call], None]
    sleep: Callable[[float], None] = field(default=time.sleep)
    jitter: Callable[[], float] = field(default=random.random)
    pace: Pace = field(default_factory=Pace)

    def send(self, request: Request, auth: Auth | None = None) -> Reply:
        """Send until it is answered with an expected status.

        A read is repeated when that may help, at most `attempts` times and never past the deadline; not counted are
        the two times at most that its credentials are refused and renewed. A write is sent once: whoever sends it
        decides what has to be read before it is repeated (`pause`). Raises what `classify` makes of an unexpected
        answer, and Unavailable with the fact `stale` for a write that was not sent before its `fresh_until`.
        """
        attempt = request.attempt
        while True:
            self._wait_for_turn(request)
            answer = self._exchange(request, attempt, auth)
            if isinstance(answer, Reply):
                return answer
            if not request.repeat or answer.too_large:  # it would be as large again
                raise answer
            if not answer.renewed:
                self.pause(attempt, answer)
                attempt += 1

    def _exchange(self, request: Request, attempt: int, auth: Auth | None) -> Reply | DetachError:
        """One attempt, paced and observed: the reply, or the error that it stands for.

        Raises what failed before the request was sent, or while refused credentials were renewed.
        """
        built = request.built()
        with _not_carried_out():
            judge = None if auth is None else auth.prove(built, request.named)
        until, started = self._until(request), time.monotonic()
        answer, reply = self._ask(request, built, until)
        error = answer if isinstance(answer, DetachError) else None
        if error is not None and error.throttled:
            error.retry_after = self._wait(attempt, error)
            self.pace.throttled(started, error.retry_after)
        else:
            self.pace.answered()
        spent, status = (time.monotonic() - started) * 1000, None if reply is None else reply.status
        self.observe(Call(request.service, request.method, request.route, attempt, spent, status, error))
        if judge is None or reply is None:
            return answer
        try:
            with _not_carried_out():
                return judge(reply) or answer
        except DetachError as exc:
            exc.unrenewed = True
            raise

    def _ask(self, request: Request, built: httpx.Request, until: float) -> tuple[Reply | DetachError, Reply | None]:
        """Send it once: the reply or the error that it stands for, and the reply, if there was one to be read."""
        try:
            reply = Reply(*self.client.ask(built, until, request.fresh_until))
        except StaleError:
            raise _stale(request) from None
        except UNANSWERED as exc:
            return unanswered(exc, request.named, request.service, built.url), None
        except UnreadableError as exc:
            return unreadable(exc, request.named, built.url), None
        if 300 <= reply.status < 400:
            location = reply.headers.get("Location", "")
            return redirected(reply.status, location, request.named, request.service, built.url), reply
        if reply.status not in request.expected:
            return request.classify(reply), reply
        return reply, reply

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before what failed in attempt number `attempt` is repeated; raises `error` when it must not be.

        After an error that is `renewed` or `stale` there is nothing to wait for, and two attempts more are allowed.
        """
        at_once = error.renewed or error.stale
        if not error.repeatable or attempt >= self.attempts + (_AT_ONCE if at_once else 0):
            raise error
        if at_once:
            return
        wait = self._wait(attempt, error)
        if wait >= self.deadline.left():
            error.out_of_time = True
            raise error
        self.sleep(wait)

    def _wait(self, attempt: int, error: DetachError) -> float:
        """Seconds to wait before the next attempt: full jitter, at least Retry-After."""
        return max(error.retry_after, self.jitter() * min(20.0, 0.25 * 2.0**attempt))

    def _wait_for_turn(self, request: Request) -> None:
        """Wait until the pace allows it. Raises Unavailable if it would be too late then."""
        while True:
            fresh = float("inf") if request.fresh_until is None else request.fresh_until - time.monotonic()
            turn = self.pace.turn(at_once=request.at_once, within=max(fresh, 0.0))
            if turn is None:
                raise _stale(request)
            wait, taken = turn
            if wait > 0:
                if wait >= self.deadline.left():
                    raise Unavailable(
                        f"{request.named}: throttled for longer than the platform's time", out_of_time=True
                    )
                self.sleep(wait)
            if self.pace.holds(taken):
                return

    def _until(self, request: Request) -> float:
        """The moment at which this attempt ends; raises Unavailable when there is nothing left to begin it."""
        now = time.monotonic()
        if self.deadline.at <= now:
            raise Unavailable("the time that the platform gives ran out before the next request", out_of_time=True)
        if request.fresh_until is not None and request.fresh_until < now:  # before a connection is made in vain
            raise _stale(request)
        return min(now + self.timeout, self.deadline.at)


def _stale(request: Request) -> Unavailable:
    return Unavailable(f"{request.named}: not sent, because what it rests on was read too long ago", stale=True)


@contextmanager
def _not_carried_out() -> Iterator[None]:
    """What fails here leaves no doubt: the request has not been sent, or was refused for its credentials."""
    try:
        yield
    except DetachError as exc:
        exc.ambiguous = False
        raise
