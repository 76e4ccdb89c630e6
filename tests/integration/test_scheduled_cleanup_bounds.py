"""A clean-up's bounds: its time, its memory, its pace, and the age of what it has read."""

import json
import threading
import time
from collections import Counter
from typing import Any

import pytest

from handlers import plan_cleanup
from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import BlastRadiusExceeded, Unavailable
from shared.reconcile.inventory import Wanted, take_inventory
from shared.telemetry import Report
from shared.wiring import Runtime
from tests.support.fleets import VALID, counted_fleet
from tests.support.world import delivery, pairs, send


def clean_up(runtime: Runtime, *, seconds: float = 20.0, **data: Any) -> dict[str, Any]:
    return send(runtime, "scheduled_cleanup", data, seconds=seconds).to_dict()


def detached(outcomes: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    """(certificate, domain, gateway), as often as the outcomes tell it."""
    return Counter(
        (entry["certificate_id"], domain, instance_id)
        for outcome in outcomes
        for entry in outcome["certificates"]
        for domain, instance_id in pairs(entry["detached"] + entry["already_detached"])
    )


def undone(outcomes: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """What the undo lists of the outcomes cover."""
    return {
        (entry["certificate_id"], domain, instance_id)
        for outcome in outcomes
        for entry in outcome["undo"]
        for domain, instance_id in pairs(entry["domains"])
    }


def until_the_end(runtime: Runtime, *, seconds: float) -> list[dict[str, Any]]:
    """The outcomes of as many calls as it takes, each with so much time."""
    outcomes = [clean_up(runtime, seconds=seconds)]
    while outcomes[-1]["cursor"] is not None:
        outcomes.append(clean_up(runtime, seconds=seconds, cursor=outcomes[-1]["cursor"]))
        assert len(outcomes) < 30
    return outcomes


def test_time_runs_out_and_the_cursor_goes_on(sandbox: Sandbox, new_runtime):
    """With a second at a time: nothing fails, nothing is lost, and nothing is sent twice."""
    counted = counted_fleet(2, 90, 3, every=2, shared=4)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.latency = 0.05
    was = counted.fleet.bindings()
    runtime = new_runtime(DETACH_CONCURRENCY="2")
    started = time.monotonic()
    outcomes = until_the_end(runtime, seconds=1.0)
    assert time.monotonic() - started < 1.2 * len(outcomes)
    assert len(outcomes) > 2
    assert [outcome["status"] for outcome in outcomes] == ["detached"] * len(outcomes)
    assert sandbox.fleet.bindings() == counted.staying
    assert detached(outcomes) == Counter(was - counted.staying)
    assert undone(outcomes) == was - counted.staying
    assert Counter(each.path.split("/")[5] for each in sandbox.journal.detaches()) == Counter(counted.expired)


def test_a_call_that_the_end_of_the_time_cuts_off_is_the_next_ones_work(sandbox: Sandbox, new_runtime):
    """Nobody knows whether it was carried out: the undo has it, and the cursor stands before it."""
    counted = counted_fleet(1, 8, 3, every=1)
    sandbox.reset(counted.fleet)
    was = counted.fleet.bindings()
    stuck = sorted(counted.expired)[2]
    sandbox.faults.add(Fault(path=f"{stuck}/domains/detach", delay=3.0))
    runtime = new_runtime(DETACH_CONCURRENCY="1")
    first = clean_up(runtime, seconds=1.0)
    assert first["status"] == "detached"
    assert first["cursor"] == f"after-{sorted(counted.expired)[1]}.6"
    second = clean_up(runtime, cursor=first["cursor"])
    assert second["cursor"] is None
    assert sandbox.fleet.bindings() == set()
    assert undone([first, second]) == was


def test_too_little_time_for_anything_is_a_failure_and_no_cursor(sandbox: Sandbox, new_runtime):
    """A cursor that never moves would have its caller go round in circles."""
    sandbox.reset(counted_fleet(1, 4, 1, every=1).fleet)
    sandbox.behaviour.latency = 0.1
    with pytest.raises(Unavailable, match="ran out|timed out|suffice"):
        clean_up(new_runtime(), seconds=0.25)
    assert sandbox.journal.detaches() == []


def test_the_limit_holds_for_all_calls_of_a_cleanup_together(sandbox: Sandbox, new_runtime):
    """Where the listing does not show what is bound, each call reads a part: the cursor carries the count on."""
    counted = counted_fleet(2, 30, 3, every=2)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.groups_show_domains = False
    sandbox.behaviour.latency = 0.05
    runtime = new_runtime(DETACH_MAX_CLEANUP_BINDINGS="50", DETACH_CONCURRENCY="1")
    was = counted.fleet.bindings()
    with pytest.raises(BlastRadiusExceeded, match="DETACH_MAX_CLEANUP_BINDINGS is 50"):
        until_the_end(runtime, seconds=1.5)
    assert 0 < len(was - sandbox.fleet.bindings()) <= 50


def test_the_cursor_holds_when_certificates_come_and_go(sandbox: Sandbox, new_runtime):
    """The next call starts after an id, whether or not that certificate is still there."""
    counted = counted_fleet(1, 30, 2, every=1)
    sandbox.reset(counted.fleet)
    ids = sorted(counted.expired)
    cursor = f"after-{ids[9]}"
    for gone in (*ids[5:10], ids[20]):
        sandbox.fleet.remove_certificate(gone)
    outcome = clean_up(new_runtime(), cursor=cursor)
    assert [entry["certificate_id"] for entry in outcome["certificates"]] == [*ids[10:20], *ids[21:]]
    assert {each for each, _, _ in sandbox.fleet.bindings()} == set(ids[:5])


def test_what_one_call_holds_is_bounded_and_nothing_is_left_out(sandbox: Sandbox, new_runtime):
    """With room for 40 bindings, the inventory comes in parts: together they hold all, each certificate whole."""
    counted = counted_fleet(3, 40, 4, every=2, shared=10)
    sandbox.reset(counted.fleet)
    runtime = new_runtime()
    work = runtime.work(Deadline.after(20), Report().call)
    seen: dict[str, set[tuple[str, str]]] = {}
    sizes = []
    cursor: str | None = None
    while True:
        inventory = take_inventory(work.client, work.policy, work.now, Wanted(cursor, most=40))
        sizes.append(sum(len(due.bindings or ()) for due in inventory.due))
        for due in inventory.due:
            assert due.certificate.id not in seen
            seen[due.certificate.id] = {(each.domain, each.instance_id) for each in due.bindings or ()}
        cursor = inventory.cursor(len(inventory.due), 0)
        if cursor is None:
            break
    assert max(sizes) <= 40
    assert len(sizes) == 6
    assert {(each, *place) for each, places in seen.items() for place in places} == {
        binding for binding in counted.fleet.bindings() if binding[0] in counted.expired
    }


def test_pages_of_due_certificates_for_an_engine(sandbox: Sandbox, new_runtime):
    """Each page names the next ones that have something attached, and costs pages only."""
    counted = counted_fleet(2, 30, 2, every=2)
    sandbox.reset(counted.fleet)
    unbound = sandbox.fleet.add_certificate(
        common_name="unbound.example", not_after="-P1D", instance_id=next(iter(sandbox.fleet.gateways))
    )
    runtime = new_runtime()
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    for size in (12, 12, 6):
        page = plan_cleanup(delivery({"cursor": cursor}, "scheduled_cleanup"), runtime, limit=12)
        assert len(page.certificates) == size
        found += page.certificates
        cursor = page.cursor
    assert cursor is None
    assert found == [{"certificate_id": each} for each in sorted(counted.expired)]
    assert {"certificate_id": unbound.id} not in found
    assert {each.method for each in sandbox.journal.apig()} == {"GET"}
    assert len(sandbox.journal.apig()) == 3 * 5


def test_a_page_goes_no_further_than_the_cleanup_would(sandbox: Sandbox, new_runtime):
    """Where a gateway is left alone, the certificates' events name the gateways on which they are to be detached."""
    counted = counted_fleet(2, 4, 2, every=1, shared=1)
    sandbox.reset(counted.fleet)
    frozen = sandbox.fleet.add_gateway(status="Frozen").id
    runtime = new_runtime()
    page = plan_cleanup(delivery({}, "scheduled_cleanup"), runtime).to_dict()
    assert (page["cursor"], page["gateways"]) == (None, [{"instance_id": frozen, "status": "not_running"}])
    assert page["certificates"] == [
        {
            "certificate_id": each,
            "instance_ids": sorted({place for _, _, place in sandbox.fleet.bindings(each)}),
        }
        for each in sorted(counted.expired)
    ]


def test_a_page_where_the_group_listing_shows_nothing(sandbox: Sandbox, new_runtime):
    """The certificates themselves are asked then, and those without a domain do not appear."""
    counted = counted_fleet(2, 30, 2, every=2)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.groups_show_domains = False
    ids = sorted(counted.expired)
    for each, domain, place in sandbox.fleet.bindings(ids[0]):
        sandbox.fleet.unbind(each, domain, place)
    runtime = new_runtime()
    first = plan_cleanup(delivery({}, "scheduled_cleanup"), runtime, limit=20)
    second = plan_cleanup(delivery({"cursor": first.cursor}, "scheduled_cleanup"), runtime, limit=20)
    assert [entry["certificate_id"] for entry in (*first.certificates, *second.certificates)] == ids[1:]
    assert (len(first.certificates), second.cursor) == (20, None)


def test_a_certificate_renewed_since_a_listing_grown_old_is_not_touched(sandbox: Sandbox, new_runtime):
    """Once the listing is older than two seconds, each certificate's date is read again before anything is written."""
    counted = counted_fleet(1, 6, 2, every=2)
    sandbox.reset(counted.fleet)
    renewed = min(counted.expired)
    sandbox.faults.add(Fault(path="/api-groups", delay=2.4))  # renewed between the two listings

    def renew() -> None:
        while not any("/api-groups" in each.path for each in sandbox.journal):
            time.sleep(0.01)
        sandbox.fleet.renew(renewed, VALID)

    other = threading.Thread(target=renew)
    other.start()
    outcome = clean_up(new_runtime())
    other.join()
    assert {each["certificate_id"]: each["status"] for each in outcome["certificates"]} == {
        each: "not_due" if each == renewed else "detached" for each in counted.expired
    }
    assert len(sandbox.fleet.bindings(renewed)) == 2


def test_throttling_slows_the_whole_cleanup_down(sandbox: Sandbox, new_runtime):
    """One answer of 500 APIG.9008, and none of the eight threads sends anything for as long as it asks."""
    counted = counted_fleet(1, 60, 1, every=1)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.latency = 0.02
    sandbox.faults.add(
        Fault(path="/domains/detach", nth=20, error_code="APIG.9008", headers={"Retry-After": "1"}, times=1)
    )
    assert clean_up(new_runtime(DETACH_CONCURRENCY="8"))["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
    journal = list(sandbox.journal.apig())
    [refused_at] = [number for number, each in enumerate(journal) if each.error_code == "APIG.9008"]
    later = [each.at for each in journal[refused_at + 1 :] if each.at > journal[refused_at].at + 0.1]
    assert min(later) > journal[refused_at].at + 1.0
    # Afterwards they go on one by one, ever faster: not eight at once.
    assert sum(at < min(later) + 0.04 for at in later) <= 3


def test_a_rate_limit_is_kept_to_by_all_threads_together(sandbox: Sandbox, new_runtime):
    """Sixteen threads against 40 requests a second: the clean-up ends, and few requests are refused on the way.

    What it does not get done in its time, the next call does.
    """
    counted = counted_fleet(1, 100, 1, every=1)
    sandbox.reset(counted.fleet)
    sandbox.behaviour.throttle_rate = 40
    # Which request of which thread is refused is chance: one of a hundred writes may well meet the limit four times.
    runtime = new_runtime(DETACH_CONCURRENCY="16", HTTP_ATTEMPTS="8")
    assert clean_up(runtime, seconds=45.0)["status"] == "detached"
    assert sandbox.fleet.bindings() == set()
    refused = sum(each.error_code == "APIG.9008" for each in sandbox.journal.apig())
    # A write that is repeated, or that has waited for more than two seconds, reads the date again first: that is up to
    # one more request for each of the hundred.
    assert 0 < refused < 100


def test_calls_go_side_by_side(sandbox: Sandbox, new_runtime):
    """Forty detaches of 50 ms take eight threads a quarter of a second and some, not two seconds."""
    sandbox.reset(counted_fleet(1, 40, 1, every=1).fleet)
    sandbox.behaviour.latency = 0.05
    runtime = new_runtime(DETACH_CONCURRENCY="8")
    started = time.monotonic()
    clean_up(runtime)
    assert time.monotonic() - started < 1.0
    at = sorted(each.at for each in sandbox.journal.detaches())
    assert at[-1] - at[0] < 0.8


def test_the_report_of_a_large_cleanup_comes_in_lines_that_a_log_takes(sandbox: Sandbox, new_runtime, caplog, capsys):
    """No line is larger than the 256 KB of CloudWatch Logs; together they tell all; the event is counted once."""
    counted = counted_fleet(3, 50, 20, every=1)
    sandbox.reset(counted.fleet)
    was = counted.fleet.bindings()
    outcome = clean_up(new_runtime(DETACH_MAX_CLEANUP_BINDINGS="3000"))
    reports = [record for record in caplog.records if record.message == "detach.report"]
    assert [(report.part, report.parts) for report in reports] == [(number, 6) for number in range(1, 7)]
    assert undone([{"undo": report.undo} for report in reports]) == was == undone([outcome])
    assert max(len(json.dumps(report.undo) + json.dumps(report.detached)) for report in reports) < 200_000
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert {record["kind"] for record in records} == {"scheduled_cleanup"}
    total = Counter[str]()
    for record in records:
        for name in ("EventsHandled", "DomainsDetached", "ApiCalls"):
            total[name] += sum(record.get(name, []))
        total["ApiLatency"] += len(record.get("ApiLatency", []))
    calls = len(sandbox.journal.apig())
    assert total == {"EventsHandled": 1, "DomainsDetached": 3000, "ApiCalls": calls, "ApiLatency": calls}
