"""A listing that moves, lies or is too large: it is read whole, or it is none."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sandbox import Fault, Fleet, Sandbox
from shared.apig.client import ApigClient
from shared.core.delivery import Deadline
from shared.core.errors import DetachError, Unavailable
from shared.transport.send import Reply, Request, Transport
from tests.conftest import LONG_AGO
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, decommission, expire, furnish, send

OTHER = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def client(new_runtime) -> ApigClient:
    """A client that fails at once."""
    return new_runtime(HTTP_ATTEMPTS="1").work(Deadline.after(20), lambda call: None).client


@dataclass(frozen=True, slots=True)
class Disturbed(Transport):
    """A transport that lets something happen after the answer of that number (from 1 on), or each."""

    happens: Callable[[int], object] = lambda number: None
    answered: list[Request] = field(default_factory=list)

    def send(self, request: Request, auth: Any = None) -> Reply:
        reply = Transport.send(self, request, auth)
        self.answered.append(request)
        self.happens(len(self.answered))
        return reply


@dataclass(frozen=True, slots=True)
class Narrow(Transport):
    """A transport for which pages of more than so many rows are too large."""

    most: int = 0

    def send(self, request: Request, auth: Any = None) -> Reply:
        if int((request.params or {}).get("limit", 0)) > self.most:
            raise Unavailable("the answer is too large", too_large=True)
        return Transport.send(self, request, auth)


def through(client: ApigClient, kind: type[Transport], **facts: Any) -> ApigClient:
    """The same client with another transport."""
    given = {name: getattr(client.transport, name) for name in Transport.__dataclass_fields__}
    return replace(client, transport=kind(**given, **facts))


def certificates(fleet: Fleet, number: int) -> list[str]:
    """So many certificates on one gateway, in the order in which they are listed."""
    fleet.add_gateway(id=FIRST)
    return [fleet.add_certificate(common_name=f"c{n}.example.com", instance_id=FIRST).id for n in range(number)]


@pytest.mark.parametrize("gone", [0, 250, 499])
def test_a_row_that_goes_and_one_that_comes_between_two_pages_hide_none(
    sandbox: Sandbox, client: ApigClient, gone: int
):
    """The total stays the same: the overlap tells it, and the listing is read again."""
    ids = certificates(sandbox.fleet, 1100)

    def happen(number: int) -> None:
        if number == 1:
            sandbox.fleet.remove_certificate(ids[gone])
            sandbox.fleet.add_certificate(common_name="new.example.com", instance_id=FIRST)

    found = {each.id for each in through(client, Disturbed, happens=happen).certificates(FIRST)}
    assert set(ids) - {ids[gone]} <= found
    assert [each.query["offset"] for each in sandbox.journal.apig()] == ["0", "499", "0", "499", "998"]


def test_rows_that_come_and_go_behind_what_is_read_cost_nothing(sandbox: Sandbox, client: ApigClient):
    """What is read later is read as it is then."""
    ids = certificates(sandbox.fleet, 1100)

    def happen(number: int) -> None:
        if number == 1:
            sandbox.fleet.remove_certificate(ids[700])

    found = [each.id for each in through(client, Disturbed, happens=happen).certificates(FIRST)]
    assert found == [*ids[:700], *ids[701:]]
    assert [each.query["offset"] for each in sandbox.journal.apig()] == ["0", "499", "998"]


def test_a_listing_that_never_stands_still_is_none(sandbox: Sandbox, client: ApigClient):
    """Read again three times, then it is Unavailable, and never an incomplete listing as if it were complete."""
    ids = certificates(sandbox.fleet, 1100)

    def happen(_: int) -> None:
        sandbox.fleet.remove_certificate(ids.pop(0))

    rows = through(client, Disturbed, happens=happen).certificates(FIRST)
    with pytest.raises(Unavailable, match=f"instance_id={FIRST}: the rows moved while they were read, 4 times"):
        list(rows)
    assert [each.query["offset"] for each in sandbox.journal.apig()] == ["0", "499"] * 4


def test_a_binding_is_not_missed_when_the_attached_domains_move(sandbox: Sandbox, new_runtime):
    """The domains of a certificate move while they are listed; every one of them is detached."""
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    fleet.add_certificate(id=CERTIFICATE, common_name=DOMAIN, not_after=LONG_AGO)
    for number in range(700):
        fleet.carry(fleet.add_domain(f"d{number}.example.com", FIRST), CERTIFICATE)
    runtime = new_runtime(DETACH_MAX_BINDINGS="2000")
    rows = [
        {"id": each.id, "url_domain": each.name, "instance_id": FIRST, "ssl_id": CERTIFICATE}
        for each in fleet.domains_with(CERTIFICATE)[:500]
    ]
    body = json.dumps({"total": 700, "size": 500, "bound_domains": rows})
    sandbox.faults.add(Fault(path="attached-domains.*offset=0&", status=200, raw_body=body))
    fleet.unbind(CERTIFICATE, "d3.example.com", FIRST)
    fleet.carry(fleet.add_domain("d700.example.com", FIRST), CERTIFICATE)
    assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "detached"
    assert fleet.bindings() == set()


@pytest.mark.parametrize("total", [0, 1, 499, 500, 600])
def test_a_total_that_is_too_low_ends_no_full_page(sandbox: Sandbox, client: ApigClient, total: int):
    """A page that is full is not believed to be the last one."""
    ids = certificates(sandbox.fleet, 700)
    rows = [{"id": each} for each in ids]
    for start in (0, 499):
        page = rows[start : start + 500]
        body = json.dumps({"total": total, "size": len(page), "certs": page})
        sandbox.faults.add(Fault(path=f"offset={start}&", status=200, raw_body=body))
    assert [each.id for each in client.certificates(FIRST)] == ids


@pytest.mark.parametrize(
    ("total", "said"), [(3, "ended after 2 of 3 rows"), (10**9, "ended after 2 of 1000000000 rows")]
)
def test_a_total_that_is_too_high_is_no_complete_listing(sandbox: Sandbox, client: ApigClient, total: int, said: str):
    """What is missing may be bound."""
    rows = [{"id": each} for each in certificates(sandbox.fleet, 2)]
    for start in (0, 1):
        body = json.dumps({"total": total, "size": 2 - start, "certs": rows[start:]})
        sandbox.faults.add(Fault(path=f"offset={start}&", status=200, raw_body=body))
    with pytest.raises(Unavailable, match=said):
        list(client.certificates(FIRST))


@pytest.mark.parametrize(
    ("most", "queries"),
    [
        (100, [("0", "100"), ("99", "100"), ("198", "100")]),
        (20, [(str(19 * n), "20") for n in range(14)]),
    ],
)
def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    sandbox: Sandbox, client: ApigClient, most: int, queries
):
    """500 rows, then 100, then 20; the size stays for the rest of the listing."""
    ids = certificates(sandbox.fleet, 250)
    assert [each.id for each in through(client, Narrow, most=most).certificates(FIRST)] == ids
    assert [(each.query["offset"], each.query["limit"]) for each in sandbox.journal.apig()] == queries


def test_a_page_that_is_still_too_large_is_an_error(sandbox: Sandbox, client: ApigClient):
    """Of the transport."""
    certificates(sandbox.fleet, 2)
    with pytest.raises(Unavailable, match="too large"):
        list(through(client, Narrow, most=19).certificates(FIRST))


def test_a_row_by_its_content_where_it_has_no_id(sandbox: Sandbox, client: ApigClient):
    """Rows of attached domains without an id are compared as a whole."""
    rows = [{"url_domain": f"d{number}.example.com", "instance_id": FIRST} for number in range(3)]
    first = json.dumps({"total": 3, "bound_domains": rows[:2]})
    moved = json.dumps({"total": 3, "bound_domains": rows[2:]})
    rest = json.dumps({"total": 3, "bound_domains": rows[1:]})
    sandbox.faults.add(
        Fault(path="offset=0&", status=200, raw_body=first),
        Fault(path="offset=1&", status=200, raw_body=moved),
        Fault(path="offset=0&", nth=2, status=200, raw_body=first),
        Fault(path="offset=1&", nth=2, status=200, raw_body=rest),
    )
    bound = client.attached_domains(CERTIFICATE)
    assert {each.domain for each in bound} == {"d0.example.com", "d1.example.com", "d2.example.com"}
    assert len(sandbox.journal.apig()) == 4


ODD_IDS = ["", "x", "../" + CERTIFICATE, CERTIFICATE.upper(), f"{CERTIFICATE}\n", "common", 7, None]


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize(
    ("path", "key", "row", "name"),
    [
        (r"/instances\?", "instances", {"id": FIRST}, "id"),
        ("/certificates", "certs", {"id": CERTIFICATE, "common_name": DOMAIN}, "id"),
        ("/attached-domains", "bound_domains", {"url_domain": DOMAIN, "instance_id": FIRST}, "instance_id"),
    ],
)
def test_an_id_of_another_shape_is_no_row(sandbox: Sandbox, client: ApigClient, path, key, row, name, odd):
    """Nothing of such a listing is believed, and no such id goes into a path."""
    good = json.dumps({"total": 2, key: [row, {**row, name: odd}]})
    sandbox.faults.add(Fault(path=path, status=200, raw_body=good))
    read = {
        "instances": lambda: list(client.instances()),
        "certs": lambda: list(client.certificates(FIRST)),
        "bound_domains": lambda: client.attached_domains(CERTIFICATE),
    }[key]
    with pytest.raises(Unavailable, match=rf"answered with what is not documented: 1\.{name}"):
        read()


@pytest.mark.parametrize("field", ["instance_id", "ssl_id"])
@pytest.mark.parametrize("odd", ["x", CERTIFICATE.upper(), 7])
def test_an_odd_id_beside_the_rows_own_is_not_believed_either(sandbox: Sandbox, client: ApigClient, field, odd):
    """A certificate's gateway, and the certificate of a domain in both listings that have it."""
    if field == "instance_id":
        body = json.dumps({"total": 1, "certs": [{"id": CERTIFICATE, field: odd}]})
        sandbox.faults.add(Fault(status=200, raw_body=body, service="apig"))
        with pytest.raises(Unavailable, match="not documented"):
            list(client.certificates(FIRST))
        return
    row = {"url_domain": DOMAIN, "instance_id": FIRST, field: odd}
    groups = [{"id": OTHER, "url_domains": [{"domain": DOMAIN, field: odd}]}]
    sandbox.faults.add(
        Fault(status=200, raw_body=json.dumps({"total": 1, "bound_domains": [row]}), service="apig"),
        Fault(status=200, raw_body=json.dumps({"total": 1, "groups": groups}), service="apig"),
    )
    with pytest.raises(Unavailable, match="not documented"):
        client.attached_domains(CERTIFICATE)
    with pytest.raises(Unavailable, match="not documented"):
        list(client.api_groups(FIRST))


