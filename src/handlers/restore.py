"""A detach is undone: attach exactly the recorded bindings again, unless something else has taken their place."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from shared.errors import DetachError, NotFound, Rejected
from shared.gateway import Gateway, Listed
from shared.models import Binding, Certificate, DetachUndo, Event, comparable_name
from shared.planning import Detachment
from shared.restored import CertificateRestore, RestoreOutcome
from shared.runtime import Work
from shared.settings import Policy

# Answers about the certificate itself: no other domain of the request would fare better.
_OF_THE_CERTIFICATE = {
    "APIG.2102",  # it has expired
    "APIG.3021",  # it does not exist
    "APIG.3025",
}

Place = tuple[str, str]
"""(gateway, domain as it compares)"""


def handle(event: Event[DetachUndo], work: Work) -> RestoreOutcome:
    """Read what the domains carry now, and attach what carries nothing.

    Whether a certificate is too old to be attached is the gateway's to say.
    """
    gateway, policy = work.gateway, work.policy
    wanted = _wanted(event.data)
    carried, lost = _carried({_place(binding) for bindings in wanted.values() for binding in bindings}, gateway)
    restores = tuple(
        _restore(certificate_id, bindings, carried, lost, gateway, policy)
        for certificate_id, bindings in wanted.items()
    )
    return RestoreOutcome(event.id, event.data.kind, policy.dry_run, restores)


def _wanted(data: DetachUndo) -> dict[str, list[Binding]]:
    """The bindings of each certificate; one that is named twice comes once."""
    wanted: dict[str, dict[Place, Binding]] = {}
    for undo in data.undo:
        for entry in undo.domains:
            for instance_id in entry.instance_ids:
                verified = entry.verified_client_certificate_enabled
                binding = Binding(entry.domain, instance_id, verified_client_certificate_enabled=verified)
                wanted.setdefault(undo.certificate_id, {})[_place(binding)] = binding
    return {certificate_id: list(bindings.values()) for certificate_id, bindings in wanted.items()}


def _place(binding: Binding) -> Place:
    return binding.instance_id, comparable_name(binding.domain)


def _carried(places: Collection[Place], gateway: Gateway) -> tuple[dict[Place, set[str]], dict[str, NotFound]]:
    """The ids of the certificates at each place, and the gateways that are not there any more."""
    carried: dict[Place, set[str]] = {place: set() for place in places}
    lost: dict[str, NotFound] = {}

    def note(listed: Listed) -> None:
        if listed.certificate_id and (holders := carried.get(_place(listed.binding))) is not None:
            holders.add(listed.certificate_id)

    for instance_id in dict.fromkeys(instance_id for instance_id, _ in sorted(places)):
        try:
            if not gateway.list_domains(instance_id, note):  # the way back: every certificate's own listing
                for certificate in gateway.certificates(instance_id):
                    for binding in gateway.attached_domains(certificate.id):
                        note(Listed(certificate.id, binding, verification_known=True))
        except NotFound as exc:
            lost[instance_id] = exc
    return carried, lost


def _restore(  # noqa: PLR0913, PLR0917 - what is wanted, what is, and what is allowed
    certificate_id: str,
    bindings: Sequence[Binding],
    carried: dict[Place, set[str]],
    lost: dict[str, NotFound],
    gateway: Gateway,
    policy: Policy,
) -> CertificateRestore:
    try:
        certificate = gateway.certificate(certificate_id)
    except NotFound as exc:
        failed = tuple((binding, exc) for binding in bindings)
        return CertificateRestore(Certificate(certificate_id), "failed", failed=failed)
    done = _Done()
    free: dict[tuple[str, bool], list[Binding]] = {}
    for binding in bindings:
        holders = carried[_place(binding)]
        if binding.instance_id in lost:
            done.failed.append((binding, lost[binding.instance_id]))
        elif certificate_id in holders:
            done.already_attached.append(binding)
        elif holders:
            done.failed.append((binding, _taken(binding, holders)))
        else:
            free.setdefault((binding.domain, binding.verified_client_certificate_enabled), []).append(binding)
    entries = [Detachment(tuple(each), verified) for (_, verified), each in free.items()]
    if policy.dry_run:
        done.attached += _bindings(entries)
    else:
        _attach(certificate_id, entries, gateway, policy, done)
    return done.outcome(certificate, dry_run=policy.dry_run)


def _taken(binding: Binding, holders: Iterable[str]) -> Rejected:
    return Rejected(
        f"{binding.domain} on gateway {binding.instance_id} carries certificate {', '.join(sorted(holders))} now;"
        " detach that one first if the old one is to come back"
    )


@dataclass(slots=True)
class _Done:
    attached: list[Binding] = field(default_factory=list)
    already_attached: list[Binding] = field(default_factory=list)
    failed: list[tuple[Binding, DetachError]] = field(default_factory=list)

    def outcome(self, certificate: Certificate, *, dry_run: bool) -> CertificateRestore:
        return CertificateRestore(
            certificate,
            "failed"
            if self.failed
            else "nothing_to_restore"
            if not self.attached
            else "dry_run"
            if dry_run
            else "restored",
            tuple(self.attached),
            tuple(self.already_attached),
            tuple(self.failed),
        )


def _attach(certificate_id: str, entries: Sequence[Detachment], gateway: Gateway, policy: Policy, done: _Done) -> None:
    """Attach batch by batch; halve a refused one until what is to blame stands alone, and the rest is attached.

    The answer covers the batch as a whole, and names a domain in its text at most.
    """
    size = policy.batch_size
    waiting = deque(entries[start : start + size] for start in range(0, len(entries), size))
    while waiting:
        batch = waiting.popleft()
        try:
            _attach_batch(certificate_id, batch, gateway, done)
        except (Rejected, NotFound) as exc:
            # Whether a refused batch was carried out in part is documented nowhere.
            batch = _remaining(certificate_id, batch, gateway, done) if len(batch) > 1 else batch
            if len(batch) > 1 and exc.error_code not in _OF_THE_CERTIFICATE:
                middle = len(batch) // 2
                waiting.extendleft((batch[middle:], batch[:middle]))
            else:
                done.failed += [(binding, exc) for binding in _bindings(batch)]
        except DetachError as exc:
            for unfinished in (batch, *waiting):
                done.failed += [(binding, exc) for binding in _bindings(unfinished) if binding not in done.attached]
            return


def _attach_batch(certificate_id: str, batch: Sequence[Detachment], gateway: Gateway, done: _Done) -> None:
    """Attach one batch until all of it is attached; after an answer that leaves it open, the bindings are read."""
    attempt = 0
    while batch:
        attempt += 1
        try:
            gateway.attach(certificate_id, [entry.to_dict() for entry in batch])
        except DetachError as exc:
            if not exc.ambiguous:
                raise
            rest = _remaining(certificate_id, batch, gateway, done)
            if len(_bindings(rest)) == len(_bindings(batch)):
                gateway.pause(attempt, exc)
            batch = rest
        else:
            done.attached += _bindings(batch)
            return


def _remaining(certificate_id: str, batch: Sequence[Detachment], gateway: Gateway, done: _Done) -> list[Detachment]:
    """What of a batch is not attached; what is, was attached by one of our requests and is noted as such."""
    bound = {_place(binding) for binding in gateway.attached_domains(certificate_id)}
    done.attached += [binding for binding in _bindings(batch) if _place(binding) in bound]
    parts = (
        Detachment(
            tuple(binding for binding in entry.bindings if _place(binding) not in bound),
            entry.verified_client_certificate_enabled,
        )
        for entry in batch
    )
    return [part for part in parts if part.bindings]


def _bindings(entries: Iterable[Detachment]) -> list[Binding]:
    return [binding for entry in entries for binding in entry.bindings]
