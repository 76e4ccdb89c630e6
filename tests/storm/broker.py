"""The senders: each takes what is due, delivers it, and does what a broker does with the answer.

Over HTTP as Knative's broker: what is retryable or was not answered comes again, soon and then later, ten times at
most; what is refused goes to the dead letters at once. Over SQS every message that failed becomes visible again, five
receives at most. The waits are tens of milliseconds in place of seconds.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.storm.answers import NO_ANSWER, Answer
from tests.storm.events import Event

PATIENCE = 0.05  # seconds until an undo looks again whether what it undoes has ended


@dataclass(frozen=True)
class Manners:
    """How a kind of broker delivers: attempts before the dead letters, and whether it understands a refusal."""

    attempts: int
    first: float
    longest: float
    refusal_ends: bool


KNATIVE = Manners(attempts=10, first=0.03, longest=0.4, refusal_ends=True)
SQS = Manners(attempts=5, first=0.8, longest=0.8, refusal_ends=False)


@dataclass
class Ended:
    """How each event ended, and the last `undo` that its outcomes told."""

    ends: dict[int, str] = field(default_factory=dict)
    undos: dict[int, tuple[list[Any], dict[str, Any]]] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)


class Broker:
    """Hands events to `senders` threads until each has ended, and writes a record of each attempt.

    `prepare` is called once for each event, before it is first sent.
    """

    def __init__(
        self, events: list[Event], door: Any, manners: Manners, prepare: Callable[[Event], None], batch: int
    ) -> None:
        self._events = {each.number: each for each in events}
        self._fresh = deque(sorted(self._events))
        self._later: list[tuple[float, int, int]] = []  # due, event, attempt
        self._busy = 0
        self._batches = 0
        self._condition = threading.Condition()
        self._door = door
        self._manners = manners
        self._prepare = prepare
        self._batch = batch
        self.result = Ended()
        self.deliveries: list[dict[str, Any]] = []

    def run(self, senders: int, progress: Callable[[int], None], until: float) -> None:
        """Deliver everything; returns when all have ended, or at that moment of the monotonic clock."""
        threads = [threading.Thread(target=self._send, name=f"sender-{n}", daemon=True) for n in range(senders)]
        for each in threads:
            each.start()
        for each in threads:
            while each.is_alive() and time.monotonic() < until:
                each.join(0.2)
                progress(len(self.result.ends) + len(self.result.skipped))
        progress(len(self.result.ends) + len(self.result.skipped))

    def hung(self) -> list[int]:
        """The events that have no end."""
        return sorted(self._events.keys() - self.result.ends.keys() - set(self.result.skipped))

    def _send(self) -> None:
        sender = self._door.sender()
        try:
            for due in self._work():
                self._deliver(sender, due)
        finally:
            sender.close()

    def _work(self) -> Iterator[list[tuple[Event, int]]]:
        """What is due, a batch at a time, until nothing is left that could still become due."""
        while True:
            with self._condition:
                while not (due := self._take()):
                    if not (self._fresh or self._later or self._busy):
                        return
                    wait = self._later[0][0] - time.monotonic() if self._later else None
                    self._condition.wait(None if wait is None else max(wait, 0.001))
                self._busy += 1
            try:
                yield due
            finally:
                with self._condition:
                    self._busy -= 1
                    self._condition.notify_all()

    def _take(self) -> list[tuple[Event, int]]:
        due: list[tuple[Event, int]] = []
        while len(due) < self._batch:
            if self._later and self._later[0][0] <= time.monotonic():
                _, number, attempt = heapq.heappop(self._later)
            elif self._fresh:
                number, attempt = self._fresh.popleft(), 1
            else:
                break
            event = self._events[number]
            if event.wire is None and not self._sealed(event):
                continue
            if attempt == 1:
                self._prepare(event)
            due.append((event, attempt))
        return due

    def _sealed(self, event: Event) -> bool:
        """Whether the undo has something to undo by now; one that has nothing is left out."""
        source = event.undo_of
        if source in self._events and source not in self.result.ends and source not in self.result.skipped:
            self._put(event.number, 1, PATIENCE)
            return False
        told = self.result.undos.get(source)
        if told is None:
            self.result.skipped.append(event.number)
            return False
        event.meaning["undo"] = told[0]
        event.wire = event.seal(*told)
        return True

    def _put(self, number: int, attempt: int, wait: float) -> None:
        heapq.heappush(self._later, (time.monotonic() + wait, number, attempt))

    def _deliver(self, sender: Any, due: list[tuple[Event, int]]) -> None:
        with self._condition:
            self._batches += 1
            batch = self._batches if self._batch > 1 else None
        sent_at = time.monotonic()
        try:
            answers = sender.deliver([(event.number, attempt, event.wire) for event, attempt in due])
        except Exception:
            answers = [NO_ANSWER] * len(due)
            raise
        finally:
            answered_at = time.monotonic()
            with self._condition:
                for (event, attempt), answer in zip(due, answers, strict=True):
                    self._settle(event, attempt, answer, batch, sent_at, answered_at)
                self._condition.notify_all()

    def _settle(
        self, event: Event, attempt: int, answer: Answer, batch: int | None, sent_at: float, answered_at: float
    ) -> None:
        end = None
        if answer.result == "acknowledged":
            end = "acknowledged"
        elif attempt >= self._manners.attempts or (answer.result == "refused" and self._manners.refusal_ends):
            end = "dead_lettered"
        outcome = answer.outcome or {}
        if outcome.get("undo") and outcome.get("undo_signature"):
            self.result.undos[event.number] = outcome["undo"], outcome["undo_signature"]
        if end is None:
            self._put(event.number, attempt + 1, min(self._manners.first * 2**attempt, self._manners.longest))
        else:
            self.result.ends[event.number] = end
        self.deliveries.append(
            {
                "event": event.number,
                "id": event.meaning["id"],
                "attempt": attempt,
                "batch": batch,
                "sent_at": sent_at,
                "answered_at": answered_at,
                "result": answer.result,
                "error": answer.error,
                "status": answer.status,
                "outcome": answer.outcome,
                "end": end,
            }
        )
