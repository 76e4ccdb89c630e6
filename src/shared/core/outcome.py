"""The outcome of an event: what was changed, what was kept and why, what failed and why, and how to undo it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.core.all_told import all_told
from shared.core.binding_json import by_domain, failures, timestamp, undo_of
from shared.core.errors import DetachError, first_error
from shared.core.event_data import Kind
from shared.core.guards import Reason
from shared.core.models import Binding, Certificate
from shared.core.plan import Action, Plan
from shared.core.undo_signature import UndoSigner, undo_fields

Status = Literal["detached", "nothing_to_detach", "attached", "nothing_to_attach", "not_due", "dry_run", "failed"]

State = Literal["changed", "already", "renewed", "failed", "cut_off"]

PART = 500  # bindings in a line of the log: some 120 KB, where CloudWatch Logs takes 256

# The public names of what became of bindings, by the action.
_DONE: dict[Action, Status] = {"detach": "detached", "attach": "attached"}
_NOTHING: dict[Action, Status] = {"detach": "nothing_to_detach", "attach": "nothing_to_attach"}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one planned binding.

    `changed`: an answer said that we did it. `already`: it is done, proven by reading, though no answer said that it
    was us. `renewed`: it was left alone, because the certificate is not due any more. `failed`: `error` says why.
    `cut_off`: the time of a clean-up ended; its next call finds out.
    `ours` tells that we changed it or may have: such a binding belongs to `undo`.
    """

    binding: Binding
    state: State
    error: DetachError | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class CertificateOutcome:
    """What became of one certificate's plan: `results` has one entry a planned binding, and none in a dry run."""

    plan: Plan
    results: tuple[Result, ...] = ()
    dry_run: bool = False

    @property
    def status(self) -> Status:
        """One failure makes it failed, one change makes it changed."""
        action, states = self.plan.action, {result.state for result in self.results}
        if self.plan.error or self.plan.refused or "failed" in states:
            return "failed"
        if not self.plan.due or states == {"renewed"}:
            return "not_due"
        if not self.plan.entries or (states and states.isdisjoint({"changed", "already"})):
            return _NOTHING[action]
        return "dry_run" if self.dry_run else _DONE[action]

    @property
    def planned(self) -> tuple[Binding, ...]:
        """In a dry run, what would be changed."""
        return self.plan.bindings if self.dry_run else ()

    @property
    def changed(self) -> tuple[Binding, ...]:
        """What an answer said that we changed."""
        return self._in_state("changed")

    @property
    def already(self) -> tuple[Binding, ...]:
        """What was found to be as it should be."""
        return (*self.plan.already, *self._in_state("already"))

    @property
    def kept(self) -> tuple[tuple[Binding, Reason], ...]:
        """What a rule kept, and what was left alone because the certificate is not due any more."""
        return (*self.plan.kept, *((binding, "renewed") for binding in self._in_state("renewed")))

    @property
    def failed(self) -> tuple[tuple[Binding, DetachError], ...]:
        """What could not be changed, each with its own error."""
        results = ((result.binding, result.error) for result in self.results if result.error is not None)
        return (*self.plan.refused, *results)

    @property
    def ours(self) -> tuple[Binding, ...]:
        """What we detached or may have detached: what an undo attaches again."""
        return tuple(result.binding for result in self.results if result.ours) if self.plan.action == "detach" else ()

    @property
    def perhaps(self) -> frozenset[Binding]:
        """What of `ours` no answer said that we detached: perhaps somebody else did, or nobody."""
        return frozenset(result.binding for result in self.results if result.ours and result.state != "changed")

    @property
    def error(self) -> DetachError | None:
        """The first retryable one, or else the first."""
        return first_error(self.errors)

    @property
    def errors(self) -> tuple[DetachError, ...]:
        """Why it could not be read, and why each binding could not be changed."""
        failed = tuple(error for _, error in self.failed)
        return (self.plan.error, *failed) if self.plan.error else failed

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """The bindings by what became of them, under their public names."""
        done = _DONE[self.plan.action]
        return {
            **({"planned": by_domain(self.planned)} if self.dry_run else {}),
            done: by_domain(self.changed),
            f"already_{done}": by_domain(self.already),
            "kept": [
                {**domain, "reason": reason}
                for reason in dict.fromkeys(why for _, why in self.kept)
                for domain in by_domain(binding for binding, why in self.kept if why == reason)
            ],
            "failed": failures(self.failed),
        }

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one entry of `certificates`; a failed one also tells its error."""
        certificate = self.plan.certificate
        return {
            "certificate_id": certificate.id,
            "common_name": certificate.common_name or None,
            "not_after": timestamp(certificate.not_after),
            "status": self.status,
            **self.lists(),
            **(self.error.to_dict() if self.error else {}),
        }

    def _in_state(self, state: str) -> tuple[Binding, ...]:
        return tuple(result.binding for result in self.results if result.state == state)


@dataclass(frozen=True, slots=True)
class GatewayOutcome:
    """A gateway that was left alone: it is not running, or what is on it could not be read."""

    instance_id: str
    status: Literal["not_running", "failed"]
    error: DetachError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one entry of `gateways`; a failed one also tells its error."""
        return {
            "instance_id": self.instance_id,
            "status": self.status,
            **(self.error.to_dict() if self.error else {}),
        }


