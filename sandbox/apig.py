"""API Gateway: the routes for certificates and domains under /v2/{project_id}/apigw."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import bindings, replies
from sandbox.cloud import Cloud
from sandbox.refusals import Refusal, gateway_body
from sandbox.routing import Endpoint, service
from sandbox.signing import has_signature, signed
from sandbox.tables import fold

Record = TypeVar("Record")

DEFAULT_LIMIT = 20


class ApiGateway:
    """The management API for the dedicated gateways of one project."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._recent: deque[float] = deque()
        route = self._route
        self.app = service(
            [
                route("GET", "/certificates", self.list_certificates),
                route("GET", "/certificates/{certificate_id}", self.show_certificate),
                route("DELETE", "/certificates/{certificate_id}", self.delete_certificate),
                route("GET", "/certificates/{certificate_id}/attached-domains", self.list_attached_domains),
                route("POST", "/certificates/{certificate_id}/domains/detach", self.detach),
                route("POST", "/certificates/{certificate_id}/domains/attach", self.attach),
                route("GET", "/instances", self.list_gateways),
                route("GET", "/instances/{instance_id}/api-groups", self.list_groups),
                route("GET", "/instances/{instance_id}/api-groups/{group_id}", self.show_group),
            ],
            error_body=gateway_body,
            unknown_route=_unknown_route,
        )

    # --- who may call ---

    def _route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        async def admitted(request: Request) -> Response:
            try:
                await self._admit(request)
            except Refusal as exc:
                # querying_dedicated_gateways.rst: only this call has APIC codes for these errors.
                if path == "/instances" and exc.error_code in _APIC:
                    raise Refusal(_APIC[exc.error_code]) from None
                raise
            return await endpoint(request)

        return Route(f"/v2/{{project_id}}/apigw{path}", admitted, methods=[method])

    async def _admit(self, request: Request) -> None:
        self._throttle()
        identity = self._cloud.identity
        project_id = request.path_params["project_id"]
        # calling_apis/authentication.rst: a token, or a signature with an access key.
        if has_signature(request) and "x-auth-token" not in request.headers:
            identity.verify_signature(await signed(request))
            # Same page: a sub-project needs X-Project-Id; without it, the key is for the region's own project.
            scope = request.headers.get("x-project-id")
        else:
            scope = identity.token(request.headers.get("x-auth-token", "")).project_id
            if scope is None:
                raise Refusal("APIG.1003")
        if project_id != identity.project_id or scope != project_id:
            raise Refusal("APIC.7118")  # appendix/error_codes.rst
        if self._cloud.behaviour.forbidden:
            raise Refusal("APIG.1005")

    def _throttle(self) -> None:
        rate = self._cloud.behaviour.throttle_rate
        if rate is None:
            return
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        # The rate is undocumented; appendix/error_codes.rst has the code, with status 500.
        if len(self._recent) >= rate:
            raise Refusal("APIG.9008")
        self._recent.append(now)

    # --- certificates ---

    async def list_certificates(self, request: Request) -> Response:
        """querying_ssl_certificates.rst, ListCertificatesV2: the API lists by gateway, never by project."""
        gateway_id = request.query_params.get("instance_id")
        if not gateway_id:
            raise Refusal("APIG.2001", "The request parameters must be specified,parameterName:instance_id.")
        self._require_gateway(gateway_id)
        wanted_type = request.query_params.get("type")
        # umn/source/api_policies/ssl_certificates.rst: certificates for "all gateways" are shown on each gateway.
        rows = [c for c in self._cloud.fleet.certificates_on(gateway_id) if wanted_type in (None, c.type)]
        rows = self._filtered(rows, request, "name", lambda c: c.name)
        rows = self._filtered(rows, request, "common_name", lambda c: c.common_name)
        project_id, behaviour = request.path_params["project_id"], self._cloud.behaviour
        return self._page(request, "certs", rows, lambda c: replies.certificate(c, project_id, behaviour))

    async def show_certificate(self, request: Request) -> Response:
        """querying_certificate_details.rst, ShowDetailsOfCertificateV2."""
        certificate = self._cloud.fleet.certificates.get(request.path_params["certificate_id"])
        if certificate is None:
            raise Refusal("APIG.3021")
        project_id = request.path_params["project_id"]
        return JSONResponse(replies.certificate_details(certificate, project_id, self._cloud.behaviour))

    async def delete_certificate(self, request: Request) -> Response:
        """deleting_an_ssl_certificate.rst: 204, but only if no domain is bound to the certificate."""
        fleet, certificate_id = self._cloud.fleet, request.path_params["certificate_id"]
        with fleet.lock:
            if certificate_id not in fleet.certificates:
                raise Refusal("APIG.3021")
            if fleet.domains_with(certificate_id):
                # The page has this rule, but no error code for it.
                raise Refusal("APIG.2000", "Parameter error: the certificate is bound to domain names")
            fleet.remove_certificate(certificate_id)
        return Response(status_code=204)

    async def list_attached_domains(self, request: Request) -> Response:
        """querying_domain_names_of_an_ssl_certificate.rst: the page has no 404: an unknown certificate has no rows."""
        fleet, behaviour = self._cloud.fleet, self._cloud.behaviour
        with fleet.lock:
            rows = fleet.domains_with(request.path_params["certificate_id"])
            rows = self._filtered(rows, request, "url_domain", lambda d: d.name)
            return self._page(request, "bound_domains", rows, lambda d: replies.attached_domain(d, fleet, behaviour))

    async def detach(self, request: Request) -> Response:
        """unbinding_an_ssl_certificate_from_a_domain_name.rst: 204 without a body."""
        entries = bindings.read_entries(await request.body())
        bindings.detach(self._cloud.fleet, request.path_params["certificate_id"], entries, self._cloud.behaviour)
        return Response(status_code=204)

    async def attach(self, request: Request) -> Response:
        """binding_an_ssl_certificate_to_a_domain_name.rst: 204 without a body."""
        entries = bindings.read_entries(await request.body())
        bindings.attach(self._cloud.fleet, request.path_params["certificate_id"], entries, self._cloud.behaviour)
        return Response(status_code=204)

    # --- gateways and their API groups ---

    async def list_gateways(self, request: Request) -> Response:
        """querying_dedicated_gateways.rst, ListInstancesV2."""
        with self._cloud.fleet.lock:
            rows = list(self._cloud.fleet.gateways.values())
        for name, value in (("instance_id", "id"), ("status", "status")):
            if wanted := request.query_params.get(name):
                rows = [row for row in rows if getattr(row, value) == wanted]
        rows = self._filtered(rows, request, "instance_name", lambda row: row.name)
        project_id = request.path_params["project_id"]
        return self._page(request, "instances", rows, lambda row: replies.gateway(row, project_id))

    async def list_groups(self, request: Request) -> Response:
        """querying_api_groups.rst, ListApiGroupsV2; with precise_search=name, the filter by name is exact."""
        self._require_gateway(request.path_params["instance_id"])
        fleet, behaviour = self._cloud.fleet, self._cloud.behaviour
        with fleet.lock:
            rows = fleet.groups_on(request.path_params["instance_id"])
            if group_id := request.query_params.get("id"):
                rows = [row for row in rows if row.id == group_id]
            if request.query_params.get("precise_search") == "name":
                rows = [row for row in rows if row.name == request.query_params.get("name")]
            rows = self._filtered(rows, request, "name", lambda row: row.name)
            return self._page(request, "groups", rows, lambda row: replies.group(row, fleet, behaviour))

    async def show_group(self, request: Request) -> Response:
        """querying_api_group_details.rst, ShowDetailsOfApiGroupV2."""
        self._require_gateway(request.path_params["instance_id"])
        fleet = self._cloud.fleet
        with fleet.lock:
            group = fleet.groups.get(request.path_params["group_id"])
            if group is None or group.gateway_id != request.path_params["instance_id"]:
                raise Refusal("APIG.3001")
            return JSONResponse(replies.group(group, fleet, self._cloud.behaviour))

    # --- small parts ---

    def _require_gateway(self, gateway_id: str) -> None:
        if gateway_id not in self._cloud.fleet.gateways:
            raise Refusal("APIG.3030")

    def _page(
        self, request: Request, name: str, rows: Sequence[Record], shape: Callable[[Record], dict[str, Any]]
    ) -> Response:
        """The same for all lists: 20 rows by default, 500 at most; a value out of range is clamped, not refused."""
        offset = max(_number(request, "offset", 0), 0)
        limit = _number(request, "limit", DEFAULT_LIMIT)
        limit = DEFAULT_LIMIT if limit <= 0 else min(limit, self._cloud.behaviour.most_rows)
        return JSONResponse(replies.page(name, rows, offset, limit, shape))

    def _filtered(
        self, rows: Sequence[Record], request: Request, parameter: str, name_of: Callable[[Record], str]
    ) -> list[Record]:
        wanted = request.query_params.get(parameter)
        if not wanted:
            return list(rows)
        if self._cloud.behaviour.filter_match == "exact":
            return [row for row in rows if name_of(row) == wanted]
        return [row for row in rows if fold(wanted) in fold(name_of(row))]


# querying_dedicated_gateways.rst and appendix/error_codes.rst: the APIC codes with the meaning of these APIG codes.
_APIC = {
    "APIG.1000": "APIC.7100",
    "APIG.1001": "APIC.7101",
    "APIG.1002": "APIC.7102",
    "APIG.1003": "APIC.7103",
    "APIG.1005": "APIC.7106",
}


def _number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query_params.get(name, default))
    except ValueError:
        # querying_ssl_certificates.rst, the example of status 400.
        text = f"Invalid parameter value,parameterName:{name}. Please refer to the support documentation"
        raise Refusal("APIG.2012", text) from None


def _unknown_route(exc: HTTPException) -> Refusal:
    """published_api_calling/error_codes.rst: APIG.0101; appendix/http_status_codes.rst: 405 for a wrong method."""
    text = "The API does not exist." if exc.status_code == 405 else None
    return Refusal("APIG.0101", text, exc.status_code)
