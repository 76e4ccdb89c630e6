"""What an operator sees of an event: one report, one line a call, and the metrics; nothing secret.

Powertools' `Metrics` objects share one set in a process, and appended log keys are lost between threads: so each event
has its own `EphemeralMetrics`, and every field is given explicitly.
"""

import itertools
import logging
import os
import threading
import traceback
from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from shared.core.errors import BlastRadiusExceeded, DetachError, InvalidEvent
from shared.core.event_data import Event, Kind
from shared.core.metrics import METRICS, NAMESPACE
from shared.core.outcome import Outcome, by_domain, undo_of
from shared.core.plan import Plan
from shared.core.secret import redact
from shared.core.undo_signature import UndoSigner, undo_fields
from shared.transport.send import Call

DEFAULT_SERVICE = "apig-certificate-detach"
_events = itertools.count()  # the first event of a process is its cold start; next() on it is atomic


class _Formatter(LambdaPowertoolsFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


@cache
def logger() -> Logger:
    """The process' logger, made when it is first needed: its name and level are then read from the environment."""
    return Logger(service=_service(), logger_formatter=_Formatter(utc=True, use_rfc3339=True, location=None))


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or DEFAULT_SERVICE


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
        log = logger().warning if call.error else logger().debug
        log(
            "gateway.call",
            event_id=self._event_id,
            method=call.method,
            route=call.route,
            status=call.status,
            error_code=call.error.error_code if call.error else None,
            error=call.error.message if call.error else None,
            attempt=call.attempt,
            duration_ms=round(call.duration_ms, 1),
        )

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
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=_service())
        # First: Powertools writes a record of its own accord at every hundredth value of a metric.
        metrics.add_dimension("kind", self._kind or "unknown")
        for name, value in self._counts.items():
            metrics.add_metric(name, MetricUnit(METRICS[name].unit), value)
        for latency in self._latencies:
            metrics.add_metric("ApiLatency", MetricUnit(METRICS["ApiLatency"].unit), latency)
        if metrics.metric_set:
            metrics.flush_metrics()


def _domains(outcome: Outcome) -> Counter[str]:
    """The metrics of an outcome: domains, each counted once a certificate."""
    if outcome.action == "attach":
        return Counter(DomainsAttached=sum(len(by_domain(entry.changed)) for entry in outcome.certificates))
    return Counter(
        DomainsDetached=sum(len(by_domain(entry.changed)) for entry in outcome.certificates),
        DomainsAlreadyDetached=sum(len(by_domain(entry.already)) for entry in outcome.certificates),
        DomainsKept=sum(len(entry.lists()["kept"]) for entry in outcome.certificates),
    )
