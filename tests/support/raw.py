"""A server that writes what a test says, byte by byte, for answers that no HTTP server would send."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme

Conversation = Callable[[socket.socket], None]


@dataclass
class Raw:
    """Where it listens, and how many connections it has accepted; `stop` is set when the test is over."""

    port: int
    tls: bool
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def drip(self, connection: socket.socket, piece: bytes, pause: float = 0.05) -> None:
        """Send the piece again and again until the test is over."""
        while not self.stop.wait(pause):
            connection.sendall(piece)


def request_of(connection: socket.socket) -> bytes:
    """One whole request; empty when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def talking(
    converse: Callable[[Raw, socket.socket], None],
    context: ssl.SSLContext | None = None,
    *,
    handshake: bool = True,
    receive_buffer: int | None = None,
) -> Iterator[Raw]:
    """Let `converse` talk with each client, in a thread of its own, until the block ends.

    `handshake` is False when `converse` does TLS itself, or fails to.
    """
    server = socket.socket()
    if receive_buffer is not None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    server.bind(("127.0.0.1", 0))
    server.listen(64)
    raw = Raw(server.getsockname()[1], context is not None)
    threads: list[threading.Thread] = []
    open_ones: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        # A client that turns away is what these tests are about.
        with contextlib.suppress(OSError), connection:
            secured = connection
            if context is not None and handshake:
                secured = context.wrap_socket(connection, server_side=True)
            open_ones.append(secured)
            with secured:
                converse(raw, secured)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                raw.connections += 1
                threads.append(threading.Thread(target=talk, args=[connection], daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield raw
    finally:
        raw.stop.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join(timeout=5)
        for each in open_ones:  # a client may keep them
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(timeout=5)


class Authority:
    """A CA, a server's context that it vouches for, and the file by which a client trusts it."""

    def __init__(self, folder: str) -> None:
        ca = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1", "localhost").configure_cert(self.server)
        self.ca_file = f"{folder}/raw-ca.pem"
        ca.cert_pem.write_to_path(self.ca_file)
