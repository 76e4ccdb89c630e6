"""Requests over HTTPS: one client a process, and for each event its time limit, its retries and its observer."""

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import httpx

from shared.errors import ConfigurationError, DetachError, Unavailable
from shared.tls import distrusted

Service = Literal["apig", "iam", "secret", "sink"]
MAX_REPLY_BYTES = 64 * 1024 * 1024  # 500 rows are some 300 KB; more than this is no API's answer


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock; `left` is in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment that comes in so many seconds."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds until then, below zero once it has passed."""
        return self.at - time.monotonic()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. The headers stay out of its repr: one of them may be a token."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def fields(self) -> dict[str, Any]:
        """The JSON object of the body, or an empty one when it is none: an error may come as a proxy's HTML page."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def retry_after(self) -> float:
        """The seconds of Retry-After; 0 when there is none, or a date, which these APIs do not send."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isascii() and value.isdigit() else 0.0


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
    retried: bool


class _TimeLeft(dict[str, float]):
    """The `timeout` extension of httpx: asked as each wait on the network begins, it gives what is left by then."""

    def __init__(self, timeout: float, deadline: Deadline) -> None:
        super().__init__()
        self._timeout = timeout
        self._deadline = deadline

    def get(self, wait: str, default: object = None) -> float:  # noqa: ARG002
        left = max(self._deadline.left(), 0.001)
        # What it gives for connecting, TCP and TLS get each.
        return min(self._timeout, left / 2 if wait == "connect" else left)


