"""The records of what happened in the sandbox: every request and every change of the fleet, in their true order."""

import threading
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import Change, Fault, Received, Sandbox
from sandbox.records import instant
from tests.storm.fleet import plain
from tests.storm.weather import Weather, as_line, described

_author: ContextVar[int | None] = ContextVar("author", default=None)


class Recorder:
    """Watches the sandbox, and asks the weather what goes wrong. Requests and changes share one counter."""

    def __init__(self, sandbox: Sandbox, weather: Weather) -> None:
        self._sandbox = sandbox
        self._weather = weather
        self._n = 0
        self._lock = threading.Lock()
        self._open: dict[int, tuple[Received, dict[str, Any]]] = {}
        self._bodies: dict[int, Any] = {}
        self.requests: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        sandbox.watch(self)

    def received(self, request: Received) -> Fault | None:
        """Number it, after whatever the neighbour did before it."""
        _author.set(None)  # a request that was sent before the last answer was whole begins in that one's context
        drawn, fault = self._weather.fault(request)
        with self._sandbox.fleet.lock:
            number = self._next()
            at = time.monotonic()
        entry = {
            "n": number,
            "at": at,
            "answered_at": None,
            "service": request.service,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": None if request.service == "iam" else request.body,
            "status": None,
            "error_code": None,
            "fault": described(drawn.row),
            "draw": [drawn.line, drawn.nth],
        }
        self._open[id(request)] = request, entry
        self.requests.append(entry)
        if request.method == "POST" and request.service == "apig":
            self._bodies[number] = request.body
        if number % 500 == 0:
            self._sandbox.journal.clear()  # it would hold every header and body of the run
        _author.set(number)
        return fault

    def answered(self, request: Received, status: int, error_code: str | None) -> None:
        """Note its answer."""
        _, entry = self._open.pop(id(request))
        entry |= {"answered_at": time.monotonic(), "status": status, "error_code": error_code}

    def changed(self, change: Change) -> None:
        """Note one change; the fleet's lock is held."""
        author = _author.get()
        self.changes.append(
            {
                "n": self._next(),
                "at": time.monotonic(),
                "by": "neighbour" if author is None else author,
                "what": _what(change),
                "certificate_id": change.certificate_id,
                "domain": change.domain,
                "instance_id": change.instance_id,
                "verified": change.verified,
                "not_after": change.not_after,
                "all_gateways": author is not None and _named_no_gateway(self._bodies.get(author), change.domain),
            }
        )

    def write(self, folder: Path) -> None:
        """The two files, in the order of their numbers."""
        for name, records in (("requests", self.requests), ("changes", self.changes)):
            lines = map(as_line, sorted(records, key=lambda each: each["n"]))
            (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")

    def _next(self) -> int:
        with self._lock:
            self._n += 1
            return self._n


def _what(change: Change) -> str:
    if change.what == "renewed" and change.not_after and instant(change.not_after) <= datetime.now(UTC):
        return "expired"
    return change.what


def _named_no_gateway(body: Any, domain: str | None) -> bool:
    """Whether the request's entry for this domain left its gateways out."""
    entries = body.get("domains", []) if isinstance(body, dict) else []
    return any(
        not each.get("instance_ids")
        for each in entries
        if isinstance(each, dict) and plain(str(each.get("domain"))) == plain(domain or "")
    )
