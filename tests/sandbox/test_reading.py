"""The lists: paging, filters, and the exact fields of each answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fleet, Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER, Caller


@pytest.fixture
def crowd(sandbox: Sandbox) -> Sandbox:
    fleet = sandbox.fleet
    fleet.add_gateway(GATEWAY)
    fleet.add_certificate(CERTIFICATE, common_name="*.example.com")
    for number in range(1203):
        fleet.add_domain(f"d{number}.example.com", GATEWAY)
        fleet.bind(CERTIFICATE, f"d{number}.example.com", GATEWAY)
    return sandbox


@pytest.mark.parametrize(
    ("query", "size", "first"),
    [
        ({}, 20, 0),
        ({"limit": 0}, 20, 0),
        ({"limit": -7}, 20, 0),
        ({"limit": 500}, 500, 0),
        ({"limit": 501}, 500, 0),
        ({"limit": 100000, "offset": 1000}, 203, 1000),
        ({"offset": -5, "limit": 3}, 3, 0),
        ({"offset": 1203}, 0, None),
    ],
)
@pytest.mark.usefixtures("crowd")
def test_a_page_has_20_rows_by_default_and_500_at_most(
    call: Caller, query: dict[str, int], size: int, first: int | None
) -> None:
    """A value out of range is clamped, not refused."""
    page = call.get(f"/certificates/{CERTIFICATE}/attached-domains", **query)
    assert (page["total"], page["size"], len(page["bound_domains"])) == (1203, size, size)
    if first is not None:
        assert page["bound_domains"][0]["url_domain"] == f"d{first}.example.com"


@pytest.mark.usefixtures("crowd")
def test_a_limit_that_is_not_a_number_is_refused(call: Caller, error: Any) -> None:
    """As in the page's example of status 400, with the name of the parameter."""
    response = call("GET", f"/certificates/{CERTIFICATE}/attached-domains", params={"limit": "many"})
    assert error(response) == (400, "APIG.2012")
    assert "parameterName:limit" in response.json()["error_msg"]


@pytest.mark.usefixtures("fleet_of_the_page")
def test_certificates_have_the_documented_fields(call: Caller, sandbox: Sandbox) -> None:
    """In the list, these are the fields of CertificateBase; none says whether the certificate has expired."""
    sandbox.fleet.renew(CERTIFICATE, "2021-04-26T09:03:30Z")
    (shown,) = call.get("/certificates", instance_id=GATEWAY)["certs"]
    assert {name: shown[name] for name in ("id", "name", "type", "instance_id", "common_name", "san", "not_after")} == {
        "id": CERTIFICATE,
        "name": "cert_demo",
        "type": "global",
        "instance_id": "common",
        "common_name": DOMAIN,
        "san": [DOMAIN, "*.san.com"],
        "not_after": "2021-04-26T09:03:30Z",
    }
    assert shown["project_id"] == sandbox.project_id
    assert len(shown["create_time"]) == len("2021-08-26T07:27:06.304004Z")
    details = call.get(f"/certificates/{CERTIFICATE}")
    assert details.keys() - shown.keys() == {
        "version", "organization", "organizational_unit", "locality", "state", "country",
        "not_before", "serial_number", "issuer",
    }  # fmt: skip
    assert len(details["create_time"]) == len("2021-08-20T02:03:53Z")
    sandbox.behaviour.sparse_replies = True
    assert "type" not in call.get(f"/certificates/{CERTIFICATE}")


