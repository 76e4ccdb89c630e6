"""A detach is undone: exactly the recorded bindings come back, and what cannot come back is named."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import AccessDenied, BlastRadiusExceeded, InvalidEvent, NotFound, Rejected, Unavailable
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, THIRD, decommission, furnish, pairs, send

NAMES = ("a.example.com", "b.example.com", "c.example.com", "d.example.com")
OTHER = "0123456789abcdef0123456789abcdef"


def undo_by_event(runtime: Runtime, undo: Any, *, seconds: float = 20.0) -> dict[str, Any]:
    """The outcome's JSON of an undo."""
    return send(runtime, "undo", undo, seconds=seconds).to_dict()


def undo(*domains: str, verified: bool = False, gateways: tuple[str, ...] = (FIRST, SECOND)) -> list[dict[str, Any]]:
    """The undo list of one certificate."""
    return [
        {
            "certificate_id": CERTIFICATE,
            "domains": [
                {
                    "domain": domain,
                    "instance_ids": list(gateways),
                    "verified_client_certificate_enabled": verified,
                }
                for domain in domains
            ],
        }
    ]


def detached_world(sandbox: Sandbox, *domains: str) -> None:
    """The certificate is valid, and its domains are there without it."""
    furnish(sandbox, domains=domains, not_after=FAR_AHEAD)
    for domain in domains:
        for instance_id in (FIRST, SECOND):
            sandbox.fleet.unbind(CERTIFICATE, domain, instance_id)


def failures(caplog) -> list[tuple[str, str, str | None]]:
    """(domain, error, code) of what the report calls failed."""
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    return [
        (entry["domain"], entry["error"], entry["error_code"]) for entry in report.failed for _ in entry["instance_ids"]
    ]


def test_fifty_decommissioned_domains_come_back_byte_for_byte(sandbox: Sandbox, new_runtime):
    """The whole fleet reads as before, client verification and the way each name is written included."""
    names = [f"Shop-{number}.Example.com" for number in range(50)]
    furnish(sandbox, domains=names, not_after=FAR_AHEAD)
    for name in names[::3]:
        sandbox.fleet.unbind(CERTIFICATE, name, SECOND)
        sandbox.fleet.bind(CERTIFICATE, name, SECOND, verified_client_certificate_enabled=True)
    before = json.dumps(sandbox.fleet.to_json()["domains"])
    runtime = new_runtime()
    outcome = decommission(runtime, domains=names)
    assert sandbox.fleet.bindings() == set()
    attached = undo_by_event(runtime, outcome["undo"])
    assert json.dumps(sandbox.fleet.to_json()["domains"]) == before
    assert attached["status"] == "attached"
    [entry] = attached["certificates"]
    assert (len(pairs(entry["attached"])), entry["failed"]) == (100, [])


def test_the_request_is_the_recorded_one(sandbox: Sandbox, new_runtime):
    """POST …/domains/attach with explicit gateways and the flag; the outcome tells what was attached."""
    detached_world(sandbox, DOMAIN)
    outcome = undo_by_event(new_runtime(), undo(DOMAIN, verified=True))
    [request] = sandbox.journal.attaches()
    assert request.path == f"/v2/{sandbox.project_id}/apigw/certificates/{CERTIFICATE}/domains/attach"
    assert request.body == {
        "domains": [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": True}]
    }
    assert outcome == {
        "event_id": "event-1",
        "kind": "undo",
        "status": "attached",
        "dry_run": False,
        "certificates": [
            {
                "certificate_id": CERTIFICATE,
                "common_name": DOMAIN,
                "not_after": "2036-04-26T09:03:30Z",
                "status": "attached",
                "attached": [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND]}],
                "already_attached": [],
                "kept": [],
                "failed": [],
            }
        ],
        "undo": [],
    }


