"""A clean-up that goes through a broker, as on Knative: one function sends events, another detaches, a third undoes."""

import json
from pathlib import Path

from cloudevents.http import from_http

from sandbox import Sandbox
from tests.platform.framework import framework
from tests.support.broker import broker
from tests.support.fleets import counted_fleet
from tests.support.undo_key import signed
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, furnish

CLEANUP = {
    "ce-specversion": "1.0",
    "ce-id": "tick-1",
    "ce-source": "/apis/v1/namespaces/web/pingsources/cleanup",
    "ce-type": "apig.cleanup.due",
    "content-type": "application/json",
}


def test_each_certificate_goes_through_the_broker_to_the_expiry_function(
    sandbox: Sandbox, environment: dict[str, str], tmp_path: Path
):
    """The broker refuses one event in ten, which is sent again. At the end, everything expired is detached."""
    counted = counted_fleet(2, 20, 3, every=2, shared=3)
    sandbox.reset(counted.fleet)
    (tmp_path / "cleanup").mkdir()
    (tmp_path / "expiry").mkdir()
    with broker(lambda number, _: 503 if number % 10 == 0 else 202) as sink:
        bound = {**environment, "K_SINK": sink.url, "K_CE_OVERRIDES": '{"extensions":{"team":"web"}}'}
        with framework(bound, "scheduled_cleanup", tmp_path / "cleanup") as cleanup:
            answer = cleanup.post(b"{}", CLEANUP)
    reply = from_http(dict(answer.headers), answer.content)
    assert (answer.status_code, reply["type"]) == (200, "apig.detach.completed")
    assert (reply.data["status"], reply.data["emitted"], reply.data["cursor"]) == ("nothing_to_detach", 20, None)
    assert len(sink.deliveries) == 22
    assert sandbox.journal.detaches() == []
    with framework(environment, "certificate_expiry", tmp_path / "expiry") as expiry:
        answers = [expiry.post(event.body, _forwarded(event.headers)) for event in sink.accepted]
        again = [expiry.post(event.body, _forwarded(event.headers)) for event in sink.accepted]
    assert {answer.status_code for answer in answers + again} == {200}
    assert {answer.json()["status"] for answer in answers} == {"detached"}
    assert {answer.json()["status"] for answer in again} == {"nothing_to_detach"}
    assert sandbox.fleet.bindings() == counted.staying


def _forwarded(headers: object) -> dict[str, str]:
    """The headers that a broker passes on: the event's attributes."""
    given = dict(headers)  # type: ignore[call-overload]  # a mapping
    return {name: value for name, value in given.items() if name.startswith("ce-") or name == "content-type"}


def test_undo_answers_for_a_broker(sandbox: Sandbox, environment: dict[str, str], tmp_path: Path):
    """200 with what is attached again; 422 with the API's code for an expired certificate."""
    furnish(sandbox, not_after="P30D")
    before = sandbox.fleet.bindings()
    undo = [
        {
            "certificate_id": CERTIFICATE,
            "domains": [
                {"domain": DOMAIN, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": False}
            ],
        }
    ]
    event = {**CLEANUP, "ce-id": "undo-1", "ce-type": "apig.detach.undo"}
    with framework(environment, "undo", tmp_path) as service:
        for instance_id in (FIRST, SECOND):
            sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)
        undo = signed(undo, sandbox.project_id)
        answer = service.post(json.dumps(undo), event)
        outcome = from_http(dict(answer.headers), answer.content).data
        assert (answer.status_code, outcome["kind"], outcome["status"]) == (200, "undo", "attached")
        assert outcome["certificates"][0]["attached"] == [{"domain": DOMAIN, "instance_ids": [FIRST, SECOND]}]
        assert sandbox.fleet.bindings() == before
        for instance_id in (FIRST, SECOND):
            sandbox.fleet.unbind(CERTIFICATE, DOMAIN, instance_id)
        sandbox.fleet.renew(CERTIFICATE, "-P1D")
        answer = service.post(json.dumps(undo), event)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["error"], answer.json()["error_code"]) == ("Rejected", "APIG.2102")
