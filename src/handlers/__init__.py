"""The whole story: parse → select → plan → guard → execute → report. Every door hands its `Delivery` to `handle`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from handlers import certificate_expiry, domain_decommission, scheduled_cleanup, undo
from shared.core.delivery import Delivery
from shared.core.errors import DetachError
from shared.core.event_data import CertificateExpiry, DetachUndo, DomainDecommission, Event, Kind, ScheduledCleanup
from shared.core.guards import check_size
from shared.core.outcome import CertificateOutcome, CleanupSummary, Outcome
from shared.core.plan import Plan, Selection, make_plan, not_found
from shared.events import parse
from shared.reconcile.execute import execute
from shared.reconcile.hand_out import CleanupPage, emit, page_of
from shared.reconcile.inventory import Inventory
from shared.reconcile.parallel import in_order
from shared.reconcile.progress import Timebox
from shared.reconcile.summary import summarize
from shared.telemetry import Report
from shared.wiring import Runtime, Work

PAGE = 500  # certificates; 27 to 90 KB, where Step Functions takes 256 KB for a state's output


def handle(delivery: Delivery, runtime: Runtime) -> Outcome:
    """Parse the event, do what it asks for, report it, and return the outcome.

    Raises a DetachError when anything failed, after the report: an event that failed is never acknowledged.
    """
    report = Report(delivery.kind)
    with _reported(report):
        event = parse(delivery)
        report.begin(event)
        if isinstance(event.data, DetachUndo):
            runtime.check_undo(event.data, delivery.deadline, report.call)
        outcome = carry_out(event, runtime.work(delivery.deadline, report.call), report)
    report.done(outcome)
    error = outcome.error
    if error is not None:
        error.outcome = outcome.to_dict()  # the answer tells what was done all the same
        raise error
    return outcome


def refuse(error: DetachError, kind: Kind | None) -> None:
    """Report an event whose delivery could not even be read."""
    Report(kind).failed(error)


def carry_out(event: Event, work: Work, report: Report) -> Outcome:
    """Select → plan → guard → execute. What failed stands in the outcome, beside what was done."""
    data, work = event.data, _harmless(work, event)
    if isinstance(data, ScheduledCleanup):
        return _clean_up(event, scheduled_cleanup.select(data, work), work, report)
    selection = _select(data, work)
    plans = _planned(selection, work)
    work = _signing(work, plans)
    outcomes = tuple(_apply(work, report, plan) for plan in plans)
    return _outcome(event, work, outcomes, not_found=not_found(selection))


def plan_cleanup(delivery: Delivery, runtime: Runtime, *, limit: int = PAGE) -> CleanupPage:
    """One page of the certificates that a clean-up would deal with, for an engine that sends their events itself.

    The event is the clean-up's: its `cursor` is the one of the page before. Raises a DetachError, after the report.
    """
    report = Report("scheduled_cleanup")
    with _reported(report):
        event = parse(delivery)
        report.begin(event)
        if not isinstance(event.data, ScheduledCleanup):
            raise TypeError(f"a page of a {event.kind}")
        work = runtime.work(delivery.deadline, report.call)
        cleanup = scheduled_cleanup.select(event.data, work)
        page = page_of(cleanup.inventory, _planned(cleanup.selection, work, cleanup.inventory), event, limit)
    report.paged(page.to_dict())
    return page


def _harmless(work: Work, event: Event) -> Work:
    """An event may ask for a dry run; it can never end one that the settings ask for."""
    if work.policy.dry_run or not event.data.dry_run:
        return work
    return replace(work, policy=replace(work.policy, dry_run=True))


def _select(data: CertificateExpiry | DomainDecommission | DetachUndo, work: Work) -> Selection:
    match data:
        case CertificateExpiry():
            return certificate_expiry.select(data, work)
        case DomainDecommission():
            return domain_decommission.select(data, work)
        case DetachUndo():
            return undo.select(data, work)


def _planned(selection: Selection, work: Work, inventory: Inventory | None = None) -> list[Plan]:
    """Plan → guard: the plans of all certificates, or BlastRadiusExceeded for an event that would change too much.

    For a clean-up, what its earlier calls have changed counts too.
    """
    plans = [make_plan(target, selection, work.policy) for target in selection.targets]
    before = 0 if inventory is None else inventory.start.bindings
    check_size(before + sum(len(plan.bindings) for plan in plans), work.policy, cleanup=inventory is not None)
    return plans


def _signing(work: Work, plans: Iterable[Plan]) -> Work:
    """With what signs `undo`, if anything is to be detached.

    The key is read before the first write: a detach whose `undo` is not signed could not be undone by event.
    """
    detaching = any(plan.entries and plan.action == "detach" for plan in plans)
    if work.undo_keys is None or work.policy.dry_run or not detaching:
        return work
    client = work.client
    return replace(work, signer=work.undo_keys.signer(client.transport, client.project_id, work.now()))


def _apply(work: Work, report: Report, plan: Plan) -> CertificateOutcome:
    """Execute one plan; a dry run changes nothing. The plan is logged first, so that it can be undone in any case."""
    if work.policy.dry_run or not plan.entries:
        return CertificateOutcome(plan, dry_run=work.policy.dry_run)
    report.planned(plan, work.signer)
    return execute(plan, work.client, work.policy, work.now)


def _clean_up(event: Event, cleanup: scheduled_cleanup.Cleanup, work: Work, report: Report) -> Outcome:
    """The same for many certificates, some at a time, while there is time.

    With a sink, each certificate's own event is sent instead; a dry run sends none.
    """
    plans = _planned(cleanup.selection, work, cleanup.inventory)
    sink = None if work.policy.dry_run else work.sink
    work = _signing(work, plans) if sink is None else work
    timebox = Timebox(work.client.transport.deadline)
    apply = partial(_apply, work, report) if sink is None else partial(emit, sink, cleanup.inventory, event)
    outcomes = in_order(plans, timebox.timed(apply), work.policy.concurrency, timebox.has_time)
    told, summary = summarize(cleanup.inventory, outcomes, emitting=sink is not None)
    return _outcome(event, work, told, cleanup=summary)


def _outcome(
    event: Event,
    work: Work,
    certificates: tuple[CertificateOutcome, ...],
    *,
    cleanup: CleanupSummary | None = None,
    not_found: tuple[str, ...] = (),
) -> Outcome:
    """The outcome of this event, with what is the event's own."""
    return Outcome(
        event.id,
        event.kind,
        work.policy.dry_run,
        certificates,
        cleanup,
        event.data.context,
        not_found,
        event.source,
        event.sender,
        work.signer,
    )


@contextmanager
def _reported(report: Report) -> Iterator[None]:
    """Report what is raised. A bug's message is not told: platforms would show it, and nobody knows what is in it."""
    try:
        yield
    except DetachError as exc:
        report.failed(exc)
        raise
    except Exception as exc:  # noqa: BLE001 - raised again, as another
        report.failed(exc)
        raise RuntimeError(f"{type(exc).__name__}: a bug; the log line detach.report tells where") from None