def test_a_whole_outcome_will_do_as_the_data(sandbox: Sandbox, new_runtime):
    """Its `undo` is what counts."""
    furnish(sandbox, not_after=FAR_AHEAD)
    runtime = new_runtime()
    before = sandbox.fleet.bindings()
    outcome = decommission(runtime, domain=DOMAIN)
    assert undo_by_event(runtime, outcome)["status"] == "attached"
    assert sandbox.fleet.bindings() == before


def test_the_same_undo_twice_sends_no_second_post(sandbox: Sandbox, new_runtime):
    """What is attached already is left as it is."""
    detached_world(sandbox, DOMAIN)
    runtime = new_runtime()
    undo_by_event(runtime, undo(DOMAIN))
    outcome = undo_by_event(runtime, undo(DOMAIN))
    assert outcome["status"] == "nothing_to_attach"
    assert pairs(outcome["certificates"][0]["already_attached"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    assert len(sandbox.journal.attaches()) == 1


def test_an_empty_undo_has_nothing_to_attach(sandbox: Sandbox, new_runtime):
    """As of an outcome that detached nothing."""
    furnish(sandbox)
    assert undo_by_event(new_runtime(), [])["status"] == "nothing_to_attach"
    assert sandbox.journal.attaches() == []


def test_a_dry_run_attaches_nothing(sandbox: Sandbox, new_runtime):
    """It tells what would be attached."""
    detached_world(sandbox, DOMAIN)
    outcome = undo_by_event(new_runtime(DETACH_DRY_RUN="true"), undo(DOMAIN))
    assert (outcome["status"], outcome["dry_run"]) == ("dry_run", True)
    [certificate] = outcome["certificates"]
    assert pairs(certificate["planned"]) == {(DOMAIN, FIRST), (DOMAIN, SECOND)}
    assert (certificate["attached"], certificate["already_attached"]) == ([], [])
    assert sandbox.journal.attaches() == []


def test_a_place_that_is_named_twice_is_attached_as_it_was_named_first(sandbox: Sandbox, new_runtime):
    """Two spellings of a name are one place."""
    detached_world(sandbox, DOMAIN)
    outcome = undo_by_event(new_runtime(DETACH_DRY_RUN="true"), undo(DOMAIN, DOMAIN.upper()))
    assert outcome["certificates"][0]["planned"] == [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND]}]


@pytest.mark.parametrize("shown", [True, False])
def test_a_domain_with_another_certificate_now_is_refused(sandbox: Sandbox, new_runtime, caplog, shown: bool):
    """It is named with what it carries; the other domains come back, whether the group listing shows it or not."""
    detached_world(sandbox, *NAMES[:2])
    sandbox.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    sandbox.fleet.bind(OTHER, NAMES[0], FIRST)
    sandbox.behaviour.groups_show_domains = shown
    with pytest.raises(Rejected, match=f"{NAMES[0]} on gateway {FIRST} carries certificate {OTHER} now"):
        undo_by_event(new_runtime(), undo(*NAMES[:2]))
    assert sandbox.fleet.bindings(OTHER) == {(OTHER, NAMES[0], FIRST)}
    assert sandbox.fleet.bindings(CERTIFICATE) == {
        (CERTIFICATE, NAMES[0], SECOND),
        (CERTIFICATE, NAMES[1], FIRST),
        (CERTIFICATE, NAMES[1], SECOND),
    }
    assert failures(caplog) == [(NAMES[0], "Rejected", None)]


def test_an_expired_certificate_is_refused_before_anything_is_sent(sandbox: Sandbox, new_runtime, caplog):
    """As the API would, with its code and what to do: each binding tells it, and there is no request."""
    furnish(sandbox, domains=NAMES)
    runtime = new_runtime()
    outcome = decommission(runtime, domains=list(NAMES))
    with pytest.raises(Rejected, match="has expired"):
        undo_by_event(runtime, outcome["undo"])
    reports = [record for record in caplog.records if record.message == "detach.report"]
    assert {entry["error_code"] for entry in reports[-1].failed} == {"APIG.2102"}
    assert pairs(reports[-1].failed) == {(name, instance_id) for name in NAMES for instance_id in (FIRST, SECOND)}
    assert reports[-1].failed[0]["message"] == (
        f"certificate {CERTIFICATE} has expired (2021-04-26T09:03:30Z), and API Gateway attaches no expired"
        " certificate: renew it, or attach another one to its domains"
    )
    assert sandbox.journal.attaches() == []


