"""Certificates handed out: their own expiry events, for the function of that kind to do the work."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.core.errors import DetachError, first_error
from shared.core.event_data import Event
from shared.core.outcome import CertificateOutcome, GatewayOutcome, Result
from shared.core.plan import Plan
from shared.event_sink import Emitted, EventSink
from shared.reconcile.inventory import Inventory


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


def page_of(inventory: Inventory, plans: Sequence[Plan], event: Event, limit: int) -> CleanupPage:
    """The first certificates with something to detach, for an engine that hands out their events itself.

    Raises the error of a certificate that could not be read: passed over, it would be forgotten.
    """
    found = [number for number, plan in enumerate(plans) if plan.entries][:limit]
    done = found[-1] + 1 if len(found) == limit else len(plans)
    error = first_error(plan.error for plan in plans[:done])
    if error is not None:
        raise error
    cursor = inventory.cursor(done, sum(len(plan.bindings) for plan in plans[:done]))
    return CleanupPage(
        tuple(_expiry_data(inventory, plans[number], event) for number in found), cursor, inventory.gateways
    )


def emit(sink: EventSink, inventory: Inventory, event: Event, plan: Plan) -> CertificateOutcome:
    """Send a certificate's expiry event to the sink; the function of that kind does the work.

    The event's id follows from this event's: a repetition sends the same ids again.
    """
    if not plan.entries:
        return CertificateOutcome(plan)
    emitted = Emitted(
        id=hashlib.sha256(f"{event.id} {plan.certificate.id}".encode()).hexdigest()[:32],
        type="apig.certificate.expired",
        subject=plan.certificate.id,
        time=datetime.now(UTC),
        data=_expiry_data(inventory, plan, event),
    )
    try:
        sink.send(emitted)
    except DetachError as exc:
        return CertificateOutcome(plan, tuple(Result(binding, "failed", exc) for binding in plan.bindings))
    return CertificateOutcome(plan)


def _expiry_data(inventory: Inventory, plan: Plan, event: Event) -> dict[str, Any]:
    """The data of a certificate's own expiry event, which goes no further than this clean-up would go."""
    data: dict[str, Any] = {"certificate_id": plan.certificate.id}
    if inventory.narrowed:
        data["instance_ids"] = sorted({binding.instance_id for binding in plan.bindings})
    if event.data.dry_run:
        data["dry_run"] = True
    if event.data.context is not None:
        data["context"] = event.data.context
    return data
