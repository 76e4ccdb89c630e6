"""The age of an event: old ones are refused, and never because of a wrong clock of ours."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from handlers import handle, plan_cleanup
from sandbox import Fault, Sandbox
from shared.core.errors import ConfigurationError, InvalidEvent, Unavailable
from shared.core.outcome import Outcome
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD
from tests.support.deliveries import UNDO_LIST, cloudevent, cts, eventbridge, smn, sqs, timer
from tests.support.undo_key import signed_within
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, delivery, furnish

NewRuntime = Callable[..., Runtime]
OF_2001 = "2001-01-01T00:00:00Z"
EVENTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "expiry": lambda time: cloudevent(time=time),
    "decommission": lambda time: eventbridge("Domain Decommissioned", detail={"domain": DOMAIN}, time=time),
    "trace": lambda time: cts(resource_name=DOMAIN, time=time),
    "clean-up": lambda time: eventbridge("Scheduled Event", detail={}, time=time),
    "timer": lambda time: timer(time=time),
    "undo": lambda time: cloudevent("apig.detach.undo", data={"undo": UNDO_LIST}, time=time),
    "in SMN": lambda time: smn(cloudevent("apig.domain.decommissioned", data={"domain": DOMAIN}), timestamp=time),
    "in SQS": lambda time: sqs(timer(time=time)),
}


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def sent(runtime: Runtime, event: dict[str, Any]) -> Outcome:
    return handle(delivery(event), runtime)


def gateway_says(sandbox: Sandbox, moment: datetime) -> None:
    """Every listing of gateways carries this date."""
    row = {"id": FIRST, "instance_name": "one", "status": "Running"}
    sandbox.faults.add(
        Fault(
            path="/instances$",
            status=200,
            raw_body=json.dumps({"total": 1, "size": 1, "instances": [row]}),
            headers={"Date": format_datetime(moment, usegmt=True)},
            times=None,
        )
    )


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_old_event_changes_nothing(sandbox: Sandbox, new_runtime: NewRuntime, event: Callable[[str], Any]):
    """Of every kind and in every envelope; only a page of gateways is read, for the other clock."""
    furnish(sandbox)
    bound = sandbox.fleet.bindings()
    with pytest.raises(InvalidEvent, match=r"^time: .*2001-01-01T00:00:00Z.*ago") as caught:
        sent(new_runtime(), signed_within(event(OF_2001), sandbox.project_id))
    assert caught.value.field == "time"
    ahead = event(written(datetime.now(UTC) + timedelta(minutes=17)))
    with pytest.raises(InvalidEvent, match=r"^time: .*from now; set the sender's clock right"):
        sent(new_runtime(DETACH_MAX_EVENT_AGE="P0D"), signed_within(ahead, sandbox.project_id))
    assert sandbox.fleet.bindings() == bound
    paths = [f"{each.method} {each.path.rpartition('/')[2]}" for each in sandbox.journal.apig()]
    assert paths == ["GET instances", "GET instances"]


def test_a_page_of_a_clean_up_has_an_age_too(sandbox: Sandbox, new_runtime: NewRuntime):
    """No certificate is named for an old event."""
    furnish(sandbox)
    with pytest.raises(InvalidEvent, match="^time: "):
        plan_cleanup(delivery(EVENTS["clean-up"](OF_2001)), new_runtime())


def test_the_setting_decides(sandbox: Sandbox, new_runtime: NewRuntime):
    """An hour is too old for PT30M, and young for P1D; P0D takes any age."""
    furnish(sandbox)
    an_hour_ago = written(datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(InvalidEvent, match=r"at most 0:30:00 \(DETACH_MAX_EVENT_AGE\)"):
        sent(new_runtime(DETACH_MAX_EVENT_AGE="PT30M"), cloudevent(time=an_hour_ago))
    assert len(sandbox.fleet.bindings()) == 2
    assert sent(new_runtime(DETACH_MAX_EVENT_AGE="P1D"), cloudevent(time=an_hour_ago)).status == "detached"
    assert sent(new_runtime(DETACH_MAX_EVENT_AGE="P0D"), cloudevent(time=OF_2001)).status == "nothing_to_detach"


def test_an_ordinary_event_costs_no_extra_call(sandbox: Sandbox, new_runtime: NewRuntime):
    """With its time, an expiry still takes its three calls."""
    furnish(sandbox)
    assert sent(new_runtime(), cloudevent(time=written(datetime.now(UTC)))).status == "detached"
    assert [each.path.partition("/certificates/")[2] for each in sandbox.journal.apig()] == [
        CERTIFICATE,
        f"{CERTIFICATE}/attached-domains",
        f"{CERTIFICATE}/domains/detach",
    ]


@pytest.mark.parametrize("apart", [timedelta(days=11 * 365), timedelta(days=-400)])
def test_a_wrong_clock_of_ours_is_the_error(sandbox: Sandbox, new_runtime: NewRuntime, apart: timedelta):
    """A good event looks too old, or comes from the future: the error tells both times, and nothing is changed."""
    furnish(sandbox)
    ours = datetime.now(UTC)
    theirs = ours - apart
    gateway_says(sandbox, theirs)
    with pytest.raises(ConfigurationError) as caught:
        sent(new_runtime(), cloudevent(time=written(theirs)))
    assert "the clocks differ by more than 15 minutes" in caught.value.message
    assert theirs.strftime("%Y-%m-%dT%H:%M") in caught.value.message
    assert ours.strftime("%Y-%m-%dT%H:") in caught.value.message
    assert len(sandbox.fleet.bindings()) == 2


@pytest.mark.parametrize(
    ("ahead", "time"),
    [
        (timedelta(minutes=-10), timedelta(days=-7, minutes=-5)),
        (timedelta(minutes=10), timedelta(minutes=20)),
    ],
    ids=["our clock is fast", "our clock is slow"],
)
def test_the_other_clock_may_save_an_event(
    sandbox: Sandbox, new_runtime: NewRuntime, ahead: timedelta, time: timedelta
):
    """Clocks that are less than fifteen minutes apart are no error, and no reason to lose an event."""
    furnish(sandbox)
    now = datetime.now(UTC)
    with pytest.raises(InvalidEvent, match="^time: "):
        sent(new_runtime(), cloudevent(time=written(now + time)))
    gateway_says(sandbox, now + ahead)
    assert sent(new_runtime(), cloudevent(time=written(now + time))).status == "detached"


@pytest.mark.parametrize("fault", [{"status": 503}, {"action": "reset"}, {"status": 500, "error_code": "APIG.9008"}])
def test_without_the_other_clock_the_event_comes_again(
    sandbox: Sandbox, new_runtime: NewRuntime, fault: dict[str, Any]
):
    """A gateway that does not answer is an Unavailable: nobody knows yet whether the event is old."""
    furnish(sandbox)
    sandbox.faults.add(Fault(path="/instances$", times=None, **fault))
    with pytest.raises(Unavailable):
        sent(new_runtime(HTTP_ATTEMPTS="1"), cloudevent(time=OF_2001))
    assert len(sandbox.fleet.bindings()) == 2


def test_old_events_among_many_change_nothing(sandbox: Sandbox, new_runtime: NewRuntime):
    """Eight threads share one process: each event is judged by its own time, and answered with its own source."""
    names = [f"d{number}.example.com" for number in range(32)]
    furnish(sandbox, domains=names, not_after=FAR_AHEAD)
    runtime = new_runtime()

    def send(number: int) -> str:
        time = OF_2001 if number % 2 else written(datetime.now(UTC))
        event = cloudevent(
            "apig.domain.decommissioned", data={"domain": names[number]}, time=time, source=f"/{number}", id=f"{number}"
        )
        try:
            outcome = sent(runtime, event).to_dict()
        except InvalidEvent as refused:
            return refused.field
        return f"{outcome['event_id']} {outcome['source']}"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(32)))
    assert answers == ["time" if number % 2 else f"{number} /{number}" for number in range(32)]
    left = {domain for _, domain, _ in sandbox.fleet.bindings()}
    assert left == {name for number, name in enumerate(names) if number % 2}


def test_a_refused_event_is_reported_with_its_id(sandbox: Sandbox, new_runtime: NewRuntime, caplog: Any):
    """One line, that of every event that failed."""
    with pytest.raises(InvalidEvent):
        sent(new_runtime(), cloudevent(time=OF_2001, data={"certificate_id": CERTIFICATE, "context": {"ticket": 7}}))
    [report] = [record for record in caplog.records if record.message == "detach.report"]
    assert (report.event_id, report.kind, report.error) == ("ce-1", "certificate_expiry", "InvalidEvent")
    assert report.context == {"ticket": 7}
    assert report.error_message.startswith("time: expected an event of at most 7 days")
