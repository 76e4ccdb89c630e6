"""The outcome of an event: what was detached from what, what was kept and why, what failed, and the way back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from shared.errors import DetachError
from shared.models import Binding, Certificate, Kind

Status = Literal["detached", "nothing_to_detach", "not_due", "dry_run", "failed"]
Reason = Literal["protected", "live", "not_requested"]

PART = 500  # bindings in a line of the log: some 120 KB, where CloudWatch Logs takes 256


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
class GatewayOutcome:
    """A gateway that a clean-up left alone: it is not running, or its listing failed."""

    instance_id: str
    status: Literal["not_running", "failed"]
    error: DetachError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one entry of `gateways`; a failed one also tells its error."""
        entry: dict[str, Any] = {"instance_id": self.instance_id, "status": self.status}
        if self.error is not None:
            entry |= {"error": self.error.name, "error_code": self.error.error_code, "message": self.error.message}
        return entry


@dataclass(frozen=True, slots=True)
class Sweep:
    """What only a clean-up has to tell.

    `cursor`: from where the next call goes on, None when nothing is left. `gateways`: those left alone. `emitted`: the
    number of certificates that the event sink was told of, None without a sink.
    """

    cursor: str | None = None
    gateways: tuple[GatewayOutcome, ...] = ()
    emitted: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON that it adds to the outcome."""
        entry: dict[str, Any] = {"cursor": self.cursor, "gateways": [gateway.to_dict() for gateway in self.gateways]}
        return entry if self.emitted is None else {**entry, "emitted": self.emitted}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler returns; `to_dict` gives the public JSON."""

    event_id: str
    kind: Kind
    dry_run: bool
    certificates: tuple[CertificateOutcome, ...] = field(default=())
    sweep: Sweep | None = None

    @property
    def status(self) -> Status:
        """The event's status: one failure makes it failed, one detached domain makes it detached."""
        statuses: set[str] = {certificate.status for certificate in self.certificates}
        statuses |= {gateway.status for gateway in self.sweep.gateways} if self.sweep else set()
        order: tuple[Status, ...] = ("failed", "detached", "dry_run", "not_due")
        return next((status for status in order if status in statuses), "nothing_to_detach")

    @property
    def error(self) -> DetachError | None:
        """What the door raises; a retryable one first, since the retry then finishes what it can."""
        gateways = self.sweep.gateways if self.sweep else ()
        return first_error([*(entry.error for entry in self.certificates), *(entry.error for entry in gateways)])

    @property
    def undo(self) -> list[dict[str, Any]]:
        """For each certificate the domains to attach again, of the API's own shape."""
        return undo_of((certificate.certificate, certificate.undo) for certificate in self.certificates)

    def to_dict(self) -> dict[str, Any]:
        """The public JSON of contract 3.4; that of a clean-up also has `cursor`, `gateways` and perhaps `emitted`."""
        return {
            "event_id": self.event_id,
            "kind": self.kind,
            "status": self.status,
            "dry_run": self.dry_run,
            "certificates": [certificate.to_dict() for certificate in self.certificates],
            "undo": self.undo,
            **(self.sweep.to_dict() if self.sweep else {}),
        }

    def lines(self) -> Iterator[dict[str, Any]]:
        """The fields of the report: one line, or several of PART bindings where one would be too long for a log."""
        parts: list[list[CertificateOutcome]] = [[]]
        size = 0
        for certificate in self.certificates:
            bindings = len(certificate.detached) + len(certificate.failed) + len(certificate.kept)
            if parts[-1] and size + bindings > PART:
                parts.append([])
                size = 0
            parts[-1].append(certificate)
            size += bindings
        for number, certificates in enumerate(parts, start=1):
            ids = [entry.certificate.id for entry in certificates]
            yield {
                "status": self.status,
                "certificate_id": ids[0] if len(ids) == 1 else ids or None,
                "detached": _listed(certificates, "detached"),
                "already_detached": _listed(certificates, "already_detached"),
                "kept": [{"certificate_id": e.certificate.id, **kept} for e in certificates for kept in e.kept_json()],
                "failed": _listed(certificates, "failed"),
                "dry_run": self.dry_run,
                "undo": replace(self, certificates=tuple(certificates)).undo,
                **({"part": number, "parts": len(parts)} if len(parts) > 1 else {}),
                **(self.sweep.to_dict() if self.sweep else {}),
            }

    def counts(self) -> dict[str, int]:
        """The metrics."""
        entries = self.certificates
        return {
            # What a dry run would detach is in `detached` too, and is not detached.
            "DomainsDetached": 0 if self.dry_run else sum(len(by_domain(entry.detached)) for entry in entries),
            "DomainsAlreadyDetached": sum(len(by_domain(entry.already_detached)) for entry in entries),
            "DomainsKept": sum(len(entry.kept_json()) for entry in entries),
        }


def first_error(errors: Iterable[DetachError | None]) -> DetachError | None:
    """The first retryable one, or else the first."""
    known = [error for error in errors if error is not None]
    return next((error for error in known if error.retryable), known[0] if known else None)


def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with `Z`: `2021-04-26T09:03:30Z`."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def by_domain(bindings: Iterable[Binding]) -> list[dict[str, Any]]:
    """`[{"domain", "instance_ids"}]`, in the order of first appearance."""
    domains: dict[str, list[str]] = {}
    for binding in bindings:
        domains.setdefault(binding.domain, []).append(binding.instance_id)
    return [{"domain": domain, "instance_ids": instance_ids} for domain, instance_ids in domains.items()]


def _listed(certificates: Iterable[CertificateOutcome], which: str) -> list[dict[str, Any]]:
    return [
        {"certificate_id": entry.certificate.id, **domain}
        for entry in certificates
        for domain in by_domain(getattr(entry, which))
    ]


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
