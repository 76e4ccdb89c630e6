"""Attach, with the conditions in the vendor's error table."""

from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

pytestmark = pytest.mark.usefixtures("fleet_of_the_page")

ONE = {"domain": DOMAIN, "instance_ids": [GATEWAY]}


def test_a_detached_domain_can_be_attached_again(call: Caller, sandbox: Sandbox) -> None:
    """The same entry detaches and attaches, and the flag is stored as given."""
    assert call.write("detach", ONE).status_code == 204
    entry = {**ONE, "verified_client_certificate_enabled": True}
    response = call.write("attach", entry)
    assert (response.status_code, response.content) == (204, b"")
    assert len(sandbox.fleet.bindings()) == 2
    assert [d.verified_client_certificate_enabled for d in sandbox.fleet.domains_with(CERTIFICATE)] == [False, True]
    assert [each.body for each in sandbox.journal.attaches()] == [{"domains": [entry]}]


def test_client_verification_is_on_by_default_only_with_a_trusted_root_ca(call: Caller, sandbox: Sandbox) -> None:
    """Without the flag in the request, it is on if the certificate has a trusted root CA, else off."""
    trusted = sandbox.fleet.add_certificate(common_name="*.san.com", type="global", has_trusted_root_ca=True)
    sandbox.fleet.add_domain("a.san.com", GATEWAY)
    assert call.write("attach", {"domain": "a.san.com"}, certificate_id=trusted.id).status_code == 204
    assert sandbox.fleet.domains_with(trusted.id)[0].verified_client_certificate_enabled


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"domain": "elsewhere.example.com"}, (400, "APIG.2103")),
        ({"domain": "a.b.san.com"}, (400, "APIG.2103")),
        ({"domain": "gone.san.com"}, (404, "APIG.3020")),
        ({"domain": "taken.san.com"}, (400, "APIG.2051")),
        ({"domain": DOMAIN, "instance_ids": ["0" * 32]}, (404, "APIG.3030")),
    ],
)
def test_a_name_that_does_not_match_exist_or_is_taken_is_refused(
    call: Caller, sandbox: Sandbox, error: Any, entry: Any, expected: Any
) -> None:
    """The name must match the certificate, exist, and carry no other certificate; a wildcard covers one label."""
    other = sandbox.fleet.add_certificate(common_name="*.san.com", type="global")
    sandbox.fleet.add_domain("taken.san.com", OTHER)
    sandbox.fleet.bind(other.id, "taken.san.com", OTHER)
    before = sandbox.fleet.bindings()
    assert error(call.write("attach", entry)) == expected
    assert sandbox.fleet.bindings() == before


def test_an_expired_certificate_cannot_be_attached(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """So the detach of an expired certificate cannot be undone."""
    assert call.write("detach", ONE).status_code == 204
    sandbox.fleet.renew(CERTIFICATE, "-P1D")
    assert error(call.write("attach", ONE)) == (400, "APIG.2102")


def test_a_certificate_of_one_gateway_is_attached_only_there(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """It is unknown on the other gateways; a request without gateway ids means its own gateway only."""
    own = sandbox.fleet.add_certificate(common_name="own.example.com", instance_id=GATEWAY)
    for gateway_id in (GATEWAY, OTHER):
        sandbox.fleet.add_domain("own.example.com", gateway_id)
    there = {"domain": "own.example.com", "instance_ids": [OTHER]}
    assert error(call.write("attach", there, certificate_id=own.id)) == (404, "APIG.3021")
    assert call.write("attach", {"domain": "own.example.com"}, certificate_id=own.id).status_code == 204
    assert sandbox.fleet.bindings(own.id) == {(own.id, "own.example.com", GATEWAY)}
