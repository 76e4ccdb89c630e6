"""The schedule is due: what a clean-up reads, detaches, leaves and tells."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from handlers import handle, plan_cleanup
from sandbox import Behaviour, Fault, Fleet, Sandbox
from shared.core.errors import (
    AccessDenied,
    BlastRadiusExceeded,
    ConfigurationError,
    InvalidEvent,
    NotFound,
    Rejected,
)
from shared.wiring import Runtime
from tests.support.broker import broker
from tests.support.fleets import EXPIRED, VALID
from tests.support.world import FIRST, SECOND, THIRD, delivery, pairs, send

# In the order in which a clean-up takes them.
ID = [f"{number:032x}" for number in range(10)]


def clean_up(runtime: Runtime, *, seconds: float = 20.0, **data: Any) -> dict[str, Any]:
    """The outcome's JSON of a clean-up."""
    return send(runtime, "scheduled_cleanup", data, seconds=seconds).to_dict()


@dataclass
class World:
    """Two gateways; ID[1] and ID[2] have expired, one on each; ID[3] is valid."""

    fleet: Fleet

    def __post_init__(self) -> None:
        self.fleet.add_gateway(id=FIRST)
        self.fleet.add_gateway(id=SECOND)
        self.certificate(1, EXPIRED, FIRST, "a.one.example", "b.one.example")
        self.certificate(2, EXPIRED, SECOND, "a.two.example")
        self.certificate(3, VALID, FIRST, "a.three.example")

    def certificate(self, number: int, not_after: str, gateway: str | None, *domains: str) -> str:
        """Add one with these domains; a gateway of None makes it a global one, on both gateways."""
        added = self.fleet.add_certificate(
            id=ID[number],
            common_name=domains[0] if domains else f"{number}.example",
            not_after=not_after,
            type="global" if gateway is None else "instance",
            instance_id=gateway,
        )
        for domain in domains:
            for place in (FIRST, SECOND) if gateway is None else (gateway,):
                self.fleet.add_domain(domain, place)
                self.fleet.bind(added.id, domain, place)
        return added.id


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    return World(sandbox.fleet)


def calls(sandbox: Sandbox) -> Counter[str]:
    """The calls to API Gateway, without the project's part of the path."""
    root = f"/v2/{sandbox.project_id}/apigw"
    return Counter(f"{each.method} {each.target.removeprefix(root)}" for each in sandbox.journal.apig())


def test_every_expired_certificate_is_detached_and_nothing_else(sandbox: Sandbox, new_runtime, world: World):
    """The outcome names the certificates that were touched, and not the valid ones; nothing is left to go on from."""
    outcome = clean_up(new_runtime())
    assert sandbox.fleet.bindings() == {(ID[3], "a.three.example", FIRST)}
    assert set(outcome.pop("undo_signature")) == {"key_id", "signed_at", "signature"}
    assert outcome == {
        "event_id": "event-1",
        "kind": "scheduled_cleanup",
        "status": "detached",
        "dry_run": False,
        "certificates": [
            {
                "certificate_id": ID[1],
                "common_name": "a.one.example",
                "not_after": "2021-04-26T09:03:30Z",
                "status": "detached",
                "detached": [
                    {"domain": "a.one.example", "instance_ids": [FIRST]},
                    {"domain": "b.one.example", "instance_ids": [FIRST]},
                ],
                "already_detached": [],
                "kept": [],
                "failed": [],
            },
            {
                "certificate_id": ID[2],
                "common_name": "a.two.example",
                "not_after": "2021-04-26T09:03:30Z",
                "status": "detached",
                "detached": [{"domain": "a.two.example", "instance_ids": [SECOND]}],
                "already_detached": [],
                "kept": [],
                "failed": [],
            },
        ],
        "undo": [
            {
                "certificate_id": ID[1],
                "domains": [
                    {
                        "domain": "a.one.example",
                        "instance_ids": [FIRST],
                        "verified_client_certificate_enabled": False,
                    },
                    {
                        "domain": "b.one.example",
                        "instance_ids": [FIRST],
                        "verified_client_certificate_enabled": False,
                    },
                ],
            },
            {
                "certificate_id": ID[2],
                "domains": [
                    {
                        "domain": "a.two.example",
                        "instance_ids": [SECOND],
                        "verified_client_certificate_enabled": False,
                    }
                ],
            },
        ],
        "cursor": None,
        "gateways": [],
    }


