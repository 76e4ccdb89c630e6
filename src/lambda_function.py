"""Door: AWS Lambda.

Each function takes one event (EventBridge, a CloudEvent, the bare data of its kind) and returns its outcome or raises;
or a batch of SQS, and returns the ids of the messages that are to be delivered again (contract 3.5). For a batch the
event source mapping needs `ReportBatchItemFailures`. The text of a raised error tells what was done all the same.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import handlers
from shared.core.answer import error_text
from shared.core.delivery import Deadline, Delivery
from shared.core.errors import DetachError, Unavailable
from shared.core.event_data import Kind
from shared.core.secret import redact_json
from shared.telemetry import logger
from shared.wiring import Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN = 1.0  # seconds kept back for the report, and in a batch for telling which messages failed


_runtime = Runtime()  # reads nothing before the first event


def certificate_expiry(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Function of the kind `certificate_expiry`."""
    return _answer(event, context, "certificate_expiry")


def domain_decommission(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Function of the kind `domain_decommission`."""
    return _answer(event, context, "domain_decommission")


def scheduled_cleanup(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Function of the kind `scheduled_cleanup`."""
    return _answer(event, context, "scheduled_cleanup")


def undo(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Function of the kind `undo`."""
    return _answer(event, context, "undo")


def handler(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """Function of every kind; the event has to say which it is."""
    return _answer(event, context, None)


def plan_cleanup(event: Any, context: "LambdaContext") -> dict[str, Any]:
    """One page of what a clean-up would deal with: `{"certificates": [{"certificate_id"}], "cursor", "gateways"}`.

    Takes the event of a clean-up, or its bare data; `cursor` is None on the last page.
    """

    def page(event: Any, context: "LambdaContext") -> dict[str, Any]:
        delivery = Delivery(event, _deadline(context), "scheduled_cleanup", context.aws_request_id)
        return redact_json(handlers.plan_cleanup(delivery, _runtime).to_dict())

    return _logged(page, event, context)


def _answer(event: Any, context: "LambdaContext", kind: Kind | None) -> dict[str, Any]:
    def answer(event: Any, context: "LambdaContext") -> dict[str, Any]:
        # One deadline for the whole batch: a message that comes too late in it fails at once, and is delivered again.
        deadline = _deadline(context)

        def outcome(body: Any, sender: str | None = None) -> dict[str, Any]:
            delivery = Delivery(body, deadline, kind, context.aws_request_id, sender=sender)
            return handlers.handle(delivery, _runtime).to_dict()

        return _batch(event, outcome) if _is_batch(event) else redact_json(outcome(event))

    return _logged(answer, event, context)


def _logged(
    function: Callable[[Any, "LambdaContext"], dict[str, Any]], event: Any, context: "LambdaContext"
) -> dict[str, Any]:
    """Call the function with the facts of the invocation in each log line."""
    try:
        return dict(logger().inject_lambda_context(function)(event, context))
    except DetachError as exc:
        exc.args = (error_text(exc),)  # Lambda's record of a failed invocation has the error's name and text
        raise


def _deadline(context: "LambdaContext") -> Deadline:
    return Deadline.after(context.get_remaining_time_in_millis() / 1000 - MARGIN)


def _is_batch(event: Any) -> bool:
    match event:
        case {"Records": [_, *_] as records}:
            return all(_is_message(record) for record in records)
    return False


def _is_message(record: Any) -> bool:
    match record:
        case {"eventSource": "aws:sqs", "messageId": str()}:
            return True
    return False


def _sender(record: Any) -> str | None:
    """Who put the message on the queue, as SQS tells: the id of an IAM user, of a role and its session, of a service.

    Of a single event nobody tells it: the runtime's context names no caller.
    """
    match record:
        case {"attributes": {"SenderId": str(sender)}}:
            return sender
    return None


def _batch(event: dict[str, Any], outcome: Callable[[Any, str | None], dict[str, Any]]) -> dict[str, Any]:
    """`{"batchItemFailures": [{"itemIdentifier": messageId}]}`: the messages that failed, possibly all."""
    from aws_lambda_powertools.utilities.batch import (  # noqa: PLC0415 - 80 ms, and only a batch needs it
        BatchProcessor,
        EventType,
        SqsFifoPartialProcessor,
        process_partial_response,
    )

    def one(record: "SQSRecord") -> dict[str, Any]:
        told = outcome(record.raw_event, _sender(record.raw_event))
        if told.get(
            "cursor"
        ):  # nobody reads the outcomes of a batch: if it were acknowledged, the rest of the clean-up would be lost
            raise Unavailable("the time ran out before the clean-up's end; the message comes again and finds the rest")
        return told

    fifo = str(event["Records"][0].get("eventSourceARN")).endswith(".fifo")
    # A FIFO queue keeps the order in a message group: after a failure, the group's later messages have to come again.
    processor = SqsFifoPartialProcessor(skip_group_on_error=True) if fifo else BatchProcessor(EventType.SQS)
    # By default, a batch in which every message failed raises, and the invocation is counted as an error too.
    processor.raise_on_entire_batch_failure = False
    return dict(process_partial_response(event, one, processor))
