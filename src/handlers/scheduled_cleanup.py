"""The schedule is due: every expired certificate that is still bound."""

import time
from dataclasses import dataclass
from functools import partial

from shared.core.errors import DetachError, NotFound, Unavailable
from shared.core.event_data import ScheduledCleanup
from shared.core.guards import EXPIRY_RULES, is_due
from shared.core.models import Certificate, latest
from shared.core.plan import Selection, Target
from shared.reconcile.inventory import Inventory, Listed, Wanted, take_inventory
from shared.reconcile.parallel import in_order
from shared.reconcile.progress import Timebox
from shared.wiring import Work


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a clean-up deals with: the inventory, and a target for each of its first certificates."""

    inventory: Inventory
    selection: Selection


def select(data: ScheduledCleanup, work: Work) -> Cleanup:
    """The expired certificates of the gateways, in the order of their ids.

    What the inventory does not show is read from the certificates themselves, for no longer than half of the time.
    """
    inventory = take_inventory(work.client, work.policy, work.now, Wanted(data.cursor, data.instance_ids))
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
    """One certificate with its bindings on the gateways that were read; what could not be read is its error."""
    try:
        return _read(inventory, work, listed)
    except DetachError as exc:
        return Target(listed.certificate, listed.bindings or (), error=exc)


def _read(inventory: Inventory, work: Work, listed: Listed) -> Target:
    certificate, bindings, read_at = listed.certificate, listed.bindings, inventory.read_at
    if certificate.not_after is None or listed.disputed:
        read_at = time.monotonic()
        try:
            certificate = _dated(listed, work)
        except NotFound:
            if work.client.attached_domains_if_any(certificate.id):
                raise
            return Target(certificate)  # deleted since it was listed: nothing is bound to it any more
        if not is_due(certificate, work.policy, work.now()):
            return Target(certificate, due=False)
    if bindings is None:
        bound = work.client.attached_domains_if_any(certificate.id)
        bindings = tuple(binding for binding in bound if binding.instance_id in inventory.instance_ids)
    return Target(certificate, bindings, read_at=read_at)


def _dated(listed: Listed, work: Work) -> Certificate:
    """Its details, with the latest date that they or a gateway's listing tell; without a date where they have none."""
    certificate = work.client.certificate(listed.certificate.id)
    return certificate if certificate.not_after is None else latest(certificate, listed.certificate.not_after)