def test_pages_and_one_detach_a_certificate_are_all_the_calls(sandbox: Sandbox, new_runtime, world: World):
    """No certificate is asked about; each request names the gateway."""
    clean_up(new_runtime())
    assert calls(sandbox) == {
        "GET /instances?offset=0&limit=500": 1,
        f"GET /certificates?instance_id={FIRST}&offset=0&limit=500": 1,
        f"GET /certificates?instance_id={SECOND}&offset=0&limit=500": 1,
        f"GET /instances/{FIRST}/api-groups?offset=0&limit=500": 1,
        f"GET /instances/{SECOND}/api-groups?offset=0&limit=500": 1,
        f"POST /certificates/{ID[1]}/domains/detach": 1,
        f"POST /certificates/{ID[2]}/domains/detach": 1,
    }
    assert {each.path.split("/")[5]: each.body for each in sandbox.journal.detaches()} == {
        ID[1]: {
            "domains": [
                {"domain": "a.one.example", "instance_ids": [FIRST]},
                {"domain": "b.one.example", "instance_ids": [FIRST]},
            ]
        },
        ID[2]: {"domains": [{"domain": "a.two.example", "instance_ids": [SECOND]}]},
    }


def test_a_second_cleanup_sends_no_post(sandbox: Sandbox, new_runtime, world: World):
    """Expired certificates stay listed; once nothing carries them there is nothing to do."""
    runtime = new_runtime()
    clean_up(runtime)
    sandbox.journal.clear()
    outcome = clean_up(runtime)
    assert (outcome["status"], outcome["certificates"], outcome["undo"]) == ("nothing_to_detach", [], [])
    assert {each.method for each in sandbox.journal.apig()} == {"GET"}
    assert len(sandbox.journal.apig()) == 5


def test_a_fleet_without_an_expired_certificate_costs_the_shorter_listing_alone(sandbox: Sandbox, new_runtime):
    """Where no certificate is due, no API group needs to be listed."""
    gateway = sandbox.fleet.add_gateway(id=FIRST)
    certificate = sandbox.fleet.add_certificate(common_name="a.example", not_after=VALID)
    sandbox.fleet.add_domain("a.example", gateway.id)
    sandbox.fleet.bind(certificate.id, "a.example", gateway.id)
    assert clean_up(new_runtime())["status"] == "nothing_to_detach"
    assert len(sandbox.journal.apig()) == 2


def test_a_global_certificate_comes_once_with_all_its_gateways(sandbox: Sandbox, new_runtime, world: World):
    """Every gateway lists it; one request detaches it from all of them."""
    world.certificate(4, EXPIRED, None, "shared.example")
    outcome = clean_up(new_runtime())
    [entry] = [entry for entry in outcome["certificates"] if entry["certificate_id"] == ID[4]]
    assert pairs(entry["detached"]) == {("shared.example", FIRST), ("shared.example", SECOND)}
    [request] = [each for each in sandbox.journal.detaches() if ID[4] in each.path]
    assert request.body == {"domains": [{"domain": "shared.example", "instance_ids": [SECOND, FIRST]}]}


def test_a_gateway_that_is_not_running_is_named_and_left(sandbox: Sandbox, new_runtime, world: World):
    """Nothing of it is even listed."""
    sandbox.fleet.add_gateway(id=THIRD, status="Frozen")
    world.certificate(4, EXPIRED, THIRD, "a.four.example")
    outcome = clean_up(new_runtime())
    assert outcome["status"] == "detached"
    assert outcome["gateways"] == [{"instance_id": THIRD, "status": "not_running"}]
    assert sandbox.fleet.bindings(ID[4]) == {(ID[4], "a.four.example", THIRD)}
    assert [each for each in sandbox.journal.apig() if THIRD in each.target] == []


