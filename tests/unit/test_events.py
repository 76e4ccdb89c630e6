"""Any envelope → one frozen event, or one InvalidEvent that names the field."""

import base64
import copy
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InvalidEvent
from shared.events import MAX_BYTES, from_http, parse
from shared.models import CertificateExpiry, DomainDecommission, DomainEntry, ScheduledCleanup

CERTIFICATE_ID = "a27be832f2e9441c8127fe48e3b5ac67"
GATEWAY = "7d39549681c54d968ec2910da9da95cd"
EXPECTED_ID = "expected 32 lower-case hex digits or a UUID"
EXPECTED_NAME = "expected a domain name such as api.example.com or *.example.com"
EXPIRED = CertificateExpiry(certificate_id=CERTIFICATE_ID)
LEGACY = DomainDecommission(domain="legacy.example.com")


def cloudevent(event_type: str = "apig.certificate.expired", **changes: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "ce-1", "source": "/monitoring", "type": event_type}
    return {**event, "data": {"certificate_id": CERTIFICATE_ID}, **changes}


def eventbridge(detail_type: str = "Certificate Expired", **changes: Any) -> dict[str, Any]:
    event = {"version": "0", "id": "eb-1", "detail-type": detail_type, "source": "com.example"}
    return {**event, "detail": {"certificate_id": CERTIFICATE_ID}, **changes}


def timer(user_event: Any = "", **changes: Any) -> dict[str, Any]:
    event = {"version": "v1.0", "time": "2023-06-01T08:30:00+08:00", "trigger_type": "TIMER"}
    return {**event, "trigger_name": "Timer_001", "user_event": user_event, **changes}


def smn(message: Any, message_id: Any = "a51671f77d4a479cacb09e2cd591a983") -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"record": [{"event_source": "smn", "smn": {"message": text, "message_id": message_id}}]}


def cts(trace_name: str = "deletePublicRecordSet", **changes: Any) -> dict[str, Any]:
    trace = {"trace_id": "cts-1", "trace_name": trace_name, "trace_rating": "normal", "code": 0}
    return {"cts": {**trace, "resource_name": "legacy.example.com.", "request": {}, "response": "", **changes}}


def sqs(body: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": "sqs-1", "body": text, "eventSource": "aws:sqs"}


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        call()
    message = caught.value.message
    assert message.startswith(f"{caught.value.field}: ")
    assert caught.value.__cause__ is None
    return caught.value.field, message.removeprefix(f"{caught.value.field}: ")


@pytest.mark.parametrize(
    ("envelope", "event_id", "data"),
    [
        # CloudEvents `type`
        (cloudevent("apig.certificate.expired"), "ce-1", EXPIRED),
        (cloudevent("apig.certificate.expiring"), "ce-1", EXPIRED),
        (cloudevent("apig.domain.decommissioned", data={"domain": "legacy.example.com"}), "ce-1", LEGACY),
        (cloudevent("apig.cleanup.due", data={}), "ce-1", ScheduledCleanup()),
        (cloudevent("apig.cleanup.due", data={"cursor": "c"}), "ce-1", ScheduledCleanup(cursor="c")),
        (cloudevent("dev.knative.sources.ping", data={}), "ce-1", ScheduledCleanup()),
        # EventBridge `detail-type`
        (eventbridge("Certificate Expired"), "eb-1", EXPIRED),
        (eventbridge("Certificate Expiring"), "eb-1", EXPIRED),
        (eventbridge("Domain Decommissioned", detail={"domain": "legacy.example.com"}), "eb-1", LEGACY),
        (
            eventbridge("Cleanup Due", detail={"instance_ids": [GATEWAY]}),
            "eb-1",
            ScheduledCleanup(instance_ids=(GATEWAY,)),
        ),
        (eventbridge("Scheduled Event", detail={}), "eb-1", ScheduledCleanup()),
        (
            eventbridge("ACM Certificate Expired", detail={"CommonName": "apigtest.example.com"}),
            "eb-1",
            CertificateExpiry(common_name="apigtest.example.com"),
        ),
        (
            eventbridge(
                "ACM Certificate Approaching Expiration", detail={"DaysToExpiry": 31, "CommonName": "*.a.example"}
            ),
            "eb-1",
            CertificateExpiry(common_name="*.a.example"),
        ),
        # FunctionGraph
        (timer(), "Timer_001 2023-06-01T08:30:00+08:00", ScheduledCleanup()),
        (timer("Hello world"), "Timer_001 2023-06-01T08:30:00+08:00", ScheduledCleanup()),
        (timer(cloudevent()), "ce-1", EXPIRED),
        (smn(cloudevent()), "ce-1", EXPIRED),
        (smn(eventbridge()), "eb-1", EXPIRED),
        (smn(timer()), "a51671f77d4a479cacb09e2cd591a983", ScheduledCleanup()),
        (cts("deletePublicRecordSet"), "cts-1", LEGACY),
        (cts("deletePrivateRecordSet"), "cts-1", LEGACY),
        (cts("deletePublicZone"), "cts-1", LEGACY),
        (cts("deletePrivateZone"), "cts-1", LEGACY),
        # SQS
        (sqs(cloudevent()), "ce-1", EXPIRED),
        (sqs(eventbridge()), "eb-1", EXPIRED),
        (sqs(timer()), "sqs-1", ScheduledCleanup()),
        ({"Records": [sqs(eventbridge())]}, "eb-1", EXPIRED),
        (sqs(smn(cloudevent())), "ce-1", EXPIRED),
    ],
)
def test_every_envelope_of_the_contract(envelope: dict[str, Any], event_id: str, data: object) -> None:
    """Every row of contract 3.3 comes out as its kind, as text, as bytes and as a platform decodes it."""
    if isinstance(envelope.get("user_event"), dict):
        envelope = {**envelope, "user_event": json.dumps(envelope["user_event"])}
    for raw in (envelope, json.dumps(envelope), json.dumps(envelope, ensure_ascii=False).encode()):
        event = parse(raw)
        assert (event.id, event.data) == (event_id, data)
        assert type(event.data) is type(data)


def test_event_is_frozen() -> None:
    """Nobody after this step can widen an event."""
    event = parse(cloudevent())
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.id = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        event.data.instance_ids = None


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID}, EXPIRED),
        ("certificate_expiry", {"certificate_id": CERTIFICATE_ID, "anything": {"else": 1.5}}, EXPIRED),
        (
            "certificate_expiry",
            {"common_name": "a.example.com", "domains": ["b.example.com"], "instance_ids": [GATEWAY]},
            CertificateExpiry(
                common_name="a.example.com",
                domains=(DomainEntry(domain="b.example.com"),),
                instance_ids=(GATEWAY,),
            ),
        ),
        ("domain_decommission", {"domain": "legacy.example.com"}, LEGACY),
        (
            "domain_decommission",
            {
                "domains": [{"domain": "a.example", "verified_client_certificate_enabled": True}],
                "certificate_id": CERTIFICATE_ID,
            },
            DomainDecommission(
                domains=(DomainEntry(domain="a.example", verified_client_certificate_enabled=True),),
                certificate_id=CERTIFICATE_ID,
            ),
        ),
        ("scheduled_cleanup", {}, ScheduledCleanup()),
        ("scheduled_cleanup", {"instance_ids": [GATEWAY]}, ScheduledCleanup(instance_ids=(GATEWAY,))),
    ],
)
def test_bare_data_goes_to_a_function_of_its_kind(kind: Any, data: dict[str, Any], expected: object) -> None:
    """Bare data is taken as it is, also inside SQS and SMN; other fields are ignored."""
    assert parse(data, kind=kind, default_id="request-1") == parse(json.dumps(data), kind=kind, default_id="request-1")
    event = parse(data, kind=kind, default_id="request-1")
    assert (event.id, event.data) == ("request-1", expected)
    in_sqs, in_smn = parse(sqs(data), kind=kind), parse(smn(data), kind=kind)
    assert (in_sqs.id, in_sqs.data) == ("sqs-1", expected)
    assert (in_smn.id, in_smn.data) == ("a51671f77d4a479cacb09e2cd591a983", expected)


