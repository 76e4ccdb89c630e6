"""Detach: the vendor's page line by line, and what it leaves open."""

from typing import Any

import pytest

from sandbox import Fault, Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

pytestmark = pytest.mark.usefixtures("fleet_of_the_page")

BOTH = {"domain": DOMAIN, "instance_ids": [GATEWAY, OTHER]}
ONE = {"domain": DOMAIN, "instance_ids": [GATEWAY]}


def test_the_example_request_detaches_both_gateways(call: Caller, sandbox: Sandbox) -> None:
    """The answer to the page's example is 204 without a body."""
    response = call.write("detach", BOTH)
    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers
    assert sandbox.fleet.bindings() == set()
    (received,) = sandbox.journal.detaches()
    assert received.body == {"domains": [BOTH]}
    assert received.path == f"/v2/{sandbox.project_id}/apigw/certificates/{CERTIFICATE}/domains/detach"
    assert (received.status, received.error_code) == (204, None)


def test_only_the_named_gateway_is_detached(call: Caller, sandbox: Sandbox) -> None:
    """With gateway ids, nothing changes on the other gateways."""
    assert call.write("detach", ONE).status_code == 204
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}


@pytest.mark.parametrize("rest", [{}, {"instance_ids": None}, {"instance_ids": []}])
def test_without_gateway_ids_every_gateway_is_detached(call: Caller, sandbox: Sandbox, rest: dict[str, Any]) -> None:
    """A missing, null or empty list means all gateways."""
    assert call.write("detach", {"domain": DOMAIN, **rest}).status_code == 204
    assert sandbox.fleet.bindings() == set()


def test_every_port_of_a_name_is_detached(call: Caller, sandbox: Sandbox) -> None:
    """The entries of the same name on other ports of the gateway are detached too."""
    sandbox.fleet.add_domain(DOMAIN, GATEWAY, https_port=8443)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, GATEWAY)
    assert call.get(f"/certificates/{CERTIFICATE}/attached-domains")["total"] == 3
    assert call.write("detach", ONE).status_code == 204
    assert call.get(f"/certificates/{CERTIFICATE}/attached-domains")["total"] == 1


def test_an_invalid_value_gets_the_example_of_400(call: Caller) -> None:
    """The answer has the page's exact text, even its wrong parameter name (domain_id)."""
    response = call.write("detach", {"domain": "not a name", "instance_ids": [GATEWAY]})
    assert response.status_code == 400
    assert response.json() == {
        "error_code": "APIG.2012",
        "error_msg": "Invalid parameter value,parameterName:domain_id. Please refer to the support documentation",
    }


def test_a_wrong_token_gets_the_example_of_401(call: Caller) -> None:
    """The answer has the page's exact text."""
    call.token = "MIIDgarbled"
    response = call.write("detach", BOTH)
    assert response.status_code == 401
    assert response.json() == {
        "error_code": "APIG.1002",
        "error_msg": "Incorrect token or token resolution failed",
    }


def test_a_missing_permission_gets_the_example_of_403(call: Caller, sandbox: Sandbox) -> None:
    """The answer has the page's exact text."""
    sandbox.behaviour.forbidden = True
    response = call.write("detach", BOTH)
    assert response.status_code == 403
    assert response.json() == {"error_code": "APIG.1005", "error_msg": "No permissions to request this method"}


def test_an_unknown_domain_gets_the_example_of_404(call: Caller) -> None:
    """The answer has the page's exact text."""
    response = call.write("detach", {"domain": "unknown.example.com", "instance_ids": [GATEWAY]})
    assert response.status_code == 404
    assert response.json() == {"error_code": "APIG.3020", "error_msg": "The URL domain does not exist"}


