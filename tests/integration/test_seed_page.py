"""The vendor's page of the operation (BatchDisassociateDomainsV2), line by line, as a server received it."""

import json

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import AccessDenied, CredentialsRefused, DetachError, Rejected, Unavailable
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, expire, furnish

DETACH = f"/apigw/certificates/{CERTIFICATE}/domains/detach"

# "Example Requests", to the letter.
EXAMPLE_REQUEST = """
{
  "domains" : [ {
    "domain" : "apigtest.example.com",
    "instance_ids" : [ "f0fa1789-3b76-433b-a787-9892951c620e", "7d39549681c54d968ec2910da9da95cd" ]
  } ]
}
"""


def test_the_example_request_is_what_arrives(sandbox: Sandbox, new_runtime):
    """An event that asks for exactly the page's example sends exactly the page's example."""
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE, domains=[DOMAIN], instance_ids=[FIRST, SECOND])
    [received] = sandbox.journal.detaches()
    assert json.loads(received.raw) == json.loads(EXAMPLE_REQUEST)


def test_the_uri_is_that_of_the_page(sandbox: Sandbox, new_runtime):
    """POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach."""
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    [received] = sandbox.journal.detaches()
    assert received.method == "POST"
    assert received.target == (
        f"/v2/{sandbox.project_id}/apigw/certificates/a27be832f2e9441c8127fe48e3b5ac67/domains/detach"
    )


def test_the_token_goes_into_its_header(sandbox: Sandbox, new_runtime):
    """X-Auth-Token is the value of X-Subject-Token in the response header of the IAM API."""
    furnish(sandbox)
    token = sandbox.issue_token()
    expire(new_runtime(SECRET_URI="env:TEST_TOKEN", TEST_TOKEN=token), certificate_id=CERTIFICATE)
    [received] = sandbox.journal.detaches()
    assert (received.headers["x-auth-token"] == token) is True  # compared here, so that a failure prints no token
    assert received.headers["content-type"] == "application/json"


def test_token_comes_from_x_subject_token(sandbox: Sandbox, new_runtime):
    """A password gets its token from POST /v3/auth/tokens, and that is what goes with the request."""
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    [login] = sandbox.journal.iam()
    assert (login.method, login.path, login.status) == ("POST", "/v3/auth/tokens", 201)
    assert (sandbox.journal.detaches()[0].headers["x-auth-token"] in sandbox.secrets) is True


def test_body_names_every_gateway(sandbox: Sandbox, new_runtime):
    """`instance_ids` is not mandatory in the page, and always in the request: without it, every gateway is meant."""
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    [received] = sandbox.journal.detaches()
    assert received.body == {"domains": [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]}


@pytest.mark.parametrize("flag", [True, False])
def test_verified_client_certificate_enabled_goes_in_as_given(sandbox: Sandbox, new_runtime, flag: bool):
    """`verified_client_certificate_enabled` is sent when an event gives it, and left out otherwise."""
    furnish(sandbox, domains=[DOMAIN, "other.example.com"])
    entry = {"domain": DOMAIN, "verified_client_certificate_enabled": flag}
    expire(new_runtime(), certificate_id=CERTIFICATE, domains=[entry, "other.example.com"], instance_ids=[FIRST])
    [received] = sandbox.journal.detaches()
    assert received.body == {
        "domains": [
            {"domain": DOMAIN, "instance_ids": [FIRST], "verified_client_certificate_enabled": flag},
            {"domain": "other.example.com", "instance_ids": [FIRST]},
        ]
    }


def test_a_204_with_an_empty_body_is_success(sandbox: Sandbox, new_runtime):
    """204 is success, and its body is empty."""
    furnish(sandbox)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches()[0].status == 204
    assert outcome["status"] == "detached"
    assert sandbox.fleet.bindings() == set()


# "Example Responses": status, code, message → what the operator is told.
EXAMPLES = {
    "400 APIG.2012": (
        400,
        "APIG.2012",
        "Invalid parameter value,parameterName:domain_id. Please refer to the support documentation",
        Rejected,
    ),
    "401 APIG.1002": (401, "APIG.1002", "Incorrect token or token resolution failed", CredentialsRefused),
    "403 APIG.1005": (403, "APIG.1005", "No permissions to request this method", AccessDenied),
    "404 APIG.3020": (404, "APIG.3020", "The URL domain does not exist", Rejected),
    "500 APIG.9999": (500, "APIG.9999", "System error", Unavailable),
}


@pytest.mark.parametrize(("status", "code", "message", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_each_example_error_becomes_its_typed_error(
    sandbox: Sandbox, new_runtime, status: int, code: str, message: str, expected: type[DetachError]
):
    """Each of the page's five error bodies, answered to a detach that stays undone, becomes its typed error."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=status, error_code=code, error_msg=message, times=None))
    with pytest.raises(DetachError) as caught:
        expire(new_runtime(HTTP_ATTEMPTS="2"), certificate_id=CERTIFICATE)
    assert type(caught.value) is expected
    assert (caught.value.status, caught.value.error_code) == (status, code)
    assert message in caught.value.message
    assert len(sandbox.fleet.bindings()) == 2


def test_401_is_asked_again_once_with_a_new_token(sandbox: Sandbox, new_runtime):
    """401 APIG.1002 on the detach: one new token, one more request, done."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=401, error_code="APIG.1002"))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    first, second = sandbox.journal.detaches()
    assert outcome["status"] == "detached"
    assert (first.headers["x-auth-token"] == second.headers["x-auth-token"]) is False
    assert len(sandbox.journal.iam()) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_no_permission_never_renews_the_token(sandbox: Sandbox, new_runtime, status: int):
    """APIG.1005 is 403 in the page and 401 in the appendix, and a new token does not help."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=DETACH, status=status, error_code="APIG.1005", times=None))
    with pytest.raises(AccessDenied):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.detaches()) == 1
    assert len(sandbox.journal.iam()) == 1
