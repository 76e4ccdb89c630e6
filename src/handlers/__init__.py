"""What happened → what to do. Every door hands its event to `handle`."""

from collections.abc import Callable
from datetime import UTC, datetime

from handlers import certificate_expiry, domain_decommission
from shared.models import AnyEvent, Kind
from shared.outcome import Outcome
from shared.runtime import Runtime
from shared.telemetry import Report
from shared.transport import Deadline

_HANDLERS: dict[Kind, Callable[..., Outcome]] = {
    "certificate_expiry": certificate_expiry.handle,
    "domain_decommission": domain_decommission.handle,
}


def handle(
    read: Callable[[], AnyEvent], runtime: Callable[[], Runtime], deadline: Deadline, kind: Kind | None = None
) -> Outcome:
    """Read the event, do what it asks for, report it, and return the outcome.

    `read` parses whatever the platform delivered; `kind` is the function's own, if it takes one kind only. Raises a
    DetachError when anything failed, after the report: an event that failed is never acknowledged.
    """
    report = Report(kind)
    try:
        event = read()
        report.begin(event.data.kind, event.id)
        wired = runtime()
        gateway = wired.gateway(deadline, report.call)
        outcome = _HANDLERS[event.data.kind](event, gateway, wired.policy, datetime.now(UTC), report)
    except Exception as exc:
        report.failed(exc)
        raise
    report.done(outcome)
    if outcome.error is not None:
        raise outcome.error
    return outcome
