"""A certificate has expired, or is about to: detach it from the domains that still carry it."""

from collections.abc import Iterable

from handlers.detaching import carry_out
from shared.errors import InvalidEvent
from shared.gateway import Gateway
from shared.models import Certificate, CertificateExpiry, Event, comparable_name
from shared.outcome import CertificateOutcome, Outcome
from shared.planning import Asked, check_blast_radius, is_due, plan_detach
from shared.runtime import Work


def handle(event: Event[CertificateExpiry], work: Work) -> Outcome:
    """Find the certificates, leave those that are valid yet, and detach the others from what the event asks for."""
    asked = Asked(event.data.domains, event.data.instance_ids)
    due: list[Certificate] = []
    not_due: list[Certificate] = []
    for certificate in _certificates(event.data, work.gateway):
        (due if is_due(certificate, work.policy, work.now) else not_due).append(certificate)
    plans = [
        plan_detach(certificate, work.gateway.attached_domains(certificate.id), asked, work.policy)
        for certificate in due
    ]
    check_blast_radius(plans, work.policy)
    outcomes = [CertificateOutcome(certificate, "not_due") for certificate in not_due]
    outcomes += [carry_out(plan, work) for plan in plans]
    return Outcome(event.id, event.data.kind, work.policy.dry_run, tuple(outcomes))


def _certificates(data: CertificateExpiry, gateway: Gateway) -> Iterable[Certificate]:
    if data.certificate_id is None:
        return _named(data.common_name or "", data.instance_ids, gateway)
    certificate = gateway.certificate(data.certificate_id)
    if data.common_name and data.common_name != comparable_name(certificate.common_name):
        raise InvalidEvent(
            "common_name", f"{data.common_name!r} is not that of certificate {certificate.id}; leave one of them out"
        )
    return [certificate]


def _named(common_name: str, instance_ids: Iterable[str] | None, gateway: Gateway) -> Iterable[Certificate]:
    """The certificates of that common name; a global one, which every gateway lists, comes once.

    The listing's own filter is not used: whether it matches exactly or in part, and in which case, is not documented.
    """
    found: dict[str, Certificate] = {}
    for instance_id in instance_ids or [instance.id for instance in gateway.instances()]:
        for certificate in gateway.certificates(instance_id):
            if comparable_name(certificate.common_name) == common_name:
                found[certificate.id] = certificate
    return found.values()
