"""CloudEvents: structured mode, binary mode, and the headers of an HTTP request."""

import base64
import json
from typing import Any

import pytest

from shared.core.delivery import MAX_BYTES
from shared.core.event_data import ScheduledCleanup
from tests.support.deliveries import (
    CERTIFICATE_ID,
    EXPECTED_ID,
    EXPIRED,
    LEGACY,
    UNDO,
    UNDO_LIST,
    assert_refused,
    assert_understood,
    cloudevent,
    cts,
    eventbridge,
    parsed,
    refused,
    smn,
    sqs,
    timer,
)

TYPES = (
    "apig.certificate.expired, apig.certificate.expiring, apig.domain.decommissioned, apig.cleanup.due,"
    " dev.knative.sources.ping, apig.detach.undo"
)
BINARY = {
    "Ce-Specversion": "1.0",
    "CE-ID": "ce-1",
    "ce-source": "/monitoring",
    "ce-type": "apig.certificate.expired",
    "Content-Type": "application/json; charset=UTF-8",
}
NOT_NULL = "expected an object, not null; leave it out when there is nothing to say"
BODY = json.dumps({"certificate_id": CERTIFICATE_ID}).encode()


def in_base64(encoded: Any, event_type: str = "apig.cleanup.due") -> dict[str, Any]:
    """A CloudEvent whose data is in `data_base64`."""
    event = cloudevent(event_type, data_base64=encoded)
    del event["data"]
    return event


def without_data(event_type: str) -> dict[str, Any]:
    """A CloudEvent that brings no data at all."""
    event = cloudevent(event_type)
    del event["data"]
    return event


@pytest.mark.parametrize(
    ("envelope", "data"),
    [
        (cloudevent("apig.certificate.expired"), EXPIRED),
        (cloudevent("apig.certificate.expiring"), EXPIRED),
        (cloudevent("apig.domain.decommissioned", data={"domain": "legacy.example.com"}), LEGACY),
        (cloudevent("apig.cleanup.due", data={}), ScheduledCleanup()),
        # A PingSource without `data` sends none (Knative's mtping: SetData only when there is some).
        (without_data("apig.cleanup.due"), ScheduledCleanup()),
        (without_data("dev.knative.sources.ping"), ScheduledCleanup()),
        (cloudevent("apig.cleanup.due", data={"cursor": "c"}), ScheduledCleanup(cursor="c")),
        (cloudevent("dev.knative.sources.ping", data={}), ScheduledCleanup()),
        (cloudevent("apig.detach.undo", data=UNDO_LIST), UNDO),
        (cloudevent("apig.detach.undo", data={"status": "detached", "undo": UNDO_LIST}), UNDO),
        (in_base64(base64.b64encode(json.dumps(UNDO_LIST).encode()).decode(), "apig.detach.undo"), UNDO),
    ],
)
def test_every_type_is_understood(envelope: dict[str, Any], data: object) -> None:
    """Each type of contract 3.3 comes out as its kind."""
    assert_understood(envelope, "ce-1", data)


