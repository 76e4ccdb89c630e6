"""Faults by request: what goes wrong with which requests, and how often."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

from sandbox.journal import Received, Service
from sandbox.refusals import Refusal

Action = Literal["reset", "drop", "lost_reply"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Which requests (method, path, service; then the nth of them and `times` in all), and what happens to them.

    With `status`, `error_code` or `raw_body` the request is answered with that and does nothing, unless `applied`:
    then it is carried out first, and only its answer is replaced. `delay` alone delays the true answer.
    """

    method: str | None = None
    path: str | None = None
    """A regular expression, searched in the path and in the path with its query."""
    service: Service | None = None
    nth: int | None = None
    """1 = the first matching request; None = from the first on."""
    times: int | None = 1
    """How many requests it strikes, from the nth on; None = all."""
    status: int | None = None
    error_code: str | None = None
    error_msg: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    raw_body: bytes | str | None = None
    applied: bool = False
    delay: float = 0.0
    """Seconds before the answer, or before the connection is cut."""
    action: Action | None = None
    """reset: RST before anything is done · drop: closed before anything is done · lost_reply: done, then cut."""

    @classmethod
    def throttled(cls, times: int | None = 1, path: str | None = None, method: str | None = None) -> "Fault":
        """appendix/error_codes.rst: too many requests is HTTP 500 with APIG.9008, not 429."""
        return cls(error_code="APIG.9008", times=times, path=path, method=method, service="apig")

    @property
    def answers(self) -> bool:
        """Whether it puts an answer in place of the true one."""
        return self.status is not None or self.error_code is not None or self.raw_body is not None

    def refusal(self, service: Service) -> Refusal:
        """The error it answers with."""
        code = self.error_code or ("IAM.0006" if service == "iam" else "APIG.9999")
        return Refusal(code, self.error_msg, self.status)

    def matches(self, received: Received) -> bool:
        """Whether this is one of the requests it counts."""
        if self.method is not None and self.method.upper() != received.method:
            return False
        if self.service is not None and self.service != received.service:
            return False
        if self.path is None:
            return True
        return bool(re.search(self.path, received.path) or re.search(self.path, received.target))


class Faults:
    """The faults still to come. Each counts the requests that match it; the first one due strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Expect these, besides those there are."""
        with self._lock:
            self._pending += [(fault, [0, 0]) for fault in faults]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._pending = []

    def pending(self) -> list[Fault]:
        """Those that can still strike; empty once all have: a test may assert that its fault was met."""
        with self._lock:
            return [fault for fault, (_, struck) in self._pending if fault.times is None or struck < fault.times]

    def take(self, received: Received) -> Fault | None:
        """Count the request, and return the fault that strikes it, if any."""
        with self._lock:
            due: Fault | None = None
            for fault, counts in self._pending:
                if not fault.matches(received):
                    continue
                counts[0] += 1
                left = fault.times is None or counts[1] < fault.times
                if due is None and left and counts[0] >= (fault.nth or 1):
                    counts[1] += 1
                    due = fault
            return due
