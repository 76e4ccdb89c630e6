"""The client on its own: paging, renewal in the middle, dates, and the writes that it refuses."""

from datetime import UTC, datetime

import pytest

from sandbox import Behaviour, Fault, Sandbox
from shared.apig.client import ApigClient
from shared.core.delivery import Deadline
from shared.core.errors import ConfigurationError, Rejected, Unavailable
from shared.core.models import Binding
from shared.core.plan import Action, Entry
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, expire, furnish


@pytest.fixture
def client(new_runtime) -> ApigClient:
    """A client that fails at once, for tests of single answers."""
    return new_runtime(HTTP_ATTEMPTS="1").work(Deadline.after(20), lambda call: None).client


def many_certificates(sandbox: Sandbox, number: int) -> set[str]:
    sandbox.fleet.add_gateway(id=FIRST)
    return {sandbox.fleet.add_certificate(common_name=f"c{n}.example.com", instance_id=FIRST).id for n in range(number)}


@pytest.mark.parametrize(
    ("number", "pages"), [(0, 1), (20, 1), (499, 1), (500, 2), (501, 2), (998, 2), (999, 3), (1203, 3)]
)
def test_every_page_is_read(sandbox: Sandbox, client: ApigClient, number: int, pages: int):
    """Each page begins with the last row of the page before, and the last one is not full."""
    ids = many_certificates(sandbox, number)
    assert {certificate.id for certificate in client.certificates(FIRST)} == ids
    offsets = [r.query for r in sandbox.journal.apig()]
    assert offsets == [{"instance_id": FIRST, "offset": str(499 * n), "limit": "500"} for n in range(pages)]


def test_gateways_and_groups_are_paged_too(sandbox: Sandbox, client: ApigClient):
    """All gateways come, and the domains of every API group."""
    for number in range(501):
        sandbox.fleet.add_gateway(id=f"{number:032x}")
    for number in range(2503):  # five domains a group: 501 groups, two pages
        sandbox.fleet.add_domain(f"d{number}.example.com", f"{0:032x}")
    assert len(list(client.instances())) == 501
    assert len({domain.binding for group in client.api_groups(f"{0:032x}") for domain in group.domains}) == 2503


def test_401_in_the_middle_of_a_listing(sandbox: Sandbox, client: ApigClient):
    """The token is refused on the second page: one renewal, and the listing goes on where it was."""
    ids = many_certificates(sandbox, 1203)
    sandbox.faults.add(Fault(path="offset=499&", status=401, error_code="APIG.1001"))
    assert {certificate.id for certificate in client.certificates(FIRST)} == ids
    assert [r.query["offset"] for r in sandbox.journal.apig()] == ["0", "499", "499", "998"]
    assert [r.path for r in sandbox.journal.iam()] == ["/v3/auth/tokens"] * 2


def test_tokens_die_in_the_middle_of_a_listing(sandbox: Sandbox, client: ApigClient):
    """The same when the token really is revoked."""
    ids = many_certificates(sandbox, 1203)
    found = set()
    for number, certificate in enumerate(client.certificates(FIRST)):
        if number == 700:
            sandbox.revoke_tokens()
        found.add(certificate.id)
    assert found == ids
    assert len(sandbox.journal.iam()) == 2


