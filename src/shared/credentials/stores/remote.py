"""What the stores that ask over the network share: how they ask, and how long an answer is kept."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

from shared.core.errors import ConfigurationError, DetachError, Unavailable
from shared.core.secret import Secret
from shared.transport.connection import Connections
from shared.transport.send import Reply, Request, Transport

KEEP_FOR = 300.0  # seconds, when the store does not say; AWS' extension keeps its answers as long
ASK_AGAIN = 30.0  # seconds after a store that could not answer


class Cached:
    """A store's answer, kept as long as the store says, and asked for again when it has been refused.

    `ask` gives the secret and the seconds that it may be kept. While the store cannot answer, the last answer serves:
    it has not been refused, and a sealed Vault need not stop the events of a process that has its secret.
    """

    def __init__(
        self, ask: Callable[[Transport], tuple[Secret, float]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._answer: Secret | None = None
        self._until = 0.0

    def __call__(self, transport: Transport, *, fresh: bool = False) -> Secret:
        """The secret: see `shared.credentials.stores.process.Store`."""
        if self._answer is not None and not fresh and self._clock() < self._until:
            return self._answer
        try:
            answer, seconds = self._ask(transport)
        except Unavailable:
            if self._answer is None or fresh:
                raise
            answer, seconds = self._answer, ASK_AGAIN
        self._answer, self._until = answer, self._clock() + seconds
        return answer


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One request to a store's server; `base` is the URL before the path."""

    method: str
    base: str
    path: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    params: Mapping[str, str] | None = None
    content: Mapping[str, Any] | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """One store's server: how it is reached, how it refuses, and what an operator checks when it does not answer.

    `refusal` makes an error of an answer that is not 200; its first argument is the beginning of the message.
    """

    uri: str
    client: Connections
    refusal: Callable[[str, Reply], DetachError]
    check: str

    def ask(self, transport: Transport, question: Question) -> dict[str, Any]:
        """The JSON object of a 200; `transport` gives the time limit and the retries."""
        subject = f"SECRET_URI: {self.uri}: {question.method} {question.path}"
        request = Request(
            "secret",
            question.method,
            question.base + question.path,
            subject,
            (200,),
            lambda reply: self.refusal(f"{subject} answered {reply.status}", reply),
            headers=question.headers,
            params=question.params,
            content=question.content,
        )
        try:
            reply = dataclasses.replace(transport, client=self.client).send(request)
        except Unavailable as exc:
            if exc.status is not None:  # it answered, and `refusal` has said what to check
                raise
            raise Unavailable(f"{exc.message}; check {self.check}") from None
        fields = reply.fields()
        if not fields:
            raise ConfigurationError(f"{subject} answered 200 without a JSON object; check {self.check}")
        return fields


def undocumented(uri: str, what: str) -> ConfigurationError:
    """The error for an answer that does not hold what it should."""
    return ConfigurationError(f"SECRET_URI: {uri}: the answer holds no {what}; check that the address is right for it")
