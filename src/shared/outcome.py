"""The outcome of an event: what was detached from what, what was kept and why, what failed, and the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from shared.errors import DetachError
from shared.models import Binding, Certificate, Kind

Status = Literal["detached", "nothing_to_detach", "not_due", "dry_run", "failed"]
Reason = Literal["protected", "live", "not_requested"]


@dataclass(frozen=True, slots=True)
class CertificateOutcome:
    """What became of one certificate's bindings.

    `already_detached` are those that are gone, proven by reading again, though no answer told us that we did it.
    `undo` are those that this event detached or may have detached. `error` is what stopped the rest, if anything.
    """

    certificate: Certificate
    status: Status
    detached: tuple[Binding, ...] = ()
    already_detached: tuple[Binding, ...] = ()
    kept: tuple[tuple[Binding, Reason], ...] = ()
    failed: tuple[Binding, ...] = ()
    undo: tuple[Binding, ...] = ()
    error: DetachError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one entry of `certificates`; a failed one also tells its error."""
        entry: dict[str, Any] = {
            "certificate_id": self.certificate.id,
            "common_name": self.certificate.common_name or None,
            "not_after": timestamp(self.certificate.not_after),
            "status": self.status,
            "detached": by_domain(self.detached),
            "already_detached": by_domain(self.already_detached),
            "kept": self.kept_json(),
            "failed": by_domain(self.failed),
        }
        if self.error is not None:
            entry |= {"error": self.error.name, "error_code": self.error.error_code, "message": self.error.message}
        return entry

    def kept_json(self) -> list[dict[str, Any]]:
        """`[{"domain", "instance_ids", "reason"}]`."""
        return [
            {**domain, "reason": reason}
            for reason in ("protected", "live", "not_requested")
            for domain in by_domain(binding for binding, why in self.kept if why == reason)
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler returns; `to_dict` gives the public JSON."""

    event_id: str
    kind: Kind
    dry_run: bool
    certificates: tuple[CertificateOutcome, ...] = field(default=())

    @property
    def status(self) -> Status:
        """The event's status: one failure makes it failed, one detached domain makes it detached."""
        statuses = {certificate.status for certificate in self.certificates}
        order: tuple[Status, ...] = ("failed", "detached", "dry_run", "not_due")
        return next((status for status in order if status in statuses), "nothing_to_detach")

    @property
    def error(self) -> DetachError | None:
        """What the door raises; a retryable one first, since the retry then finishes what it can."""
        errors = [certificate.error for certificate in self.certificates if certificate.error is not None]
        return next((error for error in errors if error.retryable), errors[0] if errors else None)

    @property
    def undo(self) -> list[dict[str, Any]]:
        """For each certificate the domains to attach again, of the API's own shape."""
        return undo_of((certificate.certificate, certificate.undo) for certificate in self.certificates)

    def to_dict(self) -> dict[str, Any]:
        """The public JSON of contract 3.4."""
        return {
            "event_id": self.event_id,
            "kind": self.kind,
            "status": self.status,
            "dry_run": self.dry_run,
            "certificates": [certificate.to_dict() for certificate in self.certificates],
            "undo": self.undo,
        }


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with `Z`: `2021-04-26T09:03:30Z`."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def by_domain(bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    """`[{"domain", "instance_ids"}]`, in the order of first appearance."""
    domains: dict[str, list[str]] = {}
    for binding in bindings:
        domains.setdefault(binding.domain, []).append(binding.instance_id)
    return [{"domain": domain, "instance_ids": instance_ids} for domain, instance_ids in domains.items()]


def undo_of(bindings: Iterable[tuple[Certificate, Sequence[Binding]]]) -> list[dict[str, Any]]:
    """For each certificate the `domains` of the attach request that restores its bindings, client verification too."""
    return [
        {"certificate_id": certificate.id, "domains": _attachable(detached)}
        for certificate, detached in bindings
        if detached
    ]


def _attachable(bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    domains: dict[tuple[str, bool], list[str]] = {}
    for binding in bindings:
        key = (binding.domain, binding.verified_client_certificate_enabled)
        domains.setdefault(key, []).append(binding.instance_id)
    return [
        {"domain": domain, "instance_ids": instance_ids, "verified_client_certificate_enabled": verified}
        for (domain, verified), instance_ids in domains.items()
    ]
