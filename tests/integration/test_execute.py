"""One plan, carried out, in both directions: all that can be changed is changed, and what cannot be is named."""

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from handlers import carry_out
from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import AccessDenied, NotFound, Rejected, Unavailable
from shared.core.outcome import Outcome
from shared.telemetry import Report
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD
from tests.support.deliveries import parsed
from tests.support.world import CERTIFICATE, FIRST, SECOND, THIRD, expire, furnish, pairs

Place = tuple[str, str]

NAMES = [f"d{number}.example.com" for number in range(4)]
PAIRS = {(name, instance_id) for name in NAMES for instance_id in (FIRST, SECOND)}
GONE = ("gone.example.com", THIRD)


class World:
    """Four domains on two gateways: bound to an expired certificate, or free for a valid one."""

    def __init__(self, sandbox: Sandbox, verb: str) -> None:
        self.sandbox = sandbox
        self.verb = verb
        self.path = f"/domains/{verb}$"
        furnish(sandbox, domains=NAMES, **({} if verb == "detach" else {"not_after": FAR_AHEAD}))
        if verb == "attach":
            for name, instance_id in PAIRS:
                sandbox.fleet.unbind(CERTIFICATE, name, instance_id)

    def carry_out(self, runtime: Runtime, wanted: Iterable[Place] = PAIRS) -> Outcome:
        """Detach everything that is wanted, or attach it again."""
        domains = [
            {"domain": name, "instance_ids": [instance_id], "verified_client_certificate_enabled": False}
            for name, instance_id in sorted(wanted)
        ]
        narrowed = [{"domain": each["domain"], "instance_ids": each["instance_ids"]} for each in domains]
        narrowing = {} if wanted is PAIRS else {"domains": narrowed}
        undo = [{"certificate_id": CERTIFICATE, "domains": domains}]
        event = (
            parsed({"certificate_id": CERTIFICATE, **narrowing}, kind="certificate_expiry", default_id="1")
            if self.verb == "detach"
            else parsed(undo, kind="undo", default_id="1")
        )
        report = Report()
        return carry_out(event, runtime.work(Deadline.after(20), report.call), report)

    def changed(self) -> set[Place]:
        """The bindings that are as they are to be."""
        bound = {(name, instance_id) for _, name, instance_id in self.sandbox.fleet.bindings()}
        return PAIRS - bound if self.verb == "detach" else PAIRS & bound

    def requests(self) -> list[set[Place]]:
        """The writes that the sandbox received."""
        journal = self.sandbox.journal
        received = journal.detaches() if self.verb == "detach" else journal.attaches()
        return [pairs(each.body["domains"]) for each in received]


@pytest.fixture(params=["detach", "attach"])
def world(request: pytest.FixtureRequest, sandbox: Sandbox) -> World:
    return World(sandbox, request.param)


def failed(outcome: Outcome) -> dict[Place, tuple[str, str | None]]:
    """(domain, gateway) → the error's name and code, as the public JSON tells them."""
    [certificate] = outcome.to_dict()["certificates"]
    return {place: (entry["error"], entry["error_code"]) for entry in certificate["failed"] for place in pairs([entry])}


def once(happened: Callable[[], bool], do: Callable[[], None]) -> threading.Thread:
    """Another hand that waits for something to happen and then does something."""

    def wait() -> None:
        until = time.monotonic() + 10
        while not happened() and time.monotonic() < until:
            time.sleep(0.005)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_listed_row_on_a_gateway_that_is_gone_holds_nothing_else(sandbox: Sandbox, new_runtime):
    """404 APIG.3030 for the batch: the eight others are detached, and the one is named with its own code."""
    furnish(sandbox, domains=NAMES)
    sandbox.fleet.add_gateway(id=THIRD)
    sandbox.fleet.add_domain(*GONE)
    sandbox.fleet.bind(CERTIFICATE, *GONE)
    del sandbox.fleet.gateways[THIRD]
    world = World.__new__(World)
    world.sandbox, world.verb = sandbox, "detach"
    outcome = world.carry_out(new_runtime())
    assert world.changed() == PAIRS
    assert failed(outcome) == {GONE: ("NotFound", "APIG.3030")}
    assert (outcome.status, type(outcome.error)) == ("failed", NotFound)
    assert pairs(outcome.undo[0]["domains"]) == PAIRS


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "APIG.3001"), (404, "APIG.3030"), (400, "APIG.2012"), (403, "APIG.1136"), (403, "APIG.1301")],
)
def test_a_refused_first_batch_does_not_hold_the_batches_behind_it(world: World, new_runtime, status: int, code: str):
    """Whatever class the answer is of: the first domain is named for each gateway, the other three are changed."""
    # The first batch, and the two requests into which it is split.
    world.sandbox.faults.add(Fault(path=world.path, status=status, error_code=code, times=3))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1"))
    first = {(name, instance_id) for name, instance_id in PAIRS if name == NAMES[0]}
    assert world.changed() == PAIRS - first
    assert {place: each for place, (_, each) in failed(outcome).items()} == dict.fromkeys(first, code)


