"""What a fleet is made of, as plain frozen records, and how the vendor writes a moment in time."""

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

# querying_ssl_certificates.rst: the instance_id of a certificate that all gateways share is this word, not an id.
COMMON = "common"

CertificateType = Literal["instance", "global"]

# A date relative to now keeps a seed file true on every day: "P30D", "-P2D", "PT36H".
_RELATIVE = re.compile(r"(?P<minus>-)?P(?=.)(?:(?P<days>\d+)D)?(?:T(?P<hours>\d+)H)?")


def hex_id() -> str:
    """32 lower-case hex digits, as projects, certificates, domains and API groups are named in every example."""
    return secrets.token_hex(16)


def gateway_id() -> str:
    """A dashed UUID; the vendor's example request shows this form and the plain 32 hex digits side by side."""
    return str(uuid.uuid4())


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def instant(text: str) -> datetime:
    """Read an RFC 3339 date with any number of fractional digits (those after the sixth are cut)."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def timestamp(moment: datetime, digits: Literal[0, 6, 9] = 0) -> str:
    """Write UTC with `Z` and 0, 6 or 9 fractional digits: the pages show all three in different fields."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if digits:
        text += f".{moment.microsecond:06d}" + "0" * (digits - 6)
    return text + "Z"


def expiry_text(not_after: datetime | str) -> str:
    """The `not_after` to show: a text is kept as given, so that any documented form of it can be tried."""
    if isinstance(not_after, datetime):
        return timestamp(not_after, 6 if not_after.microsecond else 0)
    if relative := _RELATIVE.fullmatch(not_after):
        span = timedelta(days=int(relative["days"] or 0), hours=int(relative["hours"] or 0))
        return timestamp(now() - span if relative["minus"] else now() + span)
    instant(not_after)  # refuse here what no client could read
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
        """Whether CN or SAN match the name; RFC 6125 6.4.3: a wildcard stands for exactly one label."""
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
    """One domain entry of one API group; `https_port` tells apart entries of one name on one gateway."""

    id: str
    name: str
    gateway_id: str
    group_id: str
    status: int = 1
    https_port: int | None = None
    certificate_id: str | None = None
    verified_client_certificate_enabled: bool = False
