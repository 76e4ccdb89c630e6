"""K_SINK: the clean-up sends a broker an event for each certificate, and the expiry function does the work."""

import json
import ssl
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from cloudevents.http import from_http as sdk_from_http

from handlers import carry_out, handle
from sandbox import Sandbox
from shared import settings
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import ConfigurationError, DetachError, Rejected, Unavailable
from shared.core.event_data import Event, ScheduledCleanup
from shared.event_sink import Emitted, EventSink
from shared.telemetry import Report
from shared.transport.send import Transport
from shared.transport.tls import new_client
from shared.wiring import Runtime
from tests.support.broker import Broker, broker
from tests.support.fleets import counted_fleet
from tests.support.listener import listening
from tests.support.world import delivery, send


def clean_up(runtime: Runtime, *, seconds: float = 30.0, **data: Any) -> dict[str, Any]:
    return send(runtime, "scheduled_cleanup", data, seconds=seconds).to_dict()


def told(sink: Broker) -> list[str]:
    """The certificates of the accepted events."""
    return [json.loads(event.body)["certificate_id"] for event in sink.accepted]


def expire_all(sink: Broker, runtime: Runtime) -> Counter[str]:
    """Hand each accepted event to the expiry function, as a broker's trigger does; how the outcomes end."""
    statuses = Counter[str]()
    for event in sink.accepted:
        outcome = handle(Delivery(event.body, Deadline.after(20), "certificate_expiry", headers=event.headers), runtime)
        statuses[outcome.status] += 1
    return statuses


def test_one_event_for_each_expired_certificate_that_is_attached(sandbox: Sandbox, new_runtime):
    """In binary mode, with the attributes of the contract; the clean-up itself writes nothing."""
    counted = counted_fleet(2, 6, 2, every=2)
    sandbox.reset(counted.fleet)
    unbound = sandbox.fleet.add_certificate(
        common_name="unbound.example", not_after="-P1D", instance_id=next(iter(sandbox.fleet.gateways))
    )
    with broker() as sink:
        outcome = clean_up(new_runtime(K_SINK=sink.url, K_CE_OVERRIDES='{"extensions":{"team":"web ops","cost":"42"}}'))
    assert outcome == {
        "event_id": "event-1",
        "kind": "scheduled_cleanup",
        "status": "nothing_to_detach",
        "dry_run": False,
        "certificates": [],
        "undo": [],
        "cursor": None,
        "gateways": [],
        "emitted": 6,
    }
    assert sandbox.journal.detaches() == []
    assert sorted(told(sink)) == sorted(counted.expired)
    assert unbound.id not in told(sink)
    for sent in sink.accepted:
        assert (sent.method, sent.target) == ("POST", "/default/broker")
        assert sent.headers["ce-team"] == "web%20ops"  # CloudEvents HTTP binding 3.1.3.2; the SDK leaves it so
        event = sdk_from_http(dict(sent.headers), sent.body)
        assert (event["specversion"], event["type"]) == ("1.0", "apig.certificate.expired")
        assert (event["source"], event["subject"]) == ("/apig-certificate-detach", event.data["certificate_id"])
        assert (event["cost"], event["datacontenttype"]) == ("42", "application/json")
        assert event.data == {"certificate_id": event["subject"]}


def test_a_broker_that_drops_one_in_ten_gets_each_certificate_all_the_same(sandbox: Sandbox, new_runtime):
    """With 503 for every tenth delivery: each at least once, and the expiry function ends clean."""
    counted = counted_fleet(3, 40, 2, every=1, shared=5)
    sandbox.reset(counted.fleet)
    runtime = new_runtime(DETACH_CONCURRENCY="8")
    with broker(lambda number, _: 503 if number % 10 == 0 else 202) as sink:
        outcome = clean_up(new_runtime(DETACH_CONCURRENCY="8", K_SINK=sink.url))
    assert outcome["emitted"] == 120
    assert len(sink.deliveries) == 133
    assert set(told(sink)) == counted.expired
    assert expire_all(sink, runtime) == {"detached": 120}
    assert sandbox.fleet.bindings() == set()
    sandbox.journal.clear()
    assert expire_all(sink, runtime) == {"nothing_to_detach": 120}
    assert sandbox.journal.detaches() == []