def test_named_gateways_narrow_the_cleanup(sandbox: Sandbox, new_runtime, world: World):
    """Of a global certificate, too, only the bindings on the named gateway go."""
    world.certificate(4, EXPIRED, None, "shared.example")
    outcome = clean_up(new_runtime(), instance_ids=[SECOND])
    assert [entry["certificate_id"] for entry in outcome["certificates"]] == [ID[2], ID[4]]
    assert sandbox.fleet.bindings(ID[4]) == {(ID[4], "shared.example", FIRST)}
    assert len(sandbox.fleet.bindings(ID[1])) == 2


def test_a_named_gateway_that_does_not_exist_fails_the_cleanup_after_the_others(
    sandbox: Sandbox, new_runtime, world: World, caplog
):
    """The other gateways are cleaned all the same, and the report names the one that is missing."""
    with pytest.raises(NotFound, match=THIRD):
        clean_up(new_runtime(), instance_ids=[FIRST, THIRD])
    assert sandbox.fleet.bindings(ID[1]) == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert report.status == "failed"
    assert [(entry["instance_id"], entry["error"]) for entry in report.gateways] == [(THIRD, "NotFound")]


def test_a_gateway_whose_listing_is_refused_does_not_stop_the_others(
    sandbox: Sandbox, new_runtime, world: World, caplog
):
    """It is named with its error code; the clean-up fails, so that it is not forgotten."""
    sandbox.faults.add(Fault(path=f"/instances/{FIRST}/api-groups", error_code="APIG.1005", times=None))
    with pytest.raises(AccessDenied, match="APIG.1005"):
        clean_up(new_runtime())
    assert sandbox.fleet.bindings(ID[2]) == set()
    assert len(sandbox.fleet.bindings(ID[1])) == 2
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert [(entry["instance_id"], entry["error_code"]) for entry in report.gateways] == [(FIRST, "APIG.1005")]


def test_gateways_that_fail_in_one_listing_or_the_other_are_all_named(
    sandbox: Sandbox, new_runtime, world: World, caplog
):
    """One does not list its certificates, another not its groups; the third is cleaned up."""
    sandbox.fleet.add_gateway(id=THIRD)
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={THIRD}", error_code="APIG.1005", times=None),
        Fault(path=f"/instances/{FIRST}/api-groups", error_code="APIG.1301", status=403, times=None),
    )
    with pytest.raises(AccessDenied):
        clean_up(new_runtime())
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert {entry["instance_id"]: entry["error_code"] for entry in report.gateways} == {
        THIRD: "APIG.1005",
        FIRST: "APIG.1301",
    }
    assert sandbox.fleet.bindings(ID[2]) == set()


def test_a_listing_that_was_cut_short_is_not_acted_on(sandbox: Sandbox, new_runtime):
    """The first page shows some of a certificate's domains; too few to judge by, so none of them is detached."""
    fleet = Fleet(domains_per_group=1)
    sandbox.reset(fleet)
    world = World(fleet)
    world.certificate(4, EXPIRED, FIRST, *(f"d{number}.four.example" for number in range(510)))
    sandbox.faults.add(Fault(path=f"/instances/{FIRST}/api-groups.*offset=499", error_code="APIG.1005", times=None))
    with pytest.raises(AccessDenied):
        clean_up(new_runtime())
    assert len(fleet.bindings(ID[4])) == 510
    assert fleet.bindings(ID[2]) == set()