def test_bare_data_needs_a_kind() -> None:
    """The function for every kind cannot guess which one bare data is for."""
    message = "expected an envelope that tells it; bare data is for a function of one kind"
    assert refused(lambda: parse({"certificate_id": CERTIFICATE_ID})) == ("type", message)
    assert refused(lambda: parse({})) == ("type", message)
    assert refused(lambda: parse(sqs({}))) == ("type", message)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("API.Example.COM", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example.", "xn--bcher-kva.example"),
        ("*.Shop.example.com", "*.shop.example.com"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
    ],
)
def test_names_come_out_in_one_form(written: str, read: str) -> None:
    """Case, a trailing dot and IDNA make no difference; a wildcard stays one."""
    assert parse({"domain": written}, kind="domain_decommission").data == DomainDecommission(domain=read)
    assert parse(cts(resource_name=written)).data == DomainDecommission(domain=read)
    acm = eventbridge("ACM Certificate Expired", detail={"CommonName": written})
    assert parse(acm).data == CertificateExpiry(common_name=read)


@pytest.mark.parametrize(
    "name",
    ["", ".", "localhost", "a b.example", "a..example", "foo.*.example", "**.example", "*example.com", "a.example/x",
     "http://a.example", "a.example:443", "-a.example", "a" * 64 + ".example", "x." * 200 + "example", "\ud800.example",
     "\u200d.example"],
)  # fmt: skip
def test_what_is_no_name(name: str) -> None:
    """A text that is no domain name is refused, wherever it stands."""
    field, message = refused(lambda: parse({"domain": name}, kind="domain_decommission"))
    assert (field, message.partition(", not ")[0]) == ("domain", EXPECTED_NAME)
    acm = eventbridge("ACM Certificate Expired", detail={"CommonName": name})
    assert refused(lambda: parse(acm))[0] == "detail.CommonName"
    assert refused(lambda: parse(cts(resource_name=name)))[0] == "cts.resource_name"


