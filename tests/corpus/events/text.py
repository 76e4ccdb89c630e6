"""Bodies as bytes: encodings, sizes, nesting, keys, numbers. To the clean-up, where a lost narrowing means everything."""

import gzip
import json
import zlib

from tests.corpus.case import GATEWAY, Answer, Case, Refused, Taken

MEBIBYTE = 1_048_576
NARROW = json.dumps({"instance_ids": [GATEWAY]})
NARROWED = Taken("scheduled_cleanup", {"instance_ids": [GATEWAY]})
EVERYTHING = Taken("scheduled_cleanup", {})
JSON = Refused("body", "expected JSON; wrong at line")
UTF8 = Refused("body", "expected UTF-8; wrong at position")
OBJECT = Refused("body", "expected a JSON object")
LEVELS = Refused("body", "at most 64 levels")
NUMBER = Refused("body", "no NaN or big number")
TWICE = Refused("body", "each key once")
MARKS = Refused("body", "at most 100000 brackets and commas")
SIZE = Refused("body", "at most 1048576 bytes")


def note(value: bytes) -> bytes:
    """A clean-up whose context holds this JSON."""
    return b'{"context": {"a": ' + value + b"}}"


def noted(value: object) -> Taken:
    """That clean-up."""
    return Taken("scheduled_cleanup", {"context": {"a": value}})


