"""IAM: `POST /v3/auth/tokens`, `GET /v3/auth/tokens` and `GET /v3/projects`, nothing else.

The .rst files named here are pages of the vendor's IAM API reference.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud import Cloud
from sandbox.identity import Token
from sandbox.records import timestamp
from sandbox.refusals import Refusal, iam_body
from sandbox.routing import service
from sandbox.signing import has_signature, signed


class Iam:
    """The IAM of one account."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.app = service(
            [
                Route("/v3/auth/tokens", self.issue_token, methods=["POST"]),
                Route("/v3/auth/tokens", self.show_token, methods=["GET"]),
                Route("/v3/projects", self.list_projects, methods=["GET"]),
            ],
            error_body=lambda refusal: iam_body(refusal, cloud.behaviour.iam_envelope),
            unknown_route=lambda exc: Refusal("IAM.0004", exc.detail, exc.status_code),
        )

    async def issue_token(self, request: Request) -> Response:
        """obtaining_a_user_token_through_password_authentication.rst: 201, with the token in X-Subject-Token."""
        user, domain_name, scope = _read_request(await request.body())
        behaviour, identity = self._cloud.behaviour, self._cloud.identity
        name = user.get("name", user.get("id", ""))
        identity.sign_in(domain_name, name, user["password"], behaviour.lockout_after)
        # An empty scope gives a global token, which API Gateway refuses (APIG.1003).
        project = scope.get("project") if isinstance(scope, dict) else None
        if project is not None:
            self._require_known(project, domain_name)
        token = identity.issue(behaviour.token_lifetime, behaviour.token_bytes, project=project is not None)
        return self._shown(token, 201, request)

    async def show_token(self, request: Request) -> Response:
        """verifying_a_token_and_returning_a_valid_token.rst: 200 with the same body, 404 for an invalid token."""
        self._valid(request.headers.get("x-auth-token", ""), missing="IAM.0001")
        subject = request.headers.get("x-subject-token", "")
        try:
            token = self._cloud.identity.token(subject)
        except Refusal:
            raise Refusal("IAM.0004", "Could not find token.") from None
        return self._shown(token, 200, request)

    async def list_projects(self, request: Request) -> Response:
        """querying_project_information_based_on_the_specified_criteria.rst; with a token or a signature."""
        identity = self._cloud.identity
        if has_signature(request):
            identity.verify_signature(await signed(request))
        else:
            self._valid(request.headers.get("x-auth-token", ""), missing="IAM.0001")
        project = {
            "id": identity.project_id,
            "name": identity.project_name,
            "domain_id": identity.domain_id,
            "parent_id": identity.domain_id,
            "enabled": True,
            "is_domain": False,
            "description": "",
        }
        wanted = request.query_params.get("name")
        links = {"self": f"{self._cloud.auth_url}/projects", "next": None, "previous": None}
        projects = [project] if wanted in (None, identity.project_name) else []
        return JSONResponse({"links": links, "projects": projects})

    def _valid(self, value: str, missing: str) -> None:
        try:
            self._cloud.identity.token(value)
        except Refusal as exc:
            codes = {"APIG.1000": missing, "APIG.1001": "IAM.0066"}
            raise Refusal(codes.get(exc.error_code, "IAM.0067")) from None

    def _require_known(self, project: Any, domain_name: str) -> None:
        if not isinstance(project, dict):
            raise Refusal("IAM.0011")
        identity = self._cloud.identity
        owner = project.get("domain") or {"name": domain_name}
        if "id" in project:
            found = project["id"] == identity.project_id
        else:
            # A project's name is unique in its account only: the user's account, unless the scope names another.
            in_domain = owner.get("name", owner.get("id")) in {identity.domain_name, identity.domain_id}
            found = in_domain and project.get("name") == identity.project_name
        if not found:
            raise Refusal("IAM.0004", f"Could not find project: {project.get('id', project.get('name'))}.")

    def _shown(self, token: Token, status: int, request: Request) -> Response:
        identity = self._cloud.identity
        domain = {"id": identity.domain_id, "name": identity.domain_name}
        shown: dict[str, Any] = {
            "methods": ["password"],
            "issued_at": timestamp(token.issued_at, 6),
            "expires_at": timestamp(token.expires_at, 6),
            "user": {
                "id": identity.user_id,
                "name": identity.username,
                "domain": domain,
                "password_expires_at": "",
            },
            "roles": [{"id": "0", "name": "apig_adm"}],
        }
        if token.project_id is None:
            shown["domain"] = domain
        else:
            shown["project"] = {"id": token.project_id, "name": identity.project_name, "domain": domain}
        # Any value of nocatalog, if not empty, leaves the catalog out.
        if not request.query_params.get("nocatalog"):
            shown["catalog"] = self._catalog()
        return JSONResponse({"token": shown}, status, {"X-Subject-Token": token.value})

    def _catalog(self) -> list[dict[str, Any]]:
        def entry(kind: str, name: str, url: str) -> dict[str, Any]:
            endpoint = {"id": name, "interface": "public", "region": "eu-de", "region_id": "eu-de", "url": url}
            return {"id": name, "type": kind, "name": name, "endpoints": [endpoint]}

        return [entry("identity", "iam", self._cloud.auth_url), entry("apig", "apig", self._cloud.endpoint)]


def _read_request(body: bytes) -> tuple[dict[str, str], str, Any]:
    """The user with the password, the name or id of the account, and the scope."""
    try:
        auth = json.loads(body)["auth"]
        identity = auth["identity"]
        user = identity["password"]["user"]
        domain = user["domain"]
        domain_name = domain["name"] if "name" in domain else domain["id"]
        texts = [user["password"], domain_name, user["name"] if "name" in user else user["id"]]
        scope = auth.get("scope")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Refusal("IAM.0011") from None
    if identity.get("methods") != ["password"] or not all(isinstance(text, str) for text in texts):
        raise Refusal("IAM.0011")
    return user, domain_name, scope
