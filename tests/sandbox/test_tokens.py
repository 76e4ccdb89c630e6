"""IAM: tokens for a password, their scope and their end, and the lock after wrong passwords."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest

from sandbox import Behaviour, Sandbox
from tests.sandbox.conftest import Caller


@pytest.fixture
def sign_in(connections: httpx.Client, sandbox: Sandbox) -> Any:
    def post(scope: Any = None, query: str = "", **user: Any) -> httpx.Response:
        known = sandbox.credentials
        identity = {
            "methods": ["password"],
            "password": {
                "user": {
                    "name": known["username"],
                    "password": known["password"],
                    "domain": {"name": known["domain_name"]},
                    **user,
                }
            },
        }
        auth = {"identity": identity, "scope": scope or {"project": {"id": sandbox.project_id}}}
        return connections.post(sandbox.auth_url + "/auth/tokens" + query, json={"auth": auth})

    return post


def test_the_right_password_gives_a_token(sign_in: Any, call: Caller, sandbox: Sandbox) -> None:
    """201, with the token in a header; the body has its end, its user and its project."""
    response = sign_in()
    assert response.status_code == 201
    token = response.json()["token"]
    assert token["project"]["id"] == sandbox.project_id
    assert token["methods"] == ["password"]
    assert {entry["type"] for entry in token["catalog"]} == {"identity", "apig"}
    assert len(token["expires_at"]) == len("2015-11-09T01:42:57.527363Z")
    lifetime = datetime.fromisoformat(token["expires_at"]) - datetime.fromisoformat(token["issued_at"])
    assert lifetime.total_seconds() == 86400
    call.token = response.headers["X-Subject-Token"]
    assert call.token.startswith("MII")
    assert len(call.token) == 1500
    assert call.token in sandbox.secrets
    assert call.get("/instances")["total"] == 0


def test_the_scope_selects_the_project(sign_in: Any, call: Caller, sandbox: Sandbox, error: Any) -> None:
    """By id, or by name with or without the domain. An unknown project is 404; no project gives a global token."""
    name, domain = sandbox.credentials["project_name"], {"name": sandbox.credentials["domain_name"]}
    assert sign_in({"project": {"name": name}}, "?nocatalog=true").json()["token"].keys().isdisjoint({"catalog"})
    assert sign_in({"project": {"name": name, "domain": domain}}).status_code == 201
    assert sign_in({"project": {"name": name, "domain": {"name": "other"}}}).status_code == 404
    assert sign_in({"project": {"id": "0" * 32}}).json()["error"]["code"] == 404
    response = sign_in({"domain": domain})
    assert "project" not in response.json()["token"]
    call.token = response.headers["X-Subject-Token"]
    assert error(call("GET", "/certificates")) == (401, "APIG.1003")


def test_errors_have_the_form_that_the_switch_says(sign_in: Any, sandbox: Sandbox) -> None:
    """IAM's pages show two forms of an error."""
    response = sign_in(password="wrong")
    assert response.status_code == 401
    assert response.json() == {
        "error": {
            "code": 401,
            "message": "The request you have made requires authentication.",
            "title": "Unauthorized",
        }
    }
    sandbox.behaviour.iam_envelope = "error_code"
    assert sign_in(password="wrong").json()["error_code"] == "IAM.0001"


def test_too_many_wrong_passwords_lock_the_account(sign_in: Any, sandbox: Sandbox) -> None:
    """Then even the right password is refused. The right password before the lock sets the count to zero."""
    sandbox.behaviour = Behaviour(lockout_after=3, iam_envelope="error_code")
    outcomes = [sign_in(password=word).status_code for word in ("a", "b")] + [sign_in().status_code]
    assert outcomes == [401, 401, 201]
    codes = [sign_in(password=word).json()["error_code"] for word in ("a", "b", "c", "d")]
    assert codes == ["IAM.0001"] * 3 + ["IAM.0061"]
    assert sign_in().json()["error_code"] == "IAM.0061"
    sandbox.reset()
    assert sign_in().status_code == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"auth": {}}', b'{"auth": {"identity": {"methods": []}}}'])
def test_a_body_that_is_no_token_request_is_refused(connections: httpx.Client, sandbox: Sandbox, body: bytes) -> None:
    """The answer is 400."""
    assert connections.post(sandbox.auth_url + "/auth/tokens", content=body).status_code == 400


def test_a_token_can_be_verified(connections: httpx.Client, sandbox: Sandbox) -> None:
    """A valid token may verify itself. An invalid subject is 404; an invalid caller is 401."""

    def look(asker: str, subject: str) -> httpx.Response:
        headers = {"X-Auth-Token": asker, "X-Subject-Token": subject}
        return connections.get(sandbox.auth_url + "/auth/tokens", headers=headers)

    good, expired = sandbox.issue_token(), sandbox.issue_token(lifetime=-1)
    response = look(good, good)
    assert response.status_code == 200
    assert response.headers["X-Subject-Token"] == good
    assert response.json()["token"]["project"]["id"] == sandbox.project_id
    assert look(good, expired).status_code == look(good, "MIIunknown").status_code == 404
    assert look(expired, good).status_code == look("", good).status_code == 401


def test_each_reason_to_refuse_a_token_has_its_code(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """Missing, unknown, revoked or expired; only the list of gateways answers with APIC codes."""
    paths = ("/certificates", "/instances")

    def codes(token: str) -> list[tuple[int, str]]:
        call.token = token
        return [error(call("GET", path)) for path in paths]

    assert codes("") == [(401, "APIG.1000"), (401, "APIC.7100")]
    assert codes("MIIunknown") == [(401, "APIG.1002"), (401, "APIC.7102")]
    short = sandbox.issue_token(lifetime=0.05)
    time.sleep(0.06)
    assert codes(short) == [(401, "APIG.1001"), (401, "APIC.7101")]
    token = sandbox.issue_token()
    sandbox.revoke_tokens()
    assert codes(token) == [(401, "APIG.1002"), (401, "APIC.7102")]


def test_a_token_of_one_project_is_refused_for_another(connections: httpx.Client, sandbox: Sandbox, error: Any) -> None:
    """The token is valid, but not for the project in the path."""
    url = f"{sandbox.endpoint}/v2/{'0' * 32}/apigw/instances"
    assert error(connections.get(url, headers={"X-Auth-Token": sandbox.issue_token()})) == (403, "APIC.7118")


def test_a_project_is_found_by_its_name(call: Caller, connections: httpx.Client, sandbox: Sandbox) -> None:
    """Any valid token may ask; for an unknown name the list is empty."""
    url, name = sandbox.auth_url + "/projects", sandbox.credentials["project_name"]
    headers = {"X-Auth-Token": sandbox.issue_token()}
    found = connections.get(url, params={"name": name}, headers=headers).json()["projects"]
    assert [project["id"] for project in found] == [sandbox.project_id]
    assert connections.get(url, params={"name": "eu-de"}, headers=headers).json()["projects"] == []
    assert connections.get(url).status_code == 401
