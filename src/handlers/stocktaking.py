"""What is due and still attached somewhere, over all gateways: pages are read, and no certificate is asked about."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.errors import DetachError, InvalidEvent, NotFound
from shared.gateway import Gateway, GatewayInstance, Listed
from shared.models import Binding, Certificate
from shared.outcome import GatewayOutcome, first_error
from shared.parallel import in_order
from shared.planning import is_due
from shared.settings import Policy

# What one call takes on: bindings, and expired certificates whether bound or not. It bounds the memory and the outcome,
# which at some 250 bytes for a binding stays below the 6 MB that Lambda returns. What is more is left for the cursor.
MOST = 15_000
LISTED_AT_ONCE = 4  # gateways: a page of 500 API groups takes some 5 MB to read
_CURSOR = "after-"


@dataclass(frozen=True, slots=True)
class Due:
    """A certificate that was due when it was listed; `bindings` is None when only its own listing tells them."""

    certificate: Certificate
    bindings: tuple[Binding, ...] | None


@dataclass(frozen=True, slots=True)
class Stock:
    """Certificates by their ids, in order; all that come after the id `through` are left for the next call.

    `instance_ids` are the gateways that were looked at, `narrowed` tells that these are not all there are, and
    `listed_at` is a moment of the monotonic clock before the first page.
    """

    due: tuple[Due, ...]
    after: str
    through: str | None
    instance_ids: frozenset[str]
    narrowed: bool
    gateways: tuple[GatewayOutcome, ...]
    listed_at: float

    def cursor(self, dealt_with: int) -> str | None:
        """From where the next call goes on when so many of the first certificates are dealt with; None: nowhere.

        It says: every certificate up to this id has been. Ids are an order that nothing disturbs, whatever certificates
        come and go in between.
        """
        if dealt_with == len(self.due):
            return None if self.through is None else _CURSOR + self.through
        return _CURSOR + (self.due[dealt_with - 1].certificate.id if dealt_with else self.after)


def _position(cursor: str | None) -> str:
    if cursor is None:
        return ""
    if not cursor.startswith(_CURSOR):
        raise InvalidEvent("cursor", "expected the cursor of a clean-up's outcome, unchanged")
    return cursor.removeprefix(_CURSOR)


def take_stock(  # noqa: PLR0913 - what is asked for, and how much of it
    gateway: Gateway,
    policy: Policy,
    now: datetime,
    *,
    cursor: str | None = None,
    instance_ids: Sequence[str] | None = None,
    most: int = MOST,
) -> Stock:
    """List certificates, then the domains of the API groups, and put the two together.

    A gateway that is not running is named and left alone, and so is one whose listing fails. Raises a DetachError when
    no gateway at all could be listed, when the time ran out, and for a cursor that is none of ours.
    """
    after = _position(cursor)
    listed_at = time.monotonic()
    running, left = _gateways(gateway.instances(), instance_ids)
    window = _Window(after, most)

    def list_certificates(instance_id: str) -> None:
        for certificate in gateway.certificates(instance_id):
            if certificate.not_after is None or is_due(certificate, policy, now):
                window.add(certificate)

    def list_domains(instance_id: str) -> None:
        try:
            shown = gateway.list_domains(instance_id, window.note)
        except DetachError:
            window.forget(instance_id)
            raise
        if not shown:
            window.unshown = True

    threads = min(policy.concurrency, LISTED_AT_ONCE)
    read, failed = _each(running, list_certificates, threads)
    if window.certificates:  # or else nothing can be attached, and the longer listing is spared
        read, failed_later = _each(read, list_domains, threads)
        failed += failed_later
    error = first_error(outcome.error for outcome in failed)
    if error is not None and (not read or gateway.transport.deadline.left() <= 0):
        raise error
    return Stock(
        due=window.due(),
        after=after,
        through=window.through,
        instance_ids=frozenset(read),
        narrowed=instance_ids is not None or bool(left),
        gateways=(*left, *failed),
        listed_at=listed_at,
    )


def _gateways(
    instances: Iterable[GatewayInstance], wanted: Sequence[str] | None
) -> tuple[list[str], list[GatewayOutcome]]:
    known = {instance.id: instance for instance in instances}
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
    instance_ids: Sequence[str], read: Callable[[str], None], threads: int
) -> tuple[list[str], list[GatewayOutcome]]:
    """Read each gateway; those that were read, and those that failed."""

    def attempt(instance_id: str) -> DetachError | None:
        try:
            read(instance_id)
        except DetachError as exc:
            return exc
        return None

    errors = list(zip(instance_ids, in_order(instance_ids, attempt, threads), strict=True))
    failed = [GatewayOutcome(instance_id, "failed", error) for instance_id, error in errors if error is not None]
    return [instance_id for instance_id, error in errors if error is None], failed


class _Window:
    """The first certificates, by their ids, that are due, as far as there is room for them and their bindings.

    A global certificate is listed by every gateway, and has its bindings on several: it comes once, with all of them.
    """

    def __init__(self, after: str, most: int) -> None:
        self.through: str | None = None
        self.certificates: dict[str, Certificate] = {}
        self.unshown = False
        self._after = after
        self._most = most
        self._lock = threading.Lock()
        self._bindings: dict[str, list[Binding]] = {}
        self._held = 0
        self._unknown: set[str] = set()

    def add(self, certificate: Certificate) -> None:
        with self._lock:
            if certificate.id <= self._after or self._is_left(certificate.id):
                return
            self.certificates[certificate.id] = certificate
            if len(self.certificates) > 2 * self._most:  # seldom enough for sorting to be cheap
                kept = sorted(self.certificates)[: self._most]
                self.certificates = {certificate_id: self.certificates[certificate_id] for certificate_id in kept}
                self.through = kept[-1]

    def note(self, listed: Listed) -> None:
        if listed.certificate_id is None or listed.certificate_id not in self.certificates:
            return
        with self._lock:
            if self._is_left(listed.certificate_id):
                return
            self._bindings.setdefault(listed.certificate_id, []).append(listed.binding)
            self._held += 1
            if not listed.verification_known:
                self._unknown.add(listed.certificate_id)
            if self._held > 2 * self._most:
                self._make_room()

    def forget(self, instance_id: str) -> None:
        """Its listing was cut short: some bindings of a certificate are too few to judge by."""
        with self._lock:
            for certificate_id, bindings in list(self._bindings.items()):
                kept = [binding for binding in bindings if binding.instance_id != instance_id]
                self._held -= len(bindings) - len(kept)
                if kept:
                    self._bindings[certificate_id] = kept
                else:
                    del self._bindings[certificate_id]

    def due(self) -> tuple[Due, ...]:
        if self.unshown:
            return tuple(Due(self.certificates[each], None) for each in sorted(self.certificates))
        self._make_room()
        return tuple(
            Due(self.certificates[each], None if each in self._unknown else tuple(self._bindings[each]))
            for each in sorted(self._bindings)
        )

    def _is_left(self, certificate_id: str) -> bool:
        return self.through is not None and certificate_id > self.through

    def _make_room(self) -> None:
        ids = sorted(self._bindings)
        while self._held > self._most and len(ids) > 1:
            self._held -= len(self._bindings.pop(ids.pop()))
            self.through = ids[-1]
