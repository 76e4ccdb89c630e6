"""The records of a fleet, as frozen dataclasses, and the vendor's formats of ids and dates."""

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

# querying_ssl_certificates.rst: a certificate for all gateways has this word as its instance_id.
COMMON = "common"

CertificateType = Literal["instance", "global"]

# With a date relative to now, a seed file can be used on any day: "P30D", "-P2D", "PT36H".
_RELATIVE = re.compile(r"(?P<minus>-)?P(?=.)(?:(?P<days>\d+)D)?(?:T(?P<hours>\d+)H)?")


def hex_id() -> str:
    """32 lower-case hex digits: the id of projects, certificates, domains and API groups in all examples."""
    return secrets.token_hex(16)


def gateway_id() -> str:
    """A UUID with dashes; the vendor's example request has a gateway id of this form and one of 32 hex digits."""
    return str(uuid.uuid4())


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def instant(text: str) -> datetime:
    """Read an RFC 3339 date with any number of fractional digits; digits after the sixth are ignored."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def timestamp(moment: datetime, digits: Literal[0, 6, 9] = 0) -> str:
    """Write UTC with `Z` and 0, 6 or 9 fractional digits: different fields on the pages have different forms."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if digits:
        text += f".{moment.microsecond:06d}" + "0" * (digits - 6)
    return text + "Z"


def expiry_text(not_after: datetime | str) -> str:
    """The `not_after` to show. A date given as text is kept as it is, so that a test can use any documented form."""
    if isinstance(not_after, datetime):
        return timestamp(not_after, 6 if not_after.microsecond else 0)
    if relative := _RELATIVE.fullmatch(not_after):
        span = timedelta(days=int(relative["days"] or 0), hours=int(relative["hours"] or 0))
        return timestamp(now() - span if relative["minus"] else now() + span)
    instant(not_after)  # raises ValueError for what no client could read
    return not_after


@dataclass(frozen=True, slots=True)
class Gateway:
    """A dedicated gateway ("instance" in the API)."""

    id: str
    name: str
    status: str = "Running"
    created: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An SSL certificate; `instance_id` is the word "common" when its type is "global"."""

    id: str
    name: str
    common_name: str
    san: tuple[str, ...]
    not_after: str
    type: CertificateType
    instance_id: str
    has_trusted_root_ca: bool = False
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)

    @property
    def expires_at(self) -> datetime:
        """`not_after` as a moment."""
        return instant(self.not_after)

    def covers(self, domain: str) -> bool:
        """Whether CN or SAN match the name; a wildcard stands for exactly one label (RFC 6125, 6.4.3)."""
        wanted = domain.lower().rstrip(".")
        for pattern in (self.common_name, *self.san):
            offered = pattern.lower().rstrip(".")
            if offered == wanted:
                return True
            if offered.startswith("*.") and "." in wanted and wanted.split(".", 1)[1] == offered[2:]:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Group:
    """An API group on one gateway; domains belong to groups."""

    id: str
    name: str
    gateway_id: str
    created: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain entry of an API group. A gateway may have several entries of one name, with different `https_port`."""

    id: str
    name: str
    gateway_id: str
    group_id: str
    status: int = 1
    https_port: int | None = None
    certificate_id: str | None = None
    verified_client_certificate_enabled: bool = False
