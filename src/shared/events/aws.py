"""AWS: EventBridge events, and messages of SQS."""

from collections.abc import Mapping
from typing import Any

from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from shared.core.kinds import KINDS
from shared.events.decoding import decoded, instead
from shared.events.envelope import (
    NAME,
    Context,
    Inner,
    Step,
    Understood,
    event_id,
    is_name,
    kind_of,
    refuse_misplaced,
)
from shared.events.origin import Origin, sent_time, time_of, told

DETAIL_TYPES: dict[str, Kind] = {name: kind for kind, row in KINDS.items() for name in row.detail_types}


def eventbridge(event: Mapping[str, Any], context: Context) -> Step:
    """An event of a bus: its `detail-type` tells the kind, its `detail` is the data."""
    detail_type, detail = event["detail-type"], event.get("detail")
    kind = kind_of("detail-type", detail_type, DETAIL_TYPES, context)
    if detail_type.startswith("ACM "):  # about a certificate of AWS: only its name is looked for at the gateway
        facts = detail if isinstance(detail, dict) else {}
        name = facts.get("CommonName")
        if not is_name(name):
            raise InvalidEvent("detail.CommonName", f"expected {NAME}{instead(name)}")
        if ours := [field for field in KINDS[kind].model.model_fields if field in facts]:
            raise InvalidEvent(f"detail.{ours[0]}", "an event of ACM is not narrowed; send a Certificate Expired")
        detail = {"common_name": name}
    elif detail == "{}" and detail_type == "Scheduled Event":  # so EventBridge Scheduler writes it when left to itself
        detail = {}
    refuse_misplaced(event, "detail")
    origin = Origin(told(event.get("source")), time_of(event, "time", "time"))
    return Understood(kind, event_id(event, event.get("id"), "id", context), detail, "detail", origin)


def sqs(event: Mapping[str, Any], context: Context) -> Step:
    """A message whose body is an event; its queue and the time when it was put there serve where that is silent."""
    [record] = records if isinstance(records := event.get("Records"), list) and len(records) == 1 else [event]
    match record:
        case {"messageId": message_id, "body": str(text)}:
            refuse_misplaced([*event, *record], "body")
            origin = Origin(told(record.get("eventSourceARN")), sent_time(record.get("attributes")))
            return Inner(decoded(text, "body", context.kind), "body", message_id, origin)
    field = "Records" if "Records" in event else "body"
    raise InvalidEvent(field, "expected exactly one message with a text; SQS batches go to the Lambda door")
