"""A stand-in for a Knative broker: it takes CloudEvents over HTTP, and drops some with a status of its choice."""

import itertools
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.listener import Answer, Heard, listening


@dataclass
class Broker:
    """What was delivered to it, and what of that it accepted."""

    url: str
    deliveries: list[Heard] = field(default_factory=list)
    accepted: list[Heard] = field(default_factory=list)


@contextmanager
def broker(
    answer: Callable[[int, Heard], int] = lambda _number, _delivery: 202, *, tls: ssl.SSLContext | None = None
) -> Iterator[Broker]:
    """Listen until the block ends; `answer` gives the status of each delivery, by its number from 1 on."""
    numbers = itertools.count(1)

    def take(delivery: Heard) -> Answer:
        running.deliveries.append(delivery)
        status = answer(next(numbers), delivery)
        if 200 <= status < 300:
            running.accepted.append(delivery)
        return status, ""

    with listening(take, tls=tls) as listener:
        scheme = "http" if tls is None else "https"
        running = Broker(f"{scheme}://127.0.0.1:{listener.port}/default/broker")
        yield running
