"""The way back, with the conditions that the error table names."""

from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller

pytestmark = pytest.mark.usefixtures("fleet_of_the_page")

ONE = {"domain": DOMAIN, "instance_ids": [GATEWAY]}


def test_detach_and_back(call: Caller, sandbox: Sandbox) -> None:
    """What was detached can be attached by the same entry, and the flag is kept as given."""
    assert call.write("detach", ONE).status_code == 204
    entry = {**ONE, "verified_client_certificate_enabled": True}
    response = call.write("attach", entry)
    assert (response.status_code, response.content) == (204, b"")
    assert len(sandbox.fleet.bindings()) == 2
    assert [d.verified_client_certificate_enabled for d in sandbox.fleet.domains_with(CERTIFICATE)] == [False, True]
    assert [each.body for each in sandbox.journal.attaches()] == [{"domains": [entry]}]


def test_the_flag_follows_the_certificate(call: Caller, sandbox: Sandbox) -> None:
    """Client verification is on by default if and only if the certificate has a trusted root CA."""
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
def test_refusals(call: Caller, sandbox: Sandbox, error: Any, entry: Any, expected: Any) -> None:
    """The name must match, exist, and carry no other certificate; a wildcard covers one label."""
    other = sandbox.fleet.add_certificate(common_name="*.san.com", type="global")
    sandbox.fleet.add_domain("taken.san.com", OTHER)
    sandbox.fleet.bind(other.id, "taken.san.com", OTHER)
    before = sandbox.fleet.bindings()
    assert error(call.write("attach", entry)) == expected
    assert sandbox.fleet.bindings() == before


def test_expired(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """An expired certificate cannot be attached, so detaching it has no way back."""
    assert call.write("detach", ONE).status_code == 204
    sandbox.fleet.renew(CERTIFICATE, "-P1D")
    assert error(call.write("attach", ONE)) == (400, "APIG.2102")


def test_an_instance_certificate_stays_on_its_gateway(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """A certificate of one gateway is unknown on the others, and without gateway ids only its own is meant."""
    own = sandbox.fleet.add_certificate(common_name="own.example.com", instance_id=GATEWAY)
    for gateway_id in (GATEWAY, OTHER):
        sandbox.fleet.add_domain("own.example.com", gateway_id)
    there = {"domain": "own.example.com", "instance_ids": [OTHER]}
    assert error(call.write("attach", there, certificate_id=own.id)) == (404, "APIG.3021")
    assert call.write("attach", {"domain": "own.example.com"}, certificate_id=own.id).status_code == 204
    assert sandbox.fleet.bindings(own.id) == {(own.id, "own.example.com", GATEWAY)}
