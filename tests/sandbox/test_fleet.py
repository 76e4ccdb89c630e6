"""The fleet: its rules and its seeds. The sandbox: its CA, and that two of them are independent."""

import json
import ssl

import httpx
import pytest
import trustme

from sandbox import Fleet, Sandbox

SEED = {
    "gateways": [{"id": "f0fa1789-3b76-433b-a787-9892951c620e", "name": "one"}],
    "certificates": [
        {
            "id": "a27be832f2e9441c8127fe48e3b5ac67",
            "common_name": "*.example.com",
            "not_after": "2021-04-26T09:03:30.123456789Z",
            "instance_id": "f0fa1789-3b76-433b-a787-9892951c620e",
        }
    ],
    "domains": [
        {
            "name": "a.example.com",
            "gateway_id": "f0fa1789-3b76-433b-a787-9892951c620e",
            "group": "shop",
            "certificate_id": "a27be832f2e9441c8127fe48e3b5ac67",
        },
        {"name": "b.example.com", "gateway_id": "f0fa1789-3b76-433b-a787-9892951c620e", "https_port": 8443},
    ],
}


def test_a_fleet_is_the_same_after_dump_and_load() -> None:
    """The seed may be JSON text or data."""
    fleet = Fleet.from_json(SEED)
    again = Fleet.from_json(json.dumps(fleet.to_json()))
    assert again.to_json() == fleet.to_json()
    assert again.bindings() == {(SEED["certificates"][0]["id"], "a.example.com", SEED["gateways"][0]["id"])}
    (certificate,) = again.certificates.values()
    assert certificate.not_after == "2021-04-26T09:03:30.123456789Z"


@pytest.mark.parametrize(
    ("part", "row", "said"),
    [
        ("certificates", {"common_name": "x", "not_after": "soon", "instance_id": "one"}, "certificates\\[0\\]"),
        ("domains", {"name": "x", "gateway_id": "nowhere"}, "nowhere"),
        ("domains", {"name": "x", "gateway": "typo"}, "typo"),
        ("clouds", {}, "clouds"),
    ],
)
def test_a_bad_seed_names_its_row(part: str, row: dict[str, str], said: str) -> None:
    """The error names the part and the row, or the wrong word."""
    with pytest.raises(ValueError, match=said):
        Fleet.from_json({part: [row]})


def test_groups_are_limited_and_names_are_unique_on_a_gateway_and_port() -> None:
    """A group has at most five domains. A name is unique on a gateway and port, but may be on several gateways."""
    fleet = Fleet()
    one, two = fleet.add_gateway().id, fleet.add_gateway().id
    groups = [fleet.add_domain(f"d{number}.example.com", one).group_id for number in range(6)]
    assert (len(set(groups[:5])), len(set(groups))) == (1, 2)
    fleet.add_domain("d0.example.com", two)
    fleet.add_domain("d0.example.com", one, https_port=8443)
    with pytest.raises(ValueError, match="already on gateway"):
        fleet.add_domain("D0.example.com.", one)
    for number in range(5):
        fleet.add_domain(f"shop{number}.example.com", two, group="shop")
    with pytest.raises(ValueError, match="full"):
        fleet.add_domain("one-more.example.com", two, group="shop")


def test_a_renewed_certificate_keeps_its_id_and_bindings() -> None:
    """Only its date changes."""
    fleet = Fleet.from_json(SEED)
    (certificate,) = fleet.certificates.values()
    before = fleet.bindings()
    assert fleet.renew(certificate.id, "P90D").expires_at > certificate.expires_at
    assert fleet.bindings() == before


def test_removing_a_domain_certificate_or_gateway_removes_its_bindings() -> None:
    """A gateway also takes its domains, API groups and own certificates with it."""
    fleet = Fleet.from_json(SEED)
    fleet.remove_domain("a.example.com")
    assert fleet.bindings() == set()
    fleet = Fleet.from_json(SEED)
    fleet.remove_certificate(SEED["certificates"][0]["id"])
    assert (fleet.bindings(), len(fleet.domains)) == (set(), 2)
    fleet = Fleet.from_json(SEED)
    fleet.remove_gateway(SEED["gateways"][0]["id"])
    assert (fleet.bindings(), fleet.domains, fleet.groups, fleet.certificates) == (set(), {}, {}, {})


def test_a_wrong_setup_raises_an_error() -> None:
    """To bind an unknown domain, or one with another certificate, is a mistake in the test, so Python raises."""
    fleet = Fleet.from_json(SEED)
    (gateway_id,) = fleet.gateways
    other = fleet.add_certificate(common_name="*.example.com")
    with pytest.raises(LookupError, match=r"c\.example\.com"):
        fleet.bind(other.id, "c.example.com", gateway_id)
    with pytest.raises(ValueError, match="already carries"):
        fleet.bind(other.id, "a.example.com", gateway_id)


def test_a_client_that_trusts_another_ca_cannot_connect(sandbox: Sandbox) -> None:
    """So a client that does not verify certificates is found."""
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    with (
        httpx.Client(verify=context, trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE"),
    ):
        client.get(sandbox.endpoint)


def test_two_sandboxes_share_nothing(sandbox: Sandbox) -> None:
    """Each has its own account, project, CA and ports, and removes its files."""
    with Sandbox.start() as other:
        assert other.secrets.isdisjoint(sandbox.secrets)
        assert other.project_id != sandbox.project_id
        assert len({other.endpoint, other.auth_url, sandbox.endpoint, sandbox.auth_url}) == 4
        with pytest.raises(OSError, match="cannot listen on"):
            Sandbox.start(port=int(sandbox.endpoint.rsplit(":", 1)[1]))
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=other.ca_file)
