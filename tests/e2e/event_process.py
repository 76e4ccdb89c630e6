"""One event, read from stdin, as a process of its own with its log on stdout: it is there to be killed.

A batch of SQS goes through the door for AWS Lambda, and its answer is the last line.
"""

import json
import sys
from dataclasses import dataclass

import lambda_function
from handlers import handle
from shared.core.delivery import Deadline, Delivery
from shared.wiring import Runtime


@dataclass
class Context:
    """The facts of an invocation that the door uses."""

    aws_request_id: str = "invocation-1"
    function_name: str = "detach"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:detach"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """A minute, whenever it is asked."""
        return 60_000


if __name__ == "__main__":
    text = sys.stdin.read()
    if "Records" in json.loads(text):
        print(json.dumps(lambda_function.handler(json.loads(text), Context())), flush=True)
    else:
        handle(Delivery(text, Deadline.after(60)), Runtime())
