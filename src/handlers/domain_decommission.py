"""Domains are taken out of service: detach whatever certificates they still carry."""

from collections.abc import Collection, Iterator

from handlers.detaching import carry_out
from shared.errors import NotFound
from shared.gateway import Gateway
from shared.models import Certificate, DomainDecommission, Event, comparable_name
from shared.outcome import Outcome
from shared.planning import Asked, check_blast_radius, plan_detach
from shared.runtime import Work

DESCRIBED = 2  # a domain with a certificate of its own on each of three gateways then takes ten calls, not thirteen


def handle(event: Event[DomainDecommission], work: Work) -> Outcome:
    """Find the certificates that the domains carry, whatever their date, and detach those domains from each."""
    asked = Asked(event.data.entries, event.data.instance_ids)
    keep_live = work.policy.keep_live_domains
    plans = [
        plan_detach(certificate, work.gateway.attached_domains(certificate.id), asked, work.policy, keep_live=keep_live)
        for certificate in _certificates(event.data, asked, work.gateway)
    ]
    check_blast_radius(plans, work.policy)
    outcomes = tuple(carry_out(plan, work) for plan in plans)
    return Outcome(event.id, event.data.kind, work.policy.dry_run, outcomes)


def _certificates(data: DomainDecommission, asked: Asked, gateway: Gateway) -> Iterator[Certificate]:
    if data.certificate_id is not None:
        yield gateway.certificate(data.certificate_id)
        return
    found = _carried(asked, gateway)
    for certificate_id in found:
        try:
            # Its name and date are for the reader alone, so they are read while that is cheap.
            yield gateway.certificate(certificate_id) if len(found) <= DESCRIBED else Certificate(certificate_id)
        except NotFound:
            continue  # deleted since it was listed: nothing is bound to it any more


def _carried(asked: Asked, gateway: Gateway) -> Collection[str]:
    """The ids of the certificates that the domains carry: one listing a gateway, where it shows them."""
    found: dict[str, None] = {}  # a set that keeps its order
    read: set[str] = set()
    for instance_id in asked.instance_ids or [instance.id for instance in gateway.instances()]:
        index = gateway.domain_index(instance_id)
        if index is not None:
            found.update(dict.fromkeys(sorted(set().union(*(index.get(name, ()) for name in asked.names)))))
            continue
        for certificate in gateway.certificates(instance_id):  # the way back: every certificate's own listing
            if certificate.id in read:
                continue
            read.add(certificate.id)
            if any(comparable_name(bound.domain) in asked.names for bound in gateway.attached_domains(certificate.id)):
                found[certificate.id] = None
    return found
