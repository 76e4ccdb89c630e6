"""Somebody else who works on the same fleet: what an event finds was put there by this neighbour, too."""

from datetime import UTC, datetime, timedelta
from random import Random

from sandbox import Fleet
from tests.storm.fleet import Certificate, World


class Neighbour:
    """Changes the fleet beside the function. Each change is made under the fleet's lock, and the recorder sees it."""

    def __init__(self, fleet: Fleet, world: World) -> None:
        self.fleet = fleet
        self.world = world

    def act(self, actions: list[tuple[str, str]]) -> None:
        """Carry out the actions that go before an event: pairs of a method's name and a certificate's id."""
        for name, certificate_id in actions:
            {"refill": self.refill, "renew": self.renew, "expire": self.expire}[name](certificate_id)

    def refill(self, certificate_id: str) -> None:
        """Attach the certificate again where it was at the start, as far as nothing else is there."""
        known = self.world.certificate(certificate_id)
        with self.fleet.lock:
            if known is None or certificate_id not in self.fleet.certificates:
                return
            for each in known.bindings:
                entries = self.fleet.find_domains(each.domain, [each.instance_id])
                if all(entry.certificate_id is None for entry in entries):  # all ports of a name carry the same
                    for entry in entries:
                        self.fleet.carry(entry, certificate_id, each.verified)

    def renew(self, certificate_id: str) -> None:
        """Replace its content in place: it is valid for a year."""
        self._date(certificate_id, datetime.now(UTC).replace(microsecond=0) + timedelta(days=365))

    def expire(self, certificate_id: str) -> None:
        """Give it back the date of the start, if that has passed."""
        known = self.world.certificate(certificate_id)
        if known is not None and known.expired:
            self._date(certificate_id, known.not_after)

    def _date(self, certificate_id: str, not_after: datetime) -> None:
        with self.fleet.lock:
            certificate = self.fleet.certificates.get(certificate_id)
            if certificate is not None and certificate.expires_at != not_after:
                self.fleet.renew(certificate_id, not_after)

    # --- between the reading and the writing of an event ---

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete it together with its bindings."""
        with self.fleet.lock:
            if certificate_id in self.fleet.certificates:
                self.fleet.remove_certificate(certificate_id)

    def take_away(self, certificate_id: str, domain: str) -> None:
        """Detach it from one domain, on every gateway."""
        with self.fleet.lock:
            for entry in self.fleet.find_domains(domain):
                if entry.certificate_id == certificate_id:
                    self.fleet.carry(entry, None)

    def rebind(self, certificate_id: str, domain: str, rng: Random) -> None:
        """Put another, valid certificate in its place, on every gateway that has one."""
        with self.fleet.lock:
            for gateway_id in sorted(self.fleet.gateways):
                others = [
                    each.id
                    for each in self.fleet.certificates_on(gateway_id)
                    if each.id != certificate_id and each.expires_at > datetime.now(UTC)
                ]
                other = rng.choice(others) if others else None
                for entry in self.fleet.find_domains(domain, [gateway_id]):
                    if other is not None and entry.certificate_id == certificate_id:
                        self.fleet.carry(entry, other)

    def remove_domain(self, domain: str) -> None:
        """Remove the name from every gateway, together with its bindings."""
        with self.fleet.lock:
            self.fleet.remove_domain(domain)

    def move_rows(self, certificate: Certificate | None, rng: Random) -> None:
        """Take one binding of the certificate away and put it back: it comes last in the listing from now on."""
        if certificate is None or not certificate.bindings:
            return
        each = rng.choice(certificate.bindings)
        with self.fleet.lock:
            for entry in self.fleet.find_domains(each.domain, [each.instance_id]):
                if entry.certificate_id == certificate.id:
                    verified = entry.verified_client_certificate_enabled
                    self.fleet.carry(entry, None)
                    self.fleet.carry(entry, certificate.id, verified)
