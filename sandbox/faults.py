"""Faults on demand: what goes wrong, for which requests, and how often."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.journal import Received, Service
from sandbox.refusals import Refusal

Action = Literal["reset", "drop", "lost_reply"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Which requests fail, and how.

    `method`, `path` and `service` select requests; `nth` and `times` select some of those. With `status`, `error_code`
    or `raw_body`, the request is answered with these and changes nothing. With `applied` as well, the request is
    executed first and only its answer is replaced. `delay` alone delays the true answer.
    """

    method: str | None = None
    path: str | None = None
    """A regular expression, searched in the path and in the path with its query string."""
    service: Service | None = None
    nth: int | None = None
    """The first request that fails: 1 or None is the first matching request, 2 the second."""
    times: int | None = 1
    """How many matching requests fail, from the nth on; None means all of them."""
    status: int | None = None
    error_code: str | None = None
    error_msg: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """Put on the answer, in place of its own Content-Type and beside everything else that it has."""
    raw_body: bytes | str | None = None
    reshape: Callable[[bytes], bytes] | None = None
    """What becomes of the body of the true answer: cut off, or changed."""
    applied: bool = False
    delay: float = 0.0
    """Seconds to wait before the answer, or before the connection is cut."""
    drip: float = 0.0
    """Seconds between the pieces of the answer's body, of which there are eight."""
    action: Action | None = None
    """How to cut the connection. reset: RST, request not executed. drop: closed, not executed. lost_reply: closed after
    the request was executed."""

    @classmethod
    def throttled(cls, times: int | None = 1, path: str | None = None, method: str | None = None) -> "Fault":
        """Too many requests; by appendix/error_codes.rst that is HTTP 500 with APIG.9008, not 429."""
        return cls(error_code="APIG.9008", times=times, path=path, method=method, service="apig")

    @property
    def answers(self) -> bool:
        """Whether it replaces the true answer."""
        return self.status is not None or self.error_code is not None or self.raw_body is not None

    def refusal(self, service: Service) -> Refusal:
        """The error that it answers with."""
        code = self.error_code or ("IAM.0006" if service == "iam" else "APIG.9999")
        return Refusal(code, self.error_msg, self.status)

    def matches(self, received: Received) -> bool:
        """Whether the fault is for this request, apart from `nth` and `times`."""
        if self.method is not None and self.method.upper() != received.method:
            return False
        if self.service is not None and self.service != received.service:
            return False
        if self.path is None:
            return True
        return bool(re.search(self.path, received.path) or re.search(self.path, received.target))


class Faults:
    """The faults still to come. Each counts its matching requests; if several are due, only the first one applies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Beside each fault: how many requests have matched, and how many of these have failed.
        self._pending: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Add these to the faults still to come."""
        with self._lock:
            self._pending += [(fault, [0, 0]) for fault in faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending = []

    def pending(self) -> list[Fault]:
        """The faults not used up yet. A test asserts that there are none, to prove that its faults have happened."""
        with self._lock:
            return [fault for fault, (_, applied) in self._pending if fault.times is None or applied < fault.times]

    def take(self, received: Received) -> Fault | None:
        """Count the request, and return the fault that applies to it, if any."""
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