@pytest.mark.parametrize(
    ("envelope", "field", "expected"),
    [
        (cloudevent(specversion="0.3"), "specversion", "expected 1.0, not '0.3'"),
        (cloudevent(specversion=1.0), "specversion", "expected 1.0, not a number"),
        (cloudevent(id=""), "id", "expected text that is not empty, not ''"),
        (cloudevent(id=7), "id", "expected text that is not empty, not a number"),
        (cloudevent(source=None), "source", "expected text that is not empty"),
        (cloudevent(id="a\nb"), "id", "expected 1 to 256 printable characters, not 'a\\nb'"),
        (cloudevent(id="i" * 257), "id", f"expected 1 to 256 printable characters, not '{'i' * 59}"),
        (cloudevent("apig.certificate.renewed"), "type", f"expected {TYPES}, not 'apig.certificate.renewed'"),
        (cloudevent(type=["apig.cleanup.due"]), "type", "expected text that is not empty, not a list"),
        (cloudevent(datacontenttype="text/xml"), "datacontenttype", "expected application/json, not 'text/xml'"),
        (cloudevent(datacontenttype=1), "datacontenttype", "expected application/json, not a number"),
        (cloudevent(data="{}"), "data", "expected an object, not '{}'"),
        (cloudevent(data=[1]), "data", "expected an object, not a list"),
        (cloudevent(data_base64="e30="), "data_base64", "expected either data or data_base64"),
        (cloudevent(data_base64=None), "data_base64", "expected either data or data_base64"),
        (in_base64("e30"), "data_base64", "expected base64 of a JSON object"),
        (in_base64("e30=\n"), "data_base64", "expected base64 of a JSON object"),
        (in_base64(5), "data_base64", "expected base64 of a JSON object"),
        (in_base64("W10="), "data_base64", "expected a JSON object"),
        (in_base64(""), "data_base64", "expected JSON; wrong at line 1 column 1"),
        (in_base64(None), "data_base64", "expected base64 of a JSON object"),
        (cloudevent(data=None), "data", NOT_NULL),
        (cloudevent("apig.cleanup.due", data=None), "data", NOT_NULL),
        (cloudevent("dev.knative.sources.ping", data=None), "data", NOT_NULL),
        (cloudevent("apig.cleanup.due", data=[]), "data", "expected an object"),
        (cloudevent("apig.cleanup.due", data=""), "data", "expected an object, not ''"),
        (cloudevent("apig.cleanup.due", data=0), "data", "expected an object, not a number"),
        (cloudevent("apig.cleanup.due", data=False), "data", "expected an object, not a boolean"),
        # a field of the data beside it
        (cloudevent(domains=["a.example.com"]), "domains", "expected it inside data, not beside it"),
        (
            cloudevent("apig.cleanup.due", data={}, instance_ids=["1" * 32]),
            "instance_ids",
            "expected it inside data, not beside it",
        ),
        (cloudevent(dry_run=True), "dry_run", "expected it inside data, not beside it"),
    ],
)
def test_a_broken_event_says_where(envelope: dict[str, Any], field: str, expected: str) -> None:
    """The error names the attribute. For an unknown type it lists the known ones."""
    assert_refused(envelope, field, expected)


@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.example+json; charset=utf-8", None])
def test_data_may_be_in_base64(content_type: str | None) -> None:
    """`data_base64` is the same data. `datacontenttype` may be absent, or any JSON."""
    encoded = base64.b64encode(json.dumps({"certificate_id": CERTIFICATE_ID}).encode()).decode()
    event = in_base64(encoded, "apig.certificate.expired")
    assert parsed(event | {"datacontenttype": content_type}).data == EXPIRED


def test_binary_mode_has_the_attributes_in_headers() -> None:
    """CloudEvents HTTP binding 3.1: header names are of any case, and the body is the data."""
    event = parsed(BODY, headers=BINARY)
    assert (event.id, event.data) == ("ce-1", EXPIRED)
    no_content_type = {name: value for name, value in BINARY.items() if name != "Content-Type"}
    assert parsed(BODY, headers=no_content_type).data == EXPIRED
    due = {**no_content_type, "ce-type": "apig.cleanup.due"}
    assert parsed(b"", headers=due).data == ScheduledCleanup()
    undo = {**BINARY, "ce-type": "apig.detach.undo"}
    assert parsed(json.dumps(UNDO_LIST).encode(), headers=undo).data == UNDO


