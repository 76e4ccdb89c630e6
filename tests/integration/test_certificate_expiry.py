"""A certificate expires: by its id and by its name."""

import json
import threading
from datetime import timedelta

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import (
    AccessDenied,
    BlastRadiusExceeded,
    DetachError,
    InvalidEvent,
    NotFound,
    Rejected,
    Unavailable,
)
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD, expire, furnish, pairs


def test_expired_certificate_is_detached_everywhere(sandbox: Sandbox, new_runtime):
    """Every domain on every gateway goes, in one request, and the outcome tells how to undo it."""
    furnish(sandbox)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.fleet.bindings() == set()
    assert set(outcome.pop("undo_signature")) == {"key_id", "signed_at", "signature"}
    assert outcome == {
        "event_id": "event-1",
        "kind": "certificate_expiry",
        "status": "detached",
        "dry_run": False,
        "certificates": [
            {
                "certificate_id": CERTIFICATE,
                "common_name": DOMAIN,
                "not_after": "2021-04-26T09:03:30Z",
                "status": "detached",
                "detached": [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}],
                "already_detached": [],
                "kept": [],
                "failed": [],
            }
        ],
        "undo": [
            {
                "certificate_id": CERTIFICATE,
                "domains": [
                    {
                        "domain": DOMAIN,
                        "instance_ids": [SECOND, FIRST],
                        "verified_client_certificate_enabled": False,
                    }
                ],
            }
        ],
    }


def test_same_event_twice_sends_no_second_post(sandbox: Sandbox, new_runtime):
    """Reading before writing makes a duplicate harmless."""
    furnish(sandbox)
    runtime = new_runtime()
    assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "detached"
    assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "nothing_to_detach"
    assert len(sandbox.journal.detaches()) == 1


@pytest.mark.parametrize("absent", ["3097", "2000", "204"])
def test_two_events_at_the_same_time_both_succeed(sandbox: Sandbox, new_runtime, absent: str):
    """Two processes that plan the same detach both end well, whatever the API says to the second."""
    furnish(sandbox)
    sandbox.behaviour.absent = absent
    sandbox.behaviour.latency = 0.25  # both have read before either writes
    outcomes = []
    threads = [
        threading.Thread(target=lambda runtime: outcomes.append(expire(runtime, certificate_id=CERTIFICATE)), args=(r,))
        for r in (new_runtime(), new_runtime())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome["status"] for outcome in outcomes] == ["detached", "detached"]
    assert len(sandbox.journal.detaches()) == 2
    assert sandbox.fleet.bindings() == set()


def test_renewed_certificate_is_not_touched(sandbox: Sandbox, new_runtime):
    """Renewed in place (same id, new not_after): the date of the gateway decides, not the event."""
    furnish(sandbox)
    sandbox.fleet.renew(CERTIFICATE, FAR_AHEAD)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["status"] == "not_due"
    assert outcome["certificates"][0]["not_after"] == "2036-04-26T09:03:30Z"
    assert len(sandbox.fleet.bindings()) == 2
    assert sandbox.journal.detaches() == []


@pytest.mark.parametrize(
    ("grace", "not_after", "status"),
    [
        ("P0D", timedelta(minutes=-1), "detached"),
        ("P0D", timedelta(hours=1), "not_due"),
        ("P7D", timedelta(days=-6), "not_due"),
        ("P7D", timedelta(days=-8), "detached"),
        ("-P2D", timedelta(days=1), "detached"),
        ("-P2D", timedelta(days=3), "not_due"),
    ],
)
def test_the_grace_must_have_passed_since_the_expiry(
    sandbox: Sandbox, new_runtime, grace: str, not_after: timedelta, status: str
):
    """DETACH_EXPIRY_GRACE must have passed since not_after; negative means that long before."""
    furnish(sandbox, not_after=not_after)
    outcome = expire(new_runtime(DETACH_EXPIRY_GRACE=grace), certificate_id=CERTIFICATE)
    assert outcome["status"] == status