def test_a_certificate_that_fails_does_not_stop_the_others(sandbox: Sandbox, new_runtime, world: World, caplog):
    """The report names it with its error, and tells what was done to the others."""
    sandbox.faults.add(Fault(path=f"{ID[1]}/domains/detach", status=400, error_code="APIG.2012", times=None))
    with pytest.raises(Rejected, match="APIG.2012"):
        clean_up(new_runtime())
    assert sandbox.fleet.bindings(ID[2]) == set()
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    told = [
        {key: entry[key] for key in ("certificate_id", "domain", "instance_ids", "error_code")}
        for entry in report.failed
    ]
    assert told == [
        {"certificate_id": ID[1], "domain": "a.one.example", "instance_ids": [FIRST], "error_code": "APIG.2012"},
        {"certificate_id": ID[1], "domain": "b.one.example", "instance_ids": [FIRST], "error_code": "APIG.2012"},
    ]
    assert [entry["certificate_id"] for entry in report.undo] == [ID[2]]


@pytest.mark.parametrize("shown", [True, False])
def test_a_cleanup_larger_than_allowed_is_refused_whole(sandbox: Sandbox, new_runtime, world: World, shown: bool):
    """All that is due counts, pairs of a domain and a gateway: one more than allowed, and nothing is detached."""
    sandbox.behaviour.groups_show_domains = shown
    world.certificate(4, EXPIRED, None, "shared.example")
    before = sandbox.fleet.bindings()
    with pytest.raises(BlastRadiusExceeded, match=r"^5 bindings .* and DETACH_MAX_CLEANUP_BINDINGS is 4"):
        clean_up(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="4", DETACH_MAX_BINDINGS="1"))
    assert sandbox.fleet.bindings() == before
    assert sandbox.journal.detaches() == []
    assert clean_up(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="5", DETACH_MAX_BINDINGS="1"))["status"] == "detached"


def test_protected_domains_and_grace_hold(sandbox: Sandbox, new_runtime, world: World):
    """What the policy keeps is told; what is within the grace is not looked at."""
    world.certificate(4, "-P1D", FIRST, "a.four.example")
    outcome = clean_up(new_runtime(DETACH_PROTECTED_DOMAINS="*.one.example", DETACH_EXPIRY_GRACE="P2D"))
    assert [(entry["certificate_id"], entry["status"]) for entry in outcome["certificates"]] == [
        (ID[1], "nothing_to_detach"),
        (ID[2], "detached"),
    ]
    assert {kept["reason"] for kept in outcome["certificates"][0]["kept"]} == {"protected"}
    assert len(sandbox.fleet.bindings(ID[4])) == 1


def test_a_dry_run_changes_nothing(sandbox: Sandbox, new_runtime, world: World):
    """It tells what would be detached."""
    outcome = clean_up(new_runtime(DETACH_DRY_RUN="true"))
    assert (outcome["status"], outcome["dry_run"], outcome["undo"]) == ("dry_run", True, [])
    assert [len(entry["planned"]) for entry in outcome["certificates"]] == [2, 1]
    assert [entry["detached"] for entry in outcome["certificates"]] == [[], []]
    assert sandbox.journal.detaches() == []


def test_client_verification_is_recorded_from_the_group_listing(sandbox: Sandbox, new_runtime, world: World):
    """The undo knows it, though nobody asked about the certificate."""
    sandbox.fleet.unbind(ID[2], "a.two.example", SECOND)
    sandbox.fleet.bind(ID[2], "a.two.example", SECOND, verified_client_certificate_enabled=True)
    outcome = clean_up(new_runtime(), instance_ids=[SECOND])
    assert outcome["undo"][0]["domains"][0]["verified_client_certificate_enabled"] is True
    assert [each for each in sandbox.journal.apig() if "attached-domains" in each.path] == []


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(groups_show_domains=False),
        Behaviour(groups_show_ssl_id=False),
        Behaviour(sparse_replies=True),
    ],
    ids=["no domains", "no certificates", "no client verification"],
)
def test_what_the_group_listing_does_not_show_is_asked_for(
    sandbox: Sandbox, new_runtime, world: World, behaviour: Behaviour
):
    """Then each expired certificate, and no other, costs a call; the end is the same."""
    sandbox.fleet.add_group(FIRST, "empty")
    sandbox.behaviour = behaviour
    outcome = clean_up(new_runtime())
    assert sandbox.fleet.bindings() == {(ID[3], "a.three.example", FIRST)}
    assert [entry["status"] for entry in outcome["certificates"]] == ["detached", "detached"]
    asked = [each.path.split("/")[5] for each in sandbox.journal.apig() if "attached-domains" in each.path]
    assert sorted(asked) == [ID[1], ID[2]]


