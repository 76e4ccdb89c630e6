"""A narrowing is never lost: what cannot be read, is misspelt or stands in the wrong place widens nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from handlers import handle, plan_cleanup
from sandbox import Sandbox
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.wiring import Runtime
from tests.conftest import FAR_AHEAD, LONG_AGO
from tests.support.deliveries import UNDO_LIST, cloudevent, cts, eventbridge, smn, sqs, timer
from tests.support.undo_key import signed_within
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, delivery, furnish

NewRuntime = Callable[..., Runtime]
CLEANUP, EXPIRY, DECOMMISSION = "scheduled_cleanup", "certificate_expiry", "domain_decommission"
DUE = "apig.cleanup.due"
UNDO = json.dumps({"undo": UNDO_LIST})

# What was seen to detach too much, or could: the function's kind (None: of every kind), the event, the field named.
WIDENING: dict[str, tuple[str | None, Any, str]] = {
    "expiry with domain": (EXPIRY, {"certificate_id": CERTIFICATE, "domain": DOMAIN}, "domain"),
    "expiry with instance_id": (EXPIRY, {"certificate_id": CERTIFICATE, "instance_id": FIRST}, "instance_id"),
    "expiry with Domains": (EXPIRY, {"certificate_id": CERTIFICATE, "Domains": [DOMAIN]}, "Domains"),
    "decommission with instance_id": (DECOMMISSION, {"domain": DOMAIN, "instance_id": FIRST}, "instance_id"),
    "foreign event": (DECOMMISSION, {"event": "ssl_expiring", "domain": DOMAIN}, "event"),
    "clean-up with certificate_id": (CLEANUP, {"certificate_id": CERTIFICATE}, "certificate_id"),
    "clean-up with an outcome": (CLEANUP, {"undo": UNDO_LIST, "status": "detached"}, "undo"),
    "clean-up with a list": (CLEANUP, UNDO_LIST, "body"),
    "clean-up with []": (CLEANUP, [], "body"),
    "clean-up of nothing": (CLEANUP, None, "body"),
    "clean-up with text": (CLEANUP, "", "body"),
    "clean-up with 0": (CLEANUP, 0, "body"),
    "clean-up with false": (CLEANUP, False, "body"),
    "no gateways": (CLEANUP, {"instance_ids": []}, "instance_ids"),
    "gateways as text": (CLEANUP, {"instance_ids": FIRST}, "instance_ids"),
    "null data": (None, cloudevent(DUE, data=None), "data"),
    "null data of a ping": (None, cloudevent("dev.knative.sources.ping", data=None), "data"),
    "data []": (None, cloudevent(DUE, data=[]), "data"),
    "data as text": (None, cloudevent(DUE, data='{"instance_ids": []}'), "data"),
    "beside the data": (None, cloudevent(DUE, data={}, instance_ids=[FIRST]), "instance_ids"),
    "dry run beside the data": (None, cloudevent(DUE, data={}, dry_run=True), "dry_run"),
    "null detail": (None, eventbridge("Scheduled Event", detail=None), "detail"),
    "detail as text": (None, eventbridge("Scheduled Event", detail='{"dry_run": true}'), "detail"),
    "beside the detail": (None, eventbridge("Cleanup Due", detail={}, instance_ids=[FIRST]), "instance_ids"),
    "timer with an undo": (None, timer(UNDO), "user_event.undo"),
    "timer with an undo for the clean-up": (CLEANUP, timer(UNDO), "user_event.undo"),
    "timer with an undo for the undo": ("undo", timer(UNDO), "user_event.undo"),
    "timer with an undo list": (None, timer(json.dumps(UNDO_LIST)), "user_event"),
    "timer with []": (None, timer([]), "user_event"),
    "timer with {}": (None, timer({}), "user_event"),
    "timer with an object": (None, timer({"instance_ids": [FIRST]}), "user_event"),
    "timer with 0": (None, timer(0), "user_event"),
    "timer with false": (None, timer(user_event=False), "user_event"),
    "timer with spaces": (None, timer("  "), "user_event"),
    "timer with words": (None, timer(f"instance_ids: {FIRST}"), "user_event"),
    "timer with [] as text": (None, timer("[]"), "user_event"),
    "timer with null as text": (None, timer("null"), "user_event"),
    "timer with a misspelt narrowing": (None, timer('{"instance_id": "x"}'), "user_event.instance_id"),
    "empty SQS body": (CLEANUP, sqs(""), "body"),
    "null SQS body": (CLEANUP, sqs("null"), "body"),
    "[] as SQS body": (CLEANUP, sqs("[]"), "body"),
    "empty SMN message": (CLEANUP, smn(""), "record[0].smn.message"),
    "null SMN message": (CLEANUP, smn("null"), "record[0].smn.message"),
    "a trace without a name": (None, cts(resource_name=None), "cts.resource_name"),
}


@pytest.mark.parametrize(("kind", "event", "field"), WIDENING.values(), ids=WIDENING)
def test_what_may_be_a_lost_narrowing_detaches_nothing(
    sandbox: Sandbox, new_runtime: NewRuntime, kind: Kind | None, event: Any, field: str
):
    """One InvalidEvent that names the field; neither IAM nor API Gateway hears of it."""
    furnish(sandbox)
    for body in (event, json.dumps(event)):
        with pytest.raises(InvalidEvent) as caught:
            handle(Delivery(body, Deadline.after(5), kind, "event-1"), new_runtime())
        assert caught.value.field == field
    assert len(sandbox.fleet.bindings()) == 2
    assert list(sandbox.journal) == []


@pytest.mark.parametrize("lost", ["", " ", "null", "[]", '""', "0", "false"])
def test_an_empty_request_for_a_clean_up_detaches_nothing(sandbox: Sandbox, new_runtime: NewRuntime, lost: str):
    """Bare data over HTTP, or data in binary mode, is an object or nothing that can be acted on."""
    furnish(sandbox)
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": DUE}
    for headers in ({}, {"Content-Type": "application/json"}, binary if lost else {}):
        with pytest.raises(InvalidEvent, match="^body: "):
            handle(Delivery(lost.encode(), Deadline.after(5), CLEANUP, "event-1", headers), new_runtime())
    assert list(sandbox.journal) == []


@pytest.mark.parametrize(
    "event",
    [
        cloudevent(DUE, data={}),
        cloudevent("dev.knative.sources.ping", data={}),
        {name: value for name, value in cloudevent("dev.knative.sources.ping").items() if name != "data"},
        eventbridge("Scheduled Event", detail={}),
        eventbridge("Scheduled Event", source="aws.scheduler", detail="{}"),
        timer(),
        timer(None),
        {name: value for name, value in timer().items() if name != "user_event"},
        timer("{}"),
    ],
)
def test_what_the_platforms_send_for_everything_is_everything(
    sandbox: Sandbox, new_runtime: NewRuntime, event: dict[str, Any]
):
    """A PingSource without data, both of EventBridge's schedules, a timer without text."""
    furnish(sandbox)
    event = {name: value for name, value in event.items() if name != "time"}
    assert handle(delivery(event), new_runtime()).status == "detached"
    assert sandbox.fleet.bindings() == set()


