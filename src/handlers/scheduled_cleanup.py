"""The schedule is due: every expired certificate that is still bound, as far as the time allows."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from shared.core.errors import DetachError, NotFound, Unavailable, first_error
from shared.core.event_data import ScheduledCleanup
from shared.core.guards import EXPIRY_RULES, is_due
from shared.core.outcome import CertificateOutcome, CleanupSummary, GatewayOutcome, Result
from shared.core.plan import Plan, Selection, Target
from shared.event_sink import Emitted
from shared.reconcile.inventory import Inventory, Listed, Wanted, take_inventory
from shared.reconcile.parallel import in_order
from shared.reconcile.progress import Timebox
from shared.wiring import Work


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a clean-up deals with: the inventory, and a target for each of its first certificates."""

    inventory: Inventory
    selection: Selection


@dataclass(frozen=True, slots=True)
class CleanupPage:
    """Certificates that are due and bound somewhere: the data of one `certificate_expiry` event each.

    `cursor` is None on the last page; `gateways` are those left alone.
    """

    certificates: tuple[dict[str, Any], ...]
    cursor: str | None
    gateways: tuple[GatewayOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON."""
        return {
            "certificates": list(self.certificates),
            "cursor": self.cursor,
            "gateways": [gateway.to_dict() for gateway in self.gateways],
        }


def select(data: ScheduledCleanup, work: Work) -> Cleanup:
    """The expired certificates of the gateways, in the order of their ids.

    What the inventory does not show is read from the certificates themselves, for no longer than half of the time.
    """
    inventory = take_inventory(work.client, work.policy, work.now(), Wanted(data.cursor, data.instance_ids))
    left = work.client.transport.deadline.left()
    timebox = Timebox(work.client.transport.deadline)

    def has_time() -> bool:
        return timebox.has_time() and work.client.transport.deadline.left() > left / 2

    read = timebox.timed(partial(_target, inventory, work))
    targets = in_order(inventory.due, read, work.policy.concurrency, has_time)
    if inventory.due and not targets:
        raise Unavailable("the time that the platform gives ran out while the gateways were listed")
    return Cleanup(inventory, Selection("detach", tuple(targets), EXPIRY_RULES))


def _target(inventory: Inventory, work: Work, listed: Listed) -> Target:
    """One certificate with its bindings on the gateways that were read."""
    certificate, bindings, read_at = listed.certificate, listed.bindings, inventory.read_at
    try:
        if certificate.not_after is None:
            certificate, read_at = work.client.certificate(certificate.id), time.monotonic()
            if not is_due(certificate, work.policy, work.now()):
                return Target(certificate, due=False)
        if bindings is None:
            bound = work.client.attached_domains(certificate.id)
            bindings = tuple(binding for binding in bound if binding.instance_id in inventory.instance_ids)
    except NotFound:  # deleted since it was listed: nothing is bound to it any more
        return Target(certificate)
    except DetachError as exc:
        return Target(certificate, bindings or (), error=exc)
    return Target(certificate, bindings, read_at=read_at)


def expiry_data(inventory: Inventory, plan: Plan) -> dict[str, Any]:
    """The data of a certificate's own expiry event, which goes no further than this clean-up would go."""
    data: dict[str, Any] = {"certificate_id": plan.certificate.id}
    if inventory.narrowed:
        data["instance_ids"] = sorted({binding.instance_id for binding in plan.bindings})
    return data


def emit(inventory: Inventory, work: Work, event_id: str, plan: Plan) -> CertificateOutcome:
    """Send a certificate's expiry event to the sink; the function of that kind does the work.

    The event's id follows from this event's: a repetition sends the same ids again.
    """
    if work.sink is None or not plan.entries:
        return CertificateOutcome(plan)
    emitted = Emitted(
        id=hashlib.sha256(f"{event_id} {plan.certificate.id}".encode()).hexdigest()[:32],
        type="apig.certificate.expired",
        subject=plan.certificate.id,
        time=work.now(),
        data=expiry_data(inventory, plan),
    )
    try:
        work.sink.send(emitted)
    except DetachError as exc:
        return CertificateOutcome(plan, tuple(Result(binding, "failed", exc) for binding in plan.bindings))
    return CertificateOutcome(plan)


def summarize(
    inventory: Inventory, outcomes: Sequence[CertificateOutcome], *, emitting: bool
) -> tuple[tuple[CertificateOutcome, ...], CleanupSummary]:
    """The outcomes worth telling, and the cursor.

    What the end of the time cut off is not done: what became of it until then is told, the rest is the next call's.
    """
    if inventory.due and not outcomes:
        raise Unavailable("the time that the platform gives ran out while the gateways were listed")
    cut_off = [number for number, outcome in enumerate(outcomes) if _is_cut_off(outcome)]
    known = (_without_rest(outcome) if _is_cut_off(outcome) else outcome for outcome in outcomes)
    told = tuple(outcome for outcome in known if outcome and _is_worth_telling(outcome, emitting=emitting))
    if len(cut_off) == len(outcomes) > 0 and not told:
        raise Unavailable("the time that the platform gives does not suffice for a single certificate")
    emitted = sum(1 for outcome in outcomes if outcome.plan.entries and not outcome.error) if emitting else None
    changed = sum(len(outcome.plan.bindings) if emitting else _changed(outcome) for outcome in outcomes)
    cursor = inventory.cursor(min(cut_off, default=len(outcomes)), changed)
    return told, CleanupSummary(cursor, inventory.gateways, emitted)


def page(inventory: Inventory, plans: Sequence[Plan], limit: int) -> CleanupPage:
    """The first certificates with something to detach, for an engine that hands out their events itself.

    Raises the error of a certificate that could not be read: passed over, it would be forgotten.
    """
    found = [number for number, plan in enumerate(plans) if plan.entries][:limit]
    done = found[-1] + 1 if len(found) == limit else len(plans)
    error = first_error(plan.error for plan in plans[:done])
    if error is not None:
        raise error
    cursor = inventory.cursor(done, sum(len(plan.bindings) for plan in plans[:done]))
    return CleanupPage(tuple(expiry_data(inventory, plans[number]) for number in found), cursor, inventory.gateways)


def _changed(outcome: CertificateOutcome) -> int:
    """The bindings that count for the limit of a clean-up: those that are detached now."""
    return sum(result.state in ("changed", "already") for result in outcome.results)


def _is_cut_off(outcome: CertificateOutcome) -> bool:
    return outcome.error is not None and outcome.error.out_of_time


def _without_rest(outcome: CertificateOutcome) -> CertificateOutcome | None:
    """The outcome without what the end of the time cut off; None when nothing had been done.

    What may have been detached stays in `undo`.
    """
    results = tuple(
        replace(result, state="cut_off", error=None) if result.error else result for result in outcome.results
    )
    if not any(result.ours or result.state in ("changed", "already") for result in results):
        return None
    return CertificateOutcome(replace(outcome.plan, error=None, refused=()), results)


def _is_worth_telling(outcome: CertificateOutcome, *, emitting: bool) -> bool:
    if emitting:
        return outcome.error is not None
    return outcome.status != "nothing_to_detach" or bool(outcome.kept or outcome.ours)
