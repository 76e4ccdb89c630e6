"""Each shape of an answer, from a real socket: the one error or result that was decided for it, bounded."""

import socket
import ssl
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.core.delivery import Deadline
from shared.core.errors import DetachError
from shared.transport.connection import Connections
from shared.transport.send import Transport
from tests.corpus.calls import call
from tests.corpus.replies import REPLIES
from tests.corpus.replies.case import PASSWORD, TOKEN, Fails, Gives, ReplyCase
from tests.support.raw import Raw, request_of, talking

SMALL = 500_000  # bytes of an answer that is read in no time
SECONDS, LONGER = 0.05, 1.0  # of the processor, for a small answer and for a large one
BYTES = 50 * 1024 * 1024
LONGEST = 600  # characters of a message

NAMES = [case.name for case in REPLIES]


@dataclass
class Server:
    """What it answers to everybody."""

    url: str
    answer: bytes = b""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """It sends its bytes after each request, and closes the connection."""

    def converse(raw: Raw, connection: socket.socket) -> None:
        if request_of(connection):
            connection.sendall(running.answer)

    with talking(converse) as raw:
        running = Server(raw.url)
        yield running


def outcome(case: ReplyCase, server: Server) -> Fails | Gives:
    """What comes of it, in the words of the corpus; any other exception is a crash."""
    with Connections(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as made:  # none of which is kept from another case
        transport = Transport(made, 5.0, 1, Deadline.after(20), lambda call: None, sleep=lambda seconds: None)
        try:
            return Gives(call(case.call, transport, server.url))
        except DetachError as error:
            return Fails(error.name, error.message, error.ambiguous)


def differs(found: Fails | Gives, expected: Fails | Gives) -> bool:
    """Whether it is not as expected."""
    if isinstance(found, Gives) or isinstance(expected, Gives):
        return found != expected
    return not (
        found.error == expected.error
        and expected.says in found.says
        and len(found.says) <= LONGEST
        and expected.ambiguous in (None, found.ambiguous)
    )


def test_each_shape_has_a_name_of_its_own() -> None:
    assert len(NAMES) >= 250
    assert sorted({name for name in NAMES if NAMES.count(name) > 1}) == []


def _spent(case: ReplyCase, server: Server) -> float:
    """Seconds of processor time."""
    began = time.thread_time()
    outcome(case, server)
    return time.thread_time() - began


@pytest.mark.parametrize("case", REPLIES, ids=NAMES)
def test_it_is_one_result_or_one_error(case: ReplyCase, server: Server) -> None:
    """The expected one, in bounded time and memory: never a crash, never a binding that the answer does not tell."""
    server.answer = case.answer
    found = outcome(case, server)
    assert not differs(found, case.expected), (found, case.expected)
    assert TOKEN not in str(found)
    assert PASSWORD not in str(found)
    # The best of three: on a busy machine, one may cost a multiple.
    assert min(_spent(case, server) for _ in range(3)) < (SECONDS if len(case.answer) < SMALL else LONGER)
    tracemalloc.start()
    try:
        outcome(case, server)
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
