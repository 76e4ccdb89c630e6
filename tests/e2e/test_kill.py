"""SIGKILL at any point of an event: it is delivered again and converges, and the plan's lines undo what was done."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import Fleet, Sandbox
from shared.wiring import Runtime
from tests.e2e.killing import WHERE, Point, Victim, log_lines
from tests.e2e.seeds import chance
from tests.e2e.stories import (
    BATCH_CALLS,
    EVENTS,
    SETTINGS,
    UNDO_CALLS,
    batch_text,
    bound,
    carry_out,
    rows,
    shop,
    staying,
    text_of,
    undo_text,
)

POINTS = 25  # of each story; five of each sort
QUICK = 2
NUMBERS = [pytest.param(number, marks=[] if number < QUICK else [pytest.mark.slow]) for number in range(POINTS)]


@pytest.fixture
def victim(sandbox: Sandbox, environment: dict[str, str], tmp_path: Path) -> Victim:
    """A process that is there to be killed."""
    return Victim(sandbox, environment | SETTINGS, tmp_path / "killed")


@pytest.fixture
def runtime(new_runtime: Callable[..., Runtime]) -> Runtime:
    """What takes over when the killed process is gone."""
    return new_runtime(**SETTINGS)


def undone(sandbox: Sandbox, runtime: Runtime, *undos: object) -> None:
    """Send these as undo events; each is carried out whole."""
    for undo in undos:
        assert carry_out(runtime, undo_text(undo))["status"] in ("attached", "nothing_to_attach")


@pytest.mark.parametrize("story", EVENTS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_killed_detach_converges_and_can_be_undone(
    sandbox: Sandbox, victim: Victim, runtime: Runtime, story: str, number: int
):
    sandbox.reset(shop())
    fleet = sandbox.fleet
    was, domains, text = bound(fleet), dict(fleet.domains), text_of(story)
    with chance(story, number) as by_chance:
        point = Point.of(WHERE[number % len(WHERE)], EVENTS[story][2], by_chance)
        victim.kill(point, text)
        if by_chance.random() < 0.5:
            victim.cut_log(by_chance)
        plans, left = log_lines(victim.log, "detach.plan"), bound(fleet)
        assert was - left <= rows([entry for plan in plans for entry in plan["undo"]]), point
        copy = fleet.to_json()

        # The operator wants it back: the lines of the log are sent as they stand.
        undone(sandbox, runtime, *plans)
        assert fleet.domains == domains, point

        # Or the platform delivers the event again.
        sandbox.reset(Fleet.from_json(copy))
        rerun = carry_out(runtime, text)
        assert bound(sandbox.fleet) == staying(story, was), point
        assert rows(rerun["undo"]) == left - staying(story, was), point
        undone(sandbox, runtime, *plans, rerun)
        assert sandbox.fleet.domains == domains, point


@pytest.mark.parametrize("number", NUMBERS)
def test_a_killed_undo_ends_the_same(sandbox: Sandbox, victim: Victim, runtime: Runtime, number: int):
    """What it attached before can be told from its lines."""
    sandbox.reset(shop())
    fleet = sandbox.fleet
    was, domains = bound(fleet), dict(fleet.domains)
    undo = carry_out(runtime, text_of("clean-up"))
    without = bound(fleet)
    assert without == staying("clean-up", was)
    sandbox.journal.clear()
    with chance("undo", number) as by_chance:
        point = Point.of(WHERE[number % len(WHERE)], UNDO_CALLS, by_chance)
        victim.kill(point, undo_text(undo))
        if by_chance.random() < 0.5:
            victim.cut_log(by_chance)
        attached = bound(fleet) - without
        assert attached <= rows([entry for plan in log_lines(victim.log, "attach.plan") for entry in plan["attach"]]), (
            point
        )

        rerun = carry_out(runtime, undo_text(undo))
        assert fleet.domains == domains, point
        told = {
            (entry["certificate_id"], domain["domain"], gateway)
            for entry in rerun["certificates"]
            for domain in entry["already_attached"]
            for gateway in domain["instance_ids"]
        }
        assert told == {each[:3] for each in attached}, point


@pytest.mark.slow
@pytest.mark.parametrize("number", range(POINTS))
def test_a_killed_batch_is_delivered_again(sandbox: Sandbox, victim: Victim, runtime: Runtime, number: int):
    """The function on AWS Lambda dies, and SQS delivers the whole batch to another one."""
    sandbox.reset(shop())
    was, domains = bound(sandbox.fleet), dict(sandbox.fleet.domains)
    again = replace(victim, log=victim.log.with_name("again"))
    with chance("batch", number) as by_chance:
        point = Point.of(WHERE[number % len(WHERE)], BATCH_CALLS, by_chance)
        victim.kill(point, batch_text())
        assert again.run(batch_text()) == '{"batchItemFailures": []}', point
        left = staying("clean-up", was) & staying("decommission", was)
        assert bound(sandbox.fleet) == left, point
        undone(sandbox, runtime, *(plan for each in (victim, again) for plan in log_lines(each.log, "detach.plan")))
        assert sandbox.fleet.domains == domains, point


@pytest.mark.parametrize("story", [*EVENTS, "undo"])
def test_the_events_take_as_many_requests_as_the_points_are_chosen_from(
    sandbox: Sandbox, new_runtime: Callable[..., Runtime], story: str
):
    """Else some points would lie behind the end."""
    sandbox.reset(shop())
    text = undo_text(carry_out(new_runtime(**SETTINGS), text_of("clean-up"))) if story == "undo" else text_of(story)
    sandbox.journal.clear()
    carry_out(new_runtime(**SETTINGS), text)
    assert len(sandbox.journal) >= (UNDO_CALLS if story == "undo" else EVENTS[story][2])
