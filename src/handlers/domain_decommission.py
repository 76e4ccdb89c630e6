"""Domains are taken out of service: which certificates they still carry."""

from collections.abc import Collection, Iterator

from shared.apig.client import ApigClient
from shared.core.errors import NotFound
from shared.core.event_data import DomainDecommission
from shared.core.guards import DECOMMISSION_RULES, Scope
from shared.core.models import Certificate
from shared.core.names import comparable_name
from shared.core.plan import Selection, Target
from shared.reconcile.inventory import carried_domains
from shared.wiring import Work

DESCRIBED = 2  # a domain with a certificate of its own on each of three gateways then takes ten calls, not thirteen


def select(data: DomainDecommission, work: Work) -> Selection:
    """The certificates that the domains carry, whatever their date."""
    scope = Scope(data.entries, data.instance_ids)
    targets = tuple(
        Target(certificate, work.client.attached_domains(certificate.id))
        for certificate in _certificates(data, scope, work.client)
    )
    return Selection("detach", targets, DECOMMISSION_RULES, scope)


def _certificates(data: DomainDecommission, scope: Scope, client: ApigClient) -> Iterator[Certificate]:
    if data.certificate_id is not None:
        yield client.certificate(data.certificate_id)
        return
    found = _carried(scope, client)
    for certificate_id in found:
        try:
            # Its name and date are for the reader alone, so they are read while that is cheap.
            yield client.certificate(certificate_id) if len(found) <= DESCRIBED else Certificate(certificate_id)
        except NotFound:
            yield Certificate(certificate_id)  # its own listing decides whether it is bound anywhere


def _carried(scope: Scope, client: ApigClient) -> Collection[str]:
    """The ids of the certificates that the domains carry, gateway by gateway.

    This only says where to look; the certificate's own listing is what counts.
    """
    found: dict[str, None] = {}  # a set that keeps its order
    for instance_id in scope.instance_ids or [instance.id for instance in client.instances()]:
        here = {
            domain.certificate_id
            for domain in carried_domains(client, instance_id)
            if domain.certificate_id and comparable_name(domain.binding.domain) in scope.names
        }
        found.update(dict.fromkeys(sorted(here)))
    return found
