"""The schedule is due: find every expired certificate, and detach what is still attached, or have it detached."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from handlers.detaching import carry_out
from handlers.stocktaking import Due, Stock, take_stock
from shared.errors import DetachError, NotFound, Unavailable
from shared.event_sink import EventSink
from shared.gateway import Gateway
from shared.models import Binding, Event, ScheduledCleanup
from shared.outcome import CertificateOutcome, GatewayOutcome, Outcome, Sweep
from shared.parallel import in_order
from shared.planning import Asked, check_blast_radius, is_due, plan_detach
from shared.runtime import Work
from shared.settings import Policy

Result = TypeVar("Result")

STALE = 10.0  # seconds; a listing that is older tells no longer that a certificate has not been renewed since
# Seconds that must be left for one more certificate: twice the longest so far, within these bounds. The upper one, for
# a certificate that waited for its turn among throttled ones says little of the next, and one cut off is no loss.
RESERVE = (0.25, 5.0)


@dataclass(frozen=True, slots=True)
class CleanupPage:
    """Certificates that are due and have something attached: the data of one `certificate_expiry` event each.

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


def handle(event: Event[ScheduledCleanup], work: Work, *, stale: float = STALE) -> Outcome:
    """Take stock, then deal with each certificate as with an expiry event, some at a time, while there is time.

    With a sink, each is told to it instead, and the function of that kind does the work; a dry run tells nobody.
    """
    gateway, policy, now = work.gateway, work.policy, work.now
    stock = take_stock(gateway, policy, now, cursor=event.data.cursor, instance_ids=event.data.instance_ids)
    sweep = _Sweep(stock, gateway, policy, now, stale)
    if work.sink is None or policy.dry_run:
        outcomes, cursor = sweep.run(partial(sweep.clean, work))
        emitted = None
    else:
        outcomes, cursor = sweep.run(partial(sweep.tell, work.sink, event.id))
        emitted = len(sweep.told)
    return Outcome(event.id, event.data.kind, policy.dry_run, outcomes, Sweep(cursor, stock.gateways, emitted))


def due_page(  # noqa: PLR0913 - one parameter each for what, where and how much
    gateway: Gateway,
    policy: Policy,
    now: datetime,
    *,
    cursor: str | None = None,
    instance_ids: Sequence[str] | None = None,
    limit: int = 1000,
) -> CleanupPage:
    """One page of what the sweep would deal with, for an engine that hands out the certificates itself.

    Raises a DetachError, among them InvalidEvent for a cursor that is none of ours.
    """
    stock = take_stock(gateway, policy, now, cursor=cursor, instance_ids=instance_ids)
    sweep = _Sweep(stock, gateway, policy, now)
    bound = sweep.work_through(sweep.bound, limit)
    found = [number for number, bindings in enumerate(bound) if bindings][:limit]
    dealt_with = found[-1] + 1 if len(found) == limit else len(bound)
    return CleanupPage(
        tuple(sweep.expiry(stock.due[number], bound[number]) for number in found),
        stock.cursor(dealt_with),
        stock.gateways,
    )