def test_a_repeated_cleanup_sends_the_same_ids(sandbox: Sandbox, new_runtime):
    """A duplicate can be told by source and id; another tick of the schedule is another event."""
    counted = counted_fleet(1, 5, 1, every=1)
    sandbox.reset(counted.fleet)
    with broker() as sink:
        runtime = new_runtime(K_SINK=sink.url)
        for event_id in ("tick-1", "tick-1", "tick-2"):
            event = {"specversion": "1.0", "id": event_id, "source": "/ping", "type": "apig.cleanup.due"}
            handle(delivery(event), runtime)
    ids = [[event.headers["ce-id"] for event in sink.accepted[start : start + 5]] for start in (0, 5, 10)]
    assert {len(each) for each in ids[0]} == {32}
    assert len(set(ids[0])) == 5
    assert sorted(ids[0]) == sorted(ids[1])
    assert set(ids[0]).isdisjoint(ids[2])


EMITTED = Emitted(
    'e 1"%é', "apig.certificate.expired", "c-1", datetime(2026, 2, 3, 6, 0, 12, tzinfo=UTC), {"certificate_id": "c-1"}
)


def test_these_attributes_are_sent():
    """As headers, percent-encoded where the HTTP binding (3.1.3.2) says so and nowhere else."""
    with listening(lambda heard: (299, "")) as sink, new_client(None) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None)
        EventSink(transport, f"{sink.url}/a/b", {"team": "a/b:c;d+e"}).send(EMITTED)
        [heard] = sink.heard
    assert (heard.method, heard.target, json.loads(heard.body)) == ("POST", "/a/b", {"certificate_id": "c-1"})
    assert {name: value for name, value in heard.headers.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": "e%201%22%25%C3%A9",
        "ce-source": "/apig-certificate-detach",
        "ce-type": "apig.certificate.expired",
        "ce-subject": "c-1",
        "ce-time": "2026-02-03T06:00:12Z",
        "ce-team": "a/b:c;d+e",
    }
    assert heard.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "error", "throttled"),
    [
        (404, Unavailable, False),
        (408, Unavailable, False),
        (409, Unavailable, False),
        (429, Unavailable, True),
        (500, Unavailable, False),
        (599, Unavailable, False),
        (400, Rejected, False),
        (430, Rejected, False),
        (499, Rejected, False),
        (300, ConfigurationError, False),
    ],
)
def test_each_refusal_is_one_of_our_errors(status: int, error: type[DetachError], *, throttled: bool):
    """With its status, and what Retry-After says."""
    headers = {"Retry-After": "7"}
    with listening(lambda heard: (status, ""), headers=headers) as sink, new_client(None) as client:
        transport = Transport(client, 5.0, 1, Deadline.after(20), lambda call: None, jitter=lambda: 0.0)
        with pytest.raises(DetachError, match=f"POST K_SINK answered {status}") as raised:
            EventSink(transport, sink.url).send(EMITTED)
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.throttled) == (status, throttled)
    assert raised.value.retry_after == (7.0 if error is Unavailable else 0.0)


@pytest.mark.parametrize("status", [404, 409, 429, 500, 503])
def test_what_the_contract_says_to_retry_is_retried(sandbox: Sandbox, new_runtime, status: int):
    """Knative Eventing Data Plane Contract, "Event Acknowledgement and Delivery Retry"."""
    sandbox.reset(counted_fleet(1, 1, 1, every=1).fleet)
    with broker(lambda number, _: status if number == 1 else 202) as sink:
        assert clean_up(new_runtime(K_SINK=sink.url))["emitted"] == 1
    first, second = sink.deliveries
    assert first.headers["ce-id"] == second.headers["ce-id"]


@pytest.mark.parametrize(("status", "error"), [(400, Rejected), (403, Rejected), (302, ConfigurationError)])
def test_what_it_says_not_to_retry_is_not(sandbox: Sandbox, new_runtime, status: int, error: type[Exception]):
    """One delivery, and the clean-up fails with the certificate named; a redirect is not followed."""
    sandbox.reset(counted_fleet(1, 1, 1, every=1).fleet)
    with broker(lambda _number, _event: status) as sink, pytest.raises(error, match=f"POST K_SINK answered {status}"):
        clean_up(new_runtime(K_SINK=sink.url))
    assert len(sink.deliveries) == 1


