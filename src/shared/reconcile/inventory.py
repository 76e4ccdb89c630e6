"""What a fleet holds: the expired certificates of all gateways with their bindings, and who carries which domain."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.apig.client import ApigClient
from shared.apig.replies import GroupDomain
from shared.core.errors import DetachError, NotFound, first_error
from shared.core.guards import Policy, is_due
from shared.core.models import Binding, Certificate
from shared.core.outcome import GatewayOutcome
from shared.reconcile.parallel import in_order
from shared.reconcile.progress import Position, position
from shared.reconcile.window import Window

LISTED_AT_ONCE = 4  # gateways: a page of 500 API groups takes some 5 MB to read
# What one call takes on: bindings, and expired certificates whether bound or not. It bounds the memory and the outcome,
# which at some 250 bytes for a binding stays below the 6 MB that Lambda returns. What is more is left for the cursor.
MOST = 15_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate that was due when it was listed; `bindings` is None when only its own listing tells them."""

    certificate: Certificate
    bindings: tuple[Binding, ...] | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """Certificates by their ids, in order, from `start` on; all after the id `through` are left for the next call.

    `instance_ids` are the gateways that were read. `narrowed` tells that these are not all there are. `read_at` is a
    moment of the monotonic clock before the first page.
    """

    due: tuple[Listed, ...]
    start: Position
    through: str | None
    instance_ids: frozenset[str]
    narrowed: bool
    gateways: tuple[GatewayOutcome, ...]
    read_at: float

    def cursor(self, done: int, bindings: int) -> str | None:
        """From where the next call goes on when that many of the first certificates are done; None: nothing is left.

        `bindings` is what this call has changed or handed out.
        """
        after = self.due[done - 1].certificate.id if done else self.start.after
        if done == len(self.due):
            if self.through is None:
                return None
            after = self.through
        return Position(after, self.start.bindings + bindings).cursor()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an inventory is to hold: from which cursor on, on which gateways (None: on all), and how much at most."""

    cursor: str | None = None
    instance_ids: Sequence[str] | None = None
    most: int = MOST


def take_inventory(client: ApigClient, policy: Policy, now: datetime, wanted: Wanted) -> Inventory:
    """List the certificates, then the domains of the API groups, and put the two together: no certificate is asked.

    A gateway that is not running is named and left alone, and so is one whose listing fails. Raises a DetachError when
    no gateway at all could be listed, when the time ran out, and for an unknown cursor.
    """
    start, read_at = position(wanted.cursor), time.monotonic()
    running, left = _gateways(client, wanted.instance_ids)
    window = Window(start.after, wanted.most)
    threads = min(policy.concurrency, LISTED_AT_ONCE)

    def certificates(instance_id: str) -> bool:
        for certificate in client.certificates(instance_id):
            if certificate.not_after is None or is_due(certificate, policy, now):
                window.add(certificate)
            else:
                window.pass_over(certificate)
        return True

    read, failed = _each(running, certificates, threads)
    shown = dict.fromkeys(read, True)
    if window.certificates:  # or else nothing can be attached, and the longer listing is not needed
        shown, failed_later = _each(read, partial(_list_domains, client, window), threads)
        failed += failed_later
    error = first_error(outcome.error for outcome in failed)
    if error is not None and (not shown or client.transport.deadline.left() <= 0):
        raise error
    held = window.held(shown=all(shown.values()))
    return Inventory(
        due=tuple(Listed(certificate, bindings) for certificate, bindings in held),
        start=start,
        through=window.through,
        instance_ids=frozenset(shown),
        narrowed=wanted.instance_ids is not None or bool(left),
        gateways=(*left, *failed),
        read_at=read_at,
    )


def _list_domains(client: ApigClient, window: Window, instance_id: str) -> bool:
    """Take in the domains of one gateway; whether its listing shows which certificates they carry."""
    try:
        for group in client.api_groups(instance_id):
            if not group.shown:
                return False
            for domain in group.domains:
                window.note(domain)
    except DetachError:
        window.forget(instance_id)
        raise
    return True


def carried_domains(client: ApigClient, instance_id: str) -> Iterator[GroupDomain]:
    """Every domain of one gateway with the certificate that it carries. A domain may come twice.

    The listing of API groups is the short way: one page instead of one call a certificate. Where it does not show the
    certificates of every domain, each certificate's own listing is read.
    """
    for group in client.api_groups(instance_id):
        if not group.shown:
            break
        yield from group.domains
    else:
        return
    for certificate in client.certificates(instance_id):
        for binding in client.attached_domains(certificate.id):
            yield GroupDomain(certificate.id, binding, verification_known=True)


def _gateways(client: ApigClient, wanted: Sequence[str] | None) -> tuple[list[str], list[GatewayOutcome]]:
    """The gateways to read, and those to leave alone."""
    known = {instance.id: instance for instance in client.instances()}
    running: list[str] = []
    left: list[GatewayOutcome] = []
    for instance_id in dict.fromkeys(wanted or known):
        if instance_id not in known:
            error = NotFound(f"gateway {instance_id} does not exist in this project")
            left.append(GatewayOutcome(instance_id, "failed", error))
        elif not known[instance_id].running:
            left.append(GatewayOutcome(instance_id, "not_running"))
        else:
            running.append(instance_id)
    return running, left


def _each(
    instance_ids: Iterable[str], read: Callable[[str], bool], threads: int
) -> tuple[dict[str, bool], list[GatewayOutcome]]:
    """Read each gateway: what `read` said of those that were read, and those that failed."""

    def attempt(instance_id: str) -> bool | DetachError:
        try:
            return read(instance_id)
        except DetachError as exc:
            return exc

    ids = list(instance_ids)
    results = list(zip(ids, in_order(ids, attempt, threads), strict=True))
    failed = [GatewayOutcome(each, "failed", said) for each, said in results if isinstance(said, DetachError)]
    return {each: said for each, said in results if isinstance(said, bool)}, failed