@dataclass(slots=True)
class _Sweep:
    stock: Stock
    gateway: Gateway
    policy: Policy
    now: datetime
    stale: float = STALE
    told: list[str] = field(default_factory=list)  # ids; appending is atomic
    slowest: float = 0.0

    def run(
        self, deal_with: Callable[[Due], CertificateOutcome | None]
    ) -> tuple[tuple[CertificateOutcome, ...], str | None]:
        """The outcomes that are worth telling, and the cursor.

        What the end of the time cut off is not dealt with: what had been done of it is told, the rest is the next
        call's.
        """
        results = self.work_through(deal_with)
        cut_off = [number for number, outcome in enumerate(results) if outcome and _is_cut_off(outcome)]
        outcomes = tuple(
            told for outcome in results if outcome is not None and (told := _without_rest(outcome)) is not None
        )
        if len(cut_off) == len(results) > 0 and not outcomes:
            raise Unavailable("the time that the platform gives does not suffice for a single certificate")
        return outcomes, self.stock.cursor(min(cut_off, default=len(results)))

    def work_through(self, do: Callable[[Due], Result], limit: int | None = None) -> list[Result]:
        """What `do` makes of the certificates, as long as there is time and `limit` has not been met."""
        met: list[Due] = []

        def timed(due: Due) -> Result:
            started = time.monotonic()
            result = do(due)
            self.slowest = max(self.slowest, time.monotonic() - started)
            if result:
                met.append(due)
            return result

        def go_on() -> bool:
            enough = limit is not None and len(met) >= limit
            return not enough and self.gateway.transport.deadline.left() > min(
                max(RESERVE[0], 2 * self.slowest), RESERVE[1]
            )

        results = in_order(self.stock.due, timed, self.policy.concurrency, go_on)
        if self.stock.due and not results:
            raise Unavailable("the time that the platform gives ran out while the gateways were listed")
        return results

    def clean(self, work: Work, due: Due) -> CertificateOutcome | None:
        """Deal with one certificate as with its expiry event; None when it has been deleted meanwhile."""
        certificate, bound = due.certificate, due.bindings or ()
        try:
            if certificate.not_after is None or time.monotonic() - self.stock.listed_at > self.stale:
                certificate = self.gateway.certificate(certificate.id)
            if not is_due(certificate, self.policy, self.now):
                return CertificateOutcome(certificate, "not_due")
            bound = self.bound(due)
            plan = plan_detach(certificate, bound, Asked(), self.policy)
            check_blast_radius([plan], self.policy)
        except NotFound:
            return None
        except DetachError as exc:
            return CertificateOutcome(certificate, "failed", failed=bound, error=exc)
        return carry_out(plan, work)

    def tell(self, sink: EventSink, event_id: str, due: Due) -> CertificateOutcome | None:
        """Tell the sink of one certificate: an outcome only if that failed.

        The event's id follows from this event's, so that a repetition of it tells the same thing again, not another.
        """
        bound = due.bindings or ()
        try:
            bound = self.bound(due)
            if bound:
                sink.send(
                    event_id=hashlib.sha256(f"{event_id} {due.certificate.id}".encode()).hexdigest()[:32],
                    event_type="apig.certificate.expired",
                    subject=due.certificate.id,
                    time=self.now,
                    data=self.expiry(due, bound),
                )
                self.told.append(due.certificate.id)
        except DetachError as exc:
            return CertificateOutcome(due.certificate, "failed", failed=bound, error=exc)
        return None

    def bound(self, due: Due) -> tuple[Binding, ...]:
        """Where it is attached, among the gateways that were looked at."""
        if due.bindings is not None:
            return due.bindings
        bound = self.gateway.attached_domains(due.certificate.id)
        return tuple(binding for binding in bound if binding.instance_id in self.stock.instance_ids)

    def expiry(self, due: Due, bound: Iterable[Binding]) -> dict[str, Any]:
        """The data of its expiry event, which goes no further than this sweep would have gone."""
        data: dict[str, Any] = {"certificate_id": due.certificate.id}
        if self.stock.narrowed:
            data["instance_ids"] = sorted({binding.instance_id for binding in bound})
        return data


def _is_cut_off(outcome: CertificateOutcome) -> bool:
    return outcome.error is not None and outcome.error.out_of_time


def _without_rest(outcome: CertificateOutcome) -> CertificateOutcome | None:
    """The outcome as it is told: one that was cut off without its rest; None if nothing happened."""
    if _is_cut_off(outcome):
        detached = outcome.detached or outcome.already_detached
        outcome = replace(outcome, status="detached" if detached else "nothing_to_detach", failed=(), error=None)
        return outcome if detached or outcome.undo else None
    return outcome if outcome.status != "nothing_to_detach" or outcome.kept else None
