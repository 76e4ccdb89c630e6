"""A detach is undone: which bindings are to come back, and what is in their places now."""

from collections.abc import Collection

from shared.apig.client import ApigClient
from shared.core.errors import NotFound
from shared.core.event_data import DetachUndo
from shared.core.guards import ATTACH_RULES, Occupancy
from shared.core.models import Binding, Certificate, Place
from shared.core.plan import Selection, Target
from shared.reconcile.inventory import carried_domains
from shared.wiring import Work


def select(data: DetachUndo, work: Work) -> Selection:
    """The recorded bindings of each certificate, and what their places carry now.

    Whether a certificate is too old to be attached is the gateway's to say.
    """
    wanted = _wanted(data)
    occupancy = _occupancy({binding.place for bindings in wanted.values() for binding in bindings}, work.client)
    targets = (_target(certificate_id, tuple(bindings), work.client) for certificate_id, bindings in wanted.items())
    return Selection("attach", tuple(targets), ATTACH_RULES, occupancy=occupancy)


def _wanted(data: DetachUndo) -> dict[str, list[Binding]]:
    """The bindings of each certificate; one that is named twice comes once."""
    wanted: dict[str, dict[Place, Binding]] = {}
    for undo in data.undo:
        for entry in undo.domains:
            for instance_id in entry.instance_ids:
                verified = entry.verified_client_certificate_enabled
                binding = Binding(entry.domain, instance_id, verified_client_certificate_enabled=verified)
                wanted.setdefault(undo.certificate_id, {})[binding.place] = binding
    return {certificate_id: list(bindings.values()) for certificate_id, bindings in wanted.items()}


def _target(certificate_id: str, bindings: tuple[Binding, ...], client: ApigClient) -> Target:
    try:
        return Target(client.certificate(certificate_id), bindings)
    except NotFound as exc:
        return Target(Certificate(certificate_id), bindings, error=exc)


def _occupancy(places: Collection[Place], client: ApigClient) -> Occupancy:
    """The certificates at each place, and the gateways that do not exist any more."""
    carried: dict[Place, set[str]] = {}
    gone: dict[str, NotFound] = {}
    for instance_id in dict.fromkeys(instance_id for instance_id, _ in sorted(places)):
        try:
            for domain in carried_domains(client, instance_id):
                if domain.certificate_id and domain.binding.place in places:
                    carried.setdefault(domain.binding.place, set()).add(domain.certificate_id)
        except NotFound as exc:
            gone[instance_id] = exc
    return Occupancy({place: frozenset(ids) for place, ids in carried.items()}, gone)