@pytest.mark.parametrize("gone", NAMES)
def test_one_domain_that_is_gone_does_not_keep_the_others_out(sandbox: Sandbox, new_runtime, caplog, gone: str):
    """A batch is refused as a whole: what is to blame is found by halves, and named with its code."""
    detached_world(sandbox, *NAMES)
    sandbox.fleet.remove_domain(gone)
    with pytest.raises(Rejected, match=r"APIG\.3020"):
        undo_by_event(new_runtime(), undo(*NAMES))
    assert {domain for _, domain, _ in sandbox.fleet.bindings()} == set(NAMES) - {gone}
    assert len(sandbox.fleet.bindings()) == 6
    assert failures(caplog) == [(gone, "Rejected", "APIG.3020")] * 2
    # All four, two by two, one by one, and for the one that is to blame each gateway by itself.
    assert len(sandbox.journal.attaches()) == 7


def test_what_a_refused_batch_attached_all_the_same_is_not_sent_again(sandbox: Sandbox, new_runtime):
    """Whether a batch is all or nothing is documented nowhere: the bindings are read before its halves are sent."""
    detached_world(sandbox, *NAMES)
    sandbox.faults.add(Fault(path="/domains/attach", status=400, error_code="APIG.2103", applied=True))
    outcome = undo_by_event(new_runtime(), undo(*NAMES))
    assert outcome["status"] == "attached"
    assert len(pairs(outcome["certificates"][0]["already_attached"])) == 8
    assert len(sandbox.journal.attaches()) == 1


def test_a_deleted_certificate_is_named(sandbox: Sandbox, new_runtime, caplog):
    """Nothing brings its key back; the other certificate of the list is attached all the same."""
    detached_world(sandbox, DOMAIN)
    lost = [{**undo("other.example.com")[0], "certificate_id": OTHER}]
    with pytest.raises(NotFound, match=r"APIG\.3021"):
        undo_by_event(new_runtime(), lost + undo(DOMAIN))
    assert len(sandbox.fleet.bindings(CERTIFICATE)) == 2
    assert failures(caplog) == [("other.example.com", "NotFound", "APIG.3021")] * 2
    assert [OTHER in each.path for each in sandbox.journal.attaches()] == [False]


def test_an_undo_of_deleted_certificates_alone_asks_for_nothing_else(sandbox: Sandbox, new_runtime):
    """Neither for the gateways nor for what they carry: nothing could come back."""
    detached_world(sandbox, DOMAIN)
    with pytest.raises(NotFound, match=r"APIG\.3021"):
        undo_by_event(new_runtime(), [{**undo(DOMAIN)[0], "certificate_id": OTHER}])
    assert [each.path.rsplit("/", 1)[-1] for each in sandbox.journal.apig()] == [OTHER]


def test_a_deleted_gateway_is_named(sandbox: Sandbox, new_runtime, caplog):
    """The bindings on the gateways that are still there come back."""
    detached_world(sandbox, DOMAIN)
    with pytest.raises(NotFound, match=f"gateway {THIRD} does not exist in this project"):
        undo_by_event(new_runtime(), undo(DOMAIN, gateways=(FIRST, THIRD)))
    assert [each for each in sandbox.journal.apig() if THIRD in each.target] == []
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST)}
    assert failures(caplog) == [(DOMAIN, "NotFound", "APIG.3030")]


def test_a_lost_reply_is_looked_into_before_anything_is_sent_again(sandbox: Sandbox, new_runtime):
    """The attach was carried out: reading the bindings tells, and there is no second request."""
    detached_world(sandbox, DOMAIN)
    sandbox.faults.add(Fault(path="/domains/attach", action="lost_reply"))
    outcome = undo_by_event(new_runtime(), undo(DOMAIN))
    assert outcome["status"] == "attached"
    assert len(sandbox.journal.attaches()) == 1
    assert len(sandbox.fleet.bindings()) == 2


