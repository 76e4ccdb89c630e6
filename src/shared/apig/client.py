"""The API Gateway client: gateways, API groups, certificates, attached domains, detach, attach.

Facts are from the vendor's API reference (dedicated gateway APIs V2); each call names its route and its page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from shared.apig.clock import GatewayClock
from shared.apig.paging import all_rows
from shared.apig.replies import (
    ApiGroup,
    BoundDomainRow,
    CertificateRow,
    GroupRow,
    Instance,
    InstanceRow,
    Row,
    adapter,
    validated,
)
from shared.core.error_codes import ABOUT_THE_CERTIFICATE, Answer, error_for
from shared.core.errors import DetachError, NotFound, Unavailable
from shared.core.models import Binding, Certificate
from shared.core.plan import Action, Entry
from shared.transport.send import Auth, Reply, Request, Transport


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
        for row in self._rows(self._get("instances", "instances"), "instances", InstanceRow):
            yield row.instance()

    def api_groups(self, instance_id: str) -> Iterator[ApiGroup]:
        """The API groups of one gateway with their domains, all pages, holding one page at a time."""
        # GET /v2/{project_id}/apigw/instances/{instance_id}/api-groups  (ListApiGroupsV2)
        request = self._get("instances/{instance_id}/api-groups", f"instances/{_quoted(instance_id)}/api-groups")
        for row in self._rows(request, "groups", GroupRow):
            yield row.group(instance_id)

    def certificates(self, instance_id: str) -> Iterator[Certificate]:
        """The certificates of one gateway, all pages; a global one comes with every gateway."""
        # GET /v2/{project_id}/apigw/certificates?instance_id=  (ListCertificatesV2)
        request = self._get("certificates", "certificates", {"instance_id": instance_id})
        for row in self._rows(request, "certs", CertificateRow):
            if row.instance_id and row.instance_id not in (instance_id, "common"):
                raise _foreign(request, f"certificate {row.id} of gateway {row.instance_id}")
            yield row.certificate()

    def certificate(self, certificate_id: str) -> Certificate:
        """One certificate; raises NotFound when the project has no such certificate."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}  (ShowDetailsOfCertificateV2)
        request = self._get("certificates/{certificate_id}", f"certificates/{_quoted(certificate_id)}")
        fields = self._read(request)
        found: CertificateRow = validated(adapter(CertificateRow), fields, request.subject)
        if found.id != certificate_id:
            raise _foreign(request, f"certificate {found.id}")
        return found.certificate()

    def attached_domains(self, certificate_id: str) -> tuple[Binding, ...]:
        """Where a certificate is bound, all pages; a domain comes at least once for each gateway and custom port."""
        # GET /v2/{project_id}/apigw/certificates/{certificate_id}/attached-domains  (ListAttachedDomainsV2)
        request = self._get(
            "certificates/{certificate_id}/attached-domains",
            f"certificates/{_quoted(certificate_id)}/attached-domains",
        )
        bound = []
        for row in self._rows(request, "bound_domains", BoundDomainRow):
            if row.ssl_id and row.ssl_id != certificate_id:
                raise _foreign(request, f"{row.url_domain}, which carries certificate {row.ssl_id}")
            bound.append(row.binding())
        return tuple(bound)

    def attached_domains_if_any(self, certificate_id: str) -> tuple[Binding, ...]:
        """The same for a certificate that may have been deleted: then it is bound nowhere.

        One 404 may be a mistake of the API, and what is still bound would be forgotten: so its details have to say the
        same.
        """
        try:
            return self.attached_domains(certificate_id)
        except NotFound as exc:
            if exc.error_code not in ABOUT_THE_CERTIFICATE:
                raise
            try:
                self.certificate(certificate_id)
            except NotFound as details:
                if details.error_code in ABOUT_THE_CERTIFICATE:
                    return ()
                raise
            raise Unavailable(f"{exc.message}; but its details are there", error_code=exc.error_code) from None

    def write(  # noqa: PLR0913 - one parameter for each fact of a write
        self,
        action: Action,
        certificate_id: str,
        entries: Sequence[Entry],
        attempt: int,
        *,
        fresh_until: float | None = None,
        at_once: bool = False,
    ) -> None:
        """Detach a certificate from domains, or attach it. Sent once; `attempt` is the caller's own, from 1 on.

        After `fresh_until`, a moment of the monotonic clock, it is not sent any more: the error is then `stale`. With
        `at_once` it does not wait for its turn, because the read before it has. An
        error with `ambiguous` may mean that it is done: read `attached_domains` before anything is repeated.
        """
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach  (BatchDisassociateDomainsV2)
        # POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach  (BatchAssociateDomainsV2)
        domains = [entry.to_dict() for entry in entries]
        for domain in domains:
            if not domain.get("instance_ids"):
                # Without gateways the API acts on every one of them; nothing here ever means that.
                raise ValueError(f"refusing to {action} {domain.get('domain')!r} without instance_ids")
        path = f"certificates/{_quoted(certificate_id)}/domains/{action}"
        subject = f"POST {path}"
        request = Request(
            "apig",
            "POST",
            self._url(path),
            f"POST certificates/{{certificate_id}}/domains/{action}",
            (204,),
            partial(_refusal, subject=subject, detaching=action == "detach"),
            content={"domains": domains},
            repeat=False,
            attempt=attempt,
            subject=subject,
            fresh_until=fresh_until,
            at_once=at_once,
        )
        self.transport.send(request, self.auth)

    def pause(self, attempt: int, error: DetachError) -> None:
        """Wait before a write that failed with `error` is repeated; raises it when it must not be."""
        self.transport.pause(attempt, error)

    def _rows(self, request: Request, key: str, model: type[Row]) -> Iterator[Row]:
        def page(bounds: Mapping[str, int]) -> dict[str, Any]:
            return self._read(replace(request, params={**(request.params or {}), **bounds}))

        return all_rows(page, key, model, request.subject)

    def _read(self, request: Request) -> dict[str, Any]:
        reply = self.transport.send(request, self.auth)
        self.clock.note(reply)
        return reply.fields()

    def _get(self, route: str, path: str, params: Mapping[str, str | int] | None = None) -> Request:
        query = f"?{urlencode(params)}" if params else ""
        subject = f"GET {path}{query}"
        return Request(
            "apig",
            "GET",
            self._url(path),
            f"GET {route}",
            (200,),
            partial(_refusal, subject=subject),
            params=params,
            subject=subject,
        )

    def _url(self, path: str) -> str:
        return f"{self.endpoint}/v2/{_quoted(self.project_id)}/apigw/{path}"


def _refusal(reply: Reply, subject: str, *, detaching: bool = False) -> DetachError:
    fields: dict[str, Any] = reply.fields()
    code, message = (str(fields.get(name) or "") for name in ("error_code", "error_msg"))
    return error_for(subject, Answer(reply.status, code or None, message, reply.retry_after), detaching=detaching)


def _foreign(request: Request, what: str) -> Unavailable:
    """What was not asked for stands in an answer: nothing of it is believed."""
    return Unavailable(f"{request.subject} answered with {what}")


def _quoted(path_parameter: str) -> str:
    return quote(path_parameter, safe="")