def test_listing_that_shrinks_is_read_again(sandbox: Sandbox, client: ApigClient):
    """Rows that vanish from the first page move others from the second out of sight; none of those is missed."""
    ids = sorted(many_certificates(sandbox, 700))
    rows = client.certificates(FIRST)
    seen = [next(rows).id for _ in range(500)]
    for certificate_id in seen[:100]:
        sandbox.fleet.remove_certificate(certificate_id)
    seen += [certificate.id for certificate in rows]
    assert set(seen) == set(ids)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-04-26T09:03:30Z", datetime(2021, 4, 26, 9, 3, 30, tzinfo=UTC)),
        ("2021-08-26T07:27:06.3Z", datetime(2021, 8, 26, 7, 27, 6, 300000, tzinfo=UTC)),
        ("2021-08-26T07:27:06.304004Z", datetime(2021, 8, 26, 7, 27, 6, 304004, tzinfo=UTC)),
        ("2021-08-26T07:27:06.304004123Z", datetime(2021, 8, 26, 7, 27, 6, 304004, tzinfo=UTC)),
        ("2021-08-26T09:27:06+02:00", datetime(2021, 8, 26, 7, 27, 6, tzinfo=UTC)),
    ],
)
def test_a_date_has_any_number_of_fractional_digits(sandbox: Sandbox, client: ApigClient, text: str, moment: datetime):
    """RFC 3339, with any number of fractional digits."""
    sandbox.faults.add(Fault(status=200, raw_body=f'{{"id":"{CERTIFICATE}","not_after":"{text}"}}'))
    assert client.certificate(CERTIFICATE).not_after == moment


@pytest.mark.parametrize(
    "text", ["2021-04-26T09:03:30", "yesterday", "2021-13-01T00:00:00Z", "0", "0001-01-01T00:00:00Z", "1619427810"]
)
def test_a_date_that_tells_no_moment_is_not_guessed_at(sandbox: Sandbox, client: ApigClient, text: str):
    """A date without an offset, or none at all, is not guessed at: the certificate is left as it is."""
    sandbox.faults.add(Fault(status=200, raw_body=f'{{"id":"{CERTIFICATE}","not_after":"{text}"}}'))
    assert client.certificate(CERTIFICATE).not_after is None


@pytest.mark.parametrize("value", ["0", "-1", "1619427810", "1e300", "true", "[]", "{}", "null"])
def test_a_date_that_is_no_text_is_not_guessed_at(sandbox: Sandbox, new_runtime, value: str):
    """0 would be 1970, and the certificate would be detached: it is refused instead, and named."""
    furnish(sandbox)
    body = f'{{"id":"{CERTIFICATE}","not_after":{value}}}'
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=body, times=None))
    with pytest.raises(Rejected, match=f"certificate {CERTIFICATE}: the API gives no usable not_after"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.fleet.bindings()) == 2


@pytest.mark.parametrize("grace", ["P3650D", "-P3650D"])
def test_a_certificate_without_expiry_is_never_due(sandbox: Sandbox, new_runtime, grace: str):
    """RFC 5280 writes "no expiry" as 9999-12-31T23:59:59Z: no grace overflows on it."""
    furnish(sandbox, not_after="9999-12-31T23:59:59Z")
    assert expire(new_runtime(DETACH_EXPIRY_GRACE=grace), certificate_id=CERTIFICATE)["status"] == "not_due"