@pytest.mark.parametrize(
    ("data", "field", "expected"),
    [
        ({}, "certificate_id", "expected a certificate id (or a common_name instead)"),
        ({"certificate_id": None}, "certificate_id", "expected a certificate id (or a common_name instead)"),
        ({"certificate_id": 27}, "certificate_id", f"{EXPECTED_ID}, not a number"),
        ({"certificate_id": True}, "certificate_id", f"{EXPECTED_ID}, not a boolean"),
        ({"certificate_id": ["a"]}, "certificate_id", f"{EXPECTED_ID}, not a list"),
        ({"certificate_id": {"id": "a"}}, "certificate_id", f"{EXPECTED_ID}, not an object"),
        ({"certificate_id": ""}, "certificate_id", f"{EXPECTED_ID}, not ''"),
        ({"certificate_id": "../detach"}, "certificate_id", f"{EXPECTED_ID}, not '../detach'"),
        ({"certificate_id": "a%2fb"}, "certificate_id", f"{EXPECTED_ID}, not 'a%2fb'"),
        (
            {"certificate_id": CERTIFICATE_ID.upper()},
            "certificate_id",
            f"{EXPECTED_ID}, not 'A27BE832F2E9441C8127FE48E3B5AC67'",
        ),
        (
            {"certificate_id": CERTIFICATE_ID + "\n"},
            "certificate_id",
            f"{EXPECTED_ID}, not 'a27be832f2e9441c8127fe48e3b5ac67\\n'",
        ),
        ({"common_name": 1}, "common_name", f"{EXPECTED_NAME}, not a number"),
        ({"common_name": "no name"}, "common_name", f"{EXPECTED_NAME}, not 'no name'"),
        ({"common_name": "a.b", "instance_ids": []}, "instance_ids", "expected a list of at least one gateway id"),
        (
            {"common_name": "a.b", "instance_ids": GATEWAY},
            "instance_ids",
            "expected a list of at least one gateway id, not '7d39549681c54d968ec2910da9da95cd'",
        ),
        ({"common_name": "a.b", "instance_ids": ["common"]}, "instance_ids[0]", f"{EXPECTED_ID}, not 'common'"),
        ({"common_name": "a.b", "instance_ids": [GATEWAY, 5]}, "instance_ids[1]", f"{EXPECTED_ID}, not a number"),
        ({"common_name": "a.b", "domains": []}, "domains", "expected a list of at least one domain"),
        ({"common_name": "a.b", "domains": {}}, "domains", "expected a list of at least one domain, not an object"),
        (
            {"common_name": "a.b", "domains": [7]},
            "domains[0]",
            "expected a domain name, or an object with one as its domain, not a number",
        ),
        ({"common_name": "a.b", "domains": ["a.b", "x"]}, "domains[1].domain", f"{EXPECTED_NAME}, not 'x'"),
        ({"common_name": "a.b", "domains": [{}]}, "domains[0].domain", EXPECTED_NAME),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "instance_ids": [GATEWAY, "../x"]}]},
            "domains[0].instance_ids[1]",
            f"{EXPECTED_ID}, not '../x'",
        ),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "instance_ids": []}]},
            "domains[0].instance_ids",
            "expected a list of at least one gateway id",
        ),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "verified_client_certificate_enabled": "true"}]},
            "domains[0].verified_client_certificate_enabled",
            "expected true or false, not 'true'",
        ),
    ],
)
def test_bad_field_is_named_in_the_senders_words(data: dict[str, Any], field: str, expected: str) -> None:
    """One error, with the place as the sender wrote it and what was expected there in plain words."""
    assert refused(lambda: parse(data, kind="certificate_expiry")) == (field, expected)
    assert refused(lambda: parse(cloudevent(data=data))) == (f"data.{field}", expected)
    assert refused(lambda: parse(eventbridge(detail=data))) == (f"detail.{field}", expected)
    assert refused(lambda: parse(timer(json.dumps(data)), kind="certificate_expiry")) == (
        f"user_event.{field}",
        expected,
    )


@pytest.mark.parametrize(
    ("kind", "data", "field", "expected"),
    [
        ("domain_decommission", {}, "domain", "expected either domain or domains"),
        ("domain_decommission", {"domain": "a.b", "domains": ["a.b"]}, "domain", "expected either domain or domains"),
        ("scheduled_cleanup", {"cursor": ""}, "cursor", "expected 1 to 1024 characters of text, not ''"),
        ("scheduled_cleanup", {"cursor": 3}, "cursor", "expected 1 to 1024 characters of text, not a number"),
        ("scheduled_cleanup", {"instance_ids": []}, "instance_ids", "expected a list of at least one gateway id"),
        ("scheduled_cleanup", {"instance_ids": [None]}, "instance_ids[0]", EXPECTED_ID),
    ],
)
def test_bad_field_of_the_other_kinds(kind: Any, data: dict[str, Any], field: str, expected: str) -> None:
    """The rules of whole models come out at the field that they are about."""
    assert refused(lambda: parse(data, kind=kind)) == (field, expected)


