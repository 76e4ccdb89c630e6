"""One event's data in the envelopes of the platforms, as their own documents write them; see events/README.md."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:apig-certificate-detach"
TYPES = {
    "certificate_expiry": ("apig.certificate.expired", "apig.certificate.expiring"),
    "domain_decommission": ("apig.domain.decommissioned",),
    "scheduled_cleanup": ("apig.cleanup.due",),
    "undo": ("apig.detach.undo",),
}
DETAIL_TYPES = {
    "certificate_expiry": ("Certificate Expired", "Certificate Expiring"),
    "domain_decommission": ("Domain Decommissioned",),
    "scheduled_cleanup": ("Cleanup Due",),
    "undo": ("Detach Undo",),
}


@dataclass(frozen=True)
class Wire:
    """What is sent: for HTTP the body and its headers, for SQS the body alone, as text."""

    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def text(self) -> str:
        """The body of a message."""
        return self.body.decode("utf-8", errors="surrogateescape")


@dataclass(frozen=True)
class Said:
    """What an event says, before it is put into an envelope."""

    id: str
    kind: str
    data: Any
    time: datetime | None
    source: str


def binary(said: Said, rng: Random) -> Wire:
    """A CloudEvent in binary mode."""
    headers = {
        "Content-Type": rng.choice(("application/json", "application/json; charset=utf-8")),
        "ce-specversion": "1.0",
        "ce-id": said.id,
        "ce-source": quote(said.source, safe="/:"),
        "ce-type": rng.choice(TYPES[said.kind]),
    }
    if said.time is not None:
        headers["ce-time"] = rfc_3339(said.time)
    return Wire(dumped(said.data, rng), headers)


def structured(said: Said, rng: Random) -> Wire:
    """A CloudEvent in structured mode."""
    return Wire(dumped(cloudevent(said, rng), rng), {"Content-Type": "application/cloudevents+json"})


def cloudevent(said: Said, rng: Random) -> dict[str, Any]:
    """A CloudEvent as JSON; its data is sometimes base64."""
    event = {"specversion": "1.0", "id": said.id, "source": said.source, "type": rng.choice(TYPES[said.kind])}
    if said.time is not None:
        event["time"] = rfc_3339(said.time)
    if rng.random() < 0.15:
        return {**event, "data_base64": base64.b64encode(json.dumps(said.data).encode()).decode()}
    if rng.random() < 0.5:
        event["datacontenttype"] = "application/json"
    if rng.random() < 0.2:
        event |= {"subject": "a subject", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    return {**event, "data": said.data}


def ping(said: Said, rng: Random) -> Wire:
    """Knative's PingSource, whose type is its own."""
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": said.id,
        "ce-source": said.source,
        "ce-type": "dev.knative.sources.ping",
    }
    if said.time is not None:
        headers["ce-time"] = rfc_3339(said.time)
    return Wire(dumped(said.data, rng), headers)


def eventbridge(said: Said, rng: Random) -> dict[str, Any]:
    """An event of a bus."""
    event = {
        "version": "0",
        "id": said.id,
        "detail-type": rng.choice(DETAIL_TYPES[said.kind]),
        "source": said.source,
        "account": "123456789012",
        "region": "eu-central-1",
        "resources": [],
        "detail": said.data,
    }
    if said.time is not None:
        event["time"] = rfc_3339(said.time)
    return event


def acm(said: Said, rng: Random) -> dict[str, Any]:
    """AWS Certificate Manager's event; `data` has only a common name."""
    name = rng.choice(("ACM Certificate Expired", "ACM Certificate Approaching Expiration"))
    detail = {"CommonName": said.data["common_name"], "DaysToExpiry": 0, "InUse": False, "Exported": True}
    return {**eventbridge(said, rng), "detail-type": name, "detail": detail}


def scheduler(said: Said, rng: Random) -> dict[str, Any]:
    """EventBridge Scheduler's event; without input, its `detail` is text."""
    return {**eventbridge(said, rng), "detail-type": "Scheduled Event", "detail": said.data or rng.choice(("{}", {}))}


def smn(message: dict[str, Any], time: datetime) -> dict[str, Any]:
    """A notification that carries another event."""
    return {
        "record": [
            {
                "event_version": "1.0",
                "smn": {
                    "topic_urn": "urn:smn:eu-de:d52e41d2434941b194ce3f91b1b12f8a:apig-certificate-detach",
                    "timestamp": rfc_3339(time),
                    "message_attributes": None,
                    "message": json.dumps(message),
                    "type": "notification",
                    "message_id": "a51671f77d4a479cacb09e2cd591a983",
                    "subject": "an event",
                },
                "event_subscription_urn": "urn:fss:eu-de:d52e41d2434941b194ce3f91b1b12f8a:function:default:x:latest",
                "event_source": "smn",
            }
        ]
    }


def timer(user_event: Any, time: datetime | None, name: str) -> dict[str, Any]:
    """FunctionGraph's timer; `user_event` is text."""
    event = {"version": "v1.0", "trigger_type": "TIMER", "trigger_name": name}
    if time is not None:
        event["time"] = rfc_3339(time)
    return event if user_event is None else {**event, "user_event": json.dumps(user_event)}


def cts(trace_name: str, domain: str, said: Said, rng: Random) -> dict[str, Any]:
    """The trace of a DNS deletion that succeeded."""
    record = {"id": "2c9eb155587228570158722b6ac30007", "name": f"{domain}.", "type": rng.choice(("A", "CNAME"))}
    zone = trace_name.endswith("Zone")
    in_response = not zone and rng.random() < 0.5
    trace: dict[str, Any] = {
        "code": rng.choice((0, "204", 202)),
        "message": f"delete zone[{domain}.]" if zone else "DELETE /v2/zones/1/recordsets/2",
        "project_id": "d52e41d2434941b194ce3f91b1b12f8a",
        "request": rng.choice(({}, "")),
        "resource_name": "" if in_response or (zone and rng.random() < 0.5) else f"{domain}.",
        "response": rng.choice((record, json.dumps(record))) if in_response else {},
        "service_type": "DNS",
        "trace_id": said.id,
        "trace_name": trace_name,
        "trace_rating": "normal",
        "trace_status": "normal",
        "trace_type": "ConsoleAction",
        "user": {"name": "dns-admin", "id": "e14aed517380466cac2d109877a5ac6b"},
    }
    if said.time is not None:
        seconds = said.time.timestamp()
        old = said.time.strftime("%Y/%m/%d %H:%M:%S GMT+00:00")
        trace["time"] = rng.choice((int(seconds * 1000), int(seconds), old))
    return {"cts": trace}


def nested(body: dict[str, Any], number: int) -> dict[str, Any]:
    """A message of SQS inside another one's body, as a pipe between two queues makes it."""
    return {"Records": [{"messageId": f"inner-{number}", "body": json.dumps(body), "eventSourceARN": QUEUE}]}


def dumped(value: Any, rng: Random) -> bytes:
    """JSON in one of its spellings."""
    if rng.random() < 0.3:
        return json.dumps(value, indent=2).encode()
    return json.dumps(value, ensure_ascii=rng.random() < 0.5, separators=(",", ":")).encode()


def rfc_3339(moment: datetime) -> str:
    """In UTC with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
