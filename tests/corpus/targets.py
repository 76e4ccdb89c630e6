"""What the fuzzer calls, and what has to hold of any input; the rows of the corpus are where it starts.

An input is text where it can be, so that a person can read what was found:

    h domain_decommission          handed over as a request (h), as the text of a message (t) or decoded (d); the kind, or -
    Content-Type: application/json
                                   an empty line, then the body
    {"domain": "a.example.com"}

    attached 200                   the call, and the status of an answer of which the body follows; or "raw", and the
    {"total": 0}                   whole answer follows
"""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import httpcore

from shared.core.delivery import Deadline, Delivery
from shared.core.errors import DetachError, InvalidEvent
from shared.core.event_data import Event, Kind
from shared.core.secret import Secret
from shared.events import parse
from shared.transport.connection import Connections
from shared.transport.send import Transport
from tests.corpus.calls import call
from tests.corpus.case import Case
from tests.corpus.events import EVENTS
from tests.corpus.replies import REPLIES
from tests.corpus.replies.case import TOKEN, Call, http

SECONDS = 0.5  # of the processor: ten times what is allowed, because the fuzzer watches each line
LONGEST = 600  # characters of a message
SEED = 8_192  # bytes of the largest input to start from

KINDS: dict[str, Kind | None] = {"-": None, **{kind: kind for kind in get_args(Kind)}}
ENVELOPES = {"specversion", "detail-type", "trigger_type", "record", "cts", "Records", "messageId"}


def events(data: bytes) -> None:
    """Any delivery is one event or one InvalidEvent, soon; raises AssertionError, or whatever crashed."""
    delivery = _delivery(data)
    began = time.thread_time()
    found = _parsed(delivery)
    assert time.thread_time() - began < SECONDS, "it took too long"
    assert _same(_parsed(delivery), found), "the same event again is another one"
    if isinstance(found, InvalidEvent):
        assert found.message.startswith(f"{found.field}: "), "the message does not name the field"
        assert len(found.message) < LONGEST, "the message is too long"
        return
    assert 0 < len(found.id) <= 256, "an odd id"
    assert found.id.isprintable(), "an odd id"
    assert found.source is None or (len(found.source) <= 256 and found.source.isprintable()), "an odd source"
    assert delivery.kind in (None, found.kind), "it is of another kind"
    assert not _is_bare(delivery), "bare data of no kind is taken"
    if isinstance(delivery.body, str):
        assert _same(_parsed(replace(delivery, body=json.loads(delivery.body))), found), "decoded, it is another event"
    told = json.dumps(found.data.model_dump(mode="json", exclude_unset=True))
    again = _parsed(Delivery(told, Deadline.after(20), found.kind))
    assert isinstance(again, Event), f"its own data is refused: {again}"
    assert again.data == found.data, "its own data is other data"


def _delivery(data: bytes) -> Delivery:
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    way, _, name = first.partition(" ")
    kind = KINDS.get(name)
    if way == "h":
        pairs = (line.partition(": ") for line in lines)
        return Delivery(body, Deadline.after(20), kind, "request-1", {name: value for name, _, value in pairs})
    text = body.decode("utf-8", "replace")
    content: Any = text
    if way == "d":
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = text
    return Delivery(content, Deadline.after(20), kind, "request-1")


def _parsed(delivery: Delivery) -> Event | InvalidEvent:
    try:
        return parse(delivery)
    except InvalidEvent as error:
        return error


def _same(one: Event | InvalidEvent, other: Event | InvalidEvent) -> bool:
    if isinstance(one, InvalidEvent) and isinstance(other, InvalidEvent):
        return (one.field, one.message) == (other.field, other.message)
    return one == other


def _is_bare(delivery: Delivery) -> bool:
    """Whether no field and no header tells what it is, nor the function's kind."""
    if delivery.kind is not None or any(name.lower().startswith("ce-") for name in delivery.headers or {}):
        return False
    content = delivery.body if isinstance(delivery.body, dict) else json.loads(delivery.body)  # type: ignore[arg-type]
    return not content.keys() & ENVELOPES


_IN_USE = Secret(TOKEN)  # so that no message may tell it, whatever an answer repeats
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which nothing is asked of


class _Answering(Connections):
    """httpcore and h11 as always, with bytes in memory where the socket would be."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(_TLS)
        self._pool = httpcore.ConnectionPool(network_backend=httpcore.MockBackend([answer]))


def replies(data: bytes) -> None:
    """Any answer is one result or one DetachError, soon, and no binding is taken from it that it does not tell."""
    head, _, body = data.partition(b"\n")
    name, _, status = head.decode("latin-1").partition(" ")
    if name not in get_args(Call):
        return
    known: Call = name  # type: ignore[assignment]  # one of them
    answer = http(int(status), body) if status.isascii() and status.isdigit() and len(status) == 3 else body
    began = time.thread_time()
    found = _called(known, answer)
    assert time.thread_time() - began < SECONDS, "it took too long"
    if isinstance(found, DetachError):
        assert len(found.message) < LONGEST, "the message is too long"
        assert TOKEN not in found.message, "the message has the token"
        return
    if known == "detach":
        assert b" 204" in answer, "done, and no 204"
    if known == "attached" and b"\\" not in answer and b"chunked" not in answer.lower():
        for domain, instance_id, _, _ in found:
            assert instance_id.encode() in answer, "a gateway that was not told"
            assert domain.encode() in answer, "a domain that was not told"


def _called(name: Call, answer: bytes) -> Any:
    with _Answering(answer) as connections:
        transport = Transport(connections, 5.0, 1, Deadline.after(20), lambda call: None, sleep=lambda seconds: None)
        try:
            return call(name, transport, "http://127.0.0.1:1")
        except DetachError as error:
            return error


TARGETS = {"events": events, "replies": replies}


def seeds(target: str) -> Iterator[tuple[str, bytes]]:
    """The rows of the corpus as inputs: the name and the bytes of each."""
    if target == "replies":
        yield from ((case.name, f"{case.call} raw\n".encode() + case.answer) for case in REPLIES)
        for case in REPLIES:
            head, _, body = case.answer.partition(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 ") and head[9:12].isdigit():
                yield case.name, f"{case.call} ".encode() + head[9:12] + b"\n" + body
        return
    for case in EVENTS:
        yield from ((case.name, data) for data in _inputs(case))


def _inputs(case: Case) -> Iterator[bytes]:
    if not isinstance(case.body, bytes):
        with suppress(TypeError, ValueError):
            yield f"t {case.kind or '-'}\n\n{json.dumps(case.body)}".encode()
    for delivery in case.deliveries():
        lines = [f"{'d' if delivery.headers is None else 'h'} {delivery.kind or '-'}"]
        lines += [f"{name}: {value}" for name, value in (delivery.headers or {}).items()]
        if isinstance(delivery.body, bytes):
            body = delivery.body
        else:
            try:
                body = json.dumps(delivery.body).encode()
            except (TypeError, ValueError):  # what no JSON can say
                continue
        yield "\n".join(lines).encode("latin-1", "replace") + b"\n\n" + body