def test_an_event_that_names_one_gateway_detaches_there_only(sandbox: Sandbox, new_runtime):
    """A domain on three gateways and an event that names one: only that binding goes."""
    furnish(sandbox)
    sandbox.fleet.add_gateway(id=THIRD)
    sandbox.fleet.add_domain(DOMAIN, THIRD)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, THIRD)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE, instance_ids=[THIRD])
    assert sandbox.journal.detaches()[0].body == {"domains": [{"domain": DOMAIN, "instance_ids": [THIRD]}]}
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST), (CERTIFICATE, DOMAIN, SECOND)}
    assert outcome["certificates"][0]["kept"] == [
        {"domain": DOMAIN, "instance_ids": [SECOND, FIRST], "reason": "not_requested"}
    ]


def test_gateways_of_an_entry_narrow_that_domain_alone(sandbox: Sandbox, new_runtime):
    """An entry of `domains` with gateways of its own leaves the other entries as wide as the event."""
    furnish(sandbox, domains=["one.example.com", "two.example.com"])
    expire(
        new_runtime(),
        certificate_id=CERTIFICATE,
        domains=[{"domain": "one.example.com", "instance_ids": [FIRST]}, "two.example.com"],
    )
    assert sandbox.fleet.bindings() == {(CERTIFICATE, "one.example.com", SECOND)}


def test_1203_domains_are_found_on_three_pages_and_detached_in_batches(sandbox: Sandbox, new_runtime):
    """All are found, on three pages, and all are detached, in batches of fifty."""
    names = [f"d{number:04d}.example.com" for number in range(1203)]
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    fleet.add_certificate(id=CERTIFICATE, common_name=DOMAIN, not_after=LONG_AGO)
    for name in names:
        fleet.add_domain(name, FIRST)
        fleet.bind(CERTIFICATE, name, FIRST)
    outcome = expire(new_runtime(DETACH_MAX_BINDINGS="2000"), certificate_id=CERTIFICATE)
    listings = [r.query for r in sandbox.journal.apig() if r.path.endswith("/attached-domains")]
    assert listings == [{"offset": offset, "limit": "500"} for offset in ("0", "499", "998")]
    assert [len(r.body["domains"]) for r in sandbox.journal.detaches()] == [50] * 24 + [3]
    assert {entry["domain"] for r in sandbox.journal.detaches() for entry in r.body["domains"]} == set(names)
    assert pairs(outcome["certificates"][0]["detached"]) == {(name, FIRST) for name in names}
    assert fleet.bindings() == set()


