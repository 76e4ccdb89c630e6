"""The whole story: parse → select → plan → guard → execute → report. Every door hands its `Delivery` to `handle`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from handlers import certificate_expiry, domain_decommission, scheduled_cleanup, undo
from shared.core.delivery import Delivery
from shared.core.errors import BlastRadiusExceeded, DetachError, InvalidEvent
from shared.core.event_data import CertificateExpiry, DetachUndo, DomainDecommission, Event, Kind, ScheduledCleanup
from shared.core.guards import check_age, check_size, check_zone, policy_for
from shared.core.outcome import CertificateOutcome, Outcome
from shared.core.plan import Plan, Selection, make_plan, not_found
from shared.events import parse
from shared.reconcile.execute import execute
from shared.reconcile.hand_out import CleanupPage, emit, page_of
from shared.reconcile.inventory import Inventory, failed_gateways
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
    data, work = event.data, _admitted(event, work)
    if isinstance(data, ScheduledCleanup):
        return _clean_up(event, scheduled_cleanup.select(data, work), work, report)
    selection = _select(data, work)
    plans = _planned(event, selection, work)
    work = _signing(work, plans)
    outcomes = tuple(_apply(work, report, plan) for plan in plans)
    gateways = failed_gateways(selection.unread)
    return replace(_outcome(event, work, outcomes), not_found=not_found(selection), gateways=gateways)


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
        work = _admitted(event, runtime.work(delivery.deadline, report.call))
        cleanup = scheduled_cleanup.select(event.data, work)
        page = page_of(cleanup.inventory, _planned(event, cleanup.selection, work, cleanup.inventory), event, limit)
    report.paged(page.to_dict())
    return page


def _admitted(event: Event, work: Work) -> Work:
    """Guard the event itself; the work with the policy that holds for it. Raises InvalidEvent for one to be refused.

    A wrong clock of ours must not refuse good events: before one is refused for its time, the gateway's clock is asked
    too, by a page of gateways. When the two differ too much, that is the error.
    """
    check_zone(event, work.policy)
    try:
        check_age(event, work.policy, work.client.clock.both())
    except InvalidEvent:
        next(work.client.instances(), None)
        check_age(event, work.policy, work.client.clock.both())
    return replace(work, policy=policy_for(event, work.policy))


def _select(data: CertificateExpiry | DomainDecommission | DetachUndo, work: Work) -> Selection:
    match data:
        case CertificateExpiry():
            return certificate_expiry.select(data, work)
        case DomainDecommission():
            return domain_decommission.select(data, work)
        case DetachUndo():
            return undo.select(data, work)


def _planned(event: Event, selection: Selection, work: Work, inventory: Inventory | None = None) -> list[Plan]:
    """Plan → guard: the plans of all certificates, or BlastRadiusExceeded for an event that would change too much.

    For a clean-up, what its earlier calls have changed counts too. The error's outcome tells what was planned.
    """
    plans = [make_plan(target, selection, work.policy) for target in selection.targets]
    before = 0 if inventory is None else inventory.start.bindings
    try:
        check_size(before + sum(len(plan.bindings) for plan in plans), work.policy, cleanup=inventory is not None)
    except BlastRadiusExceeded as exc:
        refused = tuple(CertificateOutcome(replace(plan, error=exc), dry_run=True) for plan in plans if plan.entries)
        exc.outcome = _outcome(event, work, refused).to_dict()
        raise
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
    plans = _planned(event, cleanup.selection, work, cleanup.inventory)
    sink = None if work.policy.dry_run else work.sink
    work = _signing(work, plans) if sink is None else work
    timebox = Timebox(work.client.transport.deadline)
    apply = partial(_apply, work, report) if sink is None else partial(emit, sink, cleanup.inventory, event)
    outcomes = in_order(plans, timebox.timed(apply), work.policy.concurrency, timebox.has_time)
    told, summary = summarize(cleanup.inventory, outcomes, emitting=sink is not None)
    return replace(_outcome(event, work, told), cleanup=summary, gateways=cleanup.inventory.gateways)


def _outcome(event: Event, work: Work, certificates: tuple[CertificateOutcome, ...]) -> Outcome:
    """The outcome of this event, with what is the event's own."""
    return Outcome(
        event.id,
        event.kind,
        work.policy.dry_run,
        certificates,
        context=event.data.context,
        source=event.source,
        sender=event.sender,
        signer=work.signer,
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
