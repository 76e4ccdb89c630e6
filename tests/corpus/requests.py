"""Requests as bytes, which no HTTP client would send. Each is refused before an event is made of it."""

from typing import NamedTuple

EVENT = b'{"specversion":"1.0","id":"1","source":"/","type":"apig.cleanup.due","data":{}}'
JSON = b"Content-Type: application/json\r\n"


class RawRequest(NamedTuple):
    """What is sent, and the statuses that refuse it; None: the connection is closed without an answer.

    `goes`: the sender closes its side then, as one that broke off.
    """

    name: str
    sent: bytes
    status: tuple[int | None, ...]
    goes: bool = False


def post(
    headers: bytes = JSON, body: bytes = EVENT, length: bytes | None = None, line: bytes = b"POST / HTTP/1.1"
) -> bytes:
    """A request with these parts."""
    counted = b"Content-Length: %s\r\n" % (b"%d" % len(body) if length is None else length)
    return line + b"\r\nHost: x\r\nConnection: close\r\n" + counted + headers + b"\r\n" + body


def chunked(body: bytes, headers: bytes = JSON) -> bytes:
    """The same with a body in chunks."""
    return (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" + headers + b"\r\n" + body
    )


BAD = (400, None)
REQUESTS: list[RawRequest] = [
    RawRequest("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD),
    RawRequest("an event without a request", EVENT + b"\r\n\r\n", BAD),
    RawRequest("a request line without a version", post(line=b"POST /"), BAD),
    RawRequest("a preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (*BAD, 405, 505)),
    RawRequest("a method in lower case", post(line=b"post / HTTP/1.1"), (*BAD, 405)),
    RawRequest("a method that nobody knows", post(line=b"PURGE / HTTP/1.1"), (*BAD, 405)),
    RawRequest("GET with an event", post(line=b"GET / HTTP/1.1"), (405,)),
    RawRequest("PUT with an event", post(line=b"PUT / HTTP/1.1"), (405,)),
    RawRequest("a method that is overridden", post(JSON + b"X-HTTP-Method-Override: POST\r\n", line=b"PUT / HTTP/1.1"), (405,)),
    RawRequest("a header without a colon", post(JSON + b"nonsense\r\n"), BAD),
    RawRequest("a header name with a space", post(JSON + b"Ce-Id : 1\r\n"), BAD),
    RawRequest("a header with NUL", post(JSON + b"Ce-Id: a\x00b\r\n"), BAD),
    RawRequest("a header of a megabyte", post(JSON + b"X: " + b"x" * 1_000_000 + b"\r\n"), (*BAD, 431)),
    RawRequest("a length that is negative", post(length=b"-1"), BAD),
    RawRequest("a length that is no number", post(length=b"lots"), BAD),
    RawRequest("a length with a plus", post(length=b"+5"), BAD),
    RawRequest("two lengths", post(JSON + b"Content-Length: 1\r\n"), BAD),
    RawRequest("chunks without a size", chunked(b"\r\n" + EVENT + b"\r\n0\r\n\r\n"), (*BAD, 503)),
    RawRequest("chunks of a size that is no number", chunked(b"zz\r\n" + EVENT + b"\r\n0\r\n\r\n"), (*BAD, 503)),
    RawRequest("chunks that end too early", chunked(b"ff\r\n" + EVENT), (*BAD, 503), goes=True),
    RawRequest("a body that ends too early", post(length=b"500"), (*BAD, 503), goes=True),
    RawRequest("no content type", post(b""), (415,)),
    RawRequest("a content type that is empty", post(b"Content-Type:\r\n"), (415,)),
    RawRequest("a content type of raw bytes", post(b"Content-Type: \xff\xfe\r\n"), (*BAD, 415)),
    RawRequest("two content types", post(JSON + b"Content-Type: text/plain\r\n"), (*BAD, 415)),
    RawRequest("a charset of raw bytes", post(b"Content-Type: application/json; charset=\xff\r\n"), (*BAD, 415)),
    RawRequest("an origin", post(JSON + b"Origin: https://evil.example\r\n"), (403,)),
    RawRequest("an empty origin", post(JSON + b"Origin:\r\n"), (403,)),
    RawRequest("an origin of null", post(JSON + b"Origin: null\r\n"), (403,)),
    RawRequest("a body in gzip, and says so", post(JSON + b"Content-Encoding: gzip\r\n"), (422,)),
    RawRequest("an event to the probe", post(line=b"POST /health HTTP/1.1"), (405,)),
    RawRequest("binary mode without data, and a lost type", post(JSON + b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /\r\n", b""), (422,)),
    RawRequest("binary mode with raw latin-1 in its type",
               post(JSON + b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /\r\nce-type: caf\xe9\r\n"), (*BAD, 422)),
    RawRequest("binary mode with two types",
               post(JSON + b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /\r\nce-type: apig.cleanup.due\r\n"
                    b"ce-type: apig.detach.undo\r\n", b"{}"), (*BAD, 422)),
]  # fmt: skip
