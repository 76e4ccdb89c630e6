"""Calls of AWS's JSON protocols, as they are on the wire: no SDK, and no signature that anybody would check."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).parents[3]
REGION = "eu-central-1"
ACCOUNT = "000000000000"

Found = TypeVar("Found")

_TARGETS = {
    "events": ("AWSEvents", "1.1"),
    "sqs": ("AmazonSQS", "1.0"),
    "states": ("AWSStepFunctions", "1.0"),
}


class Aws:
    """The services of the stand-in at `url`; `outputs` are the deployed stack's."""

    def __init__(self, url: str, outputs: dict[str, str]) -> None:
        self.outputs = outputs
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def call(self, service: str, action: str, **arguments: Any) -> dict[str, Any]:
        """One call; raises what the service answers when it is no success."""
        prefix, version = _TARGETS[service]
        scope = f"test/20260101/{REGION}/{service}/aws4_request"
        reply = self._client.post(
            "/",
            content=json.dumps(arguments),
            headers={
                "Content-Type": f"application/x-amz-json-{version}",
                "X-Amz-Target": f"{prefix}.{action}",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
            },
        )
        assert reply.status_code == 200, f"{service} {action}: {reply.status_code} {reply.text}"
        return dict(reply.json()) if reply.content else {}

    def put_event(self, name: str, **detail: Any) -> None:
        """Put the event of a file of events/eventbridge/, on the default bus when it is ACM's."""
        event = json.loads((ROOT / f"events/eventbridge/{name}.json").read_text(encoding="utf-8"))
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(detail or event["detail"]),
            "EventBusName": "default" if event["source"] == "aws.acm" else self.outputs["EventBusName"],
        }
        assert self.call("events", "PutEvents", Entries=[entry])["FailedEntryCount"] == 0

    def messages(self, queue: str) -> int:
        """How many messages a queue of the stack holds, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        queue_url = self.outputs[f"{queue}Url"]
        found = self.call("sqs", "GetQueueAttributes", QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def take(self, queue: str) -> dict[str, Any]:
        """Take the one message of a queue; its body, decoded."""
        queue_url = self.outputs[f"{queue}Url"]
        message = self.call("sqs", "ReceiveMessage", QueueUrl=queue_url, WaitTimeSeconds=5)["Messages"][0]
        self.call("sqs", "DeleteMessage", QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return dict(json.loads(message["Body"]))

    def clean_up(self, **data: Any) -> dict[str, Any]:
        """Start the state machine as the schedule does, and wait for its end."""
        machine = self.outputs["CleanupMachineArn"]
        started = self.call("states", "StartExecution", stateMachineArn=machine, input=json.dumps(data))
        arn = started["executionArn"]
        return until(
            lambda: self.call("states", "DescribeExecution", executionArn=arn),
            lambda execution: execution["status"] != "RUNNING",
            seconds=300,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def until(look: Callable[[], Found], fits: Callable[[Found], bool], *, seconds: float = 60.0) -> Found:
    """Look until what is found fits; raises with the last that did not."""
    end = time.monotonic() + seconds
    while not fits(found := look()):
        assert time.monotonic() < end, f"after {seconds} s still {found}"
        time.sleep(0.2)
    return found