def test_each_failed_binding_has_its_own_error(world: World, new_runtime):
    """Two batches fail for two reasons: each domain is told with the one that is its own."""
    world.sandbox.faults.add(
        Fault(path=world.path, error_code="APIG.3001", times=3),
        Fault(path=world.path, error_code="APIG.2012", times=3),
    )
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1"))
    codes = {name: {code for place, (_, code) in failed(outcome).items() if place[0] == name} for name in NAMES}
    assert codes == {NAMES[0]: {"APIG.3001"}, NAMES[1]: {"APIG.2012"}, NAMES[2]: set(), NAMES[3]: set()}


@pytest.mark.parametrize("code", ["APIG.2102", "APIG.3021", "APIG.3025"])
def test_a_batch_about_a_dead_certificate_is_not_halved(world: World, new_runtime, code: str):
    """No other domain would fare better: one request, and every binding is named with that code."""
    world.sandbox.faults.add(Fault(path=world.path, error_code=code, times=None))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="2"))
    assert len(world.requests()) == 1
    assert {place: each for place, (_, each) in failed(outcome).items()} == dict.fromkeys(PAIRS, code)


def test_a_missing_permission_ends_it_after_one_request(world: World, new_runtime):
    """403 APIG.1005 is about who asks: the batches behind it would be refused too."""
    world.sandbox.faults.add(Fault(path=world.path, status=403, error_code="APIG.1005", times=None))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1"))
    assert len(world.requests()) == 1
    assert failed(outcome) == dict.fromkeys(PAIRS, ("AccessDenied", "APIG.1005"))
    assert isinstance(outcome.error, AccessDenied)


def test_a_batch_that_the_api_fails_on_does_not_hold_the_others(world: World, new_runtime):
    """500 APIG.9999 until the attempts are used up: the next batches are tried all the same."""
    world.sandbox.faults.add(Fault(path=world.path, error_code="APIG.9999", times=2))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1", HTTP_ATTEMPTS="2"))
    assert world.changed() == {place for place in PAIRS if place[0] != NAMES[0]}
    assert isinstance(outcome.error, Unavailable)


def test_an_api_that_is_down_is_left_after_two_batches(world: World, new_runtime):
    """Two batches without an answer say that the API is down: the rest is left for the retry."""
    world.sandbox.faults.add(Fault(path=world.path, error_code="APIG.9999", times=None))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1", HTTP_ATTEMPTS="1"))
    assert len(world.requests()) == 2
    assert set(failed(outcome)) == PAIRS