def test_certificate_without_a_date_is_not_detached(sandbox: Sandbox, new_runtime):
    """Where the gateway gives no not_after, nothing tells that the certificate has expired."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=f'{{"id":"{CERTIFICATE}"}}'))
    with pytest.raises(Rejected, match="not_after"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.fleet.bindings()) == 2


def test_a_write_whose_token_was_refused_tells_why_and_that_there_is_another(sandbox: Sandbox, client: ApigClient):
    """It is sent once: the one who sends it reads again what it rests on."""
    furnish(sandbox)
    sandbox.faults.add(Fault(method="POST", path="/detach$", status=401, error_code="APIG.1002"))
    with pytest.raises(Unavailable, match=r"answered 401 APIG\.1002.*; new ones are there$") as raised:
        client.write("detach", CERTIFICATE, [Entry((Binding(DOMAIN, FIRST),))], 1)
    error = raised.value
    assert (error.error_code, error.status, error.renewed, error.ambiguous) == ("APIG.1002", 401, True, False)
    assert len(sandbox.journal.detaches()) == 1


@pytest.mark.parametrize("ids", [None, [], ()])
@pytest.mark.parametrize("action", ["detach", "attach"])
def test_no_write_without_gateways(sandbox: Sandbox, client: ApigClient, action: Action, ids: object):
    """Without `instance_ids` the API acts on every gateway: such a request never leaves."""

    class Careless(Entry):
        def to_dict(self) -> dict[str, object]:
            return {"domain": DOMAIN, "instance_ids": ids}

    furnish(sandbox)
    with pytest.raises(ValueError, match="without instance_ids"):
        client.write(action, CERTIFICATE, [Careless((Binding(DOMAIN, FIRST),))], 1)
    with pytest.raises(ValueError, match="without instance_ids"):
        Entry(())
    assert [r for r in sandbox.journal.apig() if r.method == "POST"] == []


def test_an_attach_is_a_post_to_attach_with_gateways_and_flag(sandbox: Sandbox, client: ApigClient):
    """POST …/domains/attach with what an outcome's `undo` holds brings the binding back."""
    furnish(sandbox, not_after="2036-01-01T00:00:00Z")
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, SECOND)
    entry = {"domain": DOMAIN, "instance_ids": [SECOND], "verified_client_certificate_enabled": True}
    client.write(
        "attach", CERTIFICATE, [Entry((Binding(DOMAIN, SECOND),), verified_client_certificate_enabled=True)], 1
    )
    [received] = sandbox.journal.attaches()
    assert received.target == f"/v2/{sandbox.project_id}/apigw/certificates/{CERTIFICATE}/domains/attach"
    assert received.body == {"domains": [entry]}
    assert (CERTIFICATE, DOMAIN, SECOND) in sandbox.fleet.bindings()


def test_attach_has_to_be_204(sandbox: Sandbox, client: ApigClient):
    """Any other 2xx than the documented one leaves open what was done."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/domains/attach", status=200, raw_body="{}"))
    with pytest.raises(Unavailable) as caught:
        client.write("attach", CERTIFICATE, [Entry((Binding(DOMAIN, FIRST),))], 1)
    assert caught.value.ambiguous


def test_redirect_is_not_followed(sandbox: Sandbox, client: ApigClient):
    """A redirect would carry the token to another host: it is refused, and the setting is named wrong."""
    sandbox.faults.add(Fault(status=302, raw_body="", headers={"Location": "https://127.0.0.1:1/"}, service="apig"))
    with pytest.raises(ConfigurationError, match="302"):
        client.certificate(CERTIFICATE)


def test_a_gateway_that_is_not_running_is_marked_so(sandbox: Sandbox, client: ApigClient):
    """A gateway that is not `Running` is told apart."""
    sandbox.fleet.add_gateway(id=FIRST)
    sandbox.fleet.add_gateway(id=SECOND, status="Updating")
    sandbox.behaviour = Behaviour(sparse_replies=True)
    assert {instance.id: instance.running for instance in client.instances()} == {FIRST: True, SECOND: False}


def test_a_write_is_told_with_its_senders_own_attempt(sandbox: Sandbox, new_runtime):
    """It is sent once: who sends it again counts."""
    furnish(sandbox)
    told: list[tuple[str, int]] = []
    client = new_runtime().work(Deadline.after(20), lambda call: told.append((call.service, call.attempt))).client
    client.write("detach", CERTIFICATE, [Entry((Binding(DOMAIN, FIRST),))], 3)
    assert [attempt for service, attempt in told if service == "apig"] == [3]


def test_an_id_is_one_part_of_a_path(sandbox: Sandbox, client: ApigClient):
    """Whatever is in it."""
    with pytest.raises(Rejected, match=r"^GET certificates/a%2F\.\.%2Fb answered 404"):
        client.certificate("a/../b")
    assert [each.target.rsplit("/apigw/", 1)[1] for each in sandbox.journal.apig()] == ["certificates/a%2F..%2Fb"]