BODIES: list[tuple[str, bytes, Answer]] = [
    # encodings
    ("UTF-8", NARROW.encode(), NARROWED),
    ("UTF-8 with a byte order mark", b"\xef\xbb\xbf" + NARROW.encode(), JSON),
    ("UTF-16 with a byte order mark", NARROW.encode("utf-16"), UTF8),
    ("UTF-16, little-endian", NARROW.encode("utf-16-le"), JSON),
    ("UTF-16, big-endian", NARROW.encode("utf-16-be"), JSON),
    ("UTF-32", NARROW.encode("utf-32"), UTF8),
    ("UTF-7", b"+AHsAfQ-", JSON),
    ("latin-1", b'{"context": {"a": "caf\xe9"}}', UTF8),
    ("Windows-1252 quotation marks", b'{"context": {"a": "\x93x\x94"}}', UTF8),
    ("Shift JIS", '{"context": {"a": "例"}}'.encode("shift_jis"), UTF8),
    ("CESU-8", b'{"context": {"a": "\xed\xa0\xbd\xed\xb2\xa9"}}', UTF8),
    ("an overlong NUL", note(b'"\xc0\x80"'), UTF8),
    ("beyond Unicode", note(b'"\xf4\x90\x80\x80"'), UTF8),
    ("a lone continuation", note(b'"\x80"'), UTF8),
    ("a broken end", NARROW.encode() + b"\xf0\x9f", UTF8),
    ("gzip", gzip.compress(NARROW.encode(), mtime=0), UTF8),
    ("deflate", zlib.compress(NARROW.encode()), UTF8),
    ("base64", b"eyJpbnN0YW5jZV9pZHMiOiBbXX0=", JSON),
    ("percent-encoded", b"%7B%22instance_ids%22%3A%5B%5D%7D", JSON),
    ("hex", NARROW.encode().hex().encode(), JSON),
    ("a pickle", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.", UTF8),
    ("MessagePack", b"\x80", UTF8),
    ("CBOR", b"\xa0", UTF8),
    ("a ZIP", b"PK\x03\x04\x14\x00", JSON),
    ("protobuf, as Pub/Sub's", b"\x0a\x02\x08\x01", JSON),
    # white space and what stands around
    ("nothing", b"", JSON),
    ("a space", b" ", JSON),
    ("NUL", b"\x00", JSON),
    ("NUL behind", b"{}\x00", JSON),
    ("a form feed before, which is no white space in JSON", b"\x0c{}", JSON),
    ("a fixed space before", b"\xc2\xa0{}", JSON),
    ("white space around", b"\n\t {} \r\n", EVERYTHING),
    ("a guard against JSON hijacking", b")]}',\n{}", JSON),
    ("a callback", b"callback({})", JSON),
    ("two objects, one a line", b"{}\n{}", JSON),
    ("an object twice", b"{}{}", JSON),
    ("text behind", b"{} x", JSON),
    ("a comment", b"{/* all */}", JSON),
    ("JSON5", b"{instance_ids: ['x'],}", JSON),
    ("a multipart part", b"--x\r\nContent-Type: application/json\r\n\r\n{}\r\n--x--", JSON),
    ("a literal None", b"None", JSON),
    ("a Python dict", b"{'instance_ids': None}", JSON),
    ("cut off in a key", NARROW.encode()[:5], JSON),
    ("cut off in a value", NARROW.encode()[:30], JSON),
    ("cut off before its end", NARROW.encode()[:-1], JSON),
    # what is no object
    ("null", b"null", OBJECT),
    ("true", b"true", OBJECT),
    ("a number", b"0", OBJECT),
    ("a negative number", b"-0", OBJECT),
    ("a text", b'"{}"', OBJECT),
    ("an empty text", b'""', OBJECT),
    ("a list", b"[]", OBJECT),
    ("a list of an event", b"[{}]", OBJECT),
    ("a list of two events", b"[{}, {}]", OBJECT),
    # numbers
    ("NaN", b"NaN", NUMBER),
    ("NaN in it", note(b"NaN"), NUMBER),
    ("Infinity in it", note(b"Infinity"), NUMBER),
    ("-Infinity in it", note(b"-Infinity"), NUMBER),
    ("a number of 4 301 digits", note(b"9" * 4301), NUMBER),
    ("a number of a million digits", note(b"9" * 1_000_000), NUMBER),
    ("a number that is no double", note(b"1e400"), NUMBER),
    ("a negative number that is no double", note(b"-1e400"), NUMBER),
    ("a number that is nearly nothing", note(b"1e-400"), noted(0.0)),
    ("an integer beyond 64 bits", note(b"18446744073709551617"), noted(18446744073709551617)),
    ("a leading zero", note(b"01"), JSON),
    ("a hexadecimal number", note(b"0x1"), JSON),
    ("a plus", note(b"+1"), JSON),
    ("a point alone", note(b"1."), JSON),
    ("an underscore", note(b"1_000"), JSON),
    ("a number in other digits", note("١".encode()), JSON),
    # texts
    ("a lone high surrogate escaped", note(b'"\\ud800"'), noted("\ud800")),
    ("a lone low surrogate escaped", note(b'"\\udc00"'), noted("\udc00")),
    ("a pair of surrogates escaped", note(b'"\\ud83d\\udca9"'), noted("\U0001f4a9")),
    ("NUL escaped", note(b'"\\u0000"'), noted("\x00")),
    ("a raw line break in a text", note(b'"a\nb"'), JSON),
    ("a raw tab in a text", note(b'"a\tb"'), JSON),
    ("a raw NUL in a text", note(b'"a\x00b"'), JSON),
    ("DEL in a text", note(b'"a\x7fb"'), noted("a\x7fb")),
    ("an unknown escape", note(b'"\\x41"'), JSON),
    ("half an escape", note(b'"\\u00"'), JSON),
    ("a text without an end", note(b'"a'), JSON),
    ("a million backslashes", note(b'"' + b"\\\\" * 500_000 + b'"'), Refused("context", "at most 8192 bytes")),
    ("half a million quotes", b'"' * 500_000, JSON),
    ("a million quotes escaped and no end", b'"' + b'\\"' * 500_000, JSON),
    # keys
    ("a key twice", b'{"cursor": "a", "cursor": "b"}', TWICE),
    ("the same value twice", b'{"cursor": "a", "cursor": "a"}', TWICE),
    ("a key twice, once escaped", b'{"cursor": "a", "\\u0063ursor": "b"}', TWICE),
    ("a key twice, deep in it", note(b'[{"b": 1, "c": {"d": 1, "d": 2}}]'), TWICE),
    ("a narrowing and null", b'{"instance_ids": ["x"], "instance_ids": null}', TWICE),
    ("two spellings of a key are two keys", b'{"cursor": "a", "Cursor": "b"}', Refused("Cursor", "did you mean cursor?")),
    ("a key twice in two normal forms is two keys", '{"context": {"\u00fc": 1, "u\u0308": 2}}'.encode(),
     Taken("scheduled_cleanup", {"context": {"\u00fc": 1, "u\u0308": 2}})),
    ("an empty key", b'{"": 1}', Refused('""', "unknown field")),
    ("a key that is no text", b'{1: "a"}', JSON),
    ("80 000 keys", b"{" + b",".join(b'"k%d":0' % n for n in range(80_000)) + b"}", Refused("body", "at most 2000 keys")),
    ("2 000 keys", b"{" + b",".join(b'"k%d":0' % n for n in range(2_000)) + b"}", Refused("k0", "unknown field")),
    ("a key of a million letters", b'{"' + b"k" * 1_000_000 + b'": 1}', Refused("k" * 60, "unknown field")),
    ("a key a lone surrogate", b'{"\\ud800": 1}', Refused("body", "keys in UTF-8")),
    ("a key a lone surrogate in the context", note(b'{"\\ud800": 1}'), Refused("body", "keys in UTF-8")),
    # levels and sizes
    ("64 levels", note(b"[" * 62 + b"]" * 62), noted(json.loads("[" * 62 + "]" * 62))),
    ("65 levels", note(b"[" * 63 + b"]" * 63), LEVELS),
    ("1 000 open brackets", b"[" * 1000, LEVELS),
    ("a million open brackets", b"[" * 1_000_000, MARKS),
    ("half a million lists", b"[" * 500_000 + b"]" * 500_000, MARKS),
    ("100 000 objects, one in the other", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, MARKS),
    ("45 000 objects, one in the other", b'{"a":' * 45_000 + b"1" + b"}" * 45_000, LEVELS),
    ("brackets in a text are none", note(b'"' + b"[" * 1000 + b'"'), noted("[" * 1000)),
    ("a list of 500 000 numbers", note(b"[" + b",".join([b"0"] * 500_000) + b"]"), MARKS),
    ("a list of 90 000 numbers", note(b"[" + b",".join([b"0"] * 90_000) + b"]"), Refused("context", "at most 8192 bytes")),
    ("a list of 300 000 lists", note(b"[" + b",".join([b"[]"] * 300_000) + b"]"), MARKS),
    ("a list of 30 000 objects", note(b"[" + b",".join([b"{}"] * 30_000) + b"]"), Refused("context", "at most 8192 bytes")),
    ("a million commas in a text", note(b'"' + b"," * 1_000_000 + b'"'), MARKS),
    ("25 000 gateways", b'{"instance_ids": [' + b",".join([b'"%032x"' % n for n in range(25_000)]) + b"]}",
     Refused("instance_ids", "expected at most 100, not 25000")),
    ("90 000 empty texts as gateways", b'{"instance_ids": [' + b",".join([b'""'] * 90_000) + b"]}",
     Refused("instance_ids[0]", "32 lower-case hex digits")),
    ("1 MiB of white space", b"{}" + b" " * (MEBIBYTE - 2), EVERYTHING),
    ("a byte more than 1 MiB", b"{}" + b" " * (MEBIBYTE - 1), SIZE),
    ("8 MiB", b" " * (8 * MEBIBYTE), SIZE),
    ("8 MiB of brackets", b"[" * (8 * MEBIBYTE), SIZE),
]  # fmt: skip

CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)

