"""The kinds of events: one table, which parsing, the schemas, the documents, the templates and the tests read."""

from typing import NamedTuple

from shared.core.event_data import (
    AnyData,
    CertificateExpiry,
    DetachUndo,
    DomainDecommission,
    Kind,
    ScheduledCleanup,
)


class KindRow(NamedTuple):
    """How one kind is written: its data, and its names in CloudEvents' `type` and in EventBridge's `detail-type`."""

    title: str
    model: type[AnyData]
    types: tuple[str, ...]
    detail_types: tuple[str, ...]


KINDS: dict[Kind, KindRow] = {
    "certificate_expiry": KindRow(
        "certificate expiry",
        CertificateExpiry,
        ("apig.certificate.expired", "apig.certificate.expiring"),
        (
            "Certificate Expired",
            "Certificate Expiring",
            "ACM Certificate Expired",
            "ACM Certificate Approaching Expiration",
        ),
    ),
    "domain_decommission": KindRow(
        "domain decommission", DomainDecommission, ("apig.domain.decommissioned",), ("Domain Decommissioned",)
    ),
    "scheduled_cleanup": KindRow(
        "scheduled clean-up",
        ScheduledCleanup,
        ("apig.cleanup.due", "dev.knative.sources.ping"),  # a PingSource cannot be given another type
        ("Cleanup Due", "Scheduled Event"),
    ),
    "undo": KindRow("undo", DetachUndo, ("apig.detach.undo",), ("Detach Undo",)),
}
