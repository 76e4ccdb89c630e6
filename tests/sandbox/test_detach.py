"""The operation itself: the seed page line by line, and what it leaves open."""

from typing import Any

import pytest

from sandbox import Fault, Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

pytestmark = pytest.mark.usefixtures("fleet_of_the_page")

BOTH = {"domain": DOMAIN, "instance_ids": [GATEWAY, OTHER]}
ONE = {"domain": DOMAIN, "instance_ids": [GATEWAY]}


def test_the_example_request(call: Caller, sandbox: Sandbox) -> None:
    """The page's example detaches both gateways and is answered with 204 and nothing else."""
    response = call.write("detach", BOTH)
    assert (response.status_code, response.content) == (204, b"")
    assert "content-length" not in response.headers
    assert sandbox.fleet.bindings() == set()
    (received,) = sandbox.journal.detaches()
    assert received.body == {"domains": [BOTH]}
    assert received.path == f"/v2/{sandbox.project_id}/apigw/certificates/{CERTIFICATE}/domains/detach"
    assert (received.status, received.error_code) == (204, None)


def test_only_the_named_gateway(call: Caller, sandbox: Sandbox) -> None:
    """With gateway ids, nothing happens on the others."""
    assert call.write("detach", ONE).status_code == 204
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}


@pytest.mark.parametrize("rest", [{}, {"instance_ids": None}, {"instance_ids": []}])
def test_without_gateways_it_is_every_gateway(call: Caller, sandbox: Sandbox, rest: dict[str, Any]) -> None:
    """Without gateway ids the name is detached wherever it is bound."""
    assert call.write("detach", {"domain": DOMAIN, **rest}).status_code == 204
    assert sandbox.fleet.bindings() == set()


def test_every_port_of_the_name(call: Caller, sandbox: Sandbox) -> None:
    """Entries of the same name on other ports of the gateway lose the certificate too."""
    sandbox.fleet.add_domain(DOMAIN, GATEWAY, https_port=8443)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, GATEWAY)
    assert call.get(f"/certificates/{CERTIFICATE}/attached-domains")["total"] == 3
    assert call.write("detach", ONE).status_code == 204
    assert call.get(f"/certificates/{CERTIFICATE}/attached-domains")["total"] == 1


def test_example_of_400(call: Caller) -> None:
    """An invalid value is answered with the page's own words, its odd parameter name included."""
    response = call.write("detach", {"domain": "not a name", "instance_ids": [GATEWAY]})
    assert response.status_code == 400
    assert response.json() == {
        "error_code": "APIG.2012",
        "error_msg": "Invalid parameter value,parameterName:domain_id. Please refer to the support documentation",
    }


def test_example_of_401(call: Caller) -> None:
    """A garbled token is answered with the page's own words."""
    call.token = "MIIDgarbled"
    response = call.write("detach", BOTH)
    assert response.status_code == 401
    assert response.json() == {
        "error_code": "APIG.1002",
        "error_msg": "Incorrect token or token resolution failed",
    }


def test_example_of_403(call: Caller, sandbox: Sandbox) -> None:
    """A missing permission is answered with the page's own words."""
    sandbox.behaviour.forbidden = True
    response = call.write("detach", BOTH)
    assert response.status_code == 403
    assert response.json() == {"error_code": "APIG.1005", "error_msg": "No permissions to request this method"}


def test_example_of_404(call: Caller) -> None:
    """An unknown domain is answered with the page's own words."""
    response = call.write("detach", {"domain": "unknown.example.com", "instance_ids": [GATEWAY]})
    assert response.status_code == 404
    assert response.json() == {"error_code": "APIG.3020", "error_msg": "The URL domain does not exist"}


def test_example_of_500(call: Caller, sandbox: Sandbox) -> None:
    """A fault in the system is answered with the page's own words, and nothing is detached."""
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
def test_bodies_that_break_the_tables(call: Caller, sandbox: Sandbox, error: Any, body: Any, code: str) -> None:
    """Tables 3 and 4 of the page: what is mandatory, and of which type."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    assert error(call("POST", f"/certificates/{CERTIFICATE}/domains/detach", **content)) == (400, code)
    assert len(sandbox.fleet.bindings()) == 2


def test_unknown_certificate_and_gateway(call: Caller, error: Any) -> None:
    """Each has its own code."""
    assert error(call.write("detach", BOTH, certificate_id="0" * 32)) == (404, "APIG.3021")
    assert error(call.write("detach", {"domain": DOMAIN, "instance_ids": ["0" * 32]})) == (404, "APIG.3030")


@pytest.mark.parametrize(
    ("absent", "expected"), [("3097", (404, "APIG.3097")), ("2000", (400, "APIG.2000")), ("204", None)]
)
def test_what_is_not_bound(call: Caller, sandbox: Sandbox, error: Any, absent: Any, expected: Any) -> None:
    """The three answers that are known or likely for a binding that is not there."""
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
def test_a_mixed_batch(
    call: Caller, sandbox: Sandbox, *, atomic: bool, mixed_ok: bool, expected: int, left: set[str]
) -> None:
    """Bound and unbound in one request: all or nothing, or what is bound, with or without an error."""
    sandbox.behaviour.atomic, sandbox.behaviour.mixed_ok = atomic, mixed_ok
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, GATEWAY)
    assert call.write("detach", BOTH).status_code == expected
    assert {gateway_id for _, _, gateway_id in sandbox.fleet.bindings()} == left


@pytest.mark.parametrize("sent", [DOMAIN.upper(), DOMAIN + "."])
def test_how_names_compare(call: Caller, sandbox: Sandbox, error: Any, sent: str) -> None:
    """To the letter, or without regard to case and a trailing dot."""
    entry = {"domain": sent, "instance_ids": [GATEWAY]}
    assert error(call.write("detach", entry)) == (404, "APIG.3020")
    sandbox.behaviour.name_match = "insensitive"
    assert call.write("detach", entry).status_code == 204
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}


def test_another_certificate_is_left_alone(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """A domain that carries another certificate is not bound to this one."""
    other = sandbox.fleet.add_certificate(common_name=DOMAIN, type="global")
    assert error(call.write("detach", ONE, certificate_id=other.id)) == (404, "APIG.3097")
    assert len(sandbox.fleet.bindings(CERTIFICATE)) == 2