def test_plan_larger_than_allowed_is_refused_whole(sandbox: Sandbox, new_runtime):
    """Pairs of a domain and a gateway count: one more than DETACH_MAX_BINDINGS, and nothing is detached."""
    furnish(sandbox, domains=["one.example.com", "two.example.com", "three.example.com"])
    with pytest.raises(BlastRadiusExceeded, match=r"^6 bindings .* would be changed and DETACH_MAX_BINDINGS is 5"):
        expire(new_runtime(DETACH_MAX_BINDINGS="5"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []
    assert len(sandbox.fleet.bindings()) == 6
    assert expire(new_runtime(DETACH_MAX_BINDINGS="6"), certificate_id=CERTIFICATE)["status"] == "detached"


def test_dry_run_changes_nothing(sandbox: Sandbox, new_runtime):
    """What would be detached stands in `planned`, and `detached` is empty; there is nothing to undo."""
    furnish(sandbox)
    outcome = expire(new_runtime(DETACH_DRY_RUN="true"), certificate_id=CERTIFICATE)
    assert (outcome["status"], outcome["dry_run"], outcome["undo"]) == ("dry_run", True, [])
    [certificate] = outcome["certificates"]
    assert pairs(certificate["planned"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    assert (certificate["detached"], certificate["already_detached"]) == ([], [])
    assert sandbox.journal.detaches() == []


def test_protected_domains_are_kept(sandbox: Sandbox, new_runtime):
    """DETACH_PROTECTED_DOMAINS takes names and patterns, and what they name is never detached."""
    furnish(sandbox, domains=["pay.example.com", "a.shop.example.com", "*.shop.example.com", "old.example.com"])
    outcome = expire(
        new_runtime(DETACH_PROTECTED_DOMAINS="Pay.Example.com, *.shop.example.com"), certificate_id=CERTIFICATE
    )
    assert {domain for _, domain, _ in sandbox.fleet.bindings()} == {
        "pay.example.com",
        "a.shop.example.com",
        "*.shop.example.com",
    }
    assert {entry["reason"] for entry in outcome["certificates"][0]["kept"]} == {"protected"}


@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("apigtest.example.com", "APIGtest.Example.COM."),
        ("ApigTest.example.com.", "apigtest.example.com"),
        ("xn--bcher-kva.example.com", "Bücher.example.com"),
        ("*.shop.example.com", "*.SHOP.example.com"),
    ],
)
def test_names_compare_and_the_exact_one_is_sent(sandbox: Sandbox, new_runtime, bound: str, asked: str):
    """Case, a trailing dot and IDNA make no difference; what goes into the request is the list's own `url_domain`."""
    furnish(sandbox, domains=[bound])
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE, domains=[asked])
    assert sandbox.journal.detaches()[0].body["domains"][0]["domain"] == bound
    assert outcome["status"] == "detached"


def test_wildcard_matches_only_itself(sandbox: Sandbox, new_runtime):
    """Asking for *.example.com leaves api.example.com alone, and the other way round."""
    furnish(sandbox, domains=["*.example.com", "api.example.com"])
    expire(new_runtime(), certificate_id=CERTIFICATE, domains=["*.example.com"])
    assert {domain for _, domain, _ in sandbox.fleet.bindings()} == {"api.example.com"}
    expire(new_runtime(), certificate_id=CERTIFICATE, domains=["x.example.com"])
    assert {domain for _, domain, _ in sandbox.fleet.bindings()} == {"api.example.com"}


def test_by_common_name_only_the_expired_ones(sandbox: Sandbox, new_runtime):
    """Several certificates carry the name, on several gateways and globally; only those that expired are touched."""
    furnish(sandbox)
    fleet = sandbox.fleet
    valid = fleet.add_certificate(common_name=DOMAIN, not_after=FAR_AHEAD, instance_id=FIRST)
    other = fleet.add_certificate(common_name="other.example.com", not_after=LONG_AGO, instance_id=FIRST)
    expired = fleet.add_certificate(common_name="APIGtest.example.com", not_after=LONG_AGO, instance_id=SECOND)
    for number, certificate in enumerate((valid, other, expired)):
        fleet.add_domain(f"d{number}.example.com", certificate.instance_id)
        fleet.bind(certificate.id, f"d{number}.example.com", certificate.instance_id)
    outcome = expire(new_runtime(), common_name="ApigTest.Example.Com")
    assert {(c["certificate_id"], c["status"]) for c in outcome["certificates"]} == {
        (valid.id, "not_due"),
        (CERTIFICATE, "detached"),
        (expired.id, "detached"),
    }
    assert {certificate_id for certificate_id, _, _ in fleet.bindings()} == {valid.id, other.id}
    # Where the valid one is bound is not asked, and the details of none: the gateways agree about each date.
    read = [each.path.split("/certificates/")[1] for each in sandbox.journal.apig() if "/certificates/" in each.path]
    assert sorted(read) == sorted(
        f"{each}/{call}" for each in (CERTIFICATE, expired.id) for call in ("attached-domains", "domains/detach")
    )


def test_by_common_name_a_date_that_gateways_disagree_about_is_read_again(sandbox: Sandbox, new_runtime):
    """The certificate was renewed between two listings: the newer date decides, whichever came first."""
    furnish(sandbox, not_after=FAR_AHEAD)
    old = {"id": CERTIFICATE, "common_name": DOMAIN, "not_after": "2021-04-26T09:03:30Z"}
    for gateway in (FIRST, SECOND):
        sandbox.journal.clear()
        body = json.dumps({"total": 1, "certs": [old]})
        sandbox.faults.add(Fault(path=rf"certificates\?instance_id={gateway}", status=200, raw_body=body))
        assert expire(new_runtime(), common_name=DOMAIN)["status"] == "not_due"
        assert sandbox.journal.detaches() == []


def test_by_common_name_on_the_named_gateways(sandbox: Sandbox, new_runtime):
    """`instance_ids` narrows the search and what is detached."""
    furnish(sandbox)
    outcome = expire(new_runtime(), common_name=DOMAIN, instance_ids=[SECOND])
    assert [r.query.get("instance_id") for r in sandbox.journal.apig() if r.path.endswith("/certificates")] == [SECOND]
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST)}
    assert outcome["status"] == "detached"


