"""What a delivery came to, as the sender sees it, whatever the door."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """`result`: acknowledged, retryable, refused, no_answer. `status` is the HTTP status, None on Lambda."""

    result: str
    error: str | None = None
    status: int | None = None
    outcome: dict[str, Any] | None = None


NO_ANSWER = Answer("no_answer")
