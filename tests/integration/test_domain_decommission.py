"""Domains are decommissioned: whatever certificates they carry go, and nothing else."""

import json

import pytest

from sandbox import Behaviour, Fault, Sandbox
from shared.core.errors import DetachError, InvalidEvent, NotFound, Unavailable
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD, decommission, expire, furnish

LEGACY = "legacy.example.com"


def fleet_of_300(sandbox: Sandbox) -> None:
    """300 valid certificates on three gateways with a domain each; one domain is on all three gateways."""
    fleet = sandbox.fleet
    for instance_id in (FIRST, SECOND, THIRD):
        fleet.add_gateway(id=instance_id)
        for number in range(100):
            certificate = fleet.add_certificate(
                common_name=f"n{number}.example.com", not_after=FAR_AHEAD, instance_id=instance_id
            )
            name = LEGACY if number == 57 else f"n{number}.example.com"
            fleet.add_domain(name, instance_id)
            fleet.bind(certificate.id, name, instance_id)


def test_valid_certificates_are_detached_too(sandbox: Sandbox, new_runtime):
    """A decommissioned domain loses its certificate whatever the date; the certificate's other domains keep it."""
    furnish(sandbox, domains=[DOMAIN, LEGACY], not_after=FAR_AHEAD)
    outcome = decommission(new_runtime(), domain="Legacy.Example.com.")
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}
    [received] = sandbox.journal.detaches()
    assert received.body == {"domains": [{"domain": LEGACY, "instance_ids": [SECOND, FIRST]}]}
    assert outcome["certificates"][0]["kept"] == [
        {"domain": DOMAIN, "instance_ids": [SECOND, FIRST], "reason": "not_requested"}
    ]


def test_twelve_calls_at_most_among_300_certificates(sandbox: Sandbox, new_runtime):
    """The listing of API groups is the index: the calls grow with the gateways, not with the certificates."""
    fleet_of_300(sandbox)
    outcome = decommission(new_runtime(), domain=LEGACY)
    assert outcome["status"] == "detached"
    assert len(outcome["certificates"]) == 3
    assert {domain for _, domain, _ in sandbox.fleet.bindings()}.isdisjoint({LEGACY})
    assert len(sandbox.fleet.bindings()) == 297
    # gateways, 3 × groups, 3 × (attached domains, detach)
    assert len(sandbox.journal.apig()) == 10


def test_seven_calls_for_one_certificate(sandbox: Sandbox, new_runtime):
    """A domain with one certificate among 300 on three gateways: seven calls, one of them for its name and date."""
    fleet_of_300(sandbox)
    for instance_id in (SECOND, THIRD):
        sandbox.fleet.remove_domain(LEGACY, instance_id)
    outcome = decommission(new_runtime(), domain=LEGACY)
    assert outcome["status"] == "detached"
    assert outcome["certificates"][0]["common_name"] == "n57.example.com"
    assert len(sandbox.journal.apig()) == 7


def test_two_certificates_are_told_by_name(sandbox: Sandbox, new_runtime):
    """Reading the names of two is cheap; of more, it is not."""
    fleet_of_300(sandbox)
    sandbox.fleet.remove_domain(LEGACY, THIRD)
    outcome = decommission(new_runtime(), domain=LEGACY)
    assert len(outcome["certificates"]) == 2
    assert all(certificate["common_name"] for certificate in outcome["certificates"])


@pytest.mark.parametrize("switch", ["groups_show_domains", "groups_show_ssl_id"])
def test_without_the_index_the_certificates_are_read(sandbox: Sandbox, new_runtime, switch: str):
    """Where the groups' listing shows no domains or no certificates, each certificate's own listing is read."""
    fleet_of_300(sandbox)
    setattr(sandbox.behaviour, switch, False)
    outcome = decommission(new_runtime(), domain=LEGACY)
    assert len(outcome["certificates"]) == 3
    assert {domain for _, domain, _ in sandbox.fleet.bindings()}.isdisjoint({LEGACY})


def test_index_alone_detaches_nothing(sandbox: Sandbox, new_runtime):
    """The groups' listing is only where to look; a certificate's own listing decides."""
    furnish(sandbox, domains=[LEGACY])
    outcome = decommission(new_runtime(), domain=LEGACY)
    paths = [r.path.rsplit("/", 1)[-1] for r in sandbox.journal.apig()]
    assert paths == ["instances", "api-groups", "api-groups", CERTIFICATE, "attached-domains", "detach"]
    assert outcome["status"] == "detached"


def test_a_named_gateway_is_the_only_one_looked_at(sandbox: Sandbox, new_runtime):
    """An event that names a gateway looks at that one and detaches there."""
    furnish(sandbox, domains=[LEGACY])
    decommission(new_runtime(), domain=LEGACY, instance_ids=[FIRST])
    assert sandbox.fleet.bindings() == {(CERTIFICATE, LEGACY, SECOND)}
    assert not [r for r in sandbox.journal.apig() if r.path.endswith("/instances")]