@pytest.mark.parametrize(
    ("header", "event_id"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("a%2fb", "a/b"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ('"two words"', "two words"),
        ('"a \\"quoted\\" %20word"', 'a "quoted"  word'),
        ("50%", "50%"),
        ('"', '"'),
    ],
)
def test_header_values_are_percent_decoded_once(header: str, event_id: str) -> None:
    """3.1.3.2: "unescaped with respect to double-quoted strings", then "a single round of percent-decoding"."""
    assert parsed(BODY, headers={**BINARY, "CE-ID": header}).id == event_id


@pytest.mark.parametrize(
    ("headers", "body", "field", "expected"),
    [
        ({"CE-ID": "%C0%A0"}, BODY, "ce-id", "expected percent-encoded UTF-8"),
        ({"CE-ID": ""}, BODY, "id", "expected text that is not empty, not ''"),
        ({"Ce-Specversion": "0.3"}, BODY, "specversion", "expected 1.0, not '0.3'"),
        ({"ce-type": "other"}, BODY, "type", f"expected {TYPES}, not 'other'"),
        ({"Content-Type": "text/xml"}, b"<xml/>", "datacontenttype", "expected application/json, not 'text/xml'"),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]", "content-type",
         "expected one event; batches are not taken, send the events one by one"),
        ({"Content-Type": "application/cloudevents+json"}, b"{}", "specversion", "expected 1.0"),
        ({"Content-Type": "application/cloudevents+json"}, b"{", "body", "expected JSON; wrong at line 1 column 2"),
        ({"ce-dryrun": "true"}, BODY, "ce-dryrun", "expected it inside data, not beside it"),
        ({"CE-InstanceIDs": "x"}, BODY, "ce-instanceids", "expected it inside data, not beside it"),
        ({}, b"[]", "body", "expected a JSON object"),
        ({}, b"{", "body", "expected JSON; wrong at line 1 column 2"),
        ({}, b'{"certificate_id": "../x"}', "data.certificate_id", f"{EXPECTED_ID}, not '../x'"),
        ({}, b"", "data.certificate_id", "expected a certificate id (or a common_name instead)"),
        ({}, b" " * (MAX_BYTES + 1), "body", "expected at most 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_broken_request_says_where(headers: dict[str, str], body: bytes, field: str, expected: str) -> None:
    """The error names the attribute, the header or the field."""
    assert refused(lambda: parsed(body, headers={**BINARY, **headers})) == (field, expected)


def test_binary_mode_without_a_version_is_not_bare_data() -> None:
    """A CloudEvent that lost a header must not become bare data that means everything."""
    headers = {name: value for name, value in BINARY.items() if name != "Ce-Specversion"}
    assert refused(lambda: parsed(b"{}", headers=headers, kind="scheduled_cleanup")) == ("specversion", "expected 1.0")


def test_structured_mode_goes_by_the_content_type() -> None:
    """3.2: a body of application/cloudevents+json is the event, whatever the ce- headers say."""
    body = json.dumps(cloudevent()).encode()
    structured = {"content-type": "Application/CloudEvents+JSON; charset=UTF-8"}
    assert parsed(body, headers=structured).id == "ce-1"
    both = {**BINARY, **structured, "Content-Type": structured["content-type"]}
    assert parsed(body, headers=both).data == EXPIRED
    not_an_event = {"content-type": "application/cloudevents+json"}
    assert refused(lambda: parsed(b"{}", headers=not_an_event, kind="scheduled_cleanup"))[0] == "specversion"


def test_another_request_is_recognised_by_its_body() -> None:
    """Without CloudEvents' headers, the body's own fields tell what it is; bare data is of the function's kind."""
    body = json.dumps(cloudevent()).encode()
    assert parsed(body, headers={"content-type": "application/json"}).id == "ce-1"
    assert parsed(json.dumps(eventbridge()).encode(), headers={}).id == "eb-1"
    bare = parsed(BODY, headers={}, kind="certificate_expiry", default_id="request-1")
    assert (bare.id, bare.data) == ("request-1", EXPIRED)


@pytest.mark.parametrize("kind", [None, "scheduled_cleanup", "certificate_expiry"])
@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        (timer(), "trigger_type"),
        (timer(json.dumps(cloudevent())), "trigger_type"),
        (smn(cloudevent()), "record"),
        (cts(), "cts"),
        (sqs(cloudevent()), "messageId"),
        ({"Records": [sqs(cloudevent())]}, "Records"),
        ({"Records": [sqs(smn(timer()))]}, "Records"),
    ],
)
def test_the_envelopes_of_other_platforms_are_not_taken_over_http(kind: Any, envelope: Any, field: str) -> None:
    """FunctionGraph and SQS call a function by themselves; over HTTP, anyone could pretend to be them."""
    expected = "an envelope of FunctionGraph or SQS is not taken over HTTP; expected a CloudEvent or bare data"
    for headers in ({}, {"Content-Type": "application/json"}):
        assert refused(lambda headers=headers: parsed(json.dumps(envelope), headers=headers, kind=kind)) == (
            field,
            expected,
        )


def test_an_envelope_in_a_cloudevents_data_is_no_envelope() -> None:
    """Nothing inside the data of a CloudEvent or of an EventBridge event is unwrapped, over HTTP or elsewhere."""
    for inner in (timer(), smn(cloudevent()), cts(), {"Records": [sqs(cloudevent())]}):
        event = cloudevent("apig.cleanup.due", data=inner)
        assert refused(lambda event=event: parsed(json.dumps(event), headers={}))[1].startswith("unknown field")
        event = eventbridge("Cleanup Due", detail=inner)
        assert refused(lambda event=event: parsed(json.dumps(event), headers={}))[1].startswith("unknown field")