def test_an_attach_that_did_not_happen_is_sent_again(sandbox: Sandbox, new_runtime):
    """500 APIG.9999 leaves it open; the bindings say that nothing was attached."""
    detached_world(sandbox, DOMAIN)
    sandbox.faults.add(Fault(path="/domains/attach", error_code="APIG.9999"))
    assert undo_by_event(new_runtime(), undo(DOMAIN))["status"] == "attached"
    assert len(sandbox.journal.attaches()) == 2


def test_what_is_unavailable_is_left_for_the_retry(sandbox: Sandbox, new_runtime, caplog):
    """The error is retryable, and the report names what is not attached."""
    detached_world(sandbox, *NAMES)
    sandbox.faults.add(Fault(path="/domains/attach", nth=2, error_code="APIG.3718", times=None))
    with pytest.raises(Unavailable):
        undo_by_event(new_runtime(DETACH_BATCH_SIZE="2", HTTP_ATTEMPTS="1"), undo(*NAMES))
    assert len(sandbox.fleet.bindings()) == 4
    assert {name for name, _, _ in failures(caplog)} == set(NAMES[2:])


def test_no_permission_is_not_tried_by_halves(sandbox: Sandbox, new_runtime):
    """One request tells it."""
    detached_world(sandbox, *NAMES)
    sandbox.faults.add(Fault(path="/domains/attach", status=403, error_code="APIG.1005", times=None))
    with pytest.raises(AccessDenied):
        undo_by_event(new_runtime(), undo(*NAMES))
    assert len(sandbox.journal.attaches()) == 1


def test_batches_are_of_the_size_that_is_set(sandbox: Sandbox, new_runtime):
    """As they are for a detach."""
    detached_world(sandbox, *NAMES)
    undo_by_event(new_runtime(DETACH_BATCH_SIZE="3"), undo(*NAMES))
    assert [len(request.body["domains"]) for request in sandbox.journal.attaches()] == [3, 1]


def test_an_undo_of_a_certificate_that_expires_soon_still_works(sandbox: Sandbox, new_runtime):
    """Only the gateway says what is too old."""
    furnish(sandbox, not_after=timedelta(hours=1))
    runtime = new_runtime()
    outcome = decommission(runtime, domain=DOMAIN)
    assert undo_by_event(runtime, outcome["undo"])["status"] == "attached"


