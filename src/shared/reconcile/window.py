"""The first certificates of an inventory, as far as there is room for them and their bindings."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.apig.replies import GroupDomain
from shared.core.models import Binding, Certificate, latest

if TYPE_CHECKING:
    from datetime import datetime


class Window:
    """The first due certificates by their ids, after one id. For any number of threads.

    A global certificate is listed by every gateway, and has its bindings on several: it comes once, with all of them,
    and with the latest date. `disputed` are those that were listed with different dates. `through` is the last id there
    was room for; None: all of them.
    """

    def __init__(self, after: str, most: int) -> None:
        self.through: str | None = None
        self.certificates: dict[str, Certificate] = {}
        self.disputed: set[str] = set()
        self._after = after
        self._most = most
        self._lock = threading.Lock()
        self._bindings: dict[str, list[Binding]] = {}
        self._held = 0
        self._unknown: set[str] = set()
        self._not_due: dict[str, datetime | None] = {}

    def add(self, certificate: Certificate) -> None:
        """Take in a certificate that is due."""
        with self._lock:
            if certificate.id <= self._after or self._is_left(certificate.id):
                return
            if certificate.id in self._not_due:
                self.disputed.add(certificate.id)
                certificate = latest(certificate, self._not_due[certificate.id])
            self._put(certificate)
            if len(self.certificates) > 2 * self._most:  # seldom enough for sorting to be cheap
                kept = sorted(self.certificates)[: self._most]
                self.certificates = {certificate_id: self.certificates[certificate_id] for certificate_id in kept}
                self.through = kept[-1]

    def pass_over(self, certificate: Certificate) -> None:
        """A gateway lists this one as not due. If another lists it as due, it is disputed."""
        with self._lock:
            self._not_due[certificate.id] = certificate.not_after
            if certificate.id in self.certificates:
                self._put(certificate)

    def note(self, domain: GroupDomain) -> None:
        """Take in a domain, if its certificate is one of the window's."""
        if domain.certificate_id is None or domain.certificate_id not in self.certificates:
            return
        with self._lock:
            if self._is_left(domain.certificate_id):
                return
            self._bindings.setdefault(domain.certificate_id, []).append(domain.binding)
            self._held += 1
            if not domain.verification_known:
                self._unknown.add(domain.certificate_id)
            if self._held > 2 * self._most:
                self._make_room()

    def held(self, *, shown: bool) -> Iterator[tuple[Certificate, tuple[Binding, ...] | None]]:
        """The certificates in order with their bindings; None where only the certificate's own listing tells them.

        `shown` is False when a listing did not show the certificates of its domains: then nobody's are known.
        """
        if not shown:
            ids = (each for each in sorted(self.certificates) if not self._is_left(each))
            yield from ((self.certificates[each], None) for each in ids)
            return
        self._make_room()
        for each in sorted(self._bindings):
            yield self.certificates[each], None if each in self._unknown else tuple(self._bindings[each])

    def forget(self, instance_id: str) -> None:
        """Its listing was cut short: the bindings that it has shown are too few to judge by."""
        with self._lock:
            for certificate_id, bindings in list(self._bindings.items()):
                kept = [binding for binding in bindings if binding.instance_id != instance_id]
                self._held -= len(bindings) - len(kept)
                if kept:
                    self._bindings[certificate_id] = kept
                else:
                    del self._bindings[certificate_id]

    def _put(self, certificate: Certificate) -> None:
        known = self.certificates.get(certificate.id, certificate)
        if known.not_after != certificate.not_after:
            self.disputed.add(certificate.id)
        self.certificates[certificate.id] = latest(known, certificate.not_after)

    def _is_left(self, certificate_id: str) -> bool:
        return self.through is not None and certificate_id > self.through

    def _make_room(self) -> None:
        ids = sorted(self._bindings)
        while self._held > self._most and len(ids) > 1:
            self._held -= len(self._bindings.pop(ids.pop()))
            self.through = ids[-1]