def test_a_system_error_gets_the_example_of_500(call: Caller, sandbox: Sandbox) -> None:
    """The answer has the page's exact text, and nothing is detached."""
    sandbox.faults.add(Fault(status=500, error_code="APIG.9999"))
    response = call.write("detach", BOTH)
    assert response.status_code == 500
    assert response.json() == {"error_code": "APIG.9999", "error_msg": "System error"}
    assert len(sandbox.fleet.bindings()) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "APIG.2001"),
        ({"domains": []}, "APIG.2001"),
        ({"domains": [{}]}, "APIG.2001"),
        ({"domains": [{"domain": ""}]}, "APIG.2001"),
        ({"domains": DOMAIN}, "APIG.2011"),
        ({"domains": [DOMAIN]}, "APIG.2011"),
        ({"domains": [{"domain": 7}]}, "APIG.2011"),
        ({"domains": [{"domain": DOMAIN, "instance_ids": GATEWAY}]}, "APIG.2011"),
        ({"domains": [{"domain": DOMAIN, "instance_ids": [7]}]}, "APIG.2011"),
        ({"domains": [{"domain": DOMAIN, "verified_client_certificate_enabled": "no"}]}, "APIG.2011"),
        ({"domains": [{"domain": "a.*.example.com"}]}, "APIG.2012"),
        ({"domains": [{"domain": "x" * 250 + ".example.com"}]}, "APIG.2012"),
        ([], "APIG.2000"),
        (b"{", "APIG.2000"),
        (b"", "APIG.2000"),
    ],
)
def test_a_body_that_breaks_the_tables_is_refused(
    call: Caller, sandbox: Sandbox, error: Any, body: Any, code: str
) -> None:
    """Tables 3 and 4 of the page say what is mandatory and which type it has; nothing is detached."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    assert error(call("POST", f"/certificates/{CERTIFICATE}/domains/detach", **content)) == (400, code)
    assert len(sandbox.fleet.bindings()) == 2


def test_an_unknown_certificate_and_an_unknown_gateway_have_their_own_codes(call: Caller, error: Any) -> None:
    """APIG.3021 is for the certificate, APIG.3030 for the gateway."""
    assert error(call.write("detach", BOTH, certificate_id="0" * 32)) == (404, "APIG.3021")
    assert error(call.write("detach", {"domain": DOMAIN, "instance_ids": ["0" * 32]})) == (404, "APIG.3030")


@pytest.mark.parametrize(
    ("absent", "expected"), [("3097", (404, "APIG.3097")), ("2000", (400, "APIG.2000")), ("204", None)]
)
def test_the_answer_for_a_missing_binding_follows_the_switch(
    call: Caller, sandbox: Sandbox, error: Any, absent: Any, expected: Any
) -> None:
    """Three answers are known or likely for a binding that does not exist."""
    sandbox.behaviour.absent = absent
    assert call.write("detach", BOTH).status_code == 204
    response = call.write("detach", BOTH)
    assert response.status_code == 204 if expected is None else error(response) == expected
    if absent == "2000":
        assert "no valid domain name" in response.json()["error_msg"]


@pytest.mark.parametrize(
    ("atomic", "mixed_ok", "expected", "left"),
    [(True, True, 404, {OTHER}), (False, True, 204, set()), (False, False, 404, set())],
)
def test_a_batch_of_bound_and_unbound_follows_the_switches(
    call: Caller, sandbox: Sandbox, *, atomic: bool, mixed_ok: bool, expected: int, left: set[str]
) -> None:
    """Either nothing is detached, or the bound ones are, with or without an error."""
    sandbox.behaviour.atomic, sandbox.behaviour.mixed_ok = atomic, mixed_ok
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, GATEWAY)
    assert call.write("detach", BOTH).status_code == expected
    assert {gateway_id for _, _, gateway_id in sandbox.fleet.bindings()} == left


@pytest.mark.parametrize("sent", [DOMAIN.upper(), DOMAIN + "."])
def test_names_are_compared_as_the_switch_says(call: Caller, sandbox: Sandbox, error: Any, sent: str) -> None:
    """Exactly by default; "insensitive" ignores case and one trailing dot."""
    entry = {"domain": sent, "instance_ids": [GATEWAY]}
    assert error(call.write("detach", entry)) == (404, "APIG.3020")
    sandbox.behaviour.name_match = "insensitive"
    assert call.write("detach", entry).status_code == 204
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}


def test_another_certificate_is_left_alone(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """A domain that carries another certificate is not bound to the one in the request."""
    other = sandbox.fleet.add_certificate(common_name=DOMAIN, type="global")
    assert error(call.write("detach", ONE, certificate_id=other.id)) == (404, "APIG.3097")
    assert len(sandbox.fleet.bindings(CERTIFICATE)) == 2