def test_metrics_of_an_undo(sandbox: Sandbox, new_runtime, capsys):
    """DomainsAttached counts names, as DomainsDetached does."""
    detached_world(sandbox, *NAMES)
    undo_by_event(new_runtime(), undo(*NAMES))
    [line] = [line for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    record = json.loads(line)
    assert (record["kind"], record["DomainsAttached"], record["EventsHandled"]) == ("undo", [4.0], [1.0])


def test_an_outcome_with_all_its_fields_will_do_as_the_data(sandbox: Sandbox, new_runtime):
    """A misspelt name beside the detached one, and a context: the outcome as it was told is taken, nothing cut out."""
    furnish(sandbox, not_after=FAR_AHEAD)
    runtime = new_runtime()
    before = sandbox.fleet.bindings()
    outcome = decommission(runtime, domains=[DOMAIN, "lost.example.com"], context={"ticket": "CHG-1"})
    assert (outcome["not_found"], outcome["context"]) == (["lost.example.com"], {"ticket": "CHG-1"})
    attached = undo_by_event(runtime, outcome)
    assert (attached["status"], attached["context"]) == ("attached", {"ticket": "CHG-1"})
    assert sandbox.fleet.bindings() == before


def test_a_cleanups_outcome_will_do_as_the_data(sandbox: Sandbox, new_runtime):
    """Its cursor and gateways stand beside `undo`; what has expired is refused for that, not for its shape."""
    furnish(sandbox)
    runtime = new_runtime()
    outcome = send(runtime, "scheduled_cleanup", {}).to_dict()
    with pytest.raises(Rejected, match="has expired") as caught:
        undo_by_event(runtime, outcome)
    assert caught.value.error_code == "APIG.2102"


def test_an_undo_larger_than_allowed_is_refused_before_anything_is_read(sandbox: Sandbox, new_runtime):
    """By what it names, whatever is attached by now."""
    detached_world(sandbox, *NAMES)
    with pytest.raises(BlastRadiusExceeded, match="^8 bindings .* DETACH_MAX_BINDINGS is 7: nothing was changed"):
        undo_by_event(new_runtime(DETACH_MAX_BINDINGS="7"), undo(*NAMES))
    assert sandbox.journal.apig() == []
    assert undo_by_event(new_runtime(DETACH_MAX_BINDINGS="8"), undo(*NAMES) * 2)["status"] == "attached"


def test_protected_domains_are_not_attached(sandbox: Sandbox, new_runtime):
    """Nor is a wildcard that covers one."""
    names = ["pay.example.com", "*.example.com", "a.example.com"]
    detached_world(sandbox, *names)
    outcome = undo_by_event(new_runtime(DETACH_PROTECTED_DOMAINS="pay.example.com"), undo(*names))
    assert {name for _, name, _ in sandbox.fleet.bindings()} == {"a.example.com"}
    assert {(each["domain"], each["reason"]) for each in outcome["certificates"][0]["kept"]} == {
        ("pay.example.com", "protected"),
        ("*.example.com", "wildcard_covers_protected"),
    }


def test_gateways_that_do_not_exist_cost_one_call_together(sandbox: Sandbox, new_runtime, caplog):
    """The project's list of gateways tells it."""
    detached_world(sandbox, DOMAIN)
    gone = tuple(f"{number:032x}" for number in range(90))
    with pytest.raises(NotFound, match="does not exist in this project; also .*; and 85 more, see the outcome"):
        undo_by_event(new_runtime(), undo(DOMAIN, gateways=(FIRST, *gone)))
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST)}
    assert len(failures(caplog)) == 90
    # details, gateways, API groups, attach
    assert len(sandbox.journal.apig()) == 4


def test_a_gateway_that_cannot_be_read_does_not_keep_the_others_out(sandbox: Sandbox, new_runtime, caplog):
    """Nobody knows what its domains carry: nothing is attached there."""
    detached_world(sandbox, DOMAIN)
    sandbox.faults.add(Fault(path=f"/instances/{SECOND}/api-groups", error_code="APIG.1005", times=None))
    with pytest.raises(AccessDenied, match=f"GET instances/{SECOND}/api-groups answered 403"):
        undo_by_event(new_runtime(), undo(DOMAIN))
    assert sandbox.fleet.bindings() == {(CERTIFICATE, DOMAIN, FIRST)}
    assert failures(caplog) == [(DOMAIN, "AccessDenied", "APIG.1005")]


@pytest.mark.parametrize("ahead", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_a_certificate_that_has_expired_by_either_clock_is_refused(sandbox: Sandbox, new_runtime, ahead: timedelta):
    """Five minutes ago by the gateway's clock or by ours; the other certificate of the undo is attached."""
    detached_world(sandbox, DOMAIN)
    valid = sandbox.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
    sandbox.fleet.add_domain("other.example.com", FIRST)
    now = datetime.now(UTC)
    date = now + timedelta(minutes=5) if ahead > timedelta(0) else now - timedelta(minutes=5)
    details = {"id": CERTIFICATE, "not_after": date.isoformat()}
    header = {"Date": format_datetime(now + ahead, usegmt=True)}
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=json.dumps(details), headers=header))
    more = [{**undo("other.example.com", gateways=(FIRST,))[0], "certificate_id": valid.id}]
    with pytest.raises(Rejected, match=f"certificate {CERTIFICATE} has expired") as caught:
        undo_by_event(new_runtime(), undo(DOMAIN) + more)
    assert caught.value.error_code == "APIG.2102"
    assert sandbox.fleet.bindings() == {(OTHER, "other.example.com", FIRST)}
    assert [OTHER in each.path for each in sandbox.journal.attaches()] == [True]


