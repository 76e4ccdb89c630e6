"""What an operator sees of an event: one report, one line a call, and the metrics; nothing secret.

Powertools' `Metrics` objects share one set in a process, and appended log keys are lost between threads: so each event
has its own `EphemeralMetrics`, and every field is given explicitly. Log lines and metrics are written to stdout by one
writer, a line at once, so that a line of one thread never stands in the middle of another's.
"""

import io
import itertools
import json
import logging
import os
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from shared.core.binding_json import by_domain, undo_of
from shared.core.errors import BlastRadiusExceeded, DetachError, InvalidEvent
from shared.core.event_data import Event, Kind
from shared.core.metrics import METRICS, NAMESPACE
from shared.core.outcome import Outcome
from shared.core.plan import Plan
from shared.core.secret import redact
from shared.core.undo_signature import UndoSigner, undo_fields
from shared.transport.send import Call

DEFAULT_SERVICE = "apig-certificate-detach"
_MOST_VALUES = 99  # of one metric in one record: at the hundredth, Powertools prints a record by itself
_events = itertools.count()  # the first event of a process is its cold start; next() on it is atomic


class _Formatter(LambdaPowertoolsFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Lines(io.TextIOBase):
    """Stdout as it is at each write, which a platform may replace: a line and its end are one write, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def write(self, line: str) -> int:
        with self._lock:
            written = sys.stdout.write(line)
            sys.stdout.flush()
        return written


_lines = _Lines()


@cache
def logger() -> Logger:
    """The process' logger, made when it is first needed: its name and level are then read from the environment."""
    formatter = _Formatter(utc=True, use_rfc3339=True, location=None)
    return Logger(service=_service(), logger_formatter=formatter, logger_handler=logging.StreamHandler(_lines))


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or DEFAULT_SERVICE


def log_call(call: Call, event_id: str = "") -> None:
    """The line of one attempt of a call: at DEBUG, or at WARNING when it failed."""
    log = logger().warning if call.error else logger().debug
    log(
        "gateway.call",
        event_id=event_id,
        method=call.method,
        route=call.route,
        status=call.status,
        error_code=call.error.error_code if call.error else None,
        error=call.error.message if call.error else None,
        attempt=call.attempt,
        duration_ms=round(call.duration_ms, 1),
    )


def log_refused(status: int, reason: str) -> None:
    """A request that the HTTP door did not take. It is no event, so it is not counted as one."""
    logger().warning("door.refused", status=status, reason=reason)


class Report:
    """One event's log lines and metrics, from any number of threads.

    `kind` is None until the event has been understood.
    """

    def __init__(self, kind: Kind | None = None, event_id: str = "") -> None:
        self._kind = kind
        self._event_id = event_id
        self._context: dict[str, Any] | None = None  # left out of a line when None
        self._lock = threading.Lock()
        self._counts = Counter({"ColdStart": int(next(_events) == 0)})
        self._latencies: list[float] = []  # milliseconds

    def begin(self, event: Event) -> None:
        """The event has been understood."""
        self._kind, self._event_id, self._context = event.kind, event.id, event.data.context

    def call(self, call: Call) -> None:
        """One attempt of a call: counted, and logged at DEBUG, or at WARNING when it failed."""
        with self._lock:
            if call.service == "apig":
                self._counts["ApiCalls"] += 1
                self._latencies.append(call.duration_ms)
            elif call.service == "iam" and call.method == "POST" and call.error is None:
                self._counts["TokensFetched"] += 1
            self._counts["ApiRetries"] += call.attempt > 1
        log_call(call, self._event_id)

    def planned(self, plan: Plan, signer: UndoSigner | None = None) -> None:
        """Logged before the first write: even if this process dies in the middle, the detach can be undone."""
        fields: dict[str, Any] = (
            undo_fields([undo_of(plan, plan.bindings)], signer)
            if plan.action == "detach"
            else {"attach": [{"certificate_id": plan.certificate.id, "domains": [e.to_dict() for e in plan.entries]}]}
        )
        logger().info(
            f"{plan.action}.plan",
            event_id=self._event_id,
            kind=self._kind,
            certificate_id=plan.certificate.id,
            context=self._context,
            **fields,
        )

    def done(self, outcome: Outcome) -> None:
        """The event has been handled, whether or not a certificate of it failed."""
        for line in outcome.lines():
            self._report(outcome.error, **line)
        self._counts.update(_domains(outcome))
        self._finish(outcome.error)

    def paged(self, page: dict[str, Any]) -> None:
        """A page of a clean-up has been planned; what becomes of its certificates is told by their own events."""
        logger().info(
            "cleanup.page",
            event_id=self._event_id,
            kind=self._kind,
            certificates=len(page["certificates"]),
            gateways=page["gateways"],
            cursor=page["cursor"],
        )
        self._finish(None)

    def failed(self, error: BaseException) -> None:
        """The event could not be handled at all."""
        if isinstance(error, InvalidEvent):
            self._event_id = self._event_id or error.event_id
        self._report(error, status="failed", certificate_id=None, detached=[], kept=[], failed=[], undo=[])
        self._finish(error)

    def _report(self, error: BaseException | None, **fields: Any) -> None:
        known = error if isinstance(error, DetachError) else None
        if error is not None and known is None:
            # A bug. Its frames are told, its message is not: nobody knows what is in it.
            fields["where"] = traceback.format_tb(error.__traceback__)
        to = logger()
        log = to.info if error is None else to.warning if known and known.retryable else to.error
        log(
            "detach.report",
            event_id=self._event_id,
            kind=self._kind,
            context=self._context,
            **fields,
            error=None if error is None else type(error).__name__,
            error_code=known.error_code if known else None,
            error_message=known.message if known else None,
        )

    def _finish(self, error: BaseException | None) -> None:
        self._counts["EventsHandled"] += error is None
        self._counts["EventsFailed"] += error is not None
        self._counts["InvalidEvents"] += isinstance(error, InvalidEvent)
        self._counts["GuardRefusals"] += isinstance(error, BlastRadiusExceeded)
        if is_metrics_disabled():  # POWERTOOLS_METRICS_DISABLED
            return
        values = {name: [float(value)] for name, value in self._counts.items()}
        for at in range(0, max(1, len(self._latencies)), _MOST_VALUES):  # the first record has the counts, too
            values["ApiLatency"] = self._latencies[at : at + _MOST_VALUES]
            _write_metrics(self._kind, values)
            values = {}


def _write_metrics(kind: Kind | None, metrics: Mapping[str, Sequence[float]]) -> None:
    """One record in CloudWatch's embedded metric format."""
    record = EphemeralMetrics(namespace=NAMESPACE, service=_service())
    record.add_dimension("kind", kind or "unknown")
    for name, values in metrics.items():
        for value in values:
            record.add_metric(name, MetricUnit(METRICS[name].unit), value)
    _lines.write(json.dumps(record.serialize_metric_set(), separators=(",", ":")) + "\n")


def _domains(outcome: Outcome) -> Counter[str]:
    """The metrics of an outcome: domains, each counted once a certificate."""
    if outcome.action == "attach":
        return Counter(DomainsAttached=sum(len(by_domain(entry.changed)) for entry in outcome.certificates))
    return Counter(
        DomainsDetached=sum(len(by_domain(entry.changed)) for entry in outcome.certificates),
        DomainsAlreadyDetached=sum(len(by_domain(entry.already)) for entry in outcome.certificates),
        DomainsKept=sum(len(entry.lists()["kept"]) for entry in outcome.certificates),
    )