# The same as a platform has decoded it: Lambda takes requests of 6 MB.
DECODED: list[tuple[str, object, Answer]] = [
    ("a list", [], OBJECT),
    ("three million numbers", {"context": {"a": [0] * 3_000_000}}, MARKS),
    ("a million lists", {"context": {"a": [[]] * 1_000_000}}, MARKS),
    ("100 000 lists in lists", {"context": {"a": [[0] * 10] * 100_000}}, MARKS),
    ("50 000 keys", {f"k{n}": 0 for n in range(50_000)}, Refused("body", "at most 2000 keys")),
    ("a text of 6 million letters", {"cursor": "c" * 6_000_000}, SIZE),
    ("a text of 1 million letters, which JSON escapes", {"cursor": '"ü\n' * 300_000}, Refused("cursor", "1 to 1024 characters")),
    ("a key of 2 million letters", {"c" * 2_000_000: 1}, SIZE),
    ("1 000 levels", {"context": {"a": json.loads("[" * 900 + "]" * 900)}}, LEVELS),
    ("a circle", {"context": {"a": CIRCLE}}, Refused("body", "expected")),
    ("NaN", {"context": {"a": float("nan")}}, NUMBER),
    ("Infinity", {"context": {"a": float("inf")}}, NUMBER),
    ("a lone surrogate", {"context": {"a": "\ud800"}}, noted("\ud800")),
    ("a key a lone surrogate", {"\ud800": 1}, Refused("body", "keys in UTF-8")),
    ("a set, which JSON has not", {"context": {"a": {1}}}, Refused("body", "expected a JSON object")),
    ("bytes, which JSON has not", {"context": {"a": b"x"}}, Refused("body", "expected a JSON object")),
    ("a number as a key becomes text", {1: "a"}, Refused("1", "unknown field")),
]  # fmt: skip

CASES: list[Case] = [
    *(Case(f"body: {name}", body, answer, "scheduled_cleanup") for name, body, answer in BODIES),
    *(Case(f"decoded: {name}", body, answer, "scheduled_cleanup", over_http=False) for name, body, answer in DECODED),
]
