"""What the gateway holds: certificates, and where they are bound."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.names import comparable_name

Place = tuple[str, str]
"""(gateway id, domain name as it compares): where one certificate can be bound at a time."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """An SSL certificate of the gateway, as ShowDetailsOfCertificateV2 or ListCertificatesV2 gives it."""

    id: str
    common_name: str = ""
    not_after: datetime | None = None


def latest(certificate: Certificate, not_after: datetime | None) -> Certificate:
    """The certificate with the later one of its own date and this; one that is not known gives way."""
    known = [date for date in (certificate.not_after, not_after) if date is not None]
    return replace(certificate, not_after=max(known, default=None))


@dataclass(frozen=True, slots=True)
class Binding:
    """A certificate on a domain of one gateway; `domain` is the list's exact `url_domain`, which is what is sent."""

    domain: str
    instance_id: str
    resolves: bool = False  # status 3: the domain's CNAME resolves to the gateway
    verified_client_certificate_enabled: bool = False

    @property
    def place(self) -> Place:
        """Where it is, in the form in which places compare."""
        return self.instance_id, comparable_name(self.domain)