@pytest.mark.parametrize("given", [{"instance_id": FIRST}, {"instance_id": "common"}, {"instance_id": ""}, {}])
def test_a_certificate_of_this_gateway_or_of_all_is_a_row(sandbox: Sandbox, client: ApigClient, given):
    """ "common" is the gateway of a global certificate; the examples leave the field out."""
    body = json.dumps({"total": 1, "certs": [{"id": CERTIFICATE, **given}]})
    sandbox.faults.add(Fault(status=200, raw_body=body, service="apig"))
    assert [each.id for each in client.certificates(FIRST)] == [CERTIFICATE]


def test_a_certificate_of_another_gateway_is_no_row(sandbox: Sandbox, client: ApigClient):
    """The answer belongs to another question."""
    body = json.dumps({"total": 1, "certs": [{"id": CERTIFICATE, "instance_id": SECOND}]})
    sandbox.faults.add(Fault(status=200, raw_body=body, service="apig"))
    with pytest.raises(
        Unavailable,
        match=f"certificates.instance_id={FIRST} answered with certificate {CERTIFICATE} of gateway {SECOND}",
    ):
        list(client.certificates(FIRST))


def test_a_domain_of_another_certificate_is_no_row(sandbox: Sandbox, new_runtime):
    """The rows of another certificate's listing detach nothing."""
    furnish(sandbox)
    rows = [{"url_domain": DOMAIN, "instance_id": FIRST, "ssl_id": OTHER}]
    body = json.dumps({"total": 1, "bound_domains": rows})
    sandbox.faults.add(Fault(path="/attached-domains", status=200, raw_body=body, times=None))
    said = f"GET certificates/{CERTIFICATE}/attached-domains answered with {DOMAIN}, which carries certificate {OTHER}"
    with pytest.raises(Unavailable, match=said):
        expire(new_runtime(HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize("ssl_id", ["", None, CERTIFICATE])
def test_an_empty_certificate_of_a_row_is_known(sandbox: Sandbox, client: ApigClient, ssl_id):
    """Empty or null: the domain carries none. Left out: the listing does not tell."""
    groups = [{"url_domains": [{"domain": DOMAIN, "ssl_id": ssl_id}]}]
    hidden = [{"url_domains": [{"domain": DOMAIN}]}]
    sandbox.faults.add(
        Fault(status=200, raw_body=json.dumps({"total": 1, "groups": groups}), service="apig"),
        Fault(status=200, raw_body=json.dumps({"total": 1, "groups": hidden}), service="apig"),
    )
    [group] = client.api_groups(FIRST)
    assert group.domains is not None
    assert (group.shows(), group.domains[0].certificate_id) == (True, ssl_id or None)
    [group] = client.api_groups(FIRST)
    assert (group.shows(), group.shows(lambda binding: binding.domain != DOMAIN)) == (False, True)


@pytest.mark.parametrize(
    ("kind", "data", "subject"),
    [
        ("certificate_expiry", {"certificate_id": CERTIFICATE}, f"GET certificates/{CERTIFICATE}"),
        ("certificate_expiry", {"common_name": DOMAIN}, "GET instances"),
        (
            "certificate_expiry",
            {"common_name": DOMAIN, "instance_ids": [FIRST]},
            f"GET certificates?instance_id={FIRST}",
        ),
        ("domain_decommission", {"domain": DOMAIN, "instance_ids": [FIRST]}, f"GET instances/{FIRST}/api-groups"),
    ],
)
def test_a_refusal_names_the_call_with_its_ids(sandbox: Sandbox, new_runtime, kind, data, subject):
    """Without the id, nobody knows which one."""
    furnish(sandbox)
    sandbox.behaviour.forbidden = True
    with pytest.raises(DetachError) as caught:
        send(new_runtime(), kind, data)
    assert caught.value.message.startswith(f"{subject} answered 403 ")


@pytest.mark.parametrize("verb", ["detach", "attach"])
def test_a_refused_write_names_its_certificate(sandbox: Sandbox, new_runtime, verb):
    """The log's `route` stays the template."""
    furnish(sandbox, not_after="2036-01-01T00:00:00Z")
    runtime = new_runtime()
    undo = decommission(runtime, domain=DOMAIN)["undo"] if verb == "attach" else None
    sandbox.faults.add(Fault(path=f"/domains/{verb}", status=403, error_code="APIG.1005", times=None))
    with pytest.raises(DetachError) as caught:
        send(runtime, "undo", undo) if undo else decommission(runtime, domain=DOMAIN)
    assert caught.value.message.startswith(f"POST certificates/{CERTIFICATE}/domains/{verb} answered 403 APIG.1005")