def test_a_common_name_that_nobody_has_is_no_failure(sandbox: Sandbox, new_runtime):
    """An event from elsewhere, such as an ACM one, is no failure: there is nothing to detach."""
    furnish(sandbox)
    outcome = expire(new_runtime(), common_name="elsewhere.example.com")
    assert (outcome["status"], outcome["certificates"]) == ("nothing_to_detach", [])


def test_an_id_and_a_name_that_disagree_are_refused(sandbox: Sandbox, new_runtime):
    """A common name beside a certificate id has to be that certificate's own."""
    furnish(sandbox)
    with pytest.raises(InvalidEvent, match=r"^common_name: 'other\.example\.com' is not that of certificate a27be83"):
        expire(new_runtime(), certificate_id=CERTIFICATE, common_name="other.example.com")
    assert len(sandbox.fleet.bindings()) == 2
    assert expire(new_runtime(), certificate_id=CERTIFICATE, common_name=DOMAIN)["status"] == "detached"


def test_an_unknown_certificate_is_not_found(sandbox: Sandbox, new_runtime):
    """A certificate that is not in this project is NotFound, and nothing is sent but the question."""
    furnish(sandbox)
    with pytest.raises(NotFound, match="APIG.3021") as caught:
        expire(new_runtime(), certificate_id="0" * 32)
    assert caught.value.error_code == "APIG.3021"
    assert len(sandbox.journal.apig()) == 1


def test_a_missing_permission_is_told_at_the_first_call(sandbox: Sandbox, new_runtime):
    """A user without rights is told so at the first call."""
    furnish(sandbox)
    sandbox.behaviour.forbidden = True
    with pytest.raises(AccessDenied, match="APIG.1005"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.journal.apig()) == 1


def test_custom_ports_of_one_name_are_one_binding(sandbox: Sandbox, new_runtime):
    """The same name on another port is listed twice and sent once: the API takes all its ports together."""
    furnish(sandbox)
    sandbox.fleet.add_domain(DOMAIN, FIRST, https_port=8443)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, FIRST)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches()[0].body == {"domains": [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]}
    assert sandbox.fleet.bindings() == set()


def test_client_verification_comes_back_with_the_undo(sandbox: Sandbox, new_runtime):
    """The undo tells for each gateway whether clients were verified."""
    furnish(sandbox)
    sandbox.fleet.bind(CERTIFICATE, DOMAIN, SECOND, verified_client_certificate_enabled=True)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["undo"] == [
        {
            "certificate_id": CERTIFICATE,
            "domains": [
                {"domain": DOMAIN, "instance_ids": [SECOND], "verified_client_certificate_enabled": True},
                {"domain": DOMAIN, "instance_ids": [FIRST], "verified_client_certificate_enabled": False},
            ],
        }
    ]


@pytest.mark.parametrize("error", [(403, "APIG.1005"), (404, "APIG.3030"), (500, "APIG.9999"), (400, "APIG.2012")])
def test_by_common_name_one_gateway_that_cannot_be_searched_does_not_stop_the_others(
    sandbox: Sandbox, new_runtime, caplog, error
):
    """What is found on the others is detached; the event fails with the gateway's error, and a retry finishes it."""
    furnish(sandbox)
    status, code = error
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", status=status, error_code=code, times=None),
    )
    runtime = new_runtime(HTTP_ATTEMPTS="1")
    with pytest.raises(DetachError, match=f"GET certificates.instance_id={FIRST} answered {status} {code}") as caught:
        expire(runtime, common_name=DOMAIN)
    outcome = caught.value.outcome
    assert (outcome["status"], caught.value.error_code) == ("failed", code)
    [gateway] = outcome["gateways"]
    assert (gateway["instance_id"], gateway["status"], gateway["error_code"]) == (FIRST, "failed", code)
    assert outcome["certificates"][0]["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert [each["instance_id"] for each in report.gateways] == [FIRST]
    sandbox.faults.clear()
    assert expire(runtime, common_name=DOMAIN)["status"] == "nothing_to_detach"


def test_by_common_name_no_gateway_at_all_is_that_error(sandbox: Sandbox, new_runtime):
    """Both reasons are told, the retryable one first."""
    furnish(sandbox)
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", status=403, error_code="APIG.1005", times=None),
        Fault(path=rf"certificates\?instance_id={SECOND}", status=503, times=None),
    )
    with pytest.raises(
        Unavailable, match=f"instance_id={SECOND} answered 503.*; also AccessDenied: .*{FIRST}"
    ) as caught:
        expire(new_runtime(HTTP_ATTEMPTS="1"), common_name=DOMAIN)
    assert caught.value.outcome is None
    assert len(sandbox.fleet.bindings()) == 2


