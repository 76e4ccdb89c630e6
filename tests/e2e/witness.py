"""What really changed at the gateway, and when: a fleet that notes each change, whoever makes it."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from sandbox import Certificate, Domain, Fleet
from sandbox.records import now

Row = tuple[str, str, str, bool]
"""A certificate, a domain and a gateway, and whether clients are verified."""


@dataclass(frozen=True)
class Change:
    """A domain of a gateway has another certificate than before, or another flag.

    `by_api` tells whether a request did it, or a neighbour; `expired` is of the certificate before, as it then was.
    """

    at: float
    by_api: bool
    before: Row | None
    after: Row | None
    expired: bool


class WatchedFleet(Fleet):
    """A fleet whose changes are noted from `watch` on."""

    def __init__(self) -> None:
        super().__init__()
        self._watched = False
        self.changes: list[Change] = []
        self.renewed: dict[str, float] = {}

    def watch(self) -> None:
        """The fleet is furnished."""
        self._watched = True

    def carry(self, domain: Domain, certificate_id: str | None, verified: bool = False) -> None:  # noqa: FBT002 - as there
        """Every change of a binding goes through this."""
        with self.lock:
            before = row(self.domains[domain.id])
            super().carry(domain, certificate_id, verified)
            after = row(self.domains[domain.id])
            if self._watched and before != after:
                expired = before is not None and self.certificates[before[0]].expires_at <= now()
                by_api = threading.current_thread().name == "sandbox"
                self.changes.append(Change(time.monotonic(), by_api, before, after, expired))

    def renew(self, certificate_id: str, not_after: datetime | str) -> Certificate:
        """A neighbour puts a new certificate in the place of the old one, under the same id."""
        with self.lock:
            self.renewed[certificate_id] = time.monotonic()
            return super().renew(certificate_id, not_after)


def row(domain: Domain) -> Row | None:
    """What a domain carries."""
    if domain.certificate_id is None:
        return None
    return domain.certificate_id, domain.name, domain.gateway_id, domain.verified_client_certificate_enabled