def test_a_refusal_that_was_applied_in_part_is_told_as_it_is(sandbox: Sandbox, new_runtime):
    """400 for a batch of which half was detached all the same: that half stands in `undo`, the rest is sent again."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(Fault(path="/domains/detach$", status=400, error_code="APIG.2012", delay=0.3))
    half = {place for place in PAIRS if place[0] in NAMES[:2]}

    def apply() -> None:
        for place in half:
            sandbox.fleet.unbind(CERTIFICATE, *place)

    other = once(lambda: len(sandbox.journal.detaches()) > 0, apply)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    other.join()
    [certificate] = outcome["certificates"]
    assert (outcome["status"], pairs(certificate["already_detached"])) == ("detached", half)
    assert pairs(certificate["detached"]) == PAIRS - half
    assert pairs(outcome["undo"][0]["domains"]) == PAIRS
    assert sandbox.fleet.bindings() == set()


def test_an_applied_refusal_counts_as_done(world: World, new_runtime):
    """400 for a batch that was carried out: reading the bindings again proves it, and nothing is sent twice."""
    world.sandbox.faults.add(Fault(path=world.path, status=400, error_code="APIG.2012", applied=True))
    outcome = world.carry_out(new_runtime())
    assert (world.changed(), len(world.requests()), failed(outcome)) == (PAIRS, 1, {})
    [certificate] = outcome.to_dict()["certificates"]
    assert pairs(certificate[f"already_{world.verb}ed"]) == PAIRS


def test_what_somebody_else_detached_while_we_were_throttled_is_not_ours(sandbox: Sandbox, new_runtime):
    """A throttled request was not carried out; "no such binding" for the repetition is another hand's doing."""
    furnish(sandbox)
    sandbox.faults.add(
        Fault(path="/domains/detach", error_code="APIG.9008"),
        Fault(path="/domains/detach", nth=2, status=404, error_code="APIG.3097", applied=True),
    )
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE, instance_ids=[FIRST])
    assert pairs(outcome["certificates"][0]["already_detached"]) == {("apigtest.example.com", FIRST)}
    assert outcome["undo"] == []


RENEWED_AFTER = {
    "too many requests": Fault.throttled(path="/domains/detach"),
    "front gateway's limit": Fault(
        path="/domains/detach", status=429, error_code="APIG.0308", headers={"Retry-After": "1"}
    ),
    "gateway busy": Fault(path="/domains/detach", error_code="APIG.3718"),
    "server error": Fault(path="/domains/detach", status=503, raw_body="<html>"),
    "connection reset": Fault(path="/domains/detach", action="reset"),
}


@pytest.mark.parametrize("fault", RENEWED_AFTER.values(), ids=RENEWED_AFTER)
def test_a_certificate_renewed_before_a_write_is_repeated_is_kept(sandbox: Sandbox, new_runtime, fault: Fault):
    """`not_after` is read again before a write is repeated: the bindings are kept, with the reason `renewed`."""
    furnish(sandbox, domains=NAMES)
    sandbox.faults.add(fault)
    other = once(lambda: len(sandbox.journal.detaches()) > 0, lambda: sandbox.fleet.renew(CERTIFICATE, FAR_AHEAD))
    sandbox.behaviour.latency = 0.05  # the other hand is faster than the repetition
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    other.join()
    [certificate] = outcome["certificates"]
    assert (outcome["status"], certificate["not_after"]) == ("not_due", "2036-04-26T09:03:30Z")
    assert {entry["reason"] for entry in certificate["kept"]} == {"renewed"}
    assert pairs(certificate["kept"]) == PAIRS
    assert len(sandbox.journal.detaches()) == 1
    assert len(sandbox.fleet.bindings()) == 8
    assert outcome["undo"] == []


