"""The API Gateway client: gateways, API groups, certificates, attached domains, detach, attach.

Facts are from the vendor's API reference (dedicated gateway APIs V2); each call names its route and its page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from shared.apig.clock import GatewayClock
from shared.apig.replies import (
    ApiGroup,
    BoundDomainRow,
    CertificateRow,
    GroupRow,
    Instance,
    InstanceRow,
    Page,
    Row,
    adapter,
    list_of,
    validated,
)
from shared.core.error_codes import Answer, error_for
from shared.core.errors import DetachError, Unavailable
from shared.core.models import Binding, Certificate
from shared.core.plan import Action, Entry
from shared.transport.send import Auth, Reply, Request, Transport

PAGE = 500  # the most that a page holds; the default is 20, and what is above is clamped silently
_RESTARTS = 3  # of a listing that shrinks while it is read


@dataclass(frozen=True, slots=True)
class ApigClient:
    """One event's view of API Gateway. Every method raises a DetachError, and nothing else."""

    transport: Transport
    auth: Auth
    endpoint: str
    project_id: str
    clock: GatewayClock = field(default_factory=GatewayClock)

    def instances(self) -> Iterator[Instance]:
        """The project's gateways, all pages."""
        # GET /v2/{project_id}/apigw/instances  (ListInstancesV2)
        for row in self._pages(self._get("instances", "/instances"), "instances", InstanceRow):
            yield row.instance()

    def api_groups(self, instance_id: str) -> Iterator[ApiGroup]:
        """The API groups of one gateway with their domains, all pages, holding one page at a time."""
        # GET /v2/{project_id}/apigw/instances/{instance_id}/api-groups  (ListApiGroupsV2)
        request = self._get("instances/{instance_id}/api-groups", f"/instances/{_quoted(instance_id)}/api-groups")
        for row in self._pages(request, "groups", GroupRow):
            yield row.group(instance_id)

    def certificates(self, instance_id: str) -> Iterator[Certificate]:
        """The certificates of one gateway, all pages; a global one comes with every gateway."""
        # GET /v2/{project_id}/apigw/certificates?instance_id=  (ListCertificatesV2)
        request = self._get("certificates", "/certificates", {"instance_id": instance_id})
        for row in self._pages(request, "certs", CertificateRow):
            yield row.certificate()

    def certificate(self, certificate_id: str) -> Certificate:
        """One certificate; raises NotFound when the project has no such certificate."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}  (ShowDetailsOfCertificateV2)
        request = self._get("certificates/{certificate_id}", f"/certificates/{_quoted(certificate_id)}")
        fields = self._read(request)
        found: CertificateRow = validated(adapter(CertificateRow), fields, request.route)
        if found.id != certificate_id:
            raise Unavailable(f"{request.route} answered with certificate {found.id}, not with {certificate_id}")
        return found.certificate()

    def attached_domains(self, certificate_id: str) -> tuple[Binding, ...]:
        """Where a certificate is bound, all pages; a domain comes once for each gateway and custom port."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}/attached-domains  (ListAttachedDomainsV2)
        request = self._get(
            "certificates/{certificate_id}/attached-domains",
            f"/certificates/{_quoted(certificate_id)}/attached-domains",
        )
        return tuple(row.binding() for row in self._pages(request, "bound_domains", BoundDomainRow))

    def write(self, action: Action, certificate_id: str, entries: Sequence[Entry], attempt: int) -> None:
        """Detach a certificate from domains, or attach it. Sent once; `attempt` is the caller's own, from 1 on.

        An error with `ambiguous` may mean that it is done: read `attached_domains` before anything is repeated.
        """
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach  (BatchDisassociateDomainsV2)
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach  (BatchAssociateDomainsV2)
        domains = [entry.to_dict() for entry in entries]
        for domain in domains:
            if not domain.get("instance_ids"):
                # Without gateways the API acts on every one of them; nothing here ever means that.
                raise ValueError(f"refusing to {action} {domain.get('domain')!r} without instance_ids")
        route = f"POST certificates/{{certificate_id}}/domains/{action}"
        request = Request(
            "apig",
            "POST",
            self._url(f"/certificates/{_quoted(certificate_id)}/domains/{action}"),
            route,
            (204,),
            lambda reply: _refusal(reply, route, detaching=action == "detach"),
            content={"domains": domains},
            repeat=False,
            attempt=attempt,
        )
        self.transport.send(request, self.auth)

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before a write that failed with `error` is repeated; raises it when it must not be."""
        self.transport.pause(attempt, error)

    def _pages(self, request: Request, key: str, model: type[Row]) -> Iterator[Row]:
        """Every row of a listing. A row may come twice.

        Rows that vanish meanwhile move others out of sight, so a listing that shrinks is read again from its start.
        """
        offset, total, restarts = 0, 0, _RESTARTS
        while True:
            page = replace(request, params={**(request.params or {}), "offset": offset, "limit": PAGE})
            fields = self._read(page)
            before, total = total, validated(adapter(Page), fields, request.route).total
            content = fields.get(key)
            rows = validated(list_of(model), [] if content is None and total == 0 else content, request.route)
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
                raise Unavailable(f"{request.route} ended after {offset} of {total} rows")

    def _read(self, request: Request) -> dict[str, Any]:
        reply = self.transport.send(request, self.auth)
        self.clock.note(reply)
        return reply.fields()

    def _get(self, route: str, path: str, params: Mapping[str, str | int] | None = None) -> Request:
        route = f"GET {route}"
        return Request(
            "apig", "GET", self._url(path), route, (200,), lambda reply: _refusal(reply, route), params=params
        )

    def _url(self, path: str) -> str:
        return f"{self.endpoint}/v2/{_quoted(self.project_id)}/apigw{path}"


def _refusal(reply: Reply, route: str, *, detaching: bool = False) -> DetachError:
    fields: dict[str, Any] = reply.fields()
    code, message = (str(fields.get(name) or "") for name in ("error_code", "error_msg"))
    return error_for(route, Answer(reply.status, code or None, message, reply.retry_after), detaching=detaching)


def _quoted(path_parameter: str) -> str:
    return quote(path_parameter, safe="")