def test_a_certificate_without_a_date_is_named_once_it_is_attached(sandbox: Sandbox, new_runtime, world: World):
    """Nothing tells that it has expired, so it is not touched; the failure says which one it is."""
    listing = {"total": 1, "certs": [{"id": ID[4]}]}
    details = {"id": ID[4], "common_name": "a.four.example"}
    world.certificate(4, VALID, FIRST, "a.four.example")
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", raw_body=json.dumps(listing)),
        Fault(path=f"/certificates/{ID[4]}$", raw_body=json.dumps(details)),
    )
    with pytest.raises(Rejected, match=f"certificate {ID[4]}: the API gives no usable not_after"):
        clean_up(new_runtime())
    assert len(sandbox.fleet.bindings(ID[4])) == 1
    assert sandbox.fleet.bindings(ID[2]) == set()


@pytest.mark.parametrize("not_after", ['"9999-12-31T23:59:59Z"', "0", '"0001-01-01T00:00:00Z"', '"soon"'])
def test_one_odd_date_stops_no_other_certificate(sandbox: Sandbox, new_runtime, world: World, not_after: str):
    """The others of the same listing are cleaned up; the odd one is left, and its own details decide."""
    world.certificate(4, VALID, FIRST, "a.four.example")
    odd, expired = f'{{"id":"{ID[4]}","not_after":{not_after}}}', f'{{"id":"{ID[1]}","not_after":"{EXPIRED}"}}'
    body = f'{{"total":2,"certs":[{odd},{expired}]}}'
    sandbox.faults.add(Fault(path=rf"certificates\?instance_id={FIRST}", status=200, raw_body=body))
    outcome = clean_up(new_runtime(DETACH_EXPIRY_GRACE="P7D"))
    assert outcome["status"] == "detached"
    assert {each for each, _, _ in sandbox.fleet.bindings()} == {ID[3], ID[4]}


def test_gateways_that_disagree_about_a_date_are_not_believed(sandbox: Sandbox, new_runtime, world: World):
    """A global certificate is renewed between two gateways' listings: its details are read, and it is kept."""
    world.certificate(4, VALID, None, "shared.example")
    old = f'{{"total":1,"certs":[{{"id":"{ID[4]}","not_after":"{EXPIRED}"}}]}}'
    sandbox.faults.add(Fault(path=rf"certificates\?instance_id={FIRST}", status=200, raw_body=old))
    outcome = clean_up(new_runtime())
    assert len(sandbox.fleet.bindings(ID[4])) == 2
    assert {entry["certificate_id"]: entry["status"] for entry in outcome["certificates"]}[ID[4]] == "not_due"


@pytest.mark.parametrize("cursor", ["after", "x", "0", "eyJhIjoxfQ=="])
def test_a_foreign_cursor_is_refused(sandbox: Sandbox, new_runtime, world: World, cursor: str):
    """It is named as the field that is wrong, and nothing is listed."""
    with pytest.raises(InvalidEvent, match="cursor: expected the cursor of a clean-up's outcome"):
        clean_up(new_runtime(), cursor=cursor)
    assert sandbox.journal.apig() == []


def test_cloudevent_and_bare_data_come_to_the_same(sandbox: Sandbox, new_runtime, world: World):
    """The event's own id stands in the outcome."""
    event = {"specversion": "1.0", "id": "tick-7", "source": "/ping", "type": "apig.cleanup.due", "data": {}}
    outcome = handle(delivery(event), new_runtime()).to_dict()
    assert (outcome["event_id"], outcome["status"]) == ("tick-7", "detached")