@pytest.mark.usefixtures("fleet_of_the_page")
def test_a_gateway_shows_its_own_and_the_global_certificates(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """The request must name a gateway that exists."""
    own = sandbox.fleet.add_certificate(common_name="own.example.com", instance_id=OTHER).id
    assert [c["id"] for c in call.get("/certificates", instance_id=GATEWAY)["certs"]] == [CERTIFICATE]
    assert [c["id"] for c in call.get("/certificates", instance_id=OTHER)["certs"]] == [own, CERTIFICATE]
    assert [c["id"] for c in call.get("/certificates", instance_id=OTHER, type="instance")["certs"]] == [own]
    assert error(call("GET", "/certificates")) == (400, "APIG.2001")
    assert error(call("GET", "/certificates", params={"instance_id": "0" * 32})) == (404, "APIG.3030")
    assert error(call("GET", f"/certificates/{'0' * 32}")) == (404, "APIG.3021")


def test_filters_are_fuzzy_by_default(call: Caller, sandbox: Sandbox) -> None:
    """The pages do not say how filters match, so the default returns more than the exact matches."""
    sandbox.fleet.add_gateway(GATEWAY)
    for name in ("shop.example.com", "my-shop.example.com", "other.example.com"):
        sandbox.fleet.add_certificate(common_name=name)
    query = {"instance_id": GATEWAY, "common_name": "shop.example.com"}
    assert call.get("/certificates", **query)["total"] == 2
    sandbox.behaviour.filter_match = "exact"
    assert call.get("/certificates", **query)["total"] == 1


@pytest.mark.usefixtures("fleet_of_the_page")
def test_attached_domains_have_the_documented_fields(call: Caller, sandbox: Sandbox) -> None:
    """An unknown certificate has an empty list, because the page documents no 404."""
    path = f"/certificates/{CERTIFICATE}/attached-domains"
    rows = call.get(path)["bound_domains"]
    assert [(row["url_domain"], row["instance_id"]) for row in rows] == [(DOMAIN, GATEWAY), (DOMAIN, OTHER)]
    assert rows[0].keys() == {
        "id", "url_domain", "status", "min_ssl_version", "ssl_id", "ssl_name", "api_group_id", "api_group_name",
        "instance_id", "is_http_redirect_to_https", "verified_client_certificate_enabled",
    }  # fmt: skip
    assert call.get(f"/certificates/{'0' * 32}/attached-domains") == {"total": 0, "size": 0, "bound_domains": []}
    sandbox.behaviour.sparse_replies = True
    assert "is_http_redirect_to_https" not in call.get(path)["bound_domains"][0]


def test_gateways_have_the_documented_fields(call: Caller, sandbox: Sandbox) -> None:
    """The creation time is in epoch milliseconds, unlike all other dates."""
    sandbox.fleet.add_gateway(GATEWAY, "one")
    sandbox.fleet.add_gateway(OTHER, "two", status="Updating")
    one, two = call.get("/instances")["instances"]
    assert (one["instance_name"], one["status"], one["instance_status"], two["instance_status"]) == (
        "one",
        "Running",
        6,
        12,
    )
    assert abs(datetime.fromtimestamp(one["create_time"] / 1000, UTC) - datetime.now(UTC)).total_seconds() < 60
    assert call.get("/instances", status="Updating")["total"] == 1
    assert call.get("/instances", instance_id=OTHER)["instances"] == [two]


@pytest.mark.usefixtures("fleet_of_the_page")
def test_groups_show_domains_and_certificates_unless_switched_off(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """`url_domains` and `ssl_id` are in the page's table but not in its example, so a switch can leave each out."""
    sandbox.fleet.add_domain("bare.example.com", GATEWAY)
    (group,) = call.get(f"/instances/{GATEWAY}/api-groups")["groups"]
    assert [(d["domain"], d["ssl_id"]) for d in group["url_domains"]] == [
        (DOMAIN, CERTIFICATE),
        ("bare.example.com", ""),
    ]
    assert len(group["register_time"]) == len("2020-07-31T06:55:55.123456789Z")
    assert call.get(f"/instances/{GATEWAY}/api-groups/{group['id']}") == group
    assert error(call("GET", f"/instances/{OTHER}/api-groups/{group['id']}")) == (404, "APIG.3001")
    assert error(call("GET", f"/instances/{'0' * 32}/api-groups")) == (404, "APIG.3030")
    sandbox.behaviour.groups_show_ssl_id = False
    assert "ssl_id" not in call.get(f"/instances/{GATEWAY}/api-groups")["groups"][0]["url_domains"][0]
    sandbox.behaviour.groups_show_domains = False
    assert "url_domains" not in call.get(f"/instances/{GATEWAY}/api-groups")["groups"][0]


@pytest.mark.usefixtures("fleet_of_the_page")
def test_a_bound_certificate_cannot_be_deleted(call: Caller, sandbox: Sandbox, error: Any) -> None:
    """It can be deleted once no domain is bound to it."""
    path = f"/certificates/{CERTIFICATE}"
    assert call("DELETE", path).status_code == 400
    for gateway_id in (GATEWAY, OTHER):
        sandbox.fleet.unbind(CERTIFICATE, DOMAIN, gateway_id)
    assert call("DELETE", path).status_code == 204
    assert error(call("DELETE", path)) == (404, "APIG.3021")


def test_unknown_routes_and_methods_are_refused_with_a_request_id(call: Caller, error: Any) -> None:
    """The front gateway answers them."""
    response = call("GET", "/nothing")
    assert error(response) == (404, "APIG.0101")
    assert len(response.json()["request_id"]) == 32
    assert error(call("PUT", "/instances")) == (405, "APIG.0101")
    assert error(call("GET", "/certificates/..%2f..%2fx")) == (404, "APIG.0101")


def test_pages_are_fast_with_thirty_thousand_domains(call: Caller, sandbox: Sandbox) -> None:
    """Three gateways with 500 certificates of 20 domains each: every page takes less than 0.3 seconds."""
    fleet = Fleet()
    for _ in range(3):
        gateway_id = fleet.add_gateway().id
        for number in range(500):
            certificate = fleet.add_certificate(common_name=f"*.c{number}.example.com", instance_id=gateway_id)
            for index in range(20):
                fleet.add_domain(f"d{index}.c{number}.example.com", gateway_id)
                fleet.bind(certificate.id, f"d{index}.c{number}.example.com", gateway_id)
    sandbox.reset(fleet)
    caller = Caller(call._client, sandbox)
    assert len(fleet.bindings()) == 30_000
    gateway_id, certificate_id = next(iter(fleet.gateways)), next(iter(fleet.certificates))
    pages = [
        caller("GET", "/certificates", params={"instance_id": gateway_id, "limit": 500}),
        caller("GET", f"/certificates/{certificate_id}/attached-domains", params={"limit": 500}),
        caller("GET", f"/instances/{gateway_id}/api-groups", params={"limit": 500, "offset": 1500}),
    ]
    assert [page.json()["size"] for page in pages] == [500, 20, 500]
    assert max(page.elapsed.total_seconds() for page in pages) < 0.3
