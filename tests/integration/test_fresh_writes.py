"""A neighbour is faster: what a write rests on is read again at the moment of sending, in both directions."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from handlers import carry_out
from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import CredentialsRefused, DetachError, Unavailable
from shared.core.outcome import Outcome
from shared.telemetry import Report
from shared.transport.send import Reply, Request, Transport
from shared.wiring import Runtime, Work
from tests.conftest import FAR_AHEAD
from tests.support.deliveries import parsed
from tests.support.world import CERTIFICATE, FIRST, SECOND, furnish, pairs

NAMES = ["a.example.com", "b.example.com"]
PAIRS = {(name, instance_id) for name in NAMES for instance_id in (FIRST, SECOND)}
OTHER = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Reluctant(Transport):
    """A transport that does not send the first writes, each for the reason that comes out of `reasons`.

    `at_once` is what each write says of its turn.
    """

    reasons: list[Callable[[], DetachError]] = field(default_factory=list)
    at_once: list[bool] = field(default_factory=list)

    def send(self, request: Request, auth: Any = None) -> Reply:
        if request.method == "POST":
            self.at_once.append(request.at_once)
        if request.method == "POST" and self.reasons:
            reason = self.reasons.pop(0)
            raise reason()
        return Transport.send(self, request, auth)


class World:
    """Two domains on two gateways: bound to an expired certificate, or free for a valid one."""

    def __init__(self, sandbox: Sandbox, runtime: Runtime, verb: str) -> None:
        self.sandbox, self.verb, self.path = sandbox, verb, f"/domains/{verb}$"
        furnish(sandbox, domains=NAMES, **({} if verb == "detach" else {"not_after": FAR_AHEAD}))
        sandbox.fleet.add_certificate(id=OTHER, common_name="*.example.com", not_after=FAR_AHEAD, type="global")
        sandbox.behaviour.attach_replaces = True  # the API itself would not stop us
        if verb == "attach":
            for name, instance_id in PAIRS:
                sandbox.fleet.unbind(CERTIFICATE, name, instance_id)
        self.report = Report()
        self.work: Work = runtime.work(Deadline.after(20), self.report.call)
        self.waits: list[float] = []

    def interfere(self) -> None:
        """The neighbour renews the certificate, or attaches another one to all of the places."""
        if self.verb == "detach":
            self.sandbox.fleet.renew(CERTIFICATE, FAR_AHEAD)
            return
        for name, instance_id in PAIRS:
            if not self.sandbox.fleet.bindings(OTHER) >= {(OTHER, name, instance_id)}:
                self.sandbox.fleet.bind(OTHER, name, instance_id)

    def with_transport(self, kind: type[Transport] = Transport, **facts: Any) -> None:
        """Send in another way."""
        given = {name: getattr(self.work.client.transport, name) for name in Transport.__dataclass_fields__}
        transport = kind(**{**given, **facts})
        self.work = replace(self.work, client=replace(self.work.client, transport=transport))

    def carry_out(self) -> Outcome:
        """Detach everything, or attach everything again."""
        entries = [
            {"domain": name, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False}
            for name in NAMES
        ]
        event = (
            parsed({"certificate_id": CERTIFICATE}, kind="certificate_expiry", default_id="1")
            if self.verb == "detach"
            else parsed([{"certificate_id": CERTIFICATE, "domains": entries}], kind="undo", default_id="1")
        )
        return carry_out(event, self.work, self.report)

    def assert_left_alone(self, outcome: Outcome, writes: int) -> None:
        """So many writes were received, none of which changed anything, and the outcome says why."""
        journal = self.sandbox.journal
        assert len(journal.detaches() + journal.attaches()) == writes
        [certificate] = outcome.to_dict()["certificates"]
        if self.verb == "detach":
            assert self.sandbox.fleet.bindings() == {(CERTIFICATE, *pair) for pair in PAIRS}
            assert (outcome.status, {each["reason"] for each in certificate["kept"]}) == ("not_due", {"renewed"})
            assert pairs(certificate["kept"]) == PAIRS
        else:
            assert self.sandbox.fleet.bindings() == {(OTHER, *pair) for pair in PAIRS}
            assert (outcome.status, pairs(certificate["failed"])) == ("failed", PAIRS)
            assert all(f"carries certificate {OTHER} now" in each["message"] for each in certificate["failed"])
        assert outcome.undo == []


@pytest.fixture(params=["detach", "attach"])
def world(request: pytest.FixtureRequest, sandbox: Sandbox, new_runtime) -> World:
    return World(sandbox, new_runtime(), request.param)


@contextmanager
def neighbour(happened: Callable[[], bool], do: Callable[[], None]) -> Iterator[None]:
    """Another hand that waits for something to happen, and then does something."""

    def wait() -> None:
        until = time.monotonic() + 10
        while not happened() and time.monotonic() < until:
            time.sleep(0.002)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


WAITS = {
    "409 modifiable once a minute": Fault(error_code="APIG.3711"),
    "409 a task of the gateway": Fault(error_code="APIG.3718"),
    "429": Fault(status=429, error_code="APIG.0308"),
    "500 too many requests": Fault(error_code="APIG.9008"),
    "503": Fault(status=503, raw_body="<html>"),
    "500": Fault(error_code="APIG.9999"),
    "reset": Fault(action="reset"),
    "dropped": Fault(action="drop"),
}


@pytest.mark.parametrize("fault", WAITS.values(), ids=WAITS)
def test_what_a_neighbour_does_while_a_write_waits_is_seen(world: World, fault: Fault):
    """At the very moment of the wait, however long it is: the write is not repeated."""

    def sleep(seconds: float) -> None:
        world.waits.append(seconds)
        world.interfere()

    world.with_transport(sleep=sleep, deadline=Deadline.after(600))
    world.sandbox.faults.add(replace(fault, path=world.path))
    world.assert_left_alone(world.carry_out(), writes=1)
    assert world.waits[0] >= (60 if fault.error_code == "APIG.3711" else 0)


def test_what_a_neighbour_does_during_a_login_is_seen(world: World):
    """401: the token is renewed, and meanwhile the neighbour acts. The write does not go out with the new token."""
    sandbox = world.sandbox
    sandbox.faults.add(
        Fault(path=world.path, status=401, error_code="APIG.1001"),
        Fault(service="iam", method="POST", delay=0.3),
    )
    logins = len(sandbox.journal.iam())
    with neighbour(
        lambda: len(sandbox.journal.iam()) > logins and sandbox.journal[-1].service == "iam", world.interfere
    ):
        outcome = world.carry_out()
    world.assert_left_alone(outcome, writes=1)


def test_what_a_neighbour_does_while_a_write_waits_for_its_turn_is_seen(world: World):
    """Throttled by another thread's answer: the write waits more than two seconds, and was read before that."""
    transport = world.work.client.transport
    last_read = "/attached-domains" if world.verb == "detach" else f"{FIRST}/api-groups"

    def throttle() -> None:
        transport.pace.throttled(time.monotonic(), 2.2)
        world.interfere()

    world.sandbox.faults.add(Fault(path=last_read, delay=0.2))
    with neighbour(lambda: any(last_read in each.path for each in world.sandbox.journal), throttle):
        outcome = world.carry_out()
    # What is read in those 0.2 seconds is from before the neighbour's deed, or from after it.
    world.assert_left_alone(outcome, writes=0)


