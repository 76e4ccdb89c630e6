"""Any delivery → one frozen `Event` of the four kinds, or one `InvalidEvent` that names the field.

An envelope is recognised by a field of its own; a mapping without one is bare data of the function's kind.
A narrowing (`instance_ids`, `domains`) that cannot be read is refused: leaving it out would widen the event.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.core.delivery import Delivery
from shared.core.errors import InvalidEvent
from shared.core.event_data import Event
from shared.events import aws, cloudevents, functiongraph
from shared.events.decoding import decoded
from shared.events.envelope import Context, Inner, Reader, Step, Understood, event_id
from shared.events.origin import UNTOLD, told

MAX_LEVELS = 3  # of envelopes one inside the other, such as a CloudEvent in an SMN message in an SQS message

# In this order: a CloudEvent may have extension attributes of any name.
_READERS: dict[str, Reader] = {
    "specversion": cloudevents.structured,
    "detail-type": aws.eventbridge,
    "trigger_type": functiongraph.timer,
    "record": functiongraph.smn,
    "cts": functiongraph.cts,
    "Records": aws.sqs,
    "messageId": aws.sqs,
}
# What an envelope that lost the field that tells it still has.
_LOST = {
    "detail": ("detail-type", "expected it beside detail, as EventBridge sends it"),
    "user_event": ("trigger_type", "expected it beside user_event, as FunctionGraph's timer sends it"),
    "type": ("specversion", "expected 1.0 beside type, as a CloudEvent has it"),
}
# Only these come from outside as HTTP requests; the others are a platform's own words to its functions.
_OVER_HTTP = frozenset({"specversion", "detail-type"})


def parse(delivery: Delivery) -> Event:
    """The event in a delivery: JSON text of at most MAX_BYTES, or what a platform has already decoded from it.

    With a `kind`, only that kind is taken, bare data included. `default_id` serves an event without an id; when both
    are missing, the id is a digest of the content. The event's own source and time come before those of what carried
    it. An HTTP request carries a CloudEvent, an EventBridge event or bare data, and no envelope of another platform.
    Raises InvalidEvent, and nothing else, whatever was delivered.
    """
    context = Context(delivery.kind, delivery.default_id, http=delivery.headers is not None)
    step: Step | None = None
    if delivery.headers is not None and isinstance(delivery.body, bytes | str):
        body = delivery.body.encode() if isinstance(delivery.body, str) else delivery.body
        step = cloudevents.of_request(delivery.headers, body, context)
    step = step or _read(decoded(delivery.body, "body", delivery.kind), context)
    outer = UNTOLD
    while isinstance(step, Inner):
        outer = step.origin.inside(outer)
        default_id = step.message_id or context.default_id
        context = replace(context, default_id=default_id, level=context.level + 1, field=step.field)
        step = _read(step.content, context)
    return step.event(outer, told(delivery.sender))


def _read(envelope: Mapping[str, Any], context: Context) -> Step:
    for key, read in _READERS.items():
        if key in envelope:
            if context.http and key not in _OVER_HTTP:
                raise InvalidEvent(
                    key,
                    "an envelope of FunctionGraph or SQS is not taken over HTTP; expected a CloudEvent or bare data",
                )
            if context.level > MAX_LEVELS:
                raise InvalidEvent(context.field, f"expected at most {MAX_LEVELS} envelopes, one inside the other")
            return read(envelope, context)
    return _bare(envelope, context)


def _bare(data: Mapping[str, Any], context: Context) -> Understood:
    """The data of the function's own kind, without an envelope."""
    if context.kind is None:
        for key, (field, expected) in _LOST.items():
            if key in data:
                raise InvalidEvent(field, expected)
        raise InvalidEvent(
            "type",
            "expected an event that tells its type, such as a CloudEvent; bare data needs a function of one kind",
        )
    return Understood(context.kind, event_id(data, None, "id", context), data, "")
