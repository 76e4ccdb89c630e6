"""What the readers of all vendors share: one step from an envelope to the event in it."""

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from shared.core.errors import InvalidEvent
from shared.core.event_data import DetachUndo, DomainEntry, Event, Kind, Undo, UndoDomain, UndoSignature
from shared.core.kinds import KINDS
from shared.core.names import normal_name
from shared.events.decoding import SHOWN, instead
from shared.events.origin import UNTOLD, Origin, told

_ID = "32 lower-case hex digits or a UUID"
NAME = "a domain name such as api.example.com or *.example.com"
_EXPECTED = {
    "certificate_id": _ID,
    "common_name": NAME,
    "domain": NAME,
    "domains": "a list of at least one domain",
    "domains[]": "a domain name, or an object with one as its domain",
    "instance_ids": "a list of at least one gateway id",
    "instance_ids[]": _ID,
    "verified_client_certificate_enabled": "true or false",
    "cursor": "1 to 1024 characters of text",
    "undo": "the undo list of an outcome",
    "undo_signature": "the undo_signature of an outcome",
    "key_id": "16 lower-case hex digits",
    "signed_at": "a time such as 2026-02-04T08:15:00Z",
    "signature": "64 lower-case hex digits",
    "perhaps": "true or false",
    "context": "a JSON object of at most 8192 bytes",
    "dry_run": "true or false",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of an envelope before it is read.

    `kind` is the function's own, if it takes one kind only; `default_id` serves an event without an id; `level` counts
    the envelopes around it, itself included; `field` is what held it. `http` tells that it came as an HTTP request.
    """

    kind: Kind | None
    default_id: Any  # as the platform gave it: `event_id` checks it
    level: int = 1
    field: str = "body"
    http: bool = False


@dataclass(frozen=True, slots=True)
class Inner:
    """The envelope carries another one in `field`; its message id serves when the event has none of its own."""

    content: Mapping[str, Any]
    field: str
    message_id: Any = None
    origin: Origin = UNTOLD


@dataclass(frozen=True, slots=True)
class Understood:
    """The envelope is an event: its kind, its id, and its data, which stood in `field` ("": in the envelope itself).

    `dns` is set for the trace of a DNS deletion.
    """

    kind: Kind
    event_id: str
    data: object
    field: str
    origin: Origin = UNTOLD
    dns: Literal["public", "private"] | None = None

    def event(self, outer: Origin, sender: str | None) -> Event:
        """The event, its data checked; raises InvalidEvent that names the field as the sender wrote it.

        `outer` is where the envelopes around it come from, `sender` who sent it.
        """
        origin = self.origin.inside(outer)
        try:
            data = KINDS[self.kind].model.model_validate(self.data)
            return Event(self.event_id, data, origin.source, sender, origin.time, self.dns)
        except ValidationError as invalid:
            error = invalid.errors(include_url=False)[0]
        if error["type"] == "extra_forbidden":
            raise self._unknown(error["loc"])
        field = _path(self.field, error["loc"])
        key = re.sub(r"\[\d+\]", "[]", field).rpartition(".")[2]
        # Our own validators of whole models say "field: expected…".
        inner, colon, expected = error["msg"].removeprefix("Value error, ").partition(": expected ")
        if colon:
            raise InvalidEvent(_path(field, (inner,)), f"expected {expected}", self.event_id)
        if error["type"] == "too_long":
            most = error["ctx"]["max_length"]
            raise InvalidEvent(field, f"expected at most {most}, not {error['ctx']['actual_length']}", self.event_id)
        shown = "" if error["type"] == "missing" else instead(error["input"])
        expected = f"expected {_EXPECTED.get(key, 'an object')}{shown}"
        raise InvalidEvent(field or "body", expected, self.event_id)

    def _unknown(self, where: tuple[int | str, ...]) -> InvalidEvent:
        """The error for a field that nobody knows: the nearest known name, or all of them."""
        known = _known_fields(KINDS[self.kind].model, where[:-1])
        near = difflib.get_close_matches(str(where[-1])[:SHOWN], known, n=1)
        expected = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
        return InvalidEvent(_path(self.field, where) or "body", f"unknown field; {expected}", self.event_id)


def _path(field: str, steps: tuple[int | str, ...]) -> str:
    """Where in the event, as its sender writes it: `domains[0].domain`; an unknown field's name is made fit to read."""
    names = (f"[{step}]" if isinstance(step, int) else "." + (told(step) or '""')[:SHOWN] for step in steps)
    return (field + "".join(names)).removeprefix(".")


def _known_fields(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """The fields that the object at this place may have."""
    domain = UndoDomain if model is DetachUndo else DomainEntry
    named = {"domains": domain, "undo": Undo, "undo_signature": UndoSignature}
    for step in where:
        model = named.get(str(step), model)
    of_all = ("context", "dry_run")
    return [
        *(name for name in model.model_fields if name not in of_all),
        *(n for n in of_all if n in model.model_fields),
    ]


# Each envelope is recognised by one of these fields.
ENVELOPE_KEYS = frozenset({"specversion", "detail-type", "trigger_type", "record", "cts", "Records", "messageId"})

Step = Inner | Understood
Reader = Callable[[Mapping[str, Any], Context], Step]


def kind_of(field: str, value: object, table: Mapping[str, Kind], context: Context) -> Kind:
    """The kind that a type stands for; raises InvalidEvent for another function's, or an unknown one."""
    understood = [name for name, kind in table.items() if context.kind in (None, kind)]
    if not isinstance(value, str) or value not in understood:
        expected = ", ".join(understood) or f"an event for {context.kind}"
        raise InvalidEvent(field, f"expected {expected}{instead(value)}")
    return table[value]


def _plain(name: str) -> str:
    """A name without case and separators: attributes of CloudEvents and headers may have no underscore."""
    return re.sub(r"[_-]", "", name).lower()


_OURS = frozenset(_plain(name) for row in KINDS.values() for name in row.model.model_fields)


def refuse_misplaced(envelope: Iterable[str], field: str, prefix: str = "") -> None:
    """Raise InvalidEvent for a field of the data, of any kind, that stands beside `field`, not in it.

    Passed over, a narrowing would widen the event, and `dry_run` would not hold. `prefix` is what the sender wrote
    before each name.
    """
    for name in envelope:
        if _plain(name) in _OURS:
            raise InvalidEvent(f"{prefix}{name[:SHOWN]}", f"expected it inside {field}, not beside it")


def event_id(envelope: Mapping[str, Any], given: object, field: str, context: Context) -> str:
    """The event's id: the one given, the default one, or a digest of the content."""
    if given is None and not context.default_id:
        canonical = json.dumps(envelope, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
    found = context.default_id if given is None else given
    if not isinstance(found, str) or not 0 < len(found) <= 256 or not found.isprintable():
        raise InvalidEvent(field, f"expected 1 to 256 printable characters{instead(found)}")
    return found


def is_name(value: object) -> bool:
    """Whether it is a domain name."""
    with suppress(ValueError):
        return isinstance(value, str) and len(value) <= 255 and bool(normal_name(value))
    return False
