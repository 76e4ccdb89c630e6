"""What the stores that ask over the network share: how an answer is kept, and how a question is put."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from shared.errors import ConfigurationError, DetachError, Unavailable
from shared.secret import Secret
from shared.transport import Reply, Transport

KEEP_FOR = 300.0  # seconds, when the store does not say; AWS' extension keeps its answers as long
ASK_AGAIN = 30.0  # seconds after a store that could not answer


class Kept:
    """A store's answer, kept as long as the store says and asked for anew when it has been refused.

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
        """The secret: see `shared.secret.Store`."""
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
class Service:
    """One store's server: how it is reached, how it refuses, and what an operator looks at when it does not answer.

    `refusal` makes an error of an answer that is not 200; its first argument is the beginning of the message.
    """

    uri: str
    client: httpx.Client
    refusal: Callable[[str, Reply], DetachError]
    check: str

    def ask(  # noqa: PLR0913 - a request has that many parts
        self,
        transport: Transport,
        method: str,
        url: str,
        *,
        route: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object of a 200; `transport` gives the time limit and the retries."""
        subject = f"SECRET_URI: {self.uri}: {method} {route}"
        try:
            reply = dataclasses.replace(transport, client=self.client).send(
                "secret",
                method,
                url,
                route=subject,
                expected=(200,),
                classify=lambda reply: self.refusal(f"{subject} answered {reply.status}", reply),
                headers=headers,
                params=params,
                content=content,
            )
        except Unavailable as exc:
            if exc.status is not None:  # it answered, and `refusal` has said what to check
                raise
            raise Unavailable(f"{exc.message}; check {self.check}") from None
        fields = reply.fields()
        if not fields:
            raise ConfigurationError(f"{subject} answered 200 without a JSON object; check {self.check}")
        return fields


def undocumented(uri: str, what: str) -> ConfigurationError:
    """The error for an answer without what it has to hold."""
    return ConfigurationError(f"SECRET_URI: {uri}: the answer holds no {what}; check that the address is a store of it")
