"""What an operator sees of an event: one report, one line a call, and the metrics; nothing secret.

Powertools' `Metrics` objects share one set in a process, and appended log keys are lost between threads: so each event
has its own `EphemeralMetrics`, and every field is given explicitly.
"""

import itertools
import logging
import os
import traceback
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from shared.errors import DetachError, InvalidEvent
from shared.models import Kind
from shared.outcome import CertificateOutcome, Outcome, by_domain, undo_of
from shared.planning import DetachPlan
from shared.secret import struck_out
from shared.transport import Call

NAMESPACE = "ApigCertificateDetach"
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "apig-certificate-detach")


class _Formatter(LambdaPowertoolsFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return struck_out(super().format(record))


logger = Logger(service=SERVICE, logger_formatter=_Formatter(utc=True, use_rfc3339=True, location=None))
_events = itertools.count()  # the first event of a process is its cold start; next() on it is atomic


class Report:
    """One event's log lines and metrics. `kind` is None until the event has been understood."""

    def __init__(self, kind: Kind | None = None, event_id: str = "") -> None:
        self._kind = kind
        self._event_id = event_id
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        self._count("ColdStart", next(_events) == 0)

    def begin(self, kind: Kind, event_id: str) -> None:
        """The event has been understood."""
        self._kind, self._event_id = kind, event_id

    def call(self, call: Call) -> None:
        """One attempt of a call: counted, and logged at DEBUG, or at WARNING when it failed."""
        if call.service == "apig":
            self._count("ApiCalls")
            self._metrics.add_metric("ApiLatency", MetricUnit.Milliseconds, call.duration_ms)
        elif call.service == "iam" and call.method == "POST" and call.error is None:
            self._count("TokensFetched")
        if call.retried:
            self._count("ApiRetries")
        log = logger.warning if call.error else logger.debug
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
            retried=call.retried,
        )

    def planned(self, plan: DetachPlan) -> None:
        """Said before the first write, so that there is a way back even if this process dies in the middle."""
        bindings = [binding for detachment in plan.detachments for binding in detachment.bindings]
        logger.info(
            "detach.plan",
            event_id=self._event_id,
            kind=self._kind,
            certificate_id=plan.certificate.id,
            undo=undo_of([(plan.certificate, bindings)]),
        )

    def done(self, outcome: Outcome) -> None:
        """The event has been handled, whether or not a certificate of it failed."""
        certificates = outcome.certificates
        error = outcome.error
        ids = [entry.certificate.id for entry in certificates]
        self._report(
            error,
            status=outcome.status,
            certificate_id=ids[0] if len(ids) == 1 else ids or None,
            detached=_listed(certificates, "detached"),
            already_detached=_listed(certificates, "already_detached"),
            kept=[
                {"certificate_id": entry.certificate.id, **kept} for entry in certificates for kept in entry.kept_json()
            ],
            failed=_listed(certificates, "failed"),
            dry_run=outcome.dry_run,
            undo=outcome.undo,
        )
        for entry in certificates:
            # What a dry run would detach is in `detached` too, and is not detached.
            self._count("DomainsDetached", 0 if outcome.dry_run else len(by_domain(entry.detached)))
            self._count("DomainsAlreadyDetached", len(by_domain(entry.already_detached)))
            self._count("DomainsKept", len(entry.kept_json()))
        self._finish(error)

    def failed(self, error: BaseException) -> None:
        """The event could not be handled at all."""
        self._report(error, status="failed", certificate_id=None, detached=[], kept=[], failed=[], undo=[])
        self._finish(error)

    def _report(self, error: BaseException | None, **fields: Any) -> None:
        known = error if isinstance(error, DetachError) else None
        if error is not None and known is None:
            # A bug. Its frames are told, its message is not: nobody knows what is in it.
            fields["where"] = traceback.format_tb(error.__traceback__)
        log = logger.info if error is None else logger.warning if known and known.retryable else logger.error
        log(
            "detach.report",
            event_id=self._event_id,
            kind=self._kind,
            **fields,
            error=None if error is None else type(error).__name__,
            error_code=known.error_code if known else None,
            error_message=known.message if known else None,
        )

    def _finish(self, error: BaseException | None) -> None:
        self._count("EventsHandled", error is None)
        self._count("EventsFailed", error is not None)
        self._count("InvalidEvents", isinstance(error, InvalidEvent))
        self._metrics.add_dimension("kind", self._kind or "unknown")
        self._metrics.flush_metrics()

    def _count(self, name: str, value: float = 1) -> None:
        self._metrics.add_metric(name, MetricUnit.Count, value)


def _listed(certificates: tuple[CertificateOutcome, ...], which: str) -> list[dict[str, Any]]:
    return [
        {"certificate_id": entry.certificate.id, **domain}
        for entry in certificates
        for domain in by_domain(getattr(entry, which))
    ]