@pytest.mark.parametrize(
    ("envelope", "field", "expected"),
    [
        # CloudEvents
        (cloudevent(specversion="0.3"), "specversion", "expected 1.0, not '0.3'"),
        (cloudevent(specversion=1.0), "specversion", "expected 1.0, not a number"),
        (cloudevent(id=""), "id", "expected text that is not empty, not ''"),
        (cloudevent(id=7), "id", "expected text that is not empty, not a number"),
        (cloudevent(source=None), "source", "expected text that is not empty"),
        (cloudevent(id="a\nb"), "id", "expected 1 to 256 printable characters, not 'a\\nb'"),
        (cloudevent(id="i" * 257), "id", f"expected 1 to 256 printable characters, not '{'i' * 59}"),
        (
            cloudevent("apig.certificate.renewed"),
            "type",
            ("expected apig.certificate.expired, apig.certificate.expiring, apig.domain.decommissioned, "
            "apig.cleanup.due, dev.knative.sources.ping, apig.detach.undo, not 'apig.certificate.renewed'"),
        ),
        (cloudevent(type=["apig.cleanup.due"]), "type", "expected text that is not empty, not a list"),
        (cloudevent(datacontenttype="text/xml"), "datacontenttype", "expected application/json, not 'text/xml'"),
        (cloudevent(datacontenttype=1), "datacontenttype", "expected application/json, not a number"),
        (cloudevent(data="{}"), "data", "expected an object, not '{}'"),
        (cloudevent(data=[1]), "data", "expected an object, not a list"),
        (cloudevent(data_base64="e30="), "data_base64", "expected either data or data_base64"),
        (cloudevent(data=None, data_base64="e30"), "data_base64", "expected base64 of a JSON object"),
        (cloudevent(data=None, data_base64="e30=\n"), "data_base64", "expected base64 of a JSON object"),
        (cloudevent(data=None, data_base64=5), "data_base64", "expected base64 of a JSON object"),
        (cloudevent(data=None, data_base64="W10="), "data_base64", "expected a JSON object"),
        (cloudevent(data=None), "data.certificate_id", "expected a certificate id (or a common_name instead)"),
        # EventBridge
        (
            eventbridge("ACM Certificate Available"),
            "detail-type",
            ("expected Certificate Expired, Certificate Expiring, ACM Certificate Expired, "
            "ACM Certificate Approaching Expiration, Domain Decommissioned, Cleanup Due, Scheduled Event, Detach Undo, "
            "not 'ACM Certificate Available'"),
        ),
        (eventbridge(detail=None), "detail", "expected an object"),
        (eventbridge(detail="{}"), "detail", "expected an object, not '{}'"),
        (eventbridge(id=5), "id", "expected 1 to 256 printable characters, not a number"),
        (eventbridge(id=""), "id", "expected 1 to 256 printable characters, not ''"),
        (eventbridge("ACM Certificate Expired", detail={}), "detail.CommonName", EXPECTED_NAME),
        (
            eventbridge("ACM Certificate Expired", detail={"CommonName": "My Awesome Service"}),
            "detail.CommonName",
            f"{EXPECTED_NAME}, not 'My Awesome Service'",
        ),
        # TIMER: a narrowing that cannot be read must never widen to everything
        (timer('{"instance_ids": ["x"'), "user_event", "expected JSON; wrong at line 1 column 22"),
        (timer("[1]"), "user_event", "expected a JSON object, not a list"),
        (timer("\ufeff {}"), "user_event", "expected JSON; wrong at line 1 column 1"),
        (timer(json.dumps('{"instance_ids": []}')), "user_event",
         "expected a JSON object, not '{\"instance_ids\": []}'"),
        (timer('{"instance_ids": []}'), "user_event.instance_ids", "expected a list of at least one gateway id"),
        (timer(f'{{"certificate_id": "{CERTIFICATE_ID}"}}'), "user_event.certificate_id",
         "expected an envelope around it that tells the type"),
        (timer(7), "user_event", "expected text, not a number"),
        (timer(trigger_type="DDS"), "trigger_type", "expected TIMER, not 'DDS'"),
        # SMN
        ({"record": []}, "record", "expected exactly one message with a text; SQS batches go to the Lambda door"),
        ({"record": smn("{}")["record"] * 2}, "record",
         "expected exactly one message with a text; SQS batches go to the Lambda door"),
        ({"record": [{"smn": {"message": {}}}]}, "record",
         "expected exactly one message with a text; SQS batches go to the Lambda door"),
        (smn("this is smn message content"), "record[0].smn.message", "expected JSON; wrong at line 1 column 1"),
        # CTS
        (
            cts("BatchDisassociateDomains"),
            "cts.trace_name",
            ("expected deletePublicRecordSet, deletePrivateRecordSet, deletePublicZone, deletePrivateZone, "
            "not 'BatchDisassociateDomains'"),
        ),
        (cts(trace_rating="warning"), "cts.trace_rating",
         "expected an operation that succeeded; nothing was decommissioned"),
        (cts(trace_rating="incident"), "cts.trace_rating",
         "expected an operation that succeeded; nothing was decommissioned"),
        (cts(response={"type": "TXT"}), "cts", "expected a record of type A, AAAA or CNAME, not 'TXT'"),
        (cts(request='{"type": "MX"}'), "cts", "expected a record of type A, AAAA or CNAME, not 'MX'"),
        (cts(resource_name="ff8080825b8fc86c"), "cts.resource_name", f"{EXPECTED_NAME}, not 'ff8080825b8fc86c'"),
        (cts(trace_id=9), "cts.trace_id", "expected 1 to 256 printable characters, not a number"),
        # SQS
        ({"messageId": "sqs-1"}, "body", "expected exactly one message with a text; SQS batches go to the Lambda door"),
        (sqs("{"), "body", "expected JSON; wrong at line 1 column 2"),
        ({"Records": []}, "Records", "expected exactly one message with a text; SQS batches go to the Lambda door"),
        ({"Records": [sqs({}), sqs({})]}, "Records",
         "expected exactly one message with a text; SQS batches go to the Lambda door"),
        ({"Records": [{"s3": {}}]}, "Records",
         "expected exactly one message with a text; SQS batches go to the Lambda door"),
    ],
)  # fmt: skip
def test_bad_envelope(envelope: dict[str, Any], field: str, expected: str) -> None:
    """An envelope that is broken says where; for an unknown type, what is understood."""
    assert refused(lambda: parse(envelope)) == (field, expected)
    assert refused(lambda: parse(json.dumps(envelope))) == (field, expected)