class Pace:
    """How fast the threads of one event send, all together.

    A throttled answer stops and slows them all, each other answer speeds them up a little. `clock` gives seconds.
    """

    _FIRST, _MOST, _LEAST = 0.05, 2.0, 0.01  # seconds from one request to the next

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._interval = 0.0
        self._round = 0
        self._next = self._until = self._slowed = float("-inf")

    def turn(self) -> tuple[float, int]:
        """Take the next turn: the seconds until it comes, and the round that it is of."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
            return turn - now, self._round

    def holds(self, taken: int) -> bool:
        """Whether turns of this round are good still; a throttled answer voids them, and another has to be taken."""
        return taken == self._round

    def throttled(self, sent: float, wait: float) -> None:
        """A request that was sent at `sent` was refused as one too many: nobody sends for `wait` seconds."""
        with self._lock:
            now = self._clock()
            if sent >= self._slowed:  # those that were under way together tell one thing, not several
                self._interval = min(max(2 * self._interval, self._FIRST), self._MOST)
                self._slowed = now
            self._until = self._next = max(self._until, now + max(wait, self._interval))
            self._round += 1

    def answered(self) -> None:
        """A request was answered, with whatever it was."""
        with self._lock:
            self._interval = 0.9 * self._interval if self._interval > self._LEAST else 0.0


@dataclass(frozen=True, slots=True)
class Transport:
    """How one event's requests are sent. `timeout` is in seconds and holds for each wait on the network."""

    client: httpx.Client
    timeout: float
    attempts: int
    deadline: Deadline
    observe: Callable[[Call], None]
    sleep: Callable[[float], None] = field(default=time.sleep)
    jitter: Callable[[], float] = field(default=random.random)
    pace: Pace = field(default_factory=Pace)

    def send(  # noqa: PLR0913 - a request has that many parts
        self,
        service: Service,
        method: str,
        url: str,
        *,
        route: str,
        expected: Collection[int],
        classify: Callable[[Reply], DetachError],
        auth: httpx.Auth | None = None,
        params: Mapping[str, str | int] | None = None,
        content: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat_ambiguous: bool = True,
    ) -> Reply:
        """Send until it is answered with an expected status.

        Repeats what is retryable, at most `attempts` times and never past the deadline. With `repeat_ambiguous` False,
        what may have been carried out is raised at once. Raises what `classify` makes of an unexpected answer.
        """
        for attempt in range(1, self.attempts + 1):
            self._wait_for_turn(route)
            started = time.monotonic()
            reply: Reply | None = None
            error: DetachError | None = None
            try:
                request = self.client.build_request(
                    method, url, params=params, json=content, headers=headers, extensions={"timeout": self._timeout()}
                )
                reply = self._read(self.client.send(request, auth=auth, stream=True))
                if 300 <= reply.status < 400:
                    error = _redirected(reply, route, request.url)
                elif reply.status not in expected:
                    error = classify(reply)
            except httpx.RequestError as exc:
                error = _unanswered(exc, route)
            wait = None
            if error is not None and (repeat_ambiguous or not error.ambiguous):
                wait = self._backoff(attempt, error)
            if error is not None and error.throttled:
                self.pace.throttled(started, max(error.retry_after, wait or 0.0))
            else:
                self.pace.answered()
            status = None if reply is None else reply.status
            spent = (time.monotonic() - started) * 1000
            self.observe(Call(service, method, route, attempt, spent, status, error, retried=wait is not None))
            if error is not None and wait is None:
                raise error
            if reply is not None and error is None:
                return reply
            self.sleep(wait or 0.0)
        raise AssertionError("the last attempt returns or raises")

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before a caller's own repetition number `attempt`; raises `error` when it may not be repeated."""
        wait = self._backoff(attempt, error)
        if wait is None:
            raise error
        self.sleep(wait)

    def _wait_for_turn(self, route: str) -> None:
        while True:
            wait, taken = self.pace.turn()
            if wait > 0:
                if wait >= self.deadline.left():
                    raise Unavailable(f"{route}: throttled for longer than the platform's time", out_of_time=True)
                self.sleep(wait)
            if self.pace.holds(taken):
                return

    def _timeout(self) -> "_TimeLeft":
        left = self.deadline.left()
        if left <= 0:
            raise Unavailable("the time that the platform gives ran out before the next request", out_of_time=True)
        return _TimeLeft(self.timeout, self.deadline)

    def _backoff(self, attempt: int, error: DetachError) -> float | None:
        """Seconds to wait before the next attempt: full jitter, at least Retry-After; None when there is none."""
        if not error.retryable or attempt >= self.attempts:
            return None
        wait = max(error.retry_after, self.jitter() * min(20.0, 0.25 * 2**attempt))
        error.out_of_time = wait >= self.deadline.left()
        return None if error.out_of_time else wait

    def _read(self, response: httpx.Response) -> Reply:
        """Read the body, of a bounded size and within the deadline, so that a slow drip holds nobody."""
        if response.is_stream_consumed:  # the auth flow had to see it
            return Reply(response.status_code, response.headers, response.content)
        body = bytearray()
        with contextlib.closing(response):
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_REPLY_BYTES or self.deadline.left() <= 0:
                    raise httpx.ReadError("the answer is too large or too slow")
        return Reply(response.status_code, response.headers, bytes(body))


def _redirected(reply: Reply, route: str, url: httpx.URL) -> ConfigurationError:
    """No API that is called here redirects: something else answers at the address. Only the host is told."""
    try:
        target = url.join(reply.headers.get("Location", ""))
        where = f"{target.scheme}://{target.netloc.decode('ascii')}"
    except (httpx.InvalidURL, ValueError):
        where = "an address that is none"
    return ConfigurationError(
        f"{route} answered {reply.status}, a redirect to {where}: not followed, credentials go nowhere but to"
        f" {url.host}; check the endpoint",
        status=reply.status,
    )


def _unanswered(exc: httpx.RequestError, route: str) -> DetachError:
    distrust = distrusted(exc)
    if distrust is not None:
        return ConfigurationError(f"{route}: {distrust}")
    # Only before the connection stands is it sure that the request was not carried out.
    unsent = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    # h11 repeats an illegal header, the token included; the rest says what the operating system or OpenSSL says.
    reason = "" if isinstance(exc, httpx.ProtocolError) or not str(exc) else f": {exc}"
    return Unavailable(f"{route}: no answer ({type(exc).__name__}{reason})", ambiguous=not unsent)