def test_a_named_certificate_needs_no_search(sandbox: Sandbox, new_runtime):
    """An event that names the certificate needs no search: three calls."""
    furnish(sandbox, domains=[LEGACY, DOMAIN])
    outcome = decommission(new_runtime(), domains=[LEGACY], certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"
    assert len(sandbox.journal.apig()) == 3


def test_named_certificate_that_does_not_exist(sandbox: Sandbox, new_runtime):
    """A mistyped certificate id is told; it is not taken for a certificate that is gone."""
    furnish(sandbox)
    with pytest.raises(NotFound, match="APIG.3021"):
        decommission(new_runtime(), domain=DOMAIN, certificate_id="0" * 32)


def test_two_domains_with_gateways_of_their_own(sandbox: Sandbox, new_runtime):
    """Entries of the API's own shape narrow each domain by itself."""
    furnish(sandbox, domains=["one.example.com", "two.example.com"])
    entries = [
        {"domain": "one.example.com", "instance_ids": [FIRST]},
        {"domain": "two.example.com", "instance_ids": [SECOND]},
    ]
    decommission(new_runtime(), domains=entries)
    assert sandbox.fleet.bindings() == {
        (CERTIFICATE, "one.example.com", SECOND),
        (CERTIFICATE, "two.example.com", FIRST),
    }


def test_live_domain_is_kept_when_asked_for(sandbox: Sandbox, new_runtime):
    """DETACH_LIVE_DOMAINS=keep: a domain whose CNAME resolves (status 3) stays; by default it goes."""
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    fleet.add_certificate(id=CERTIFICATE, common_name=DOMAIN, not_after=FAR_AHEAD)
    for name, status in ((DOMAIN, 3), (LEGACY, 4)):
        fleet.add_domain(name, FIRST, status=status)
        fleet.bind(CERTIFICATE, name, FIRST)
    outcome = decommission(new_runtime(DETACH_LIVE_DOMAINS="keep"), domains=[DOMAIN, LEGACY])
    assert fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST)}
    assert outcome["certificates"][0]["kept"] == [{"domain": DOMAIN, "instance_ids": [FIRST], "reason": "live"}]
    decommission(new_runtime(), domain=DOMAIN)
    assert fleet.bindings() == set()


def test_expired_live_domain_goes_all_the_same(sandbox: Sandbox, new_runtime):
    """Keeping live domains is about decommissioning: asked for by an expiry, the dead certificate goes."""
    furnish(sandbox, domains=[], not_after=LONG_AGO)
    sandbox.fleet.add_domain(DOMAIN, FIRST, status=3)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, FIRST)
    outcome = expire(new_runtime(DETACH_LIVE_DOMAINS="keep"), certificate_id=CERTIFICATE)
    assert outcome["status"] == "detached"


def test_unknown_domain_is_nothing_to_do(sandbox: Sandbox, new_runtime):
    """A domain that no gateway knows has nothing to detach, and a second event finds the same."""
    furnish(sandbox)
    outcome = decommission(new_runtime(), domain="unknown.example.com")
    assert (outcome["status"], outcome["certificates"]) == ("nothing_to_detach", [])
    assert outcome["not_found"] == ["unknown.example.com"]
    assert sandbox.journal.detaches() == []


def test_a_misspelt_domain_among_others_is_named(sandbox: Sandbox, new_runtime, caplog):
    """The others are detached; the one that is bound nowhere stands in outcome and report, as it compares."""
    furnish(sandbox, domains=[LEGACY])
    outcome = decommission(new_runtime(), domains=["Legacy.example.com", "Lagacy.example.com"])
    assert (outcome["status"], outcome["not_found"]) == ("detached", ["lagacy.example.com"])
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert report.not_found == ["lagacy.example.com"]


@pytest.mark.parametrize("sparse", [False, True])
def test_replies_without_the_optional_fields_are_understood(sandbox: Sandbox, new_runtime, sparse: bool):
    """Fields that the page's examples leave out may be missing from every reply."""
    furnish(sandbox, domains=[LEGACY])
    sandbox.behaviour = Behaviour(sparse_replies=sparse)
    assert decommission(new_runtime(), domain=LEGACY)["status"] == "detached"
    assert sandbox.fleet.bindings() == set()


@pytest.mark.parametrize("error", [(403, "APIG.1005"), (404, "APIG.3030"), (503, None)])
def test_one_gateway_that_cannot_be_searched_does_not_stop_the_others(sandbox: Sandbox, new_runtime, error):
    """The rest is done and told; the event fails with the gateway's error, and a retry finishes it."""
    fleet_of_300(sandbox)
    status, code = error
    sandbox.faults.add(Fault(path=f"/instances/{SECOND}/api-groups", status=status, error_code=code, times=None))
    runtime = new_runtime(HTTP_ATTEMPTS="1")
    with pytest.raises(DetachError, match=f"GET instances/{SECOND}/api-groups answered {status}") as caught:
        decommission(runtime, domains=[LEGACY, "lagacy.example.com"])
    outcome = caught.value.outcome
    assert (outcome["status"], [each["status"] for each in outcome["certificates"]]) == ("failed", ["detached"] * 2)
    assert [(each["instance_id"], each["status"]) for each in outcome["gateways"]] == [(SECOND, "failed")]
    # Nobody knows what is on that gateway.
    assert "not_found" not in outcome
    assert {place for _, name, place in sandbox.fleet.bindings() if name == LEGACY} == {SECOND}
    sandbox.faults.clear()
    assert decommission(runtime, domains=[LEGACY])["status"] == "detached"
    assert {name for _, name, _ in sandbox.fleet.bindings()}.isdisjoint({LEGACY})


