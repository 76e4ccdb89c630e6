"""A small fleet, and a plain HTTP client with a token."""

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox import Sandbox

GATEWAY = "f0fa1789-3b76-433b-a787-9892951c620e"
OTHER = "7d39549681c54d968ec2910da9da95cd"
CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"
DOMAIN = "apigtest.example.com"


@pytest.fixture
def fleet_of_the_page(sandbox: Sandbox) -> Sandbox:
    """The state that the example request of BatchDisassociateDomainsV2 needs: one global certificate, two gateways."""
    fleet = sandbox.fleet
    fleet.add_gateway(GATEWAY)
    fleet.add_gateway(OTHER)
    fleet.add_certificate(CERTIFICATE, name="cert_demo", common_name=DOMAIN, san=[DOMAIN, "*.san.com"], type="global")
    for gateway_id in (GATEWAY, OTHER):
        fleet.add_domain(DOMAIN, gateway_id)
        fleet.bind(CERTIFICATE, DOMAIN, gateway_id)
    return sandbox


@pytest.fixture(scope="session")
def connections(_sandbox: Sandbox) -> Iterator[httpx.Client]:
    """One TLS client for the session, without a token."""
    with httpx.Client(verify=ssl.create_default_context(cafile=_sandbox.ca_file), trust_env=False) as client:
        yield client


class Caller:
    """Calls routes below /v2/{project_id}/apigw with one token."""

    def __init__(self, client: httpx.Client, sandbox: Sandbox) -> None:
        self.token = sandbox.issue_token()
        self._client = client
        self._base = f"{sandbox.endpoint}/v2/{sandbox.project_id}/apigw"

    def __call__(self, method: str, path: str, **rest: Any) -> httpx.Response:
        headers = {"X-Auth-Token": self.token} | rest.pop("headers", {})
        return self._client.request(method, self._base + path, headers=headers, **rest)

    def get(self, path: str, **query: Any) -> Any:
        response = self("GET", path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def write(self, verb: str, *domains: Any, certificate_id: str = CERTIFICATE) -> httpx.Response:
        return self("POST", f"/certificates/{certificate_id}/domains/{verb}", json={"domains": list(domains)})


@pytest.fixture
def call(connections: httpx.Client, sandbox: Sandbox) -> Caller:
    return Caller(connections, sandbox)


@pytest.fixture
def error() -> Any:
    """Returns (status, error_code) of an answer, and checks that its body has the two documented fields as strings."""

    def read(response: httpx.Response) -> tuple[int, str]:
        body = response.json()
        assert isinstance(body["error_msg"], str)
        assert body.keys() - {"request_id"} == {"error_code", "error_msg"}
        return response.status_code, body["error_code"]

    return read
