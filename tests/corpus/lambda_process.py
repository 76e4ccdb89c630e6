"""The Lambda door as a process of its own: a batch of SQS a line on stdin, its answer into a file; its log on stdout."""

import json
import sys
import time
from pathlib import Path

import lambda_function


class Context:
    """What the runtime tells of an invocation."""

    function_name = "handler"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:handler"
    aws_request_id = "request-1"

    def __init__(self) -> None:
        self._end = time.monotonic() + 60

    def get_remaining_time_in_millis(self) -> int:
        """The function's timeout is a minute."""
        return int((self._end - time.monotonic()) * 1000)


if __name__ == "__main__":
    answers = [lambda_function.handler(json.loads(line), Context()) for line in sys.stdin]
    Path(sys.argv[1]).write_text(json.dumps(answers), encoding="utf-8")
