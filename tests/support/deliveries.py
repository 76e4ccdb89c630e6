"""Events in the envelopes of each vendor, and how a door hands them over. It knows neither handlers nor sandbox."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.core.delivery import Deadline, Delivery
from shared.core.errors import InvalidEvent
from shared.core.event_data import (
    CertificateExpiry,
    DetachUndo,
    DomainDecommission,
    Event,
    Kind,
    Undo,
    UndoDomain,
)
from shared.events import parse

CERTIFICATE_ID = "a27be832f2e9441c8127fe48e3b5ac67"
GATEWAY = "7d39549681c54d968ec2910da9da95cd"
EXPECTED_ID = "expected 32 lower-case hex digits or a UUID"
EXPECTED_NAME = "expected a domain name such as api.example.com or *.example.com"

EXPIRED = CertificateExpiry(certificate_id=CERTIFICATE_ID)
LEGACY = DomainDecommission(domain="legacy.example.com")
UNDO_LIST: list[dict[str, Any]] = [
    {
        "certificate_id": CERTIFICATE_ID,
        "domains": [
            {
                "domain": "legacy.example.com",
                "instance_ids": [GATEWAY],
                "verified_client_certificate_enabled": True,
            }
        ],
    }
]
UNDO = DetachUndo(
    undo=(
        Undo(
            certificate_id=CERTIFICATE_ID,
            domains=(
                UndoDomain(
                    domain="legacy.example.com", instance_ids=(GATEWAY,), verified_client_certificate_enabled=True
                ),
            ),
        ),
    )
)


def parsed(
    body: Any,
    *,
    kind: Kind | None = None,
    default_id: str = "",
    headers: Mapping[str, str] | None = None,
    sender: str | None = None,
) -> Event:
    """The event in a body, as a door with these facts would hand it over."""
    return parse(Delivery(body, Deadline.after(20), kind, default_id, headers, sender))


def cloudevent(event_type: str = "apig.certificate.expired", **changes: Any) -> dict[str, Any]:
    """A CloudEvent in structured mode."""
    event = {"specversion": "1.0", "id": "ce-1", "source": "/monitoring", "type": event_type}
    return {**event, "data": {"certificate_id": CERTIFICATE_ID}, **changes}


def eventbridge(detail_type: str = "Certificate Expired", **changes: Any) -> dict[str, Any]:
    """An event of an EventBridge bus."""
    event = {"version": "0", "id": "eb-1", "detail-type": detail_type, "source": "com.example"}
    return {**event, "detail": {"certificate_id": CERTIFICATE_ID}, **changes}


def timer(user_event: Any = "", **changes: Any) -> dict[str, Any]:
    """An event of FunctionGraph's timer."""
    event = {"version": "v1.0", "time": "2023-06-01T08:30:00+08:00", "trigger_type": "TIMER"}
    return {**event, "trigger_name": "Timer_001", "user_event": user_event, **changes}


def smn(message: Any, message_id: Any = "a51671f77d4a479cacb09e2cd591a983", **changes: Any) -> dict[str, Any]:
    """A notification of SMN that carries a text, or something else as JSON."""
    text = message if isinstance(message, str) else json.dumps(message)
    return {"record": [{"event_source": "smn", "smn": {"message": text, "message_id": message_id, **changes}}]}


def cts(trace_name: str = "deletePublicRecordSet", **changes: Any) -> dict[str, Any]:
    """A trace of CTS."""
    trace = {"trace_id": "cts-1", "trace_name": trace_name, "trace_rating": "normal", "code": 0}
    return {"cts": {**trace, "resource_name": "legacy.example.com.", "request": {}, "response": "", **changes}}


def sqs(body: Any, **changes: Any) -> dict[str, Any]:
    """A message of SQS that carries a text, or something else as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": "sqs-1", "body": text, "eventSource": "aws:sqs", **changes}


def assert_understood(envelope: Any, event_id: str, data: object) -> None:
    """The envelope is this event: as a platform decodes it, as text, and as bytes."""
    for raw in (envelope, json.dumps(envelope), json.dumps(envelope, ensure_ascii=False).encode()):
        event = parsed(raw)
        assert (event.id, event.data) == (event_id, data)
        assert type(event.data) is type(data)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """The field that the one InvalidEvent names, and what it says of it; nothing else is chained to it."""
    with pytest.raises(InvalidEvent) as caught:
        call()
    message = caught.value.message
    assert message.startswith(f"{caught.value.field}: ")
    assert caught.value.__cause__ is None
    return caught.value.field, message.removeprefix(f"{caught.value.field}: ")


def assert_refused(envelope: Any, field: str, expected: str) -> None:
    """The envelope is refused for this field, as a platform decodes it and as text."""
    assert refused(lambda: parsed(envelope)) == (field, expected)
    assert refused(lambda: parsed(json.dumps(envelope))) == (field, expected)