def stale() -> DetachError:
    return Unavailable("waited too long", stale=True)


def renewed() -> DetachError:
    return Unavailable("answered 401", renewed=True, status=401, error_code="APIG.1001")


@pytest.mark.parametrize("reasons", [[stale] * 10, [renewed] * 2, [stale, renewed] * 2])
def test_a_write_that_was_not_sent_is_no_attempt(world: World, new_runtime, reasons):
    """With a single attempt allowed it is sent all the same, once, after everything was read again."""
    world.with_transport(Reluctant, attempts=1, reasons=list(reasons))
    outcome = world.carry_out()
    assert outcome.status == f"{world.verb}ed"
    assert len(world.sandbox.journal.detaches() + world.sandbox.journal.attaches()) == 1
    read_again = f"/{CERTIFICATE}" if world.verb == "detach" else f"/{SECOND}/api-groups"
    assert sum(each.path.endswith(read_again) for each in world.sandbox.journal.apig()) == 1 + len(reasons)


@pytest.mark.parametrize(
    ("reasons", "at_once"),
    [
        ([], [False]),
        ([renewed], [False, False]),
        ([stale], [False, True]),
        ([renewed, stale, renewed], [False, False, True, True]),
    ],
)
def test_a_write_that_waited_too_long_does_not_wait_for_its_turn_again(world: World, reasons, at_once: list[bool]):
    """The reading before it has waited: waiting once more, the write would be too late again."""
    told: list[bool] = []
    world.with_transport(Reluctant, reasons=list(reasons), at_once=told)
    assert world.carry_out().status == f"{world.verb}ed"
    assert told == at_once