def data_of(kind: Kind) -> dict[str, Any]:
    """Good data of a kind."""
    return {
        EXPIRY: {"certificate_id": CERTIFICATE},
        DECOMMISSION: {"domain": DOMAIN},
        CLEANUP: {},
        "undo": {"undo": [UNDO_LIST[0] | {"certificate_id": CERTIFICATE}]},
    }[kind]


TYPES = {
    EXPIRY: ("apig.certificate.expired", "Certificate Expired"),
    DECOMMISSION: ("apig.domain.decommissioned", "Domain Decommissioned"),
    CLEANUP: (DUE, "Cleanup Due"),
    "undo": ("apig.detach.undo", "Detach Undo"),
}
CARRIED: dict[str, Callable[[Any, Any], Any]] = {
    "bare data": lambda kind, data: data,
    "CloudEvent": lambda kind, data: cloudevent(TYPES[kind][0], data=data),
    "EventBridge": lambda kind, data: eventbridge(TYPES[kind][1], detail=data),
    "SQS": lambda kind, data: sqs(data),
    "SMN": lambda kind, data: smn(data),
    "timer": lambda kind, data: timer(json.dumps(cloudevent(TYPES[kind][0], data=data)), time=None),
    "CloudEvent in SMN in SQS": lambda kind, data: sqs(smn(cloudevent(TYPES[kind][0], data=data))),
}


@pytest.mark.parametrize("carried", CARRIED.values(), ids=CARRIED)
@pytest.mark.parametrize("kind", TYPES)
def test_context_and_dry_run_hold_in_every_kind_and_envelope(
    sandbox: Sandbox, new_runtime: NewRuntime, kind: Kind, carried: Callable[[Any, Any], Any], caplog: Any
):
    """The context reaches each line of the log and the outcome. A dry run changes nothing, and none is ended."""
    furnish(sandbox, not_after=FAR_AHEAD if kind == "undo" else LONG_AGO)
    context = {"ticket": "CHG0031872", "by": {"name": "Zoë"}}
    data = signed_within(data_of(kind), sandbox.project_id) | {"context": context}
    asked = handle(delivery(carried(kind, data | {"dry_run": True}), kind), new_runtime())
    not_ended = handle(delivery(carried(kind, data | {"dry_run": False}), kind), new_runtime(DETACH_DRY_RUN="true"))
    for outcome in (asked.to_dict(), not_ended.to_dict()):
        assert (outcome["dry_run"], outcome["context"]) == (True, context)
        assert outcome["kind"] == kind
    reports = [record for record in caplog.records if record.message == "detach.report"]
    assert [(report.context, report.dry_run) for report in reports] == [(context, True)] * 2
    assert [each.method for each in sandbox.journal.apig() if each.method != "GET"] == []
    assert len(sandbox.fleet.bindings()) == 2


def test_the_context_is_in_the_line_before_the_first_write(sandbox: Sandbox, new_runtime: NewRuntime, caplog: Any):
    """Even if the process dies then, an audit knows the reason."""
    furnish(sandbox)
    context = {"ticket": "CHG0031872"}
    handle(delivery({"domain": DOMAIN, "context": context}, DECOMMISSION), new_runtime())
    lines = [record for record in caplog.records if record.message.startswith("detach.")]
    assert [(line.message, line.context) for line in lines] == [("detach.plan", context), ("detach.report", context)]


def test_dry_run_and_context_go_on_with_the_certificates_of_a_page(sandbox: Sandbox, new_runtime: NewRuntime):
    """What a clean-up hands out is as harmless as itself."""
    furnish(sandbox)
    event = cloudevent(DUE, data={"dry_run": True, "context": {"why": "look"}})
    [handed_out] = plan_cleanup(delivery(event), new_runtime()).certificates
    assert handed_out == {"certificate_id": CERTIFICATE, "dry_run": True, "context": {"why": "look"}}
