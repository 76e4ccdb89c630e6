"""Clients of other projects against the sandbox, so that it does not fit our client only. Skipped if not installed.

pip install keystoneauth1 huaweicloudsdkapig && pytest tests/sandbox/test_independent_clients.py
"""

from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import CERTIFICATE, DOMAIN, GATEWAY, OTHER

pytestmark = [pytest.mark.usefixtures("fleet_of_the_page"), pytest.mark.filterwarnings("default")]


def test_keystoneauth_signs_in_and_signs_in_again_when_its_token_is_revoked(sandbox: Sandbox) -> None:
    """OpenStack's own client also learns its project."""
    session = pytest.importorskip("keystoneauth1.session")
    v3 = pytest.importorskip("keystoneauth1.identity.v3")
    known = sandbox.credentials
    password = v3.Password(
        auth_url=sandbox.auth_url,
        username=known["username"],
        password=known["password"],
        user_domain_name=known["domain_name"],
        project_name=known["project_name"],
        project_domain_name=known["domain_name"],
    )
    client = session.Session(auth=password, verify=sandbox.ca_file)
    url = f"{sandbox.endpoint}/v2/{client.get_project_id()}/apigw/instances"
    assert client.get(url).json()["total"] == 2
    sandbox.revoke_tokens()
    assert client.get(url).json()["total"] == 2
    assert [each.status for each in sandbox.journal.apig()] == [200, 401, 200]


@pytest.mark.parametrize("temporary", [False, True])
def test_huaweicloudsdk_reads_detaches_and_attaches(sandbox: Sandbox, *, temporary: bool) -> None:
    """The vendor's Python SDK does so with signed requests."""
    sdk: Any = pytest.importorskip("huaweicloudsdkapig.v2")
    credentials = pytest.importorskip("huaweicloudsdkcore.auth.credentials")
    config = pytest.importorskip("huaweicloudsdkcore.http.http_config").HttpConfig.get_default_config()
    errors = pytest.importorskip("huaweicloudsdkcore.exceptions.exceptions")
    config.ssl_ca_cert = sandbox.ca_file
    lasting = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}
    keys = sandbox.temporary_keys() if temporary else lasting
    signer = credentials.BasicCredentials(keys["access_key"], keys["secret_key"], sandbox.project_id)
    if temporary:
        signer = signer.with_security_token(keys["security_token"])
    client = (
        sdk.ApigClient.new_builder()
        .with_http_config(config)
        .with_credentials(signer)
        .with_endpoint(sandbox.endpoint)
        .build()
    )
    assert client.list_instances_v2(sdk.ListInstancesV2Request()).total == 2
    certs = client.list_certificates_v2(sdk.ListCertificatesV2Request(instance_id=GATEWAY)).certs
    assert [each.id for each in certs] == [CERTIFICATE]
    groups = client.list_api_groups_v2(sdk.ListApiGroupsV2Request(instance_id=OTHER)).groups
    assert groups[0].url_domains[0].ssl_id == CERTIFICATE
    entry = sdk.AttachOrDetachDomainInfo(domain=DOMAIN, instance_ids=[GATEWAY])
    body = sdk.AttachOrDetachDomainsReqBody(domains=[entry])
    detach = sdk.BatchDisassociateDomainsV2Request(certificate_id=CERTIFICATE, body=body)
    assert client.batch_disassociate_domains_v2(detach).status_code == 204
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, OTHER)}
    with pytest.raises(errors.ClientRequestException) as refused:
        client.batch_disassociate_domains_v2(detach)
    assert (refused.value.status_code, refused.value.error_code) == (404, "APIG.3097")
    attach = sdk.BatchAssociateDomainsV2Request(certificate_id=CERTIFICATE, body=body)
    assert client.batch_associate_domains_v2(attach).status_code == 204
    listing = sdk.ListAttachedDomainsV2Request(certificate_id=CERTIFICATE)
    assert client.list_attached_domains_v2(listing).total == 2
