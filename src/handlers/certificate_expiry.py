"""A certificate has expired, or is about to: which certificates are meant, and where they are bound."""

import time
from collections.abc import Iterable

from shared.apig.client import ApigClient
from shared.core.errors import InvalidEvent
from shared.core.event_data import CertificateExpiry
from shared.core.guards import EXPIRY_RULES, Scope, is_due
from shared.core.models import Certificate
from shared.core.names import comparable_name
from shared.core.plan import Selection, Target
from shared.wiring import Work


def select(data: CertificateExpiry, work: Work) -> Selection:
    """The certificates that the event means. Where one is bound is read only if it has expired."""
    read_at = time.monotonic()
    certificates = _certificates(data, work.client)
    due = [certificate for certificate in certificates if is_due(certificate, work.policy, work.now())]
    targets = [Target(certificate, due=False) for certificate in certificates if certificate not in due]
    targets += [Target(each, work.client.attached_domains(each.id), read_at=read_at) for each in due]
    return Selection("detach", tuple(targets), EXPIRY_RULES, Scope(data.domains, data.instance_ids))


def _certificates(data: CertificateExpiry, client: ApigClient) -> list[Certificate]:
    if data.certificate_id is None:
        return list(_named(data.common_name or "", data.instance_ids, client))
    certificate = client.certificate(data.certificate_id)
    if data.common_name and data.common_name != comparable_name(certificate.common_name):
        raise InvalidEvent(
            "common_name", f"{data.common_name!r} is not that of certificate {certificate.id}; leave one of them out"
        )
    return [certificate]


def _named(common_name: str, instance_ids: Iterable[str] | None, client: ApigClient) -> Iterable[Certificate]:
    """The certificates of that common name; a global one, which every gateway lists, comes once.

    The listing's own filter is not used: whether it matches exactly or in part, and in which case, is not documented.
    """
    found: dict[str, Certificate] = {}
    for instance_id in instance_ids or [instance.id for instance in client.instances()]:
        for certificate in client.certificates(instance_id):
            if comparable_name(certificate.common_name) == common_name:
                seen = found.setdefault(certificate.id, certificate)
                if seen.not_after != certificate.not_after:  # renewed between two gateways' listings
                    found[certificate.id] = client.certificate(certificate.id)
    return found.values()
