"""The outcome of a restore: what was attached again, what was attached already, and what cannot be, with the reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from shared.errors import DetachError
from shared.models import Binding, Certificate, Kind
from shared.outcome import Outcome, by_domain, first_error, timestamp

RestoreStatus = Literal["restored", "nothing_to_restore", "dry_run", "failed"]


@dataclass(frozen=True, slots=True)
class CertificateRestore:
    """What became of one certificate's bindings; each that failed has its own error."""

    certificate: Certificate
    status: RestoreStatus
    attached: tuple[Binding, ...] = ()
    already_attached: tuple[Binding, ...] = ()
    failed: tuple[tuple[Binding, DetachError], ...] = ()

    @property
    def error(self) -> DetachError | None:
        """The one that the door raises."""
        return first_error(error for _, error in self.failed)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one entry of `certificates`."""
        return {
            "certificate_id": self.certificate.id,
            "common_name": self.certificate.common_name,
            "not_after": timestamp(self.certificate.not_after),
            "status": self.status,
            "attached": by_domain(self.attached),
            "already_attached": by_domain(self.already_attached),
            "failed": self.failed_json(),
        }

    def failed_json(self) -> list[dict[str, Any]]:
        """`[{"domain", "instance_ids", "error", "error_code", "message"}]`."""
        return [
            {
                "domain": binding.domain,
                "instance_ids": [binding.instance_id],
                "error": error.name,
                "error_code": error.error_code,
                "message": error.message,
            }
            for binding, error in self.failed
        ]


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """What the handler of a restore returns; `to_dict` gives the public JSON."""

    event_id: str
    kind: Kind
    dry_run: bool
    certificates: tuple[CertificateRestore, ...] = ()

    @property
    def status(self) -> RestoreStatus:
        """The event's status: one failure makes it failed, one domain attached again makes it restored."""
        statuses = {certificate.status for certificate in self.certificates}
        order: tuple[RestoreStatus, ...] = ("failed", "restored", "dry_run")
        return next((status for status in order if status in statuses), "nothing_to_restore")

    @property
    def error(self) -> DetachError | None:
        """What the door raises; a retryable one first, since the retry then restores what it can."""
        return first_error(certificate.error for certificate in self.certificates)

    def to_dict(self) -> dict[str, Any]:
        """The public JSON: that of contract 3.4, with `attached` where a detach has `detached`."""
        return {
            "event_id": self.event_id,
            "kind": self.kind,
            "status": self.status,
            "dry_run": self.dry_run,
            "certificates": [certificate.to_dict() for certificate in self.certificates],
        }

    def lines(self) -> Iterator[dict[str, Any]]:
        """The fields of the report."""
        ids = [entry.certificate.id for entry in self.certificates]
        yield {
            "status": self.status,
            "certificate_id": ids[0] if len(ids) == 1 else ids or None,
            **{
                which: [
                    {"certificate_id": entry.certificate.id, **domain}
                    for entry in self.certificates
                    for domain in by_domain(getattr(entry, which))
                ]
                for which in ("attached", "already_attached")
            },
            "failed": [
                {"certificate_id": entry.certificate.id, **failed}
                for entry in self.certificates
                for failed in entry.failed_json()
            ],
            "dry_run": self.dry_run,
        }

    def counts(self) -> dict[str, int]:
        """The metrics."""
        return {
            "DomainsAttached": 0 if self.dry_run else sum(len(by_domain(entry.attached)) for entry in self.certificates)
        }


AnyOutcome = Outcome | RestoreOutcome
