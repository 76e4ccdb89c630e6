"""The API Gateway client: gateways, API groups, certificates, attached domains, detach, attach.

Facts are from the vendor's API reference (dedicated gateway APIs V2); each call names its route and its page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from shared.error_codes import error_for
from shared.errors import DetachError, Unavailable
from shared.models import Binding, Certificate, comparable_name
from shared.transport import Reply, Transport

PAGE = 500  # the most that a page holds; the default is 20, and what is above is clamped silently
RESOLVED = 3  # status of a domain whose CNAME resolves to the gateway


class _Certificate(BaseModel):
    # Every field but the id is optional: the vendor's own examples leave most of them out.
    id: str
    common_name: str | None = None
    not_after: AwareDatetime | None = None  # RFC 3339; 0 to 9 fractional digits have been seen

    def to_word(self) -> Certificate:
        return Certificate(self.id, self.common_name or "", self.not_after)


class _Domain(BaseModel):
    url_domain: str
    instance_id: str
    status: int | None = None
    verified_client_certificate_enabled: bool | None = None

    def to_word(self) -> Binding:
        verified = bool(self.verified_client_certificate_enabled)
        return Binding(self.url_domain, self.instance_id, self.status == RESOLVED, verified)


class _GroupDomain(BaseModel):
    domain: str
    ssl_id: str | None = None
    cname_status: int | None = None
    verified_client_certificate_enabled: bool | None = None

    def to_word(self, instance_id: str) -> Binding:
        verified = bool(self.verified_client_certificate_enabled)
        return Binding(self.domain, instance_id, self.cname_status == RESOLVED, verified)


class _Group(BaseModel):
    url_domains: list[_GroupDomain] | None = None


class _Gateway(BaseModel):
    id: str
    instance_name: str | None = None
    status: str | None = None


class _Page(BaseModel):
    total: int


@dataclass(frozen=True, slots=True)
class GatewayInstance:
    """A gateway of the project; only a `Running` one can be counted on to answer."""

    id: str
    name: str
    running: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A domain of an API group: the certificate that it carries, if any, and their binding.

    `verification_known` is False when the listing did not say whether clients are verified.
    """

    certificate_id: str | None
    binding: Binding
    verification_known: bool