def test_a_certificate_renewed_while_its_domains_are_listed_is_kept(sandbox: Sandbox, new_runtime):
    """More than two seconds between reading `not_after` and sending: it is read again, and nothing is sent."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/attached-domains", delay=2.2))
    other = once(lambda: len(sandbox.journal.apig()) > 0, lambda: sandbox.fleet.renew(CERTIFICATE, FAR_AHEAD))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    other.join()
    assert outcome["status"] == "not_due"
    assert (sandbox.journal.detaches(), len(sandbox.fleet.bindings())) == ([], 2)


def test_the_second_match_of_a_common_name_is_judged_by_a_fresh_date(sandbox: Sandbox, new_runtime):
    """While the first certificate's detach takes its time, the second is renewed: only the first is detached."""
    furnish(sandbox, domains=["one.example.com"])
    second = sandbox.fleet.add_certificate(
        common_name="apigtest.example.com", not_after="-P1D", instance_id=SECOND, id="f" * 32
    )
    sandbox.fleet.add_domain("two.example.com", SECOND)
    sandbox.fleet.bind(second.id, "two.example.com", SECOND)
    sandbox.faults.add(Fault(path=f"{CERTIFICATE}/domains/detach", status=204, applied=True, delay=2.2))
    other = once(lambda: len(sandbox.journal.detaches()) > 0, lambda: sandbox.fleet.renew(second.id, FAR_AHEAD))
    outcome = expire(new_runtime(), common_name="apigtest.example.com")
    other.join()
    statuses = {entry["certificate_id"]: entry["status"] for entry in outcome["certificates"]}
    assert statuses == {CERTIFICATE: "detached", second.id: "not_due"}
    assert {certificate_id for certificate_id, _, _ in sandbox.fleet.bindings()} == {second.id}


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_a_certificate_whose_date_is_gone_on_the_second_reading_is_left(sandbox: Sandbox, new_runtime, names):
    """Nothing tells any more that it has expired: nothing is written, not even by halves or in the next batch."""
    furnish(sandbox, domains=names)
    sandbox.faults.add(
        Fault(path="/attached-domains", delay=2.2),
        Fault(path=f"/{CERTIFICATE}$", nth=2, status=200, raw_body=f'{{"id":"{CERTIFICATE}"}}', times=None),
    )
    with pytest.raises(Rejected, match="the API gives no usable not_after"):
        expire(new_runtime(DETACH_BATCH_SIZE="1"), certificate_id=CERTIFICATE)
    assert sandbox.journal.detaches() == []


def test_an_ordinary_expiry_costs_three_calls(sandbox: Sandbox, new_runtime):
    """The fresh date is the one that was just read: details, domains, detach."""
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    assert [each.path.rsplit("/", 1)[-1] for each in sandbox.journal.apig()] == [
        CERTIFICATE,
        "attached-domains",
        "detach",
    ]


def test_details_of_another_certificate_are_not_acted_on(sandbox: Sandbox, new_runtime):
    """An answer whose `id` is not the one asked for is no answer."""
    furnish(sandbox)
    body = f'{{"id":"{"0" * 32}","not_after":"2021-04-26T09:03:30Z"}}'
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=body, times=None))
    with pytest.raises(Unavailable, match=f"GET certificates/{CERTIFICATE} answered with certificate {'0' * 32}"):
        expire(new_runtime(), certificate_id=CERTIFICATE)
    assert len(sandbox.fleet.bindings()) == 2


REFUSED = [
    (400, "APIG.2012"),
    (401, "APIG.1005"),
    (403, "APIG.1005"),
    (403, "APIG.1301"),
    (404, "APIG.9876"),
    (400, "APIG.2102"),
    (409, None),
]


@pytest.mark.parametrize(("status", "code"), REFUSED)
@pytest.mark.parametrize("single", [True, False])
def test_a_write_that_took_effect_and_was_refused_is_told_as_done(
    world: World, new_runtime, status: int, code: str | None, single: bool
):
    """Whatever the refusal, and for a single binding too: it stands in `already`, and in the `undo` of a detach."""
    wanted = {(NAMES[0], FIRST)} if single else PAIRS
    raw = {"error_code": code} if code else {"raw_body": "<html>"}
    world.sandbox.faults.add(Fault(path=world.path, status=status, applied=True, **raw))
    outcome = world.carry_out(new_runtime(), wanted)
    assert (world.changed(), len(world.requests()), failed(outcome)) == (wanted, 1, {})
    assert outcome.status == f"{world.verb}ed"
    [certificate] = outcome.to_dict()["certificates"]
    assert pairs(certificate[f"already_{world.verb}ed"]) == wanted
    if world.verb == "detach":
        assert pairs(outcome.undo[0]["domains"]) == wanted
        assert all(each["perhaps"] for each in outcome.undo[0]["domains"])


