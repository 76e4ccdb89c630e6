"""One shape of the corpus: what is delivered, and the answer that a person decided for it."""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.core.delivery import Deadline, Delivery
from shared.core.event_data import Kind

CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"
GATEWAY = "f0fa1789-3b76-433b-a787-9892951c620e"
OTHER_GATEWAY = "7d39549681c54d968ec2910da9da95cd"
GONE = object()  # in place of a value: the field is taken away


@dataclass(frozen=True)
class Refused:
    """One InvalidEvent: the field that it names, as the sender wrote it, and words that its message has."""

    field: str
    says: str


@dataclass(frozen=True)
class Taken:
    """The event: its kind and its data as JSON, without what stands at its default.

    What is None here is not looked at: the event's id, its source, its time (RFC 3339, in UTC).
    """

    kind: Kind
    data: dict[str, Any]
    id: str | None = None
    source: str | None = None
    time: str | None = None


Answer = Refused | Taken


@dataclass(frozen=True)
class Case:
    """`body` is a request's body when it is bytes; else what a platform has decoded, or the text of an SQS message.

    `kind` is the function's own, `headers` those of the request, `over_http` whether the envelope is taken there.
    """

    name: str
    body: Any
    answer: Answer
    kind: Kind | None = None
    headers: Mapping[str, str] | None = None
    over_http: bool = True

    def deliveries(self) -> Iterator[Delivery]:
        """Each way in which a door hands it over; the answer is the same for all of them."""
        if isinstance(self.body, bytes):
            yield self._delivery(self.body, {"Content-Type": "application/json", **(self.headers or {})})
            return
        yield self._delivery(self.body, None)
        if self.over_http:
            yield self._delivery(json.dumps(self.body).encode(), {"Content-Type": "application/json"})

    def _delivery(self, body: Any, headers: Mapping[str, str] | None) -> Delivery:
        return Delivery(body, Deadline.after(20), self.kind, "request-1", headers)


def damaged(envelope: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope with other values at these places, such as `record.0.smn.message`; GONE takes one away."""
    changed = copy.deepcopy(dict(envelope))
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        place: Any = changed
        for step in steps:
            place = place[step]
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return changed


Row = tuple[str, Mapping[str, Any], Answer]


def table(
    title: str, envelope: Mapping[str, Any], rows: Iterable[Row], *, kind: Kind | None = None, over_http: bool = True
) -> list[Case]:
    """Each row as a case: its name, what is changed in the envelope, the answer."""
    return [
        Case(f"{title}: {name}", damaged(envelope, changes), answer, kind, over_http=over_http)
        for name, changes, answer in rows
    ]
