"""Domains are taken out of service: which certificates they still carry."""

from collections.abc import Collection, Iterator, Mapping

from shared.apig.client import ApigClient
from shared.core.errors import DetachError, NotFound
from shared.core.event_data import DomainDecommission
from shared.core.guards import DECOMMISSION_RULES, Scope
from shared.core.models import Certificate
from shared.core.names import comparable_name
from shared.core.plan import Selection, Target
from shared.reconcile.bound import with_bindings
from shared.reconcile.carried import carried_domains
from shared.wiring import Work

DESCRIBED = 2  # a domain with a certificate of its own on each of three gateways then takes ten calls, not thirteen


def select(data: DomainDecommission, work: Work) -> Selection:
    """The certificates that the domains carry, whatever their date."""
    scope = Scope(data.entries, data.instance_ids)
    client = work.client
    unread: Mapping[str, DetachError] = {}
    if data.certificate_id is not None:
        certificates = iter([client.certificate(data.certificate_id)])
    else:
        carried, unread = _carried(scope, client)
        certificates = _described(carried, client)
    targets = with_bindings(map(Target, certificates), client)
    return Selection("detach", targets, DECOMMISSION_RULES, scope, unread=unread)


def _described(certificate_ids: Collection[str], client: ApigClient) -> Iterator[Certificate]:
    """Their names and dates are for the reader alone, so they are read while that is cheap."""
    for certificate_id in certificate_ids:
        try:
            yield (
                client.certificate(certificate_id) if len(certificate_ids) <= DESCRIBED else Certificate(certificate_id)
            )
        except NotFound:
            yield Certificate(certificate_id)  # its own listing decides whether it is bound anywhere


def _carried(scope: Scope, client: ApigClient) -> tuple[Collection[str], Mapping[str, DetachError]]:
    """The ids of the certificates that the domains carry, in order, and the gateways that could not be searched.

    This only says where to look; the certificate's own listing is what counts.
    """
    names = scope.names
    carried = carried_domains(
        client,
        scope.instance_ids or [instance.id for instance in client.instances()],
        lambda binding: comparable_name(binding.domain) in names,
    )
    places = {
        (domain.binding.instance_id, domain.certificate_id) for domain in carried.domains if domain.certificate_id
    }
    return dict.fromkeys(certificate_id for _, certificate_id in sorted(places)), carried.unread
