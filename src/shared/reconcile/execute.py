"""One plan, carried out: the only place that writes."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.apig.client import ApigClient
from shared.core.all_told import all_told
from shared.core.error_codes import ABOUT_ONE_BINDING, ABOUT_THE_CERTIFICATE
from shared.core.errors import AccessDenied, CredentialsRefused, DetachError, NotFound, Rejected, Unavailable
from shared.core.guards import ATTACH_RULES, Policy, expired, is_due
from shared.core.models import Binding
from shared.core.outcome import CertificateOutcome, Result, State
from shared.core.plan import Entry, Plan, Selection, Target, bindings_of, halves, make_plan, narrowed
from shared.reconcile.occupancy import read_occupancy

FRESH = 2.0  # seconds for which what a plan rests on counts as just read
_PATIENCE = 2  # batches without an answer: one may hold a binding that the API fails on, two say that it is down
# How often a write that was not sent is begun again: it waited too long, or its credentials had to be renewed. Under
# heavy throttling, what is read becomes old while the write waits for its turn.
_STALE, _RENEWED = 10, 2
_AGAIN = 2  # times that a binding may have been attached again between "no such binding" and the reading of the listing


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
            execution.leave(bindings_of(left), "failed" if end.error else "renewed", end.error)
            break
        except DetachError as exc:
            rest = execution.unsettled(batch)
            if _to_halve(exc) and len(bindings_of(rest)) > 1:
                waiting.extendleft(reversed(halves(rest)))
                continue
            execution.leave(bindings_of(rest), "failed", exc)
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


def _may_be_done(error: DetachError) -> bool:
    """Whether a write may have been carried out although it was answered so: whatever refuses it, but credentials."""
    return error.ambiguous or isinstance(error, Rejected | NotFound | AccessDenied)


class _End(Exception):
    """Nothing more of this certificate may be written: it has been renewed, or `error` hides whether it has."""

    def __init__(self, error: DetachError | None = None) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class _Execution:
    """What has become of the plan so far.

    `read_at`: when what the plan rests on was read, None if it rests on nothing that may change. `in_doubt`: bindings
    of a write that may have been carried out although no answer said so. `unread`: those of them that nobody has read
    since.
    """

    plan: Plan
    client: ApigClient
    policy: Policy
    now: Callable[[], datetime]
    read_at: float | None
    results: dict[Binding, Result] = field(default_factory=dict)
    in_doubt: set[Binding] = field(default_factory=set)
    unread: set[Binding] = field(default_factory=set)

    def settle(self, batch: tuple[Entry, ...]) -> None:
        """Send a batch until nothing of it is left to be changed.

        Raises the error of an answer that repeating does not help; `unsettled` then tells what is left.
        """
        attempt, stale, renewed, again = 1, 0, 0, 0
        pending = self._still_right(batch)
        while pending:
            sent = bindings_of(pending)
            try:
                self._write(pending, attempt, at_once=stale > 0)
            except DetachError as exc:
                if exc.stale or exc.renewed:  # the request was not sent again: this is no attempt
                    stale, renewed = stale + exc.stale, renewed + exc.renewed
                    self._not_sent(sent, exc, stale, renewed)
                else:
                    self._look_into(sent, exc)
                    pending = self.unsettled(pending)
                    if not exc.ambiguous and not exc.repeatable:
                        raise
                    if again < _AGAIN and pending and self._may_be_attached_again(sent, exc):
                        again += 1
                    elif len(bindings_of(pending)) == len(sent):  # no progress
                        self.client.pause(attempt, exc)
                    attempt += 1
                pending = self._still_right(pending, repeated=True)
            else:
                self.conclude(sent, "changed", ours=True)
                return

    def unsettled(self, batch: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """What of a batch has no result yet."""
        return narrowed(batch, (binding for binding in bindings_of(batch) if binding not in self.results))

    def conclude(
        self, bindings: Iterable[Binding], state: State, error: DetachError | None = None, *, ours: bool = False
    ) -> None:
        """Note what became of bindings; what is noted already stays."""
        for binding in bindings:
            self.results.setdefault(binding, Result(binding, state, error, ours=ours))

    def leave(self, bindings: Iterable[Binding], state: State, error: DetachError | None) -> None:
        """Note what becomes of bindings that are left alone from now on; first it is read what they are by now.

        If that cannot be read, what may be ours belongs to `undo`.
        """
        left = tuple(bindings)
        unread = tuple(binding for binding in left if binding in self.unread)
        try:
            if unread:
                self._read_again(unread)
        except DetachError as exc:
            self.conclude(unread, "failed", all_told([error or exc, exc]), ours=True)
        self.conclude(left, state, error)

    def _write(self, pending: tuple[Entry, ...], attempt: int, *, at_once: bool) -> None:
        self.client.write(
            self.plan.action,
            self.plan.certificate.id,
            pending,
            attempt,
            fresh_until=None if self.read_at is None else self.read_at + FRESH,
            # Waiting for its turn again, it might never be sent: the date that was read again would be too old again.
            at_once=at_once,
        )

    def _not_sent(self, sent: tuple[Binding, ...], error: DetachError, stale: int, renewed: int) -> None:
        """Raises what ends it: it waited too long too often, or even renewed credentials are refused."""
        if error.renewed:
            self.in_doubt.update(sent)  # it was answered: with a refusal, but who knows
            self.unread.update(sent)
        if renewed > _RENEWED:
            raise CredentialsRefused(error.message, error_code=error.error_code, status=error.status)
        if stale > _STALE:
            raise error

    def _look_into(self, sent: tuple[Binding, ...], error: DetachError) -> None:
        """After an answer that leaves it open, read where the certificate is bound: some may be as it should be."""
        if error.unrenewed:  # as after `renewed`; and without credentials, nothing can be read now
            self.in_doubt.update(sent)
            self.unread.update(sent)
        if not _may_be_done(error):
            return
        # "No such binding" for the only one sent means that somebody else has detached it. Anything else may have been
        # our own doing, and belongs to `undo`.
        if error.repeatable or not error.ambiguous or len(sent) > 1:
            self.in_doubt.update(sent)
        try:
            self._read_again(sent)
        except DetachError as exc:
            # Nobody knows whether it was changed: what may be ours belongs to `undo`.
            told = all_told([exc, error]) or exc
            for binding in sent:
                self.conclude([binding], "failed", told, ours=binding in self.in_doubt)
            raise told from None

    def _may_be_attached_again(self, sent: tuple[Binding, ...], error: DetachError) -> bool:
        """Whether an undo may be why "no such binding" was the answer, and the listing then shows the binding.

        Nobody attaches an expired certificate, and of several bindings it is told when the batch has been halved.
        """
        if self.plan.action != "detach" or len(sent) > 1 or error.error_code in ABOUT_THE_CERTIFICATE:
            return False
        return error.ambiguous and not error.repeatable and expired(self.plan.certificate, self.now()) is None

    def _read_again(self, bindings: tuple[Binding, ...]) -> None:
        bound = {binding.place for binding in self.client.attached_domains_if_any(self.plan.certificate.id)}
        self.unread.difference_update(bindings)
        detaching = self.plan.action == "detach"
        for binding in bindings:
            if (binding.place in bound) != detaching:
                self.conclude([binding], "already", ours=binding in self.in_doubt)

    def _still_right(self, pending: tuple[Entry, ...], *, repeated: bool = False) -> tuple[Entry, ...]:
        """What of it may still be sent, by what the plan rests on.

        That is read again when it was not read just now, or when a write is repeated.
        """
        if not pending or self.read_at is None or (not repeated and time.monotonic() - self.read_at <= FRESH):
            return pending
        asked_at = time.monotonic()
        try:
            left = self._still_due(pending) if self.plan.action == "detach" else self._still_free(pending)
        except DetachError as exc:
            raise _End(exc) from None
        self.read_at = asked_at
        return left

    def _still_due(self, pending: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """All of it, unless the certificate has been renewed."""
        try:
            certificate = self.client.certificate(self.plan.certificate.id)
        except NotFound:  # deleted meanwhile: then nothing is bound to it any more
            self._read_again(bindings_of(pending))
            if self.unsettled(pending):
                raise
            return ()
        due = is_due(certificate, self.policy, self.now())
        self.plan = replace(self.plan, certificate=certificate)
        if not due:
            raise _End
        return pending

    def _still_free(self, pending: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """What of it may be attached by what its places carry now; client verification is never turned off."""
        bindings = bindings_of(pending)
        occupancy = read_occupancy(self.client, {binding.place for binding in bindings})
        target = Target(self.plan.certificate, bindings)
        now = make_plan(target, Selection("attach", (target,), ATTACH_RULES, occupancy=occupancy), self.policy)
        self.conclude(now.already, "already")
        for binding, error in now.refused:
            self.conclude([binding], "failed", error)
        return now.entries
