"""One plan, carried out: the only place that writes."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.apig.client import ApigClient
from shared.core.error_codes import ABOUT_ONE_BINDING, ABOUT_THE_CERTIFICATE
from shared.core.errors import DetachError, NotFound, Rejected, Unavailable
from shared.core.guards import Policy, is_due
from shared.core.models import Binding
from shared.core.outcome import CertificateOutcome, Result, State
from shared.core.plan import Entry, Plan, bindings_of, halves, narrowed

FRESH = 2.0  # seconds for which `not_after` counts as just read
_PATIENCE = 2  # batches without an answer: one may hold a binding that the API fails on, two say that it is down


def execute(plan: Plan, client: ApigClient, policy: Policy, now: Callable[[], datetime]) -> CertificateOutcome:
    """Change what the plan says, batch by batch, and tell what became of each binding.

    Raises no DetachError: what stopped a binding is its result's `error`. The answer covers a batch as a whole, and
    whether a batch is atomic is documented nowhere. So after an answer that leaves it open, the bindings themselves are
    read. A refused batch is halved until what is to blame stands alone, and the rest is changed.
    """
    execution = _Execution(plan, client, policy, now, plan.read_at)
    unavailable = 0
    waiting = deque(plan.batches(policy.batch_size))
    while waiting:
        batch = waiting.popleft()
        try:
            execution.settle(batch)
        except _End as end:
            left = (*batch, *(entry for each in waiting for entry in each))
            execution.conclude(bindings_of(left), "failed" if end.error else "renewed", end.error)
            break
        except DetachError as exc:
            rest = execution.unsettled(batch)
            if _to_halve(exc) and len(bindings_of(rest)) > 1:
                waiting.extendleft(reversed(halves(rest)))
                continue
            execution.conclude(bindings_of(rest), "failed", exc)
            unavailable += isinstance(exc, Unavailable)
            if _ends_all(exc) or unavailable == _PATIENCE:
                for each in waiting:
                    execution.conclude(bindings_of(each), "failed", exc)
                break
    return CertificateOutcome(execution.plan, tuple(execution.results[binding] for binding in plan.bindings))


def _to_halve(error: DetachError) -> bool:
    """Whether one binding may be to blame, so that the others would be changed without it."""
    if error.error_code in ABOUT_THE_CERTIFICATE:
        return False
    return isinstance(error, Rejected | NotFound) or error.error_code in ABOUT_ONE_BINDING


def _ends_all(error: DetachError) -> bool:
    """Whether the other batches would fare no better: refused credentials, a dead certificate, no time left."""
    if error.error_code in ABOUT_THE_CERTIFICATE or error.out_of_time:
        return True
    return not (_to_halve(error) or isinstance(error, Unavailable))


class _End(Exception):
    """Nothing more of this certificate may be written: it has been renewed, or `error` hides whether it has."""

    def __init__(self, error: DetachError | None = None) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class _Execution:
    plan: Plan
    client: ApigClient
    policy: Policy
    now: Callable[[], datetime]
    read_at: float | None
    results: dict[Binding, Result] = field(default_factory=dict)

    def settle(self, batch: tuple[Entry, ...]) -> None:
        """Send a batch until nothing of it is left to be changed.

        Raises the error of an answer that repeating does not help; `unsettled` then tells what is left.
        """
        pending, attempt, perhaps_ours = batch, 0, False
        while pending:
            attempt += 1
            sent = bindings_of(pending)
            self._check_date(repeated=attempt > 1)
            try:
                self.client.write(self.plan.action, self.plan.certificate.id, pending, attempt)
            except DetachError as exc:
                if exc.ambiguous or (_to_halve(exc) and len(sent) > 1):
                    # "No such binding" for the only one sent means that somebody else has detached it. Anything else
                    # may have been our own doing, and belongs to `undo`.
                    perhaps_ours = perhaps_ours or exc.repeatable or len(sent) > 1
                    self._read_again(sent, perhaps_ours=perhaps_ours)
                    pending = self.unsettled(pending)
                progress = len(bindings_of(pending)) < len(sent)
                if not exc.ambiguous and not exc.repeatable:
                    raise
                if not progress:
                    self.client.pause(attempt, exc)
            else:
                self.conclude(sent, "changed", ours=True)
                return

    def unsettled(self, batch: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """What of a batch has no result yet."""
        return narrowed(batch, (binding for binding in bindings_of(batch) if not self._is_settled(binding)))

    def conclude(
        self, bindings: Iterable[Binding], state: State, error: DetachError | None = None, *, ours: bool = False
    ) -> None:
        """Note what became of bindings; what is noted already stays."""
        for binding in bindings:
            noted = self.results.get(binding)
            if noted is None or not self._is_settled(binding):
                kept = ours or (noted is not None and noted.ours)
                self.results[binding] = Result(binding, state, error, ours=kept)

    def _is_settled(self, binding: Binding) -> bool:
        return binding in self.results and self.results[binding].error is None

    def _read_again(self, sent: tuple[Binding, ...], *, perhaps_ours: bool) -> None:
        """Read where the certificate is bound now, and note what of the bindings is as it should be."""
        try:
            bound = {binding.place for binding in self._bound()}
        except DetachError as exc:
            # Nobody knows whether it was changed: what may be ours belongs to `undo`.
            self.conclude(sent, "failed", exc, ours=perhaps_ours)
            raise
        detaching = self.plan.action == "detach"
        done = [binding for binding in sent if (binding.place in bound) != detaching]
        self.conclude(done, "already", ours=perhaps_ours)

    def _bound(self) -> tuple[Binding, ...]:
        try:
            return self.client.attached_domains(self.plan.certificate.id)
        except NotFound as exc:
            if exc.error_code in ABOUT_THE_CERTIFICATE:  # it was there when the plan was made: it has been deleted
                return ()
            raise

    def _check_date(self, *, repeated: bool) -> None:
        """Read `not_after` again when it was not read just now, or when a write is repeated."""
        if self.read_at is None or (not repeated and time.monotonic() - self.read_at <= FRESH):
            return
        asked_at = time.monotonic()
        try:
            certificate = self.client.certificate(self.plan.certificate.id)
            due = is_due(certificate, self.policy, self.now())
        except NotFound:
            return  # deleted meanwhile: the write finds out, and the bindings are read again
        except DetachError as exc:
            raise _End(exc) from None
        self.read_at = asked_at
        self.plan = replace(self.plan, certificate=certificate)
        if not due:
            raise _End