@dataclass(frozen=True, slots=True)
class CleanupSummary:
    """What only a clean-up has to tell.

    `cursor`: from where the next call goes on, None when nothing is left. `emitted`: the number of certificates that
    the event sink was told of, None without a sink.
    """

    cursor: str | None = None
    emitted: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON that it adds to the outcome."""
        return {"cursor": self.cursor, **({} if self.emitted is None else {"emitted": self.emitted})}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `handle` returns; `to_dict` gives the public JSON. `context`, `source` and `sender` are the event's own.

    `not_found` are the domains that the event names and that are bound nowhere it looked. `gateways` are those that
    were left alone; what is bound there is not told.
    """

    event_id: str
    kind: Kind
    dry_run: bool
    certificates: tuple[CertificateOutcome, ...] = ()
    cleanup: CleanupSummary | None = None
    context: Mapping[str, Any] | None = None
    not_found: tuple[str, ...] = ()
    source: str | None = None
    sender: str | None = None
    gateways: tuple[GatewayOutcome, ...] = ()
    signer: UndoSigner | None = None  # of `undo`, when there is a key

    @property
    def action(self) -> Action:
        """An undo attaches, everything else detaches."""
        return "attach" if self.kind == "undo" else "detach"

    @property
    def status(self) -> Status:
        """The event's status: one failure makes it failed, one changed domain makes it changed."""
        statuses: set[str] = {certificate.status for certificate in self.certificates}
        statuses |= {gateway.status for gateway in self.gateways}
        order: tuple[Status, ...] = ("failed", _DONE[self.action], "dry_run", "not_due")
        return next((status for status in order if status in statuses), _NOTHING[self.action])

    @property
    def error(self) -> DetachError | None:
        """What the door raises: a retryable one first, since the retry finishes what it can. It tells the others."""
        errors = [error for entry in self.certificates for error in entry.errors]
        return all_told([*errors, *(gateway.error for gateway in self.gateways)])

    @property
    def undo(self) -> list[dict[str, Any]]:
        """For each certificate the domains to attach again, of the API's own shape."""
        return [undo_of(entry.plan, entry.ours, entry.perhaps) for entry in self.certificates if entry.ours]

    def to_dict(self) -> dict[str, Any]:
        """The public JSON of contract 3.4.

        A clean-up also has `cursor`, `gateways` and, with a sink, `emitted`; others have `gateways` if one failed.
        """
        return {
            "event_id": self.event_id,
            "kind": self.kind,
            "status": self.status,
            "dry_run": self.dry_run,
            "certificates": [certificate.to_dict() for certificate in self.certificates],
            **undo_fields(self.undo, self.signer),
            **self._listing(),
            **({"context": self.context} if self.context is not None else {}),
            **self._origin(),
            **({"not_found": list(self.not_found)} if self.not_found else {}),
        }

    def _listing(self) -> dict[str, Any]:
        """How far the listing got: the cursor of a clean-up, and the gateways left alone."""
        gateways = {"gateways": [gateway.to_dict() for gateway in self.gateways]}
        if self.cleanup is not None:
            return {**self.cleanup.to_dict(), **gateways}
        return gateways if self.gateways else {}

    def _origin(self) -> dict[str, str]:
        """Where the event comes from, as far as it is known."""
        known = {"source": self.source, "sender": self.sender}
        return {name: value for name, value in known.items() if value is not None}

    def lines(self) -> Iterator[dict[str, Any]]:
        """The fields of the report: one line, or several of PART bindings where one would be too long for a log."""
        parts: list[list[CertificateOutcome]] = [[]]
        size = 0
        for certificate in self.certificates:
            bindings = len(certificate.plan.bindings) + len(certificate.kept) + len(certificate.plan.refused)
            if parts[-1] and size + bindings > PART:
                parts.append([])
                size = 0
            parts[-1].append(certificate)
            size += bindings
        for number, certificates in enumerate(parts, start=1):
            ids = [entry.plan.certificate.id for entry in certificates]
            part = replace(self, certificates=tuple(certificates))
            yield {
                "status": self.status,
                "certificate_id": ids[0] if len(ids) == 1 else ids or None,
                **part.lists(),
                "dry_run": self.dry_run,
                **undo_fields(part.undo, self.signer),
                **self._origin(),
                **({"not_found": list(self.not_found)} if self.not_found else {}),
                **({"part": number, "parts": len(parts)} if len(parts) > 1 else {}),
                **self._listing(),
            }

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """The bindings of all certificates by what became of them, each with its certificate."""
        empty = CertificateOutcome(Plan(self.action, _NONE), dry_run=self.dry_run).lists()
        told: dict[str, list[dict[str, Any]]] = {name: [] for name in empty}
        for entry in self.certificates:
            for name, bindings in entry.lists().items():
                told[name] += [{"certificate_id": entry.plan.certificate.id, **each} for each in bindings]
        return told


_NONE = Certificate("")
