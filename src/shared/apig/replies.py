"""What API Gateway's answers look like, checked before anything is decided on them.

Every field but the ids is optional: the vendor's own examples leave most of them out. An id that is not of the vendor's
shape, or that is not the one asked for, is no row of this listing: nothing of such an answer is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, StringConstraints, TypeAdapter, ValidationError

from shared.core.dates import rfc_3339
from shared.core.errors import Unavailable
from shared.core.models import Binding, Certificate
from shared.core.names import ResourceId

Name = Annotated[str, StringConstraints(min_length=1)]  # as it was bound once, whatever today's rule for names is
RESOLVED = 3  # status of a domain whose CNAME resolves to the gateway


@dataclass(frozen=True, slots=True)
class Instance:
    """A gateway of the project; only a running one can be counted on to answer."""

    id: str
    name: str
    running: bool


@dataclass(frozen=True, slots=True)
class GroupDomain:
    """A domain of an API group: its binding, and the certificate that it carries, if any.

    `certificate_known` is False when the listing did not say which certificate that is, `verification_known` when it
    did not say whether clients are verified.
    """

    certificate_id: str | None
    binding: Binding
    verification_known: bool = True
    certificate_known: bool = True


@dataclass(frozen=True, slots=True)
class ApiGroup:
    """An API group and its domains; `domains` is None when the listing does not tell them.

    `url_domains` is in the vendor's field table and missing from its example, so what is not shown must not be taken
    for not bound.
    """

    domains: tuple[GroupDomain, ...] | None

    def shows(self, wanted: Callable[[Binding], bool] = lambda _: True) -> bool:
        """Whether the listing tells which certificate each of the wanted domains carries."""
        return self.domains is not None and all(
            domain.certificate_known for domain in self.domains if wanted(domain.binding)
        )


class InstanceRow(BaseModel):
    """One entry of ListInstancesV2."""

    id: ResourceId
    instance_name: str | None = None
    status: str | None = None

    def instance(self) -> Instance:
        """The gateway; one without a status counts as running."""
        return Instance(self.id, self.instance_name or "", self.status in (None, "Running"))


_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # API Gateway is younger than any certificate that expired before


def _moment(value: object) -> datetime | None:
    """The moment that a text tells, in UTC; None for anything else.

    A number, a date without an offset or the year 1 are not guessed at: such a certificate has no known date, and one
    odd row of a listing does not hide the others.
    """
    moment = rfc_3339(value)
    return moment if moment is not None and moment >= _EARLIEST else None


class CertificateRow(BaseModel):
    """One entry of ListCertificatesV2, and the part of ShowDetailsOfCertificateV2 that is needed."""

    id: ResourceId
    instance_id: ResourceId | Literal["common", ""] | None = None  # "common": every gateway's
    common_name: str | None = None
    not_after: Annotated[datetime | None, BeforeValidator(_moment)] = None

    def certificate(self) -> Certificate:
        """The certificate."""
        return Certificate(self.id, self.common_name or "", self.not_after)


class BoundDomainRow(BaseModel):
    """One entry of ListAttachedDomainsV2."""

    url_domain: Name
    instance_id: ResourceId
    ssl_id: ResourceId | Literal[""] | None = None
    status: int | None = None
    verified_client_certificate_enabled: bool | None = None

    def binding(self) -> Binding:
        """The binding."""
        verified = bool(self.verified_client_certificate_enabled)
        return Binding(self.url_domain, self.instance_id, self.status == RESOLVED, verified)


class GroupDomainRow(BaseModel):
    """One entry of `url_domains` in ListApiGroupsV2."""

    domain: Name
    ssl_id: ResourceId | Literal[""] | None = None
    cname_status: int | None = None
    verified_client_certificate_enabled: bool | None = None


class GroupRow(BaseModel):
    """One entry of ListApiGroupsV2."""

    url_domains: list[GroupDomainRow] | None = None

    def group(self, instance_id: str) -> ApiGroup:
        """The group, of this gateway."""
        if self.url_domains is None:
            return ApiGroup(None)
        domains = (
            GroupDomain(
                row.ssl_id or None,
                Binding(
                    row.domain,
                    instance_id,
                    row.cname_status == RESOLVED,
                    bool(row.verified_client_certificate_enabled),
                ),
                verification_known=row.verified_client_certificate_enabled is not None,
                certificate_known="ssl_id" in row.model_fields_set,
            )
            for row in self.url_domains
        )
        return ApiGroup(tuple(domains))


class Page(BaseModel):
    """What every listing has beside its rows."""

    total: int


Row = TypeVar("Row", bound=BaseModel)
Content = TypeVar("Content")


@cache
def adapter(model: type[Row]) -> TypeAdapter[Row]:
    """The validator of one row."""
    return TypeAdapter(model)


@cache
def list_of(model: type[Row]) -> TypeAdapter[list[Row]]:
    """The validator of a page's rows."""
    return TypeAdapter(list[model])  # type: ignore[valid-type]  # a type made at run time


def validated(checks: TypeAdapter[Content], content: Any, subject: str) -> Content:
    """The content as `checks` understands it; raises Unavailable for what is not documented.

    Taken for an empty listing, such an answer would leave dead certificates behind in silence.
    """
    try:
        return checks.validate_python(content)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in error["loc"]) or "the body"
        raise Unavailable(f"{subject} answered with what is not documented: {where}: {error['msg']}") from None