@pytest.mark.parametrize("old_listed_by", [FIRST, SECOND])
def test_the_latest_date_that_is_told_keeps_a_certificate(
    sandbox: Sandbox, new_runtime, world: World, old_listed_by: str
):
    """One gateway and the details say expired, the other gateway says valid: it is kept, with the later date."""
    world.certificate(4, EXPIRED, None, "shared.example")
    for gateway in (FIRST, SECOND):
        date = EXPIRED if gateway == old_listed_by else VALID
        body = json.dumps({"total": 1, "certs": [{"id": ID[4], "not_after": date}]})
        sandbox.faults.add(Fault(path=rf"certificates\?instance_id={gateway}", status=200, raw_body=body))
    outcome = clean_up(new_runtime())
    assert [(each["status"], each["not_after"]) for each in outcome["certificates"]] == [("not_due", VALID)]
    assert len(sandbox.fleet.bindings(ID[4])) == 2
    assert sum(each.path.endswith(ID[4]) for each in sandbox.journal.apig()) == 1


def test_two_dates_that_are_both_over_are_asked_about_too(sandbox: Sandbox, new_runtime, world: World):
    """It was renewed once between the two listings; by its details it is valid by now."""
    world.certificate(4, VALID, None, "shared.example")
    for gateway, date in ((FIRST, EXPIRED), (SECOND, "2022-04-26T09:03:30Z")):
        body = json.dumps({"total": 1, "certs": [{"id": ID[4], "not_after": date}]})
        sandbox.faults.add(Fault(path=rf"certificates\?instance_id={gateway}", status=200, raw_body=body))
    outcome = clean_up(new_runtime())
    assert [(each["status"], each["not_after"]) for each in outcome["certificates"]] == [("not_due", VALID)]
    assert len(sandbox.fleet.bindings(ID[4])) == 2


@pytest.mark.parametrize(
    ("details", "error", "told"),
    [
        ({"status": 200, "raw_body": json.dumps({"id": ID[4]})}, Rejected, "gives no usable not_after"),
        ({"status": 403, "error_code": "APIG.1005"}, AccessDenied, "answered 403 APIG.1005"),
    ],
)
def test_two_dates_and_details_that_tell_none_leave_it_alone(
    sandbox: Sandbox, new_runtime, world: World, caplog, details, error, told: str
):
    """Which of the dates holds, nobody knows: nothing is detached, and each of its bindings is named with the error."""
    world.certificate(4, EXPIRED, None, "shared.example")
    for gateway, date in ((FIRST, EXPIRED), (SECOND, "2022-04-26T09:03:30Z")):
        body = json.dumps({"total": 1, "certs": [{"id": ID[4], "not_after": date}]})
        sandbox.faults.add(Fault(path=rf"certificates\?instance_id={gateway}", status=200, raw_body=body))
    sandbox.faults.add(Fault(path=f"/certificates/{ID[4]}$", times=None, **details))
    with pytest.raises(error, match=told):
        clean_up(new_runtime())
    assert len(sandbox.fleet.bindings(ID[4])) == 2
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert pairs(report.failed) == {("shared.example", FIRST), ("shared.example", SECOND)}


def test_a_certificate_that_is_there_no_more_by_mistake_is_named(sandbox: Sandbox, new_runtime, world: World):
    """404 for its details, and it is still bound: the clean-up fails, so that it is not forgotten."""
    listing = {"total": 1, "certs": [{"id": ID[4]}]}
    world.certificate(4, EXPIRED, FIRST, "a.four.example")
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", raw_body=json.dumps(listing)),
        Fault(path=f"/certificates/{ID[4]}$", error_code="APIG.3021"),
    )
    with pytest.raises(NotFound, match=f"GET certificates/{ID[4]} answered 404"):
        clean_up(new_runtime())
    assert len(sandbox.fleet.bindings(ID[4])) == 1
    assert sandbox.fleet.bindings(ID[2]) == set()