def test_client_verification_is_not_turned_off_where_it_is_on(sandbox: Sandbox, new_runtime, caplog):
    """The undo says off, the domain says on: it is attached with it on. The plan that is logged says so too."""
    detached_world(sandbox, DOMAIN)
    [domain] = sandbox.fleet.find_domains(DOMAIN, [SECOND])
    sandbox.fleet.carry(domain, None, verified=True)
    assert undo_by_event(new_runtime(), undo(DOMAIN))["status"] == "attached"
    sent = [
        {"domain": DOMAIN, "instance_ids": [FIRST], "verified_client_certificate_enabled": False},
        {"domain": DOMAIN, "instance_ids": [SECOND], "verified_client_certificate_enabled": True},
    ]
    assert [each.body["domains"] for each in sandbox.journal.attaches()] == [sent]
    [plan] = [record for record in caplog.records if record.message == "attach.plan"]
    assert plan.attach == [{"certificate_id": CERTIFICATE, "domains": sent}]


def test_what_was_perhaps_detached_is_attached_alike(sandbox: Sandbox, new_runtime):
    """What is surely detached counts before it: its flag goes into the request, once."""
    detached_world(sandbox, DOMAIN)
    sure, perhaps = undo(DOMAIN, verified=True), undo(DOMAIN, gateways=(FIRST, SECOND))
    perhaps[0]["domains"][0]["perhaps"] = True
    outcome = undo_by_event(new_runtime(DETACH_MAX_BINDINGS="2"), perhaps + sure + perhaps)
    assert outcome["status"] == "attached"
    assert [each.body["domains"] for each in sandbox.journal.attaches()] == [sure[0]["domains"]]


def test_an_outcome_that_is_not_sure_will_do_as_the_data(sandbox: Sandbox, new_runtime):
    """As it was told."""
    furnish(sandbox, not_after=FAR_AHEAD)
    runtime = new_runtime()
    before = sandbox.fleet.bindings()
    sandbox.faults.add(Fault(path="/domains/detach", action="lost_reply"))
    outcome = decommission(runtime, domain=DOMAIN)
    assert [each["perhaps"] for each in outcome["undo"][0]["domains"]] == [True]
    assert undo_by_event(runtime, outcome)["status"] == "attached"
    assert sandbox.fleet.bindings() == before


@pytest.mark.parametrize("perhaps", ["yes", 1, None])
def test_the_mark_is_true_or_false(sandbox: Sandbox, new_runtime, perhaps):
    """Anything else is refused by name."""
    data = undo(DOMAIN)
    data[0]["domains"][0]["perhaps"] = perhaps
    with pytest.raises(InvalidEvent, match="perhaps: "):
        undo_by_event(new_runtime(), data)
    assert sandbox.journal.apig() == []


def test_an_expired_certificate_that_is_attached_already_is_no_failure(sandbox: Sandbox, new_runtime):
    """There is nothing to attach; only what is not there any more is refused."""
    furnish(sandbox)
    runtime = new_runtime()
    assert undo_by_event(runtime, undo(DOMAIN))["status"] == "nothing_to_attach"
    sandbox.fleet.unbind(CERTIFICATE, DOMAIN, SECOND)
    with pytest.raises(Rejected, match="has expired") as caught:
        undo_by_event(runtime, undo(DOMAIN))
    [certificate] = caught.value.outcome["certificates"]
    assert (pairs(certificate["already_attached"]), pairs(certificate["failed"])) == (
        {(DOMAIN, FIRST)},
        {(DOMAIN, SECOND)},
    )
    assert sandbox.journal.attaches() == []