def test_what_cannot_be_delivered_fails_the_cleanup_so_that_it_comes_again(sandbox: Sandbox, new_runtime):
    """The other certificates were told; the one that was not is named, and the error is retryable."""
    counted = counted_fleet(1, 5, 1, every=1)
    sandbox.reset(counted.fleet)
    unlucky = max(counted.expired)
    runtime, report, deadline = new_runtime(), Report(), Deadline.after(20)
    with broker(lambda _, event: 503 if unlucky.encode() in event.body else 202) as sink, new_client(None) as client:
        transport = Transport(client, 5.0, 3, deadline, report.call, jitter=lambda: 0.0)
        work = replace(runtime.work(deadline, report.call), sink=EventSink(transport, sink.url))
        outcome = carry_out(Event("event-1", ScheduledCleanup()), work, report)
    assert sorted(told(sink)) == sorted(counted.expired - {unlucky})
    assert len(sink.deliveries) == 4 + 3
    assert (outcome.status, outcome.cleanup.emitted) == ("failed", 4)
    assert [entry.plan.certificate.id for entry in outcome.certificates] == [unlucky]
    assert isinstance(outcome.error, Unavailable)
    assert outcome.error.message == "POST K_SINK answered 503"


def test_a_dry_run_tells_nobody(sandbox: Sandbox, new_runtime):
    """It says what would be detached, as it does without a sink."""
    sandbox.reset(counted_fleet(1, 4, 1, every=2).fleet)
    with broker() as sink:
        outcome = clean_up(new_runtime(K_SINK=sink.url, DETACH_DRY_RUN="true"))
    assert (outcome["status"], len(outcome["certificates"])) == ("dry_run", 2)
    assert sink.deliveries == []


def test_an_https_sink_is_verified(sandbox: Sandbox, new_runtime):
    """By K_CA_CERTS, which the binding sets for a sink with a CA of its own; without it there is no delivery."""
    sandbox.reset(counted_fleet(1, 1, 1, every=1).fleet)
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with broker(tls=context) as sink:
        with pytest.raises(ConfigurationError, match="POST K_SINK: the server's certificate is not trusted"):
            clean_up(new_runtime(K_SINK=sink.url))
        assert sink.deliveries == []
        assert clean_up(new_runtime(K_SINK=sink.url, K_CA_CERTS=ca.cert_pem.bytes().decode()))["emitted"] == 1
    assert len(sink.accepted) == 1


def test_wrong_ca_certificates_are_named(sandbox: Sandbox, new_runtime):
    """Before anything is sent."""
    sandbox.reset(counted_fleet(1, 1, 1, every=1).fleet)
    with pytest.raises(ConfigurationError, match="K_CA_CERTS: expected PEM certificates"):
        clean_up(new_runtime(K_SINK="https://127.0.0.1:9/", K_CA_CERTS="no PEM"))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("K_SINK", "broker.default.svc", "expected an http or https URL without user"),
        ("K_SINK", "ftp://broker/", "expected an http or https URL without user"),
        ("K_SINK", "http://user:word@broker/", "expected an http or https URL without user"),
        ("K_CE_OVERRIDES", "team=web", 'expected JSON such as {"extensions":{"team":"web"}}'),
        ("K_CE_OVERRIDES", '{"extensions":["team"]}', 'expected JSON such as {"extensions":{"team":"web"}}'),
        ("K_CE_OVERRIDES", '{"extensions":{"Team":"web"}}', "in lower case"),
        ("K_CE_OVERRIDES", '{"extensions":{"type":"other"}}', "none of CloudEvents' own"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, expected: str):
    """One error: the variable, and what is allowed."""
    values = {"SECRET_URI": "env:X", name: value}
    with pytest.raises(ConfigurationError) as caught:
        settings.load(values.get, values)
    assert caught.value.message.startswith(f"{name}:")
    assert expected in caught.value.message
    assert "word" not in caught.value.message


@pytest.mark.parametrize("overrides", ["{}", '{"extensions":null}', '{"extensions":{}}'])
def test_empty_overrides_add_nothing(overrides: str):
    """A binding without overrides sets the variable all the same."""
    values = {"SECRET_URI": "env:X", "K_SINK": "http://broker", "K_CE_OVERRIDES": overrides}
    assert settings.load(values.get, values).sink_extensions == {}
