"""A certificate has expired, or is about to: which certificates are meant, and where they are bound."""

import time
from collections.abc import Mapping, Sequence

from shared.apig.client import ApigClient
from shared.core.errors import DetachError, InvalidEvent, Rejected
from shared.core.event_data import CertificateExpiry
from shared.core.guards import EXPIRY_RULES, Scope, is_due
from shared.core.models import Certificate, latest
from shared.core.names import comparable_name
from shared.core.plan import Selection, Target
from shared.reconcile.bound import with_bindings
from shared.reconcile.gateways import ask_each
from shared.wiring import Work


def select(data: CertificateExpiry, work: Work) -> Selection:
    """The certificates that the event means. Where one is bound is read only if it has expired."""
    read_at = time.monotonic()
    unread: Mapping[str, DetachError] = {}
    if data.certificate_id is not None:
        certificates = [_identified(data.certificate_id, data.common_name, work.client)]
    else:
        certificates, unread = _named(data.common_name or "", data.instance_ids, work.client)
    targets = with_bindings((_target(certificate, read_at, work) for certificate in certificates), work.client)
    return Selection("detach", targets, EXPIRY_RULES, Scope(data.domains, data.instance_ids), unread=unread)


def _target(certificate: Certificate, read_at: float, work: Work) -> Target:
    try:
        if not is_due(certificate, work.policy, work.now()):
            return Target(certificate, due=False)
    except Rejected as exc:  # nothing tells its date: the others of its name go on
        return Target(certificate, error=exc)
    return Target(certificate, read_at=read_at)


def _identified(certificate_id: str, common_name: str | None, client: ApigClient) -> Certificate:
    certificate = client.certificate(certificate_id)
    if common_name and common_name != comparable_name(certificate.common_name):
        raise InvalidEvent(
            "common_name", f"{common_name!r} is not that of certificate {certificate.id}; leave one of them out"
        )
    return certificate


def _named(
    common_name: str, instance_ids: Sequence[str] | None, client: ApigClient
) -> tuple[list[Certificate], Mapping[str, DetachError]]:
    """The certificates of that common name, and the gateways that could not be searched.

    A global certificate, which every gateway lists, comes once. The listing's own filter is not used: whether it
    matches exactly or in part, and in which case, is not documented.
    """

    def named(instance_id: str) -> list[Certificate]:
        return [each for each in client.certificates(instance_id) if comparable_name(each.common_name) == common_name]

    gateways = instance_ids or [instance.id for instance in client.instances()]
    listed, unread = ask_each(gateways, named, client.transport.deadline)
    found: dict[str, list[Certificate]] = {}
    for certificate in (each for certificates in listed.values() for each in certificates):
        found.setdefault(certificate.id, []).append(certificate)
    return [_dated(each, client) for each in found.values()], unread


def _dated(listed: Sequence[Certificate], client: ApigClient) -> Certificate:
    """One certificate as its gateways list it. Where they differ in the date, its details are asked; the latest counts.

    It may have been renewed between two listings, and an answer may be old.
    """
    [first, *others] = listed
    if first.not_after is not None and all(each.not_after == first.not_after for each in others):
        return first
    certificate = client.certificate(first.id)
    if certificate.not_after is None:
        return certificate
    for each in listed:
        certificate = latest(certificate, each.not_after)
    return certificate
