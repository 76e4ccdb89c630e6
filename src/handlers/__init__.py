"""What happened → what to do. Every door hands its event to `handle`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from handlers import certificate_expiry, domain_decommission, restore, scheduled_cleanup
from handlers.scheduled_cleanup import CleanupPage
from shared.errors import DetachError
from shared.models import AnyEvent, Event, Kind, ScheduledCleanup
from shared.restored import AnyOutcome
from shared.runtime import Runtime
from shared.telemetry import Report
from shared.transport import Deadline

PAGE = 500  # certificates; 27 to 90 KB, where Step Functions takes 256 KB for a state's output

_HANDLERS: dict[Kind, Callable[..., AnyOutcome]] = {
    "certificate_expiry": certificate_expiry.handle,
    "domain_decommission": domain_decommission.handle,
    "scheduled_cleanup": scheduled_cleanup.handle,
    "restore": restore.handle,
}


def handle(
    read: Callable[[], AnyEvent], runtime: Callable[[], Runtime], deadline: Deadline, kind: Kind | None = None
) -> AnyOutcome:
    """Read the event, do what it asks for, report it, and return the outcome.

    `read` parses whatever the platform delivered; `kind` is the function's own, if it takes one kind only. Raises a
    DetachError when anything failed, after the report: an event that failed is never acknowledged.
    """
    report = Report(kind)
    with _reported(report):
        event = read()
        report.begin(event.data.kind, event.id)
        outcome = _HANDLERS[event.data.kind](event, runtime().work(deadline, report))
    report.done(outcome)
    if outcome.error is not None:
        raise outcome.error
    return outcome


def plan_cleanup(read: Callable[[], AnyEvent], runtime: Callable[[], Runtime], deadline: Deadline) -> CleanupPage:
    """One page of the certificates that a clean-up would deal with, for an engine that sends their events itself.

    `read` parses the clean-up's event: its `cursor` is the page before's. Raises a DetachError, reported as ever.
    """
    report = Report("scheduled_cleanup")
    with _reported(report):
        event = cast("Event[ScheduledCleanup]", read())
        report.begin(event.data.kind, event.id)
        work = runtime().work(deadline, report)
        page = scheduled_cleanup.due_page(
            work.gateway,
            work.policy,
            work.now,
            cursor=event.data.cursor,
            instance_ids=event.data.instance_ids,
            limit=PAGE,
        )
    report.paged(page.to_dict())
    return page


@contextmanager
def _reported(report: Report) -> Iterator[None]:
    """Report what is raised. Of a bug the platforms would show the message, and nobody knows what is in it."""
    try:
        yield
    except DetachError as exc:
        report.failed(exc)
        raise
    except Exception as exc:  # noqa: BLE001 - raised again, as another
        report.failed(exc)
        raise RuntimeError(f"{type(exc).__name__}: a bug; the log line detach.report tells where") from None
