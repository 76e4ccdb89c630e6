"""What a fleet holds: the expired certificates of all gateways with their bindings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared.apig.client import ApigClient
from shared.core.errors import DetachError
from shared.core.guards import Policy, is_due
from shared.core.models import Binding, Certificate
from shared.core.outcome import GatewayOutcome
from shared.reconcile.gateways import ask_each, does_not_exist
from shared.reconcile.progress import Position, position
from shared.reconcile.window import Window

LISTED_AT_ONCE = 4  # gateways: a page of 500 API groups takes some 5 MB to read
# What one call takes on: bindings, and expired certificates whether bound or not. It bounds the memory and the outcome,
# which at some 250 bytes for a binding stays below the 6 MB that Lambda returns. What is more is left for the cursor.
MOST = 15_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate that was due when it was listed; `bindings` is None when only its own listing tells them.

    `disputed`: gateways have listed different dates, of which the certificate has the latest.
    """

    certificate: Certificate
    bindings: tuple[Binding, ...] | None
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """Certificates by their ids, in order, from `start` on; all after the id `through` are left for the next call.

    `instance_ids` are the gateways that were read. `narrowed` tells that there may be more. `read_at` is a
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


def take_inventory(client: ApigClient, policy: Policy, now: Callable[[], datetime], wanted: Wanted) -> Inventory:
    """List the certificates, then the domains of the API groups, and put the two together: no certificate is asked.

    A gateway that is not running is named and left alone, and so is one whose listing fails. Raises a DetachError when
    no gateway at all could be listed, when the time ran out, for a wrong clock or credentials, and for an unknown
    cursor. `now` is asked after each answer, since an answer tells the gateway's own time.
    """
    start, read_at = position(wanted.cursor), time.monotonic()
    running, left = _gateways(client, wanted.instance_ids)
    window = Window(start.after, wanted.most)
    threads = min(policy.concurrency, LISTED_AT_ONCE)

    def certificates(instance_id: str) -> bool:
        for certificate in client.certificates(instance_id):
            if certificate.not_after is None or is_due(certificate, policy, now()):
                window.add(certificate)
            else:
                window.pass_over(certificate)
        return True

    deadline = client.transport.deadline
    shown, failed = ask_each(running, certificates, deadline, threads)
    if window.certificates:  # or else nothing can be attached, and the longer listing is not needed
        shown, failed_later = ask_each(shown, partial(_list_domains, client, window), deadline, threads)
        failed |= failed_later
    held = window.held(shown=all(shown.values()))
    return Inventory(
        due=tuple(Listed(certificate, bindings, certificate.id in window.disputed) for certificate, bindings in held),
        start=start,
        through=window.through,
        instance_ids=frozenset(shown),
        narrowed=wanted.instance_ids is not None or bool(left or failed),
        gateways=(*left, *failed_gateways(failed)),
        read_at=read_at,
    )


def _list_domains(client: ApigClient, window: Window, instance_id: str) -> bool:
    """Take in the domains of one gateway; whether its listing shows which certificates they carry."""
    try:
        for group in client.api_groups(instance_id):
            if group.domains is None or not group.shows():
                return False
            for domain in group.domains:
                window.note(domain)
    except DetachError:
        window.forget(instance_id)
        raise
    return True


def failed_gateways(failed: Mapping[str, DetachError]) -> tuple[GatewayOutcome, ...]:
    """What the outcome tells of the gateways that could not be read."""
    return tuple(GatewayOutcome(instance_id, "failed", error) for instance_id, error in failed.items())


def _gateways(client: ApigClient, wanted: Sequence[str] | None) -> tuple[list[str], list[GatewayOutcome]]:
    """The gateways to read, and those to leave alone."""
    known = {instance.id: instance for instance in client.instances()}
    running: list[str] = []
    left: list[GatewayOutcome] = []
    for instance_id in dict.fromkeys(wanted or known):
        if instance_id not in known:
            left.append(GatewayOutcome(instance_id, "failed", does_not_exist(instance_id)))
        elif not known[instance_id].running:
            left.append(GatewayOutcome(instance_id, "not_running"))
        else:
            running.append(instance_id)
    return running, left
