"""Where an event comes from, who sent it and when it happened: each vendor's own words for it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.core.secret import Secret
from tests.support.deliveries import (
    CERTIFICATE_ID,
    assert_refused,
    cloudevent,
    cts,
    eventbridge,
    parsed,
    refused,
    smn,
    sqs,
    timer,
)

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:apig-certificate-detach"
TOPIC = "urn:smn:eu-de:d52e41d2434941b194ce3f91b1b12f8a:apig-certificate-detach"
USER = {"name": "dns-admin", "id": "e14aed517380466cac2d109877a5ac6b", "domain": {"name": "OTC00000000001000100974"}}
MORNING = datetime(2026, 2, 3, 6, 0, 12, tzinfo=UTC)
BARE = {"certificate_id": CERTIFICATE_ID}


@pytest.mark.parametrize(
    ("envelope", "source", "time"),
    [
        (cloudevent(time="2026-02-03T06:00:12Z"), "/monitoring", MORNING),
        (cloudevent(), "/monitoring", None),
        (eventbridge(time="2026-02-03T06:00:12Z"), "com.example", MORNING),
        (timer(time="2026-02-03T07:00:12+01:00"), "Timer_001", MORNING),
        (cts(time=1770098412000, service_type="DNS", user=USER), "DNS/dns-admin/e14aed517380466cac2d109877a5ac6b",
         MORNING),
        (cts(time=1770098412000, service_type="DNS"), "DNS", MORNING),
        (cts(), None, None),
        # the event's own word comes before that of what carried it
        (smn(cloudevent(time="2026-02-03T06:00:12Z"), topic_urn=TOPIC, timestamp="2026-02-05T01:00:00Z"),
         "/monitoring", MORNING),
        (sqs(eventbridge(time="2026-02-03T06:00:12Z"), eventSourceARN=QUEUE, attributes={"SentTimestamp": "1"}),
         "com.example", MORNING),
        (timer(json.dumps(cloudevent(time="2026-02-03T06:00:12Z"))), "/monitoring", MORNING),
        # which serves where the event is silent
        (smn(cloudevent(), topic_urn=TOPIC, timestamp="2026-02-03T06:00:12Z"), "/monitoring", MORNING),
        (sqs(cloudevent(), attributes={"SentTimestamp": "1770098412000"}), "/monitoring", MORNING),
        (sqs(smn(cts(), topic_urn=TOPIC), attributes={"SentTimestamp": "1770098412000"}), TOPIC, MORNING),
        ({"Records": [sqs(timer(trigger_name=None, time=None), eventSourceARN=QUEUE,
                          attributes={"SentTimestamp": "1770098412000"})]}, QUEUE, MORNING),
    ],
)  # fmt: skip
def test_each_envelope_tells_source_and_time(envelope: dict[str, Any], source: str | None, time: Any) -> None:
    """CloudEvents and EventBridge `source`, a timer's name, a topic, a queue; of a trace the service and its user."""
    for raw in (envelope, json.dumps(envelope)):
        event = parsed(raw)
        assert (event.source, event.time, event.sender) == (source, time, None)


def test_bare_data_has_what_carried_it() -> None:
    """Sent straight to a function, nothing is known but who sent it."""
    event = parsed(sqs(BARE, eventSourceARN=QUEUE, attributes={"SentTimestamp": "1770098412000"}),
                   kind="certificate_expiry", sender="AIDAIENQZJOLO23YVJ4VO")  # fmt: skip
    assert (event.source, event.time, event.sender) == (QUEUE, MORNING, "AIDAIENQZJOLO23YVJ4VO")
    event = parsed(BARE, kind="certificate_expiry", sender="AIDAIENQZJOLO23YVJ4VO")
    assert (event.source, event.time, event.sender) == (None, None, "AIDAIENQZJOLO23YVJ4VO")


def test_no_envelope_can_name_its_sender() -> None:
    """Who sent it is the platform's word to the door. What an event says of itself anyone could write."""
    for envelope in (
        cloudevent(sender="admin", authid="admin"),
        sqs(cloudevent(), attributes={"SenderId": "admin"}),
        {"Records": [sqs(cloudevent(), attributes={"SenderId": "admin"})]},
    ):
        assert parsed(envelope).sender is None
        assert parsed(envelope, sender="the real one").sender == "the real one"


