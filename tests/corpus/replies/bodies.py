"""What is no JSON of a listing, and what is no HTTP. A read of bindings gets it."""

import gzip
import json

from tests.corpus.replies.case import Fails, Gives, ReplyCase, http
from tests.corpus.replies.listings import ATTACHED, ODD, ONE

GOOD = json.dumps(ATTACHED).encode()
NONE = Fails("Unavailable", "no answer from 127.0.0.1")
ENCODED = Fails("Unavailable", "an encoding that was not asked for")
BYTES = Fails("Unavailable", "more than 8388608 bytes")
VALUES = Fails("Unavailable", "more than 250000 values")
MEBIBYTE = 1_048_576


def raw(head: bytes, body: bytes = GOOD) -> bytes:
    """An answer with these lines."""
    return head + b"\r\n\r\n" + body


LENGTH = b"Content-Length: %d" % len(GOOD)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
CHUNK = b"%x\r\n%s\r\n" % (len(GOOD), GOOD)

BODIES: list[tuple[str, bytes, Fails | Gives]] = [
    ("as it should be", http(body=GOOD), ONE),
    ("nothing", http(), ODD),
    ("a space", http(body=b" "), ODD),
    ("HTML", http(body="<html><body>502 Bad Gateway</body></html>", headers={"Content-Type": "text/html"}), ODD),
    ("JSON that says it is HTML", http(body=GOOD, headers={"Content-Type": "text/html"}), ONE),
    ("null", http(body=b"null"), ODD),
    ("a list", http(body=b"[]"), ODD),
    ("the rows alone", http(body=ATTACHED["bound_domains"]), ODD),
    ("a text", http(body=b'"{}"'), ODD),
    ("a number", http(body=b"1"), ODD),
    ("an empty object", http(body=b"{}"), ODD),
    ("an error with 200", http(body={"error_code": "APIG.9999", "error_msg": "System error"}), ODD),
    ("cut off", http(body=GOOD[:-20]), ODD),
    ("cut off in the first row", http(body=GOOD[:60]), ODD),
    ("with a byte order mark, which a reader may pass over (RFC 8259, 8.1)", http(body=b"\xef\xbb\xbf" + GOOD), ONE),
    ("in latin-1", http(body=GOOD.replace(b"cert_demo", b"caf\xe9")), ODD),
    ("in gzip, unannounced", http(body=gzip.compress(GOOD, mtime=0)), ODD),
    ("in gzip, announced", http(body=gzip.compress(GOOD, mtime=0), headers={"Content-Encoding": "gzip"}), ENCODED),
    ("plain, announced as gzip", http(body=GOOD, headers={"Content-Encoding": "gzip"}), ENCODED),
    ("two answers in one", http(body=GOOD + GOOD), ODD),
    ("a line of JSON each", http(body=b"{}\n{}"), ODD),
    ("with NaN", http(body=GOOD.replace(b'"total": 1', b'"total": NaN')), ODD),
    ("with Infinity", http(body=GOOD.replace(b'"total": 1', b'"total": Infinity')), ODD),
    ("a total that is no double", http(body=GOOD.replace(b'"total": 1', b'"total": 1e400')), ODD),
    ("a total of 5 000 digits", http(body=GOOD.replace(b'"total": 1', b'"total": ' + b"9" * 5000)), ODD),
    ("total twice", http(body=GOOD.replace(b'"total": 1', b'"total": 5, "total": 1')), ODD),
    ("rows twice: which of them?", http(body=GOOD[:-1] + b', "bound_domains": []}'), ODD),
    ("a gateway twice in a row: which of them?",
     http(body=GOOD.replace(b'"ssl_name"', b'"instance_id": "7d39549681c54d968ec2910da9da95cd", "ssl_name"')), ODD),
    ("a name twice in a row: which of them?", http(body=GOOD.replace(b'"ssl_name"', b'"url_domain": "b.example.com", "ssl_name"')), ODD),
    ("100 000 open brackets", http(body=b"[" * 100_000), ODD),
    ("10 000 objects, one in the other", http(body=b'{"a":' * 10_000 + b"1" + b"}" * 10_000), ODD),
    ("8 MiB of brackets", http(body=b"[" * (8 * MEBIBYTE)), VALUES),
    ("8 MiB of empty lists", http(body=b"[" + b"[]," * (8 * MEBIBYTE // 3 - 1) + b"[]]"), VALUES),
    ("8 MiB of digits", http(body=b"9" * (8 * MEBIBYTE)), ODD),
    ("8 MiB of one text", http(body=b'"' + b"x" * (8 * MEBIBYTE - 2) + b'"'), ODD),
    ("9 MiB", http(body=b" " * (9 * MEBIBYTE)), BYTES),
    # the envelope
    ("no answer", b"", NONE),
    ("garbage", b"\x00\x01\x02\x03\r\n\r\n", NONE),
    ("TLS instead of HTTP", b"\x15\x03\x01\x00\x02\x02\x46", NONE),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", NONE),
    ("the body alone", GOOD, NONE),
    ("HTTP/0.9", b"<html></html>\r\n", NONE),
    ("HTTP/2", b"HTTP/2 200\r\n\r\n" + GOOD, NONE),
    ("a status of two digits", raw(b"HTTP/1.1 20 OK\r\n" + LENGTH), NONE),
    ("a status of four digits", raw(b"HTTP/1.1 2000 OK\r\n" + LENGTH), NONE),
    ("a status that is a word", raw(b"HTTP/1.1 OK\r\n" + LENGTH), NONE),
    ("a header without a colon", raw(b"HTTP/1.1 200 OK\r\nnonsense\r\n" + LENGTH), NONE),
    ("a header with NUL", raw(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n" + LENGTH), NONE),
    ("a header of 200 000 bytes", raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n" + LENGTH), NONE),
    ("headers without an end", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, NONE),
    ("a length that is a word", raw(b"HTTP/1.1 200 OK\r\nContent-Length: many"), NONE),
    ("a negative length", raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1"), NONE),
    ("two lengths", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + LENGTH), NONE),
    ("a length that is too large", raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d" % (len(GOOD) + 1)), NONE),
    ("a length that is too small", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 20"), ODD),
    ("a length of 0", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0"), ODD),
    ("no length: it ends with the connection", raw(b"HTTP/1.1 200 OK"), ONE),
    ("in chunks", raw(CHUNKED, CHUNK + b"0\r\n\r\n"), ONE),
    ("in chunks without the last", raw(CHUNKED, CHUNK), NONE),
    ("in chunks of a wrong size", raw(CHUNKED, b"5\r\n" + GOOD + b"\r\n0\r\n\r\n"), NONE),
    ("in chunks of no size", raw(CHUNKED, b"zz\r\n" + GOOD), NONE),
    ("in another transfer encoding", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", CHUNK + b"0\r\n\r\n"), NONE),
    ("behind 100 Continue", raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH), ONE),
    ("behind early hints", raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH), ONE),
    ("another protocol from here on", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket", b""), Fails("Unavailable", "")),
    ("with a surplus", raw(b"HTTP/1.1 200 OK\r\n" + LENGTH, GOOD + b"HTTP/1.1 200 OK\r\n\r\n"), ONE),
    ("with a header in latin-1", raw(b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\n" + LENGTH), ONE),
    ("with a Date that is none", raw(b"HTTP/1.1 200 OK\r\nDate: today\r\n" + LENGTH), ONE),
    ("with a Date of the year 99999", raw(b"HTTP/1.1 200 OK\r\nDate: Tue, 03 Feb 99999 06:00:12 GMT\r\n" + LENGTH), ONE),
    ("with a Date of long ago", raw(b"HTTP/1.1 200 OK\r\nDate: Tue, 03 Feb 2015 06:00:12 GMT\r\n" + LENGTH),
     Fails("ConfigurationError", "the clocks differ by more than 15 minutes")),
]  # fmt: skip

CASES: list[ReplyCase] = [ReplyCase(f"body: {name}", "attached", answer, expected) for name, answer, expected in BODIES]