def test_by_common_name_one_without_a_date_does_not_stop_the_others(sandbox: Sandbox, new_runtime, caplog):
    """It is named, the others are detached, and the event fails."""
    furnish(sandbox)
    odd = sandbox.fleet.add_certificate(common_name=DOMAIN, not_after=LONG_AGO, instance_id=FIRST)
    rows = [
        {"id": odd.id, "common_name": DOMAIN},
        {"id": CERTIFICATE, "common_name": DOMAIN, "not_after": "2021-04-26T09:03:30Z"},
    ]
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", status=200, raw_body=json.dumps({"total": 2, "certs": rows})),
        Fault(path=f"/{odd.id}$", status=200, raw_body=json.dumps({"id": odd.id})),
    )
    with pytest.raises(Rejected, match=f"certificate {odd.id}: the API gives no usable not_after"):
        expire(new_runtime(), common_name=DOMAIN)
    assert sandbox.fleet.bindings() == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert (report.status, {each["certificate_id"] for each in report.detached}) == ("failed", {CERTIFICATE})
    assert not any(each.path.endswith(f"{odd.id}/attached-domains") for each in sandbox.journal.apig())


@pytest.mark.parametrize("listed", [("2021-04-26T09:03:30Z", "2036-04-26T09:03:30Z"), ("2036-04-26T09:03:30Z", None)])
@pytest.mark.parametrize("details", ["2021-04-26T09:03:30Z", "2021-08-01T00:00:00Z"])
def test_by_common_name_the_latest_date_that_is_told_decides(sandbox: Sandbox, new_runtime, listed, details):
    """The details say expired, and one gateway's listing says valid: it is kept, with the later date."""
    furnish(sandbox)
    for gateway, date in zip((FIRST, SECOND), listed, strict=True):
        row = {"id": CERTIFICATE, "common_name": DOMAIN, **({"not_after": date} if date else {})}
        body = json.dumps({"total": 1, "certs": [row]})
        sandbox.faults.add(Fault(path=rf"certificates\?instance_id={gateway}", status=200, raw_body=body))
    sandbox.fleet.renew(CERTIFICATE, details)
    outcome = expire(new_runtime(), common_name=DOMAIN)
    assert (outcome["status"], outcome["certificates"][0]["not_after"]) == ("not_due", "2036-04-26T09:03:30Z")
    assert sandbox.journal.detaches() == []


def test_a_cap_counts_gateways_not_names(sandbox: Sandbox, new_runtime):
    """23 names on two gateways are 46 bindings: a cap of 23 refuses them whole, and says that nothing was changed."""
    furnish(sandbox, domains=[f"d{number}.example.com" for number in range(23)])
    with pytest.raises(BlastRadiusExceeded) as caught:
        expire(new_runtime(DETACH_MAX_BINDINGS="23"), certificate_id=CERTIFICATE)
    assert caught.value.message == (
        "46 bindings (pairs of a domain and a gateway) would be changed and DETACH_MAX_BINDINGS is 23:"
        " nothing was changed"
    )
    assert sandbox.journal.detaches() == []
    assert len(sandbox.fleet.bindings()) == 46


def test_a_cap_holds_for_all_certificates_of_a_name_together(sandbox: Sandbox, new_runtime):
    """Two certificates of one name with 15 bindings each, and a cap of 20: not one of them is touched."""
    fleet = sandbox.fleet
    fleet.add_gateway(id=FIRST)
    for each in range(2):
        certificate = fleet.add_certificate(common_name=DOMAIN, not_after=LONG_AGO)
        for number in range(15):
            fleet.carry(fleet.add_domain(f"d{number}.c{each}.example.com", FIRST), certificate.id)
    with pytest.raises(BlastRadiusExceeded, match="^30 bindings .* DETACH_MAX_BINDINGS is 20: nothing was changed"):
        expire(new_runtime(DETACH_MAX_BINDINGS="20"), common_name=DOMAIN)
    assert sandbox.journal.detaches() == []


