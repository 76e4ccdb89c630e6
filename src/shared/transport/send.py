"""Requests over HTTPS: one client a process, and for each event its time limit, its retries and its observer."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.transport.pace import Pace
from shared.transport.tls import distrusted

Service = Literal["apig", "iam", "secret", "sink"]
MAX_REPLY_BYTES = 64 * 1024 * 1024  # 500 rows are some 300 KB; more than this is no API's answer


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. The headers stay out of its repr: one of them may be a token."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    def fields(self) -> dict[str, Any]:
        """The JSON object of the body. It is empty for anything else: an error may come as a proxy's HTML page."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def retry_after(self) -> float:
        """The seconds of Retry-After; 0 when there is none. A date is not understood: these APIs do not send one."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isascii() and value.isdigit() else 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and what counts as its answer.

    `route` is how logs and errors name it: never the URL, which holds ids. `expected` are the statuses that mean
    success; `classify` makes an error of any other answer. `repeat` is False for a write; `attempt` is then the number
    of the sender's own attempt, from 1 on. `subject` is the route with its ids, for messages. `fresh_until` is a moment
    of the monotonic clock after which a write is not sent any more: its error is then `stale`.
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
    subject: str = ""
    fresh_until: float | None = None


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


class _TimeLeft(dict[str, float]):
    """The `timeout` extension of httpx, which reads it as each wait on the network begins: the time left then."""

    def __init__(self, timeout: float, deadline: Deadline) -> None:
        super().__init__()
        self._timeout = timeout
        self._deadline = deadline

    def get(self, wait: str, default: object = None) -> float:  # noqa: ARG002
        left = max(self._deadline.left(), 0.001)
        # TCP and TLS each get what it gives for connecting.
        return min(self._timeout, left / 2 if wait == "connect" else left)


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

    def send(self, request: Request, auth: httpx.Auth | None = None) -> Reply:
        """Send until it is answered with an expected status.

        A read is repeated when that may help, at most `attempts` times and never past the deadline. A write is sent
        once: whoever sends it decides what has to be read before it is repeated (`pause`). Raises what `classify` makes
        of an unexpected answer.
        """
        attempt = request.attempt
        while True:
            self._wait_for_turn(request.route)
            if request.fresh_until is not None and time.monotonic() > request.fresh_until:
                raise Unavailable(f"{request.subject or request.route}: waited too long", stale=True)
            answer = self._exchange(request, attempt, auth)
            if isinstance(answer, Reply):
                return answer
            if not request.repeat:
                raise answer
            self.pause(attempt, answer)
            attempt += 1

    def _exchange(self, request: Request, attempt: int, auth: httpx.Auth | None) -> Reply | DetachError:
        """One attempt, paced and observed: the reply, or the error that it stands for."""
        started = time.monotonic()
        answer, status = self._ask(request, auth)
        error = answer if isinstance(answer, DetachError) else None
        if error is not None and error.throttled:
            error.retry_after = self._wait(attempt, error)
            self.pace.throttled(started, error.retry_after)
        else:
            self.pace.answered()
        spent = (time.monotonic() - started) * 1000
        self.observe(Call(request.service, request.method, request.route, attempt, spent, status, error))
        return answer

    def _ask(self, request: Request, auth: httpx.Auth | None) -> tuple[Reply | DetachError, int | None]:
        """Send it once: what came back, and the HTTP status, if there was one."""
        try:
            built = self.client.build_request(
                request.method,
                request.url,
                params=request.params,
                json=request.content,
                headers=request.headers,
                extensions={"timeout": self._timeout(), "write": not request.repeat},
            )
            reply = self._read(self.client.send(built, auth=auth, stream=True))
        except httpx.RequestError as exc:
            return _unanswered(exc, request.route), None
        if 300 <= reply.status < 400:
            return _redirected(reply, request.route, built.url), reply.status
        if reply.status not in request.expected:
            return request.classify(reply), reply.status
        return reply, reply.status

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before what failed in attempt number `attempt` is repeated; raises `error` when it must not be."""
        if not error.repeatable or attempt >= self.attempts:
            raise error
        wait = self._wait(attempt, error)
        if wait >= self.deadline.left():
            error.out_of_time = True
            raise error
        self.sleep(wait)

    def _wait(self, attempt: int, error: DetachError) -> float:
        """Seconds to wait before the next attempt: full jitter, at least Retry-After."""
        return max(error.retry_after, self.jitter() * min(20.0, 0.25 * 2.0**attempt))

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

    def _read(self, response: httpx.Response) -> Reply:
        """Read the body, up to a limit of size and within the deadline, so that a slow server delays nothing else."""
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
    """No API that is called here redirects, so something else answers at this address. Only its host is told."""
    try:
        target = url.join(reply.headers.get("Location", ""))
        where = f"{target.scheme}://{target.netloc.decode('ascii')}"
    except (httpx.InvalidURL, ValueError):
        where = "an invalid address"
    return ConfigurationError(
        f"{route} answered {reply.status}, a redirect to {where}: not followed, because credentials go to"
        f" {url.host} only; check the endpoint",
        status=reply.status,
    )


def _unanswered(exc: httpx.RequestError, route: str) -> DetachError:
    distrust = distrusted(exc)
    if distrust is not None:
        return ConfigurationError(f"{route}: {distrust}")
    # Without a connection it is certain that the request was not carried out; later it is not.
    unsent = isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    # h11 repeats an illegal header, even the token. Other errors have the text of the operating system or of OpenSSL.
    reason = "" if isinstance(exc, httpx.ProtocolError) or not str(exc) else f": {exc}"
    return Unavailable(f"{route}: no answer ({type(exc).__name__}{reason})", ambiguous=not unsent)
