"""What a clean-up tells at its end: the certificates, and the cursor from which the next call goes on."""

from collections.abc import Sequence
from dataclasses import replace

from shared.core.errors import Unavailable
from shared.core.outcome import CertificateOutcome, CleanupSummary
from shared.reconcile.inventory import Inventory


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
    return told, CleanupSummary(cursor, emitted)


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
    if not any(result.ours or result.state == "already" for result in results):
        return None
    return CertificateOutcome(outcome.plan, results)


def _is_worth_telling(outcome: CertificateOutcome, *, emitting: bool) -> bool:
    if emitting:
        return outcome.error is not None
    return outcome.status != "nothing_to_detach" or bool(outcome.kept or outcome.ours)
