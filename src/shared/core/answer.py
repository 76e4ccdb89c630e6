"""What a platform keeps of an event that failed: its error's name, and this text."""

import json
from typing import Any

from shared.core.errors import DetachError
from shared.core.secret import redact, redact_json

MOST_BYTES = 100_000  # of the text: a platform's own record of it, such as an execution's history, holds 256 KB
# Left out of an outcome that is too large, in this order: what an undo needs goes last.
_DISPENSABLE = ("certificates", "gateways", "not_found", "context", "undo")


def error_text(error: DetachError) -> str:
    """The error's sentence, and once there is an outcome, a second line of JSON; without any secret that is in use.

    The JSON has `error`, `error_code`, `message` and `outcome`. `left_out` tells what the outcome lacks: with it, the
    line would be longer than MOST_BYTES.
    """
    sentence = " ".join(redact(error.message).splitlines())
    return sentence if error.outcome is None else f"{sentence}\n{_record(error, error.outcome)}"


def _record(error: DetachError, outcome: dict[str, Any]) -> str:
    record = redact_json({**error.to_dict(), "outcome": dict(outcome)})
    left_out: list[str] = []
    for name in _DISPENSABLE:
        text = json.dumps(record)
        if len(text) <= MOST_BYTES:
            return text
        if record["outcome"].pop(name, None) is not None:
            left_out.append(name)
            record["left_out"] = f"{', '.join(left_out)}; the log line detach.report has the rest"
    return json.dumps(record)