@pytest.mark.parametrize(
    ("kind", "envelope", "field", "expected"),
    [
        ("scheduled_cleanup", cloudevent(), "type",
         "expected apig.cleanup.due, dev.knative.sources.ping, not 'apig.certificate.expired'"),
        (
            "domain_decommission",
            eventbridge(),
            "detail-type",
            "expected Domain Decommissioned, not 'Certificate Expired'",
        ),
        (
            "certificate_expiry",
            cts(),
            "cts.trace_name",
            "expected an event for certificate_expiry, not 'deletePublicRecordSet'",
        ),
        (
            "certificate_expiry",
            timer(),
            "user_event.certificate_id",
            "expected a certificate id (or a common_name instead)",
        ),
        ("domain_decommission", smn(cloudevent()), "type",
         "expected apig.domain.decommissioned, not 'apig.certificate.expired'"),
    ],
)  # fmt: skip
def test_function_of_one_kind_takes_only_that(kind: Any, envelope: dict[str, Any], field: str, expected: str) -> None:
    """An event of another kind is refused, not bent into this one."""
    assert refused(lambda: parse(envelope, kind=kind)) == (field, expected)


def test_timer_of_a_function_of_one_kind() -> None:
    """A timer's JSON is the data of the function's kind."""
    event = parse(timer('{"domain": "legacy.example.com"}'), kind="domain_decommission", default_id="request-1")
    assert (event.id, event.data) == ("request-1", LEGACY)


@pytest.mark.parametrize(
    "places",
    [
        {"resource_name": "legacy.example.com."},
        {"resource_name": "", "response": {"name": "legacy.example.com.", "type": "CNAME"}},
        {"resource_name": None, "response": '{"name": "legacy.example.com.", "type": "AAAA"}'},
        {"resource_name": "2c9eb15558722857", "response": "", "request": {"name": "legacy.example.com."}},
        {"resource_name": 3, "response": "not JSON", "request": '{"name": "legacy.example.com", "type": "a"}'},
        {"resource_name": "", "message": "DELETE /v2/zones/1, delete record set[legacy.example.com.]"},
        {"trace_rating": None, "code": 204},
        {"trace_name": "deletePublicZone", "response": {"name": "other.example.com.", "type": "public"}},
    ],
)
def test_trace_names_its_domain_in_several_places(places: dict[str, Any]) -> None:
    """The resource's name first, then the response's, the request's, and what stands in brackets in the message."""
    assert parse(cts(**places)).data == LEGACY


def test_zone_stands_for_its_apex_only() -> None:
    """Deleting a zone decommissions the zone's own name; the names below it are other events."""
    assert parse(cts("deletePublicZone", resource_name="example.com.")).data == DomainDecommission(domain="example.com")


@pytest.mark.parametrize(
    "message",
    ["DELETE [legacy.example.com], which is not the end", "[test4]", "legacy.example.com", "[" * 100_000, 5],
)
def test_trace_without_a_name(message: Any) -> None:
    """No name is guessed from a message that does not end in one."""
    assert refused(lambda: parse(cts(resource_name="", message=message)))[0] == "cts.resource_name"


def test_event_id_falls_back() -> None:
    """The event's own id first, then the one of what carried it, the door's, and a digest of the content."""
    without = eventbridge()
    del without["id"]
    assert parse(without, default_id="request-1").id == "request-1"
    assert parse(sqs(without), default_id="request-1").id == "sqs-1"
    assert parse(smn(without, message_id=None), default_id="request-1").id == "request-1"
    assert parse(cts(trace_id=""), default_id="request-1").id == "request-1"
    assert parse(eventbridge(), default_id="request-1").id == "eb-1"
    assert parse({}, kind="scheduled_cleanup").id == "44136fa355b3678a1146ad16f7e8649e"
    one = parse({"cursor": "c", "note": "é"}, kind="scheduled_cleanup").id
    assert one == parse('{"note": "\\u00e9",  "cursor": "c"}', kind="scheduled_cleanup").id
    assert one != parse({"cursor": "d", "note": "é"}, kind="scheduled_cleanup").id
    assert refused(lambda: parse({}, kind="scheduled_cleanup", default_id="a\x00"))[0] == "id"
    assert refused(lambda: parse({}, kind="scheduled_cleanup", default_id="a" * 257))[0] == "id"
    assert parse({}, kind="scheduled_cleanup", default_id="a" * 256).id == "a" * 256