def test_a_certificate_that_is_deleted_after_it_was_listed_is_nothing_to_do(
    sandbox: Sandbox, new_runtime, world: World
):
    """Its details and its domains are gone."""
    listing = {"total": 1, "certs": [{"id": ID[4]}]}
    groups = {"total": 1, "groups": [{"url_domains": [{"domain": "gone.example", "ssl_id": ID[4]}]}]}
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={FIRST}", raw_body=json.dumps(listing)),
        Fault(path=f"/instances/{FIRST}/api-groups", raw_body=json.dumps(groups)),
    )
    assert clean_up(new_runtime())["status"] == "detached"
    assert sandbox.faults.pending() == []


def test_a_clock_that_one_gateway_shows_to_be_wrong_stops_the_whole_cleanup(
    sandbox: Sandbox, new_runtime, world: World
):
    """It is no gateway's failure: nothing is decided on dates, on no gateway."""
    header = {"Date": "Mon, 26 Apr 2021 09:03:30 GMT"}
    body = json.dumps({"total": 0, "certs": []})
    sandbox.faults.add(
        Fault(path=rf"certificates\?instance_id={SECOND}", status=200, raw_body=body, headers=header, times=None)
    )
    with pytest.raises(ConfigurationError, match="the clocks differ by more than 15 minutes"):
        clean_up(new_runtime())
    assert sandbox.journal.detaches() == []


def test_a_certificate_is_due_by_the_clock_that_the_listing_tells(sandbox: Sandbox, new_runtime, world: World):
    """Expired five minutes ago by this machine's clock, and in five by the gateway's: it is left."""
    now = datetime.now(UTC)
    header = {"Date": format_datetime(now - timedelta(minutes=10), usegmt=True)}
    date = (now - timedelta(minutes=5)).isoformat()
    world.certificate(4, date, FIRST, "a.four.example")
    body = json.dumps({"total": 1, "certs": [{"id": ID[4], "not_after": date}]})
    sandbox.faults.add(Fault(path=rf"certificates\?instance_id={FIRST}", status=200, raw_body=body, headers=header))
    clean_up(new_runtime(), instance_ids=[FIRST])
    assert len(sandbox.fleet.bindings(ID[4])) == 1
    assert sandbox.journal.detaches() == []


def test_a_cleanup_larger_than_allowed_tells_its_sink_nothing(sandbox: Sandbox, new_runtime, world: World):
    """Refused before the first event is emitted; a page for the state machine is refused in the same way."""
    with broker() as sink:
        runtime = new_runtime(K_SINK=sink.url, DETACH_MAX_CLEANUP_BINDINGS="2")
        with pytest.raises(BlastRadiusExceeded, match="^3 bindings .* DETACH_MAX_CLEANUP_BINDINGS is 2: nothing was"):
            clean_up(runtime)
        with pytest.raises(BlastRadiusExceeded):
            plan_cleanup(delivery({}, "scheduled_cleanup"), runtime)
        assert sink.accepted == []
    with pytest.raises(BlastRadiusExceeded):
        clean_up(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="2"), dry_run=True)
    assert sandbox.journal.detaches() == []


def test_where_a_gateway_could_not_be_read_its_bindings_are_not_handed_out(sandbox: Sandbox, new_runtime, world: World):
    """Nobody has counted them: the emitted event names the gateways that were read."""
    world.certificate(4, EXPIRED, None, "shared.example")
    sandbox.faults.add(Fault(path=f"/instances/{SECOND}/api-groups", error_code="APIG.1005", times=None))
    with broker() as sink, pytest.raises(AccessDenied):
        clean_up(new_runtime(K_SINK=sink.url))
    assert {
        json.loads(each.body)["certificate_id"]: json.loads(each.body)["instance_ids"] for each in sink.accepted
    } == {
        ID[1]: [FIRST],
        ID[4]: [FIRST],
    }