Row = TypeVar("Row", bound=BaseModel)
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One event's view of API Gateway. Every method raises a DetachError, and nothing else."""

    transport: Transport
    auth: httpx.Auth
    endpoint: str
    project_id: str

    def instances(self) -> Iterator[GatewayInstance]:
        """The project's gateways, all pages."""
        # GET /v2/{project_id}/apigw/instances  (ListInstancesV2)
        for row in self._pages("instances", "/instances", "instances", _Gateway, {}):
            yield GatewayInstance(row.id, row.instance_name or "", row.status in (None, "Running"))

    def certificates(self, instance_id: str) -> Iterator[Certificate]:
        """The certificates of one gateway, all pages; a global one comes with every gateway."""
        # GET /v2/{project_id}/apigw/certificates?instance_id=  (ListCertificatesV2)
        query = {"instance_id": instance_id}
        for row in self._pages("certificates", "/certificates", "certs", _Certificate, query):
            yield row.to_word()

    def certificate(self, certificate_id: str) -> Certificate:
        """One certificate; raises NotFound when the project has no such certificate."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}  (ShowDetailsOfCertificateV2)
        route, path = "certificates/{certificate_id}", f"/certificates/{_quoted(certificate_id)}"
        reply = self._send("GET", route, path, expected=(200,))
        found: _Certificate = _validated(_adapter(_Certificate), reply.fields(), route)
        return found.to_word()

    def attached_domains(self, certificate_id: str) -> tuple[Binding, ...]:
        """Where a certificate is bound, all pages; a domain comes once for each gateway and custom port."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}/attached-domains  (ListAttachedDomainsV2)
        path = f"/certificates/{_quoted(certificate_id)}/attached-domains"
        rows = self._pages("certificates/{certificate_id}/attached-domains", path, "bound_domains", _Domain, {})
        return tuple(row.to_word() for row in rows)

    def domain_index(self, instance_id: str) -> dict[str, set[str]] | None:
        """Domain names (as they compare) of one gateway → the ids of the certificates they carry.

        None when the listing does not show certificates (see `list_domains`). The index only says where to look; the
        certificate's own listing is what counts.
        """
        index: dict[str, set[str]] = {}

        def note(listed: Listed) -> None:
            carried = index.setdefault(comparable_name(listed.binding.domain), set())
            if listed.certificate_id:
                carried.add(listed.certificate_id)

        return index if self.list_domains(instance_id, note) else None

    def list_domains(self, instance_id: str, note: Callable[[Listed], None]) -> bool:
        """Give `note` every domain of one gateway's API groups, all pages, holding one page at a time.

        Returns whether the listing shows the certificates that domains carry: `url_domains` is in the vendor's field
        table and missing from its example, so what is not shown must not be taken for not bound.
        """
        # GET /v2/{project_id}/apigw/instances/{instance_id}/api-groups  (ListApiGroupsV2)
        path = f"/instances/{_quoted(instance_id)}/api-groups"
        groups = listing = domains = telling = 0
        for group in self._pages("instances/{instance_id}/api-groups", path, "groups", _Group, {}):
            groups += 1
            listing += group.url_domains is not None
            for domain in group.url_domains or ():
                domains += 1
                telling += "ssl_id" in domain.model_fields_set
                known = domain.verified_client_certificate_enabled is not None
                note(Listed(domain.ssl_id or None, domain.to_word(instance_id), known))
        return telling > 0 if domains else listing > 0 or groups == 0

    def detach(self, certificate_id: str, domains: Sequence[Mapping[str, Any]]) -> None:
        """Detach a certificate from domains, entries of AttachOrDetachDomainInfo that each name their gateways.

        An error with `ambiguous` may mean that it is done: read `attached_domains` before anything is repeated.
        """
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach  (BatchDisassociateDomainsV2)
        self._write("detach", certificate_id, domains)

    def attach(self, certificate_id: str, domains: Sequence[Mapping[str, Any]]) -> None:
        """Attach a certificate to domains: the way back, of the same shape as `detach`."""
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach  (BatchAssociateDomainsV2)
        self._write("attach", certificate_id, domains)

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before a repetition of a detach that `error` left undone; raises it when there is none left."""
        self.transport.pause(attempt, error)

    def _write(self, verb: str, certificate_id: str, domains: Sequence[Mapping[str, Any]]) -> None:
        for domain in domains:
            if not domain.get("instance_ids"):
                # Without gateways the API acts on every one of them; nothing here ever means that.
                raise ValueError(f"refusing to {verb} {domain.get('domain')!r} without instance_ids")
        self._send(
            "POST",
            f"certificates/{{certificate_id}}/domains/{verb}",
            f"/certificates/{_quoted(certificate_id)}/domains/{verb}",
            expected=(204,),
            content={"domains": list(domains)},
            detaching=verb == "detach",
            repeat_ambiguous=False,
        )

    def _pages(self, route: str, path: str, key: str, model: type[Row], query: Mapping[str, str]) -> Iterator[Row]:
        """Every row of a listing. A row may come twice.

        Rows that vanish meanwhile move others out of sight, so a listing that shrinks is read again from its start.
        """
        offset, total, restarts = 0, 0, 3
        while True:
            params: dict[str, str | int] = {**query, "offset": offset, "limit": PAGE}
            fields = self._send("GET", route, path, expected=(200,), params=params).fields()
            before, total = total, _validated(_adapter(_Page), fields, route).total
            content = fields.get(key)
            rows = _validated(_list_of(model), [] if content is None and total == 0 else content, route)
            del fields, content  # some 5 MB a page: no two of them at a time
            if total < before and restarts:
                offset, restarts = 0, restarts - 1
                continue
            yield from rows
            size = len(rows)
            del rows
            offset += size
            if offset >= total:
                return
            if not size:  # what is missing may be bound: an incomplete listing is none
                raise Unavailable(f"GET {route} ended after {offset} of {total} rows")

    def _send(  # noqa: PLR0913 - a request has that many parts
        self,
        method: str,
        route: str,
        path: str,
        *,
        expected: tuple[int, ...],
        params: Mapping[str, str | int] | None = None,
        content: Any = None,
        detaching: bool = False,
        repeat_ambiguous: bool = True,
    ) -> Reply:
        route = f"{method} {route}"

        def classify(reply: Reply) -> DetachError:
            code, message = (str(reply.fields().get(name) or "") for name in ("error_code", "error_msg"))
            return error_for(
                route, reply.status, code or None, message, retry_after=reply.retry_after, detaching=detaching
            )

        return self.transport.send(
            "apig",
            method,
            f"{self.endpoint}/v2/{_quoted(self.project_id)}/apigw{path}",
            route=route,
            expected=expected,
            classify=classify,
            auth=self.auth,
            params=params,
            content=content,
            repeat_ambiguous=repeat_ambiguous,
        )


def _quoted(path_parameter: str) -> str:
    return quote(path_parameter, safe="")


@cache
def _adapter(model: type[Row]) -> TypeAdapter[Row]:
    return TypeAdapter(model)


@cache
def _list_of(model: type[Row]) -> TypeAdapter[list[Row]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]  # a type made at run time


def _validated(adapter: TypeAdapter[Content], content: Any, route: str) -> Content:
    try:
        return adapter.validate_python(content)
    except ValidationError as exc:
        # Taken for an empty listing, such an answer would leave dead certificates behind in silence.
        error = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in error["loc"]) or "the body"
        raise Unavailable(f"{route} answered with what is not documented: {where}: {error['msg']}") from None