def test_envelopes_inside_envelopes_are_bounded() -> None:
    """Three are read, the fourth is refused."""
    assert parse(sqs(smn(timer(json.dumps({})))), kind="scheduled_cleanup").data == ScheduledCleanup()
    assert parse(sqs(smn(cloudevent()))).data == EXPIRED
    expected = "expected at most 3 envelopes, one inside the other"
    assert refused(lambda: parse(sqs(sqs(sqs(cloudevent()))))) == ("body", expected)
    assert refused(lambda: parse(sqs(sqs(smn(cloudevent()))))) == ("record[0].smn.message", expected)
    assert refused(lambda: parse(sqs(sqs(timer(json.dumps(cloudevent())))))) == ("user_event", expected)
    bottomless: dict[str, Any] = cloudevent()
    for _ in range(12):
        bottomless = sqs(bottomless)
    assert refused(lambda: parse(bottomless)) == ("body", expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "expected JSON; wrong at line 1 column 1"),
        (b"hello", "expected JSON; wrong at line 1 column 1"),
        (b'{\n "a": }', "expected JSON; wrong at line 2 column 7"),
        (b'{"a": 1} {"b": 2}', "expected JSON; wrong at line 1 column 10"),
        (b"{'a': 1}", "expected JSON; wrong at line 1 column 2"),
        (b"\xef\xbb\xbf{}", "expected JSON; wrong at line 1 column 1"),
        (b'{"a": "\xff"}', "expected UTF-8; wrong at position 7"),
        ("{}".encode("utf-16"), "expected UTF-8; wrong at position 0"),
        ('{"a": "\ud800"}', "expected UTF-8; wrong at position 7"),
        (b"[]", "expected a JSON object"),
        (b'[{"specversion": "1.0"}]', "expected a JSON object, not a list"),
        (b'"text"', "expected a JSON object, not 'text'"),
        (b"null", "expected a JSON object"),
        (b"12", "expected a JSON object, not a number"),
        (b'{"a": NaN}', "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": -Infinity}', "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "expected a JSON object, at most 64 levels, no NaN or big number"),
        (b'{"a": 1, "a": 1}', "expected each key once, not 'a' twice"),
        (b'{"x": [{"instance_ids": [], "b": 1, "instance_ids": null}]}',
         "expected each key once, not 'instance_ids' twice"),
        (b'{"a": "' + b"x" * MAX_BYTES + b'"}', "expected at most 1048576 bytes"),
        ('{"a": "' + "é" * (MAX_BYTES // 2) + '"}', "expected at most 1048576 bytes"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "expected at most 64 levels of objects and lists"),
        (b'{"a": ' * 65 + b"1" + b"}" * 65, "expected at most 64 levels of objects and lists"),
        (b"[" * 1_000_000, "expected at most 64 levels of objects and lists"),
        (b'{"a":' * 200_000, "expected at most 64 levels of objects and lists"),
        (None, "expected a JSON object, at most 64 levels, no NaN or big number"),
        (12, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": float("nan")}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": 10**5000}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": b"bytes"}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": {1, 2}}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({("a",): 1}, "expected a JSON object, at most 64 levels, no NaN or big number"),
        ({"a": "x" * MAX_BYTES}, "expected at most 1048576 bytes"),
    ],
)  # fmt: skip
def test_bad_body(body: Any, expected: str) -> None:
    """What is no JSON object of a sane size and depth is refused as a whole, with the place where that can be told."""
    assert refused(lambda: parse(body, kind="scheduled_cleanup")) == ("body", expected)


@pytest.mark.parametrize("data", [{"instance_id": ["1" * 32]}, {"Type": "SubscriptionConfirmation", "Message": "x"}])
def test_bare_data_that_is_no_cleanups(data: dict[str, Any]) -> None:
    """Its fields ignored, it would clean up every gateway: a misspelt narrowing, or what was sent to the wrong door."""
    field, expected = refused(lambda: parse(data, kind="scheduled_cleanup"))
    assert field == "body"
    assert expected.startswith("expected instance_ids, cursor, or an empty object for every gateway, not '")
    assert parse({}, kind="scheduled_cleanup").data == ScheduledCleanup()
    assert parse({"instance_ids": ["1" * 32], "x": 1}, kind="scheduled_cleanup").data.instance_ids == ("1" * 32,)


def test_depth_of_what_is_decoded_already() -> None:
    """64 levels are read and 65 are not, as text and decoded; a list that holds itself has no bottom either."""
    nested: Any = []
    for _ in range(62):
        nested = [nested]
    deep = {"cursor": "after-1", "a": nested}
    assert parse(deep, kind="scheduled_cleanup").data == ScheduledCleanup(cursor="after-1")
    assert parse(json.dumps(deep), kind="scheduled_cleanup").data == ScheduledCleanup(cursor="after-1")
    expected = ("body", "expected at most 64 levels of objects and lists")
    assert refused(lambda: parse({"a": [nested]}, kind="scheduled_cleanup")) == expected
    for _ in range(100_000):
        nested = [nested]
    assert refused(lambda: parse({"a": nested}, kind="scheduled_cleanup"))[0] == "body"
    nested = []
    nested.append(nested)
    assert refused(lambda: parse({"a": nested}, kind="scheduled_cleanup"))[0] == "body"
    many: Any = ["x"]
    for _ in range(60):
        many = [many, many]
    assert refused(lambda: parse({"a": many}, kind="scheduled_cleanup"))[0] == "body"