def test_a_dry_run_tells_what_would_be_refused(sandbox: Sandbox, new_runtime):
    """The cap holds for it too, and the answer's outcome shows the plan: whoever is to raise the cap has to see it."""
    furnish(sandbox)
    with pytest.raises(BlastRadiusExceeded) as caught:
        expire(new_runtime(DETACH_MAX_BINDINGS="1"), certificate_id=CERTIFICATE, dry_run=True)
    assert caught.value.outcome is not None
    [certificate] = caught.value.outcome["certificates"]
    assert (caught.value.outcome["status"], certificate["error"]) == ("failed", "BlastRadiusExceeded")
    assert certificate["planned"] == [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]
    assert (certificate["detached"], caught.value.outcome["undo"]) == ([], [])


def test_a_certificate_that_is_deleted_after_it_was_read_is_bound_nowhere(sandbox: Sandbox, new_runtime):
    """404 for its attached domains, and then for its details too."""
    furnish(sandbox)
    sandbox.faults.add(
        Fault(path="/attached-domains", error_code="APIG.3021"),
        Fault(path=f"/{CERTIFICATE}$", nth=2, error_code="APIG.3021"),
    )
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "nothing_to_detach"
    assert (sandbox.faults.pending(), sandbox.journal.detaches()) == ([], [])


def test_attached_domains_that_are_not_found_by_mistake_are_asked_for_again(sandbox: Sandbox, new_runtime):
    """The details are there, so the certificate is: the event is not acknowledged."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/attached-domains", error_code="APIG.3021"))
    runtime = new_runtime()
    with pytest.raises(Unavailable, match="but its details are there") as caught:
        expire(runtime, certificate_id=CERTIFICATE)
    assert caught.value.error_code == "APIG.3021"
    assert expire(runtime, certificate_id=CERTIFICATE)["status"] == "detached"


@pytest.mark.parametrize("code", ["APIG.3001", "APIG.3030"])
def test_another_not_found_of_its_details_does_not_say_that_a_certificate_is_gone(code, sandbox: Sandbox, new_runtime):
    """404 for its attached domains, and then 404 of an API group or a gateway: the event is not acknowledged."""
    furnish(sandbox)
    sandbox.faults.add(
        Fault(path="/attached-domains", error_code="APIG.3021"),
        Fault(path=f"/{CERTIFICATE}$", nth=2, error_code=code),
    )
    with pytest.raises(NotFound, match=code):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert sandbox.faults.pending() == []


def test_a_gateway_named_many_times_is_asked_once(sandbox: Sandbox, new_runtime):
    """20 000 repetitions are refused without a call, and a hundred cost one."""
    furnish(sandbox)
    runtime = new_runtime()
    with pytest.raises(InvalidEvent, match="^instance_ids: "):
        expire(runtime, common_name=DOMAIN, instance_ids=[FIRST] * 20_000)
    assert list(sandbox.journal) == []
    expire(runtime, common_name=DOMAIN, instance_ids=[FIRST] * 99 + [SECOND])
    listings = [each.query["instance_id"] for each in sandbox.journal.apig() if each.path.endswith("/certificates")]
    assert listings == [FIRST, SECOND]


def test_a_certificate_whose_domains_cannot_be_read_stops_no_other_of_its_name(sandbox: Sandbox, new_runtime):
    """The other one is detached, the event fails, and its retry finishes it."""
    furnish(sandbox)
    other = sandbox.fleet.add_certificate(common_name=DOMAIN, san=("*.example.com",), not_after=LONG_AGO, type="global")
    sandbox.fleet.add_domain("other.example.com", FIRST)
    sandbox.fleet.bind(other.id, "other.example.com", FIRST)
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}/attached-domains", error_code="APIG.9999", times=None))
    runtime = new_runtime(HTTP_ATTEMPTS="1")
    with pytest.raises(Unavailable, match=f"certificates/{CERTIFICATE}/attached-domains") as caught:
        expire(runtime, common_name=DOMAIN)
    assert {each for each, _, _ in sandbox.fleet.bindings()} == {CERTIFICATE}
    assert caught.value.outcome is not None
    assert [each["certificate_id"] for each in caught.value.outcome["undo"]] == [other.id]
    sandbox.faults.clear()
    assert expire(runtime, common_name=DOMAIN)["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
