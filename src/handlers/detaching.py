"""One certificate's plan, carried out: every handler ends here."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.errors import DetachError, Rejected
from shared.gateway import Gateway
from shared.models import Binding
from shared.outcome import CertificateOutcome
from shared.planning import Detachment, DetachPlan, still_bound
from shared.runtime import Work


@dataclass(slots=True)
class _Done:
    detached: list[Binding] = field(default_factory=list)
    already_detached: list[Binding] = field(default_factory=list)
    undo: list[Binding] = field(default_factory=list)

    def gone(self) -> set[Binding]:
        return {*self.detached, *self.already_detached}


def carry_out(plan: DetachPlan, work: Work) -> CertificateOutcome:
    """Detach what the plan says, batch by batch, and tell what became of each binding.

    Raises nothing of ours: what stopped it is the outcome's `error`, beside what had been detached by then.
    """
    planned = _bindings(plan.detachments)
    if not planned:
        return CertificateOutcome(plan.certificate, "nothing_to_detach", kept=plan.kept)
    if work.policy.dry_run:
        return CertificateOutcome(plan.certificate, "dry_run", detached=planned, kept=plan.kept)
    work.report.planned(plan)
    done = _Done()
    error: DetachError | None = None
    waiting = deque(plan.batches(work.policy.batch_size))
    while waiting:
        batch = waiting.popleft()
        try:
            _detach(plan.certificate.id, batch, work.gateway, done)
        except Rejected as exc:
            # One bad name has the whole batch refused: halve it until that one stands alone, and the rest goes.
            rest = still_bound(batch, set(_bindings(batch)) - done.gone())
            if len(rest) > 1:
                middle = len(rest) // 2
                waiting.extendleft((rest[middle:], rest[:middle]))
            else:
                error = error or exc
        except DetachError as exc:
            error = exc
            break
    gone = done.gone()
    return CertificateOutcome(
        plan.certificate,
        "failed" if error else "detached",
        detached=tuple(done.detached),
        already_detached=tuple(done.already_detached),
        kept=plan.kept,
        failed=tuple(binding for binding in planned if binding not in gone),
        undo=tuple(done.undo),
        error=error,
    )


def _detach(certificate_id: str, batch: tuple[Detachment, ...], gateway: Gateway, done: _Done) -> None:
    """Detach one batch until nothing of it is bound.

    The answer covers the batch as a whole, and whether a mixed batch is atomic is documented nowhere. So after an
    answer that leaves it open, the bindings themselves are read, and only what is still bound is sent again.
    """
    pending, attempt, perhaps_ours = batch, 0, False
    while pending:
        attempt += 1
        sent = _bindings(pending)
        try:
            gateway.detach(certificate_id, [detachment.to_dict() for detachment in pending])
        except DetachError as exc:
            if not exc.ambiguous:
                raise
            # "No such binding" for the only one sent means that somebody else has detached it; anything else may
            # have been our own doing, and belongs to the way back.
            perhaps_ours = perhaps_ours or exc.retryable or len(sent) > 1
            try:
                rest = still_bound(pending, gateway.attached_domains(certificate_id))
            except DetachError:
                done.undo.extend(sent)
                raise
            bound = set(_bindings(rest))
            gone = [binding for binding in sent if binding not in bound]
            done.already_detached.extend(gone)
            done.undo.extend(gone if perhaps_ours else ())
            if not gone:
                gateway.pause(attempt, exc)
            pending = rest
        else:
            done.detached.extend(sent)
            done.undo.extend(sent)
            return


def _bindings(detachments: Iterable[Detachment]) -> tuple[Binding, ...]:
    return tuple(binding for detachment in detachments for binding in detachment.bindings)