def test_brackets_in_text_are_no_depth() -> None:
    """Depth is counted outside of strings, whatever is escaped in them."""
    data = {"note": '[{"\\' * 1000, "more": "\\", "[[": "]]", "cursor": "c"}
    assert parse(json.dumps(data), kind="scheduled_cleanup").data == ScheduledCleanup(cursor="c")


@pytest.mark.parametrize(
    "body",
    [b'{"a": "' + b'\\"' * 500_000, b'{"' + b"[{" * 500_000, b'"' * 1_000_000, b"\\" * 1_000_000, b"[]" * 500_000],
)
def test_hostile_body_is_refused_quickly(body: bytes) -> None:
    """A megabyte made to be slow costs a fraction of a second."""
    started = time.perf_counter()
    assert refused(lambda: parse(body))[0] == "body"
    assert time.perf_counter() - started < 2


def test_value_is_never_repeated_at_length() -> None:
    """Of what was sent, an error shows at most 60 characters, and nothing of a list or an object."""
    long = "s" * 5000
    for call in (
        lambda: parse({"certificate_id": long}, kind="certificate_expiry"),
        lambda: parse(cloudevent(long)),
        lambda: parse(eventbridge(long)),
        lambda: parse(json.dumps(long)),
        lambda: parse(f'{{"{long}": 1, "{long}": 2}}'),
        lambda: parse(cts(long)),
        lambda: parse(timer(trigger_type=long)),
        lambda: parse({"domains": [long]}, kind="domain_decommission"),
    ):
        _, message = refused(call)
        assert "s" * 50 in message
        assert "s" * 60 not in message
    for hidden in ([long], {"a": long}):
        assert "sss" not in refused(lambda hidden=hidden: parse(cloudevent(data={"certificate_id": hidden})))[1]


@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.example+json; charset=utf-8", None])
def test_data_in_base64(content_type: str | None) -> None:
    """`data_base64` is the same data; datacontenttype may be absent or any JSON."""
    encoded = base64.b64encode(json.dumps({"certificate_id": CERTIFICATE_ID}).encode()).decode()
    event = cloudevent(data_base64=encoded, datacontenttype=content_type)
    del event["data"]
    assert parse(event).data == EXPIRED


BINARY = {
    "Ce-Specversion": "1.0",
    "CE-ID": "ce-1",
    "ce-source": "/monitoring",
    "ce-type": "apig.certificate.expired",
    "Content-Type": "application/json; charset=UTF-8",
}
BODY = json.dumps({"certificate_id": CERTIFICATE_ID}).encode()


def test_binary_mode() -> None:
    """CloudEvents HTTP binding 3.1: the attributes are headers, of any case, and the body is the data."""
    event = from_http(BINARY, BODY)
    assert (event.id, event.data) == ("ce-1", EXPIRED)
    no_content_type = {name: value for name, value in BINARY.items() if name != "Content-Type"}
    assert from_http(no_content_type, BODY).data == EXPIRED
    due = {**no_content_type, "ce-type": "apig.cleanup.due"}
    assert from_http(due, b"").data == ScheduledCleanup()


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
    ],
)
def test_header_values_are_percent_encoded(header: str, event_id: str) -> None:
    """3.1.3.2: "unescaped with respect to double-quoted strings", then "a single round of percent-decoding"."""
    assert from_http({**BINARY, "CE-ID": header}, BODY).id == event_id


@pytest.mark.parametrize(
    ("headers", "body", "field", "expected"),
    [
        ({"CE-ID": "%C0%A0"}, BODY, "ce-id", "expected percent-encoded UTF-8"),
        ({"CE-ID": ""}, BODY, "id", "expected text that is not empty, not ''"),
        ({"Ce-Specversion": "0.3"}, BODY, "specversion", "expected 1.0, not '0.3'"),
        ({"ce-type": "other"}, BODY, "type",
         ("expected apig.certificate.expired, apig.certificate.expiring, apig.domain.decommissioned, "
         "apig.cleanup.due, dev.knative.sources.ping, apig.detach.undo, not 'other'")),
        ({"Content-Type": "text/xml"}, b"<xml/>", "datacontenttype", "expected application/json, not 'text/xml'"),
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]", "content-type",
         "expected one event; batches are not taken, send the events one by one"),
        ({"Content-Type": "application/cloudevents+json"}, b"{}", "specversion", "expected 1.0"),
        ({}, b"[]", "body", "expected a JSON object"),
        ({}, b"{", "body", "expected JSON; wrong at line 1 column 2"),
        ({}, b'{"certificate_id": "../x"}', "data.certificate_id", f"{EXPECTED_ID}, not '../x'"),
        ({}, b"", "data.certificate_id", "expected a certificate id (or a common_name instead)"),
        ({}, b" " * (MAX_BYTES + 1), "body", "expected at most 1048576 bytes"),
    ],
)  # fmt: skip
def test_bad_http_request(headers: dict[str, str], body: bytes, field: str, expected: str) -> None:
    """A request that is no good CloudEvent is refused with the attribute, header or field."""
    assert refused(lambda: from_http({**BINARY, **headers}, body)) == (field, expected)