def test_binary_mode_brings_source_and_time_in_headers() -> None:
    """`ce-time` alone makes it a CloudEvent, so that one that lost its other headers is not bare data."""
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/m%20x", "ce-type": "apig.cleanup.due"}
    event = parsed(b"", headers={**headers, "CE-Time": "2026-02-03T06:00:12.000Z"})
    assert (event.source, event.time) == ("/m x", MORNING)
    assert refused(lambda: parsed(b"", headers={**headers, "ce-time": "today"}))[0] == "time"
    lost = {"ce-time": "2026-02-03T06:00:12Z"}
    assert refused(lambda: parsed(b"{}", headers=lost, kind="scheduled_cleanup")) == ("specversion", "expected 1.0")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-02-03T06:00:12Z", MORNING),
        ("2026-02-03t06:00:12z", MORNING),
        ("2026-02-03 06:00:12+00:00", MORNING),
        ("2026-02-03T08:00:12+02:00", MORNING),
        ("2026-02-03T06:00:12.5Z", MORNING.replace(microsecond=500000)),
        ("2026-02-03T06:00:12.1679311Z", MORNING.replace(microsecond=167931)),
        ("2026-02-03T06:00:12.167931974z", MORNING.replace(microsecond=167931)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
@pytest.mark.usefixtures("far_east")
def test_times_are_rfc_3339(written: str, moment: datetime) -> None:
    """Of any offset, with up to nine digits of a second; they are told in UTC, wherever this machine stands."""
    time = parsed(cloudevent(time=written)).time
    assert time is not None
    assert time.isoformat() == moment.isoformat()
    assert parsed(cloudevent(time=written)).time == moment
    assert parsed(eventbridge(time=written)).time == moment
    assert parsed(timer(time=written)).time == moment
    assert parsed(smn(cts(), timestamp=written)).time == moment
    assert parsed(cts(time=written)).time == moment


@pytest.mark.parametrize(
    "value",
    ["", " ", "yesterday", "2026-02-03", "2026-02-03T06:00:12", "2026-02-30T06:00:12Z", "2026-02-03T25:00:12Z",
     "20260203T060012Z", "2026-02-03T06:00:12+25:00", "0001-01-01T00:00:00+14:00", "2026-02-03T06:00:12Z\n",
     "\u0662026-02-03T06:00:12Z", 0, 1770098412, 1.5, True, [], {}, "Tue Feb 03 2026 07:00:12 GMT+0100 (CET)"],
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_refused(value: Any) -> None:
    """It may be the proof that the event is old. The error names the field as its sender wrote it."""
    for envelope, field in (
        (cloudevent(time=value), "time"),
        (eventbridge(time=value), "time"),
        (timer(time=value), "time"),
        (smn(cloudevent(), timestamp=value), "record[0].smn.timestamp"),
    ):
        told, message = refused(lambda envelope=envelope: parsed(envelope))
        assert (told, message.partition(", not ")[0]) == (
            field,
            "expected an RFC 3339 time such as 2026-02-03T06:00:12Z",
        )


@pytest.mark.parametrize(
    "written",
    [1770098412000, "1770098412000", 1770098412, "1770098412", "2026/02/03 14:00:12 GMT+08:00",
     "2026/02/03 06:00:12 GMT+00:00", "2026-02-03T06:00:12Z"],
)  # fmt: skip
def test_a_trace_has_its_time_in_one_of_several_forms(written: Any) -> None:
    """Epoch milliseconds (real samples), epoch seconds and a text with the offset (older samples)."""
    assert parsed(cts(time=written)).time == MORNING


@pytest.mark.parametrize(
    "value", ["", "2026/02/03 14:00:12", "2026/02/30 14:00:12 GMT+08:00", "1e12", "-5", -5, 1.5e12, True, [], 10**17]
)
def test_a_traces_time_that_cannot_be_read_is_refused(value: Any) -> None:
    """The same for a trace."""
    told, message = refused(lambda: parsed(cts(time=value)))
    assert (told, message.partition(", not ")[0]) == ("cts.time", "expected epoch milliseconds")


def test_the_time_of_a_message_is_that_of_sqs() -> None:
    """`SentTimestamp` is text of epoch milliseconds, also small ones."""
    first = parsed(sqs(cloudevent(), attributes={"SentTimestamp": "5000"})).time
    assert first == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert parsed(sqs(cloudevent(), attributes={})).time is None
    bad = sqs(cloudevent(), attributes={"SentTimestamp": "soon"})
    assert_refused(bad, "attributes.SentTimestamp", "expected epoch milliseconds, not 'soon'")


def test_what_is_only_for_the_reader_is_made_fit_and_never_refused() -> None:
    """At most 256 printable characters, secrets struck out before the cut."""
    secret = Secret("hunter2-hunter2")
    assert parsed(cloudevent(source="s" * 300)).source == "s" * 256
    assert parsed(cloudevent(source="a\nb\x1b[31m")).source == "a\ufffdb\ufffd[31m"
    assert parsed(eventbridge(source=7)).source is None
    event = parsed(cloudevent(source="s" * 246 + secret.reveal()), sender="x" * 250 + secret.reveal())
    assert event.source == "s" * 246 + "<secret>"
    assert event.sender == "x" * 250 + "<secre"


def test_an_error_shows_no_part_of_a_secret() -> None:
    """A value and a field's name are struck out before they are cut."""
    secret = Secret("a-secret-that-is-longer-than-what-an-error-shows-of-a-value-0123456789")
    for call in (
        lambda: parsed(cloudevent(secret.reveal())),
        lambda: parsed(cloudevent(time="x" * 40 + secret.reveal())),
        lambda: parsed({secret.reveal(): 1}, kind="scheduled_cleanup"),
        lambda: parsed({"domain": secret.reveal()}, kind="domain_decommission"),
        lambda: parsed(json.dumps({"k": 1})[:-1] + f', "{secret.reveal()}": 1, "{secret.reveal()}": 2}}'),
    ):
        field, message = refused(call)
        assert "a-secret" not in field + message
        assert "<secret>" in field + message


def test_an_unknown_field_is_never_repeated_at_length() -> None:
    """Its name is as long as its sender likes."""
    field, message = refused(lambda: parsed({"f" * 100_000: 1}, kind="scheduled_cleanup"))
    assert field == "f" * 60
    assert message.startswith("unknown field; expected one of")