@pytest.mark.parametrize("reason", [stale, renewed])
def test_what_happens_before_a_write_that_was_not_sent_is_seen(world: World, reason):
    """It is read again before it is begun again."""

    def meanwhile() -> DetachError:
        world.interfere()
        return reason()

    world.with_transport(Reluctant, reasons=[meanwhile])
    world.assert_left_alone(world.carry_out(), writes=0)


@pytest.mark.parametrize(
    ("reason", "times", "error", "answer"),
    [(stale, 11, Unavailable, (None, None)), (renewed, 3, CredentialsRefused, (401, "APIG.1001"))],
)
def test_a_write_that_is_never_sent_ends(world: World, reason, times: int, error: type[DetachError], answer):
    """Retryable, with what the API answered last, and nothing is hammered."""
    world.with_transport(Reluctant, reasons=[reason] * times)
    outcome = world.carry_out()
    assert type(outcome.error) is error
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.error_code) == answer
    assert outcome.error.retryable
    assert len(world.sandbox.journal.detaches() + world.sandbox.journal.attaches()) == 0


def test_a_binding_that_a_neighbour_attached_meanwhile_is_attached_already(sandbox: Sandbox, new_runtime):
    """The same certificate at its place: that one is done, the others are attached."""
    world = World(sandbox, new_runtime(), "attach")
    world.with_transport(sleep=lambda _: sandbox.fleet.bind(CERTIFICATE, NAMES[0], FIRST))
    sandbox.faults.add(Fault(path=world.path, error_code="APIG.3718"))
    [certificate] = world.carry_out().to_dict()["certificates"]
    assert pairs(certificate["already_attached"]) == {(NAMES[0], FIRST)}
    assert pairs(certificate["attached"]) == PAIRS - {(NAMES[0], FIRST)}


def test_one_place_that_is_taken_does_not_stop_the_others(sandbox: Sandbox, new_runtime):
    """It is refused with what it carries now, and never sent again, not even by halves."""
    world = World(sandbox, new_runtime(), "attach")
    world.with_transport(sleep=lambda _: sandbox.fleet.bind(OTHER, NAMES[0], FIRST))
    sandbox.faults.add(
        Fault(path=world.path, error_code="APIG.3718"), Fault(path=world.path, nth=2, error_code="APIG.2103")
    )
    [certificate] = world.carry_out().to_dict()["certificates"]
    assert sandbox.fleet.bindings(OTHER) == {(OTHER, NAMES[0], FIRST)}
    assert pairs(certificate["failed"]) == {(NAMES[0], FIRST)}
    assert pairs(certificate["attached"]) == PAIRS - {(NAMES[0], FIRST)}
    later = [pairs(each.body["domains"]) for each in sandbox.journal.attaches()[1:]]
    assert not any((NAMES[0], FIRST) in sent for sent in later)


def test_client_verification_that_was_turned_on_meanwhile_stays_on(sandbox: Sandbox, new_runtime):
    """The repeated request turns it off nowhere where it is on by now."""
    world = World(sandbox, new_runtime(), "attach")

    def sleep(_: float) -> None:
        [domain] = sandbox.fleet.find_domains(NAMES[0], [SECOND])
        sandbox.fleet.carry(domain, None, verified=True)

    world.with_transport(sleep=sleep)
    sandbox.faults.add(Fault(path=world.path, error_code="APIG.3718"))
    assert world.carry_out().status == "attached"
    assert [each.body["domains"] for each in sandbox.journal.attaches()] == [
        [
            {"domain": name, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False}
            for name in NAMES
        ],
        [
            {"domain": NAMES[0], "instance_ids": [FIRST], "verified_client_certificate_enabled": False},
            {"domain": NAMES[0], "instance_ids": [SECOND], "verified_client_certificate_enabled": True},
            {"domain": NAMES[1], "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False},
        ],
    ]


def test_a_certificate_that_is_there_no_more_by_mistake_is_not_detached(sandbox: Sandbox, new_runtime):
    """Its details answer 404 when its date is read again, and it is still bound: nothing tells whether it is due."""
    world = World(sandbox, new_runtime(), "detach")
    world.with_transport(sleep=lambda _: None)
    sandbox.faults.add(
        Fault(path=world.path, error_code="APIG.3718"),
        Fault(path=f"/{CERTIFICATE}$", nth=2, error_code="APIG.3021", times=None),
    )
    outcome = world.carry_out()
    assert (outcome.status, outcome.error and outcome.error.error_code) == ("failed", "APIG.3021")
    assert len(sandbox.fleet.bindings()) == 4
    assert len(sandbox.journal.detaches()) == 1