def test_binary_mode_without_a_version_is_not_bare_data() -> None:
    """A CloudEvent that lost a header must not become bare data that means everything."""
    headers = {name: value for name, value in BINARY.items() if name != "Ce-Specversion"}
    assert refused(lambda: from_http(headers, b"{}", kind="scheduled_cleanup")) == ("specversion", "expected 1.0")


def test_structured_mode_and_other_bodies() -> None:
    """3.2: a body of application/cloudevents+json is the event; any other is told apart by its own fields."""
    body = json.dumps(cloudevent()).encode()
    structured = {"content-type": "Application/CloudEvents+JSON; charset=UTF-8"}
    assert from_http(structured, body).id == "ce-1"
    assert from_http({**BINARY, **structured, "Content-Type": structured["content-type"]}, body).data == EXPIRED
    assert from_http({"content-type": "application/json"}, body).id == "ce-1"
    assert from_http({}, json.dumps(eventbridge()).encode()).id == "eb-1"
    bare = from_http({}, BODY, kind="certificate_expiry", default_id="request-1")
    assert (bare.id, bare.data) == ("request-1", EXPIRED)
    not_an_event = {"content-type": "application/cloudevents+json"}
    assert refused(lambda: from_http(not_an_event, b"{}", kind="scheduled_cleanup"))[0] == "specversion"


# Nothing but InvalidEvent ever comes out.

KINDS = st.sampled_from([None, "certificate_expiry", "domain_decommission", "scheduled_cleanup"])
KEYS = st.sampled_from(
    ["specversion", "id", "source", "type", "data", "data_base64", "datacontenttype", "detail-type", "detail", "cts",
     "trigger_type", "trigger_name", "time", "user_event", "record", "smn", "message", "message_id", "Records",
     "messageId", "body", "trace_name", "trace_rating", "resource_name", "request", "response", "trace_id", "name",
     "certificate_id", "common_name", "domain", "domains", "instance_ids", "cursor", "CommonName"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["1.0", "TIMER", "apig.cleanup.due", "Scheduled Event", "ACM Certificate Expired", "deletePublicZone",
     CERTIFICATE_ID, "legacy.example.com.", "application/json", "{}", "{", "e30=",
     '{"specversion":"1.0"}', "[", "\ud800", "é.example"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)
REAL = [
    json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "events").glob("*/*.json"))
    if path.parent.name != "schemas"
]
FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A real envelope in which up to three values, at any depth, are gone or something else."""
    envelope = copy.deepcopy(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 3))):
        place = envelope
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                del place[key]
            else:
                place[key] = draw(JSON)
            break
    return envelope


def no_other_error(call: Callable[[], Any]) -> None:
    try:
        event = call()
    except InvalidEvent as invalid:
        field, text, limit = invalid.field, invalid.message, 499
    else:
        field, text, limit = "id", event.id, 256
    assert field
    assert 0 < len(text) <= limit
    text.encode()


@FUZZ
@given(raw=st.binary(max_size=200) | st.text(max_size=200), kind=KINDS, default_id=st.text(max_size=4))
def test_any_bytes(raw: bytes | str, kind: Any, default_id: str) -> None:
    """Random bytes and text."""
    no_other_error(lambda: parse(raw, kind=kind, default_id=default_id))


@FUZZ
@given(raw=JSON | OBJECTS, kind=KINDS)
def test_any_json(raw: Any, kind: Any) -> None:
    """Random JSON made of our own words, decoded, as text, and inside what carries it."""
    no_other_error(lambda: parse(raw, kind=kind))
    text = json.dumps(raw)
    for carrier in (text, sqs(text), smn(text), timer(text), {"Records": [sqs(text)]}):
        no_other_error(lambda carrier=carrier: parse(carrier, kind=kind))


@FUZZ
@given(raw=mutated(), kind=KINDS)
def test_any_broken_envelope(raw: Any, kind: Any) -> None:
    """Real envelopes with values taken out or replaced."""
    no_other_error(lambda: parse(raw, kind=kind))
    no_other_error(lambda: parse(json.dumps(raw).encode(), kind=kind))


@FUZZ
@given(
    headers=st.dictionaries(
        st.sampled_from(["ce-id", "CE-Type", "ce-source", "ce-specversion", "content-type"]) | st.text(max_size=8),
        WORDS | st.text(max_size=12) | st.sampled_from(["application/cloudevents+json", "%ff", '"\\', "%"]),
    ),
    body=st.binary(max_size=40) | OBJECTS.map(lambda data: json.dumps(data).encode()),
    kind=KINDS,
)
def test_any_request(headers: dict[str, str], body: bytes, kind: Any) -> None:
    """Random headers and bodies."""
    no_other_error(lambda: from_http(headers, body, kind=kind))
