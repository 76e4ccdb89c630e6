"""What the places of an undo carry now."""

from collections.abc import Collection, Iterable

from shared.apig.client import ApigClient
from shared.core.errors import NotFound
from shared.core.guards import Occupancy
from shared.core.models import Place
from shared.reconcile.carried import carried_domains
from shared.reconcile.gateways import does_not_exist


def read_occupancy(client: ApigClient, places: Collection[Place]) -> Occupancy:
    """The certificates at each place, and where clients are verified; a gateway that cannot be read is told.

    Raises a DetachError when none of the gateways could be read.
    """
    wanted = frozenset(places)
    gateways = dict.fromkeys(instance_id for instance_id, _ in sorted(wanted))
    carried = carried_domains(client, gateways, lambda binding: binding.place in wanted)
    holders: dict[Place, set[str]] = {}
    for domain in carried.domains:
        if domain.certificate_id:
            holders.setdefault(domain.binding.place, set()).add(domain.certificate_id)
    verified = (d.binding.place for d in carried.domains if d.binding.verified_client_certificate_enabled)
    return Occupancy({place: frozenset(ids) for place, ids in holders.items()}, frozenset(verified), carried.unread)


def missing_gateways(client: ApigClient, instance_ids: Iterable[str]) -> dict[str, NotFound]:
    """Those that the project's list of gateways does not have: one call, however many are named."""
    known = {instance.id for instance in client.instances()}
    return {each: does_not_exist(each) for each in dict.fromkeys(instance_ids) if each not in known}
