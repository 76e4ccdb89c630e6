"""A detach is undone: which bindings are to come back, and what is in their places now."""

import time
from dataclasses import replace

from shared.core.errors import NotFound
from shared.core.event_data import DetachUndo
from shared.core.guards import ATTACH_RULES, check_size, expired
from shared.core.models import Binding, Certificate, Place
from shared.core.plan import Selection, Target
from shared.reconcile.occupancy import missing_gateways, read_occupancy
from shared.wiring import Work


def select(data: DetachUndo, work: Work) -> Selection:
    """The recorded bindings of each certificate, and what their places carry now.

    An undo that names more bindings than it may change is refused before anything is read. A certificate that is gone
    or has expired is refused before anything is sent for it, by whichever clock is ahead.
    """
    wanted = _wanted(data)
    check_size(sum(len(bindings) for bindings in wanted.values()), work.policy, cleanup=False)
    targets = [_target(certificate_id, bindings, work) for certificate_id, bindings in wanted.items()]
    places = {binding.place for target in targets if target.error is None for binding in target.bindings}
    missing = missing_gateways(work.client, (instance_id for instance_id, _ in sorted(places))) if places else {}
    read_at = time.monotonic()
    occupancy = read_occupancy(work.client, {place for place in places if place[0] not in missing})
    return Selection(
        "attach",
        tuple(replace(target, read_at=read_at) for target in targets),
        ATTACH_RULES,
        occupancy=replace(occupancy, unread={**occupancy.unread, **missing}),
    )


def _wanted(data: DetachUndo) -> dict[str, tuple[Binding, ...]]:
    """The bindings of each certificate. One that is named several times comes once.

    What was surely detached counts before what was perhaps; then client verification counts before none.
    """
    wanted: dict[str, dict[Place, tuple[tuple[bool, bool], Binding]]] = {}
    for undo in data.undo:
        bindings = wanted.setdefault(undo.certificate_id, {})
        for entry in undo.domains:
            verified = entry.verified_client_certificate_enabled
            rank = (not entry.perhaps, verified)
            for instance_id in entry.instance_ids:
                binding = Binding(entry.domain, instance_id, verified_client_certificate_enabled=verified)
                known = bindings.get(binding.place)
                if known is None or known[0] < rank:
                    bindings[binding.place] = rank, binding
    return {
        certificate_id: tuple(binding for _, binding in bindings.values())
        for certificate_id, bindings in wanted.items()
    }


def _target(certificate_id: str, bindings: tuple[Binding, ...], work: Work) -> Target:
    try:
        certificate = work.client.certificate(certificate_id)
    except NotFound as exc:
        return Target(Certificate(certificate_id), bindings, error=exc)
    return Target(certificate, bindings, unattachable=expired(certificate, work.client.clock.latest()))