def test_rows_that_nobody_asks_for_may_hide_their_certificates(sandbox: Sandbox, new_runtime):
    """Only the rows of the domain in question have to tell it: seven calls among 300 certificates all the same."""
    fleet_of_300(sandbox)
    for instance_id in (SECOND, THIRD):
        sandbox.fleet.remove_domain(LEGACY, instance_id)
    sandbox.behaviour.ssl_id_shown_for = LEGACY
    assert decommission(new_runtime(), domain=LEGACY)["status"] == "detached"
    assert len(sandbox.journal.apig()) == 7


def test_a_row_that_hides_its_certificate_is_asked_for_on_its_gateway_alone(sandbox: Sandbox, new_runtime):
    """One call a certificate on that gateway; on the others the groups tell it."""
    fleet_of_300(sandbox)
    sandbox.behaviour.ssl_id_shown_for = LEGACY
    hidden = {"total": 1, "groups": [{"url_domains": [{"domain": LEGACY}]}]}
    sandbox.faults.add(Fault(path=f"/instances/{SECOND}/api-groups", status=200, raw_body=json.dumps(hidden)))
    assert len(decommission(new_runtime(), domain=LEGACY)["certificates"]) == 3
    assert {name for _, name, _ in sandbox.fleet.bindings()}.isdisjoint({LEGACY})
    # gateways, 3 × groups, certificates of one, its 100 certificates, 3 × (attached domains, detach)
    assert len(sandbox.journal.apig()) == 111


def test_the_long_way_asks_a_global_certificate_once(sandbox: Sandbox, new_runtime):
    """Every gateway lists it."""
    furnish(sandbox, domains=[LEGACY])
    sandbox.behaviour.groups_show_domains = False
    assert decommission(new_runtime(), domain=LEGACY)["status"] == "detached"
    # gateways, 2 × (groups, certificates), attached domains once to search; details, attached domains, detach
    assert len(sandbox.journal.apig()) == 9


def test_a_certificate_that_is_deleted_while_it_is_searched_for_is_bound_nowhere(sandbox: Sandbox, new_runtime):
    """404 for its attached domains and for its details; the domain is found with the next certificate."""
    fleet_of_300(sandbox)
    sandbox.behaviour.groups_show_domains = False
    gone = next(each for each in sandbox.fleet.certificates_on(FIRST) if each.common_name == "n3.example.com")
    sandbox.faults.add(
        Fault(path=f"/{gone.id}/attached-domains", error_code="APIG.3021"),
        Fault(path=f"/{gone.id}$", error_code="APIG.3021"),
    )
    assert len(decommission(new_runtime(), domain=LEGACY, instance_ids=[FIRST])["certificates"]) == 1
    assert sandbox.faults.pending() == []


def test_a_certificate_that_answers_404_by_mistake_is_not_forgotten(sandbox: Sandbox, new_runtime):
    """Its details are there: the gateway's certificates are not known, and the event is to come again."""
    fleet_of_300(sandbox)
    sandbox.behaviour.groups_show_domains = False
    [carrier] = {each for each, name, place in sandbox.fleet.bindings() if (name, place) == (LEGACY, FIRST)}
    sandbox.faults.add(Fault(path=f"/{carrier}/attached-domains", error_code="APIG.3021"))
    runtime = new_runtime()
    with pytest.raises(Unavailable, match=f"certificates/{carrier}/attached-domains answered 404 .* details are there"):
        decommission(runtime, domain=LEGACY, instance_ids=[FIRST])
    assert decommission(runtime, domain=LEGACY, instance_ids=[FIRST])["status"] == "detached"


def test_bounds_of_what_one_event_names(sandbox: Sandbox, new_runtime):
    """More than a hundred gateways or 2 000 domains are refused by name, and nothing is asked."""
    furnish(sandbox)
    runtime = new_runtime()
    gateways = [f"{number:032x}" for number in range(101)]
    with pytest.raises(InvalidEvent, match="^instance_ids: "):
        decommission(runtime, domain=DOMAIN, instance_ids=gateways)
    with pytest.raises(InvalidEvent, match=r"^domains\[0\]\.instance_ids: "):
        decommission(runtime, domains=[{"domain": DOMAIN, "instance_ids": gateways}])
    with pytest.raises(InvalidEvent, match="^domains: "):
        decommission(runtime, domains=[f"d{number}.example.com" for number in range(2001)])
    assert list(sandbox.journal) == []