@pytest.mark.parametrize(("status", "code"), REFUSED)
def test_a_single_binding_that_is_refused_and_still_there_is_failed_with_that_code(
    sandbox: Sandbox, new_runtime, status: int, code: str | None
):
    """One look at the bindings, and no second request; it is not in `undo`."""
    world = World(sandbox, "detach")
    raw = {"error_code": code} if code else {"raw_body": "<html>"}
    sandbox.faults.add(Fault(path=world.path, status=status, times=None, **raw))
    outcome = world.carry_out(new_runtime(), {(NAMES[0], FIRST)})
    assert {place: each for place, (_, each) in failed(outcome).items()} == {(NAMES[0], FIRST): code}
    assert [each.path.rsplit("/", 1)[-1] for each in sandbox.journal.apig()] == [
        CERTIFICATE,
        "attached-domains",
        "detach",
        "attached-domains",
    ]
    assert outcome.undo == []


def test_what_cannot_be_read_after_a_refusal_is_perhaps_ours_and_not_sent_again(sandbox: Sandbox, new_runtime):
    """Both errors are told, and the `undo` has the binding with `perhaps`; the other batches go on."""
    world = World(sandbox, "detach")
    sandbox.faults.add(
        Fault(path=world.path, status=403, error_code="APIG.1301", applied=True),
        Fault(path="/attached-domains", nth=2, status=400, error_code="APIG.2012", times=1),
    )
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="2"))
    half = {place for place in PAIRS if place[0] in NAMES[:2]}
    assert (world.changed(), set(failed(outcome)), len(world.requests())) == (PAIRS, half, 2)
    [certificate] = outcome.to_dict()["certificates"]
    assert all(
        "attached-domains answered 400" in each["message"] and "detach answered 403 APIG.1301" in each["message"]
        for each in certificate["failed"]
    )
    [undo] = outcome.undo
    assert pairs(each for each in undo["domains"] if each.get("perhaps")) == half
    assert pairs(each for each in undo["domains"] if "perhaps" not in each) == PAIRS - half


def test_an_attached_binding_that_was_refused_is_not_told_as_failed(sandbox: Sandbox, new_runtime):
    """The same for an undo, by halves: three of four were refused and attached all the same."""
    world = World(sandbox, "attach")
    sandbox.faults.add(Fault(path=world.path, error_code="APIG.2103", applied=True, times=None))
    outcome = world.carry_out(new_runtime(DETACH_BATCH_SIZE="1"))
    assert (outcome.status, failed(outcome), world.changed()) == ("attached", {}, PAIRS)


def test_duplicates_in_flight_mark_what_is_perhaps_each_others(sandbox: Sandbox, new_runtime):
    """Both see a lost reply: each has the bindings in its `undo`, and says that it is not sure."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/domains/detach", action="lost_reply"))
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert outcome["undo"] == [
        {
            "certificate_id": CERTIFICATE,
            "domains": [
                {
                    "domain": "apigtest.example.com",
                    "instance_ids": [SECOND, FIRST],
                    "verified_client_certificate_enabled": False,
                    "perhaps": True,
                }
            ],
        }
    ]


def test_what_is_surely_ours_has_no_such_mark(sandbox: Sandbox, new_runtime):
    """Nor has the plan that is logged before."""
    furnish(sandbox)
    outcome = expire(new_runtime(), certificate_id=CERTIFICATE)
    assert [set(each) for each in outcome["undo"][0]["domains"]] == [
        {"domain", "instance_ids", "verified_client_certificate_enabled"}
    ]


def test_all_the_reasons_of_an_event_are_told(sandbox: Sandbox, new_runtime):
    """Two batches fail for two reasons: the raised error tells both, each binding its own."""
    world = World(sandbox, "detach")
    sandbox.faults.add(
        Fault(path=world.path, error_code="APIG.3001", times=3),
        Fault(path=world.path, error_code="APIG.2012", times=3),
    )
    with pytest.raises(NotFound) as caught:
        expire(new_runtime(DETACH_BATCH_SIZE="1"), certificate_id=CERTIFICATE)
    first, second = caught.value.message.split("; also ")
    assert first.startswith(f"POST certificates/{CERTIFICATE}/domains/detach answered 404 APIG.3001")
    assert second.startswith(f"Rejected: POST certificates/{CERTIFICATE}/domains/detach answered 400 APIG.2012")
    [certificate] = caught.value.outcome["certificates"]
    assert {each["error_code"] for each in certificate["failed"]} == {"APIG.3001", "APIG.2012"}
    assert not any("; also " in each["message"] for each in certificate["failed"])
