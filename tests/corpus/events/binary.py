"""CloudEvents in binary mode: the attributes are headers, the data is the body."""

import gzip
import json
from collections.abc import Iterable

from tests.corpus.case import CERTIFICATE, GONE, Answer, Case, Refused, Taken
from tests.corpus.events.structured import BESIDE, EVENT, LOOK_ALIKES

HEADERS = {
    "Ce-Specversion": "1.0",
    "Ce-Id": "ce-1",
    "Ce-Source": "/monitoring",
    "Ce-Type": "apig.certificate.expired",
    "Ce-Time": "2026-02-03T06:00:12Z",
    "Content-Type": "application/json",
}
DUE = {"Ce-Type": "apig.cleanup.due"}
BODY = json.dumps({"certificate_id": CERTIFICATE}).encode()
EXPIRED = Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ce-1", "/monitoring", "2026-02-03T06:00:12Z")
SAME = Taken("certificate_expiry", {"certificate_id": CERTIFICATE})
EVERYTHING = Taken("scheduled_cleanup", {})
VERSION = Refused("specversion", "expected 1.0")
TYPE = Refused("type", "apig.certificate.expired")
MEDIA = Refused("datacontenttype", "expected application/json")
JSON = Refused("body", "expected JSON; wrong at line 1 column")
OBJECT = Refused("body", "expected a JSON object")
UTF8 = Refused("body", "expected UTF-8; wrong at position")


def rows(of: Iterable[tuple[str, dict[str, object], bytes, Answer]]) -> list[Case]:
    """Each row as a case: its name, the headers that are different, the body, the answer."""
    return [
        Case(f"binary CloudEvent: {name}", body, answer, headers=_without_gone(HEADERS | changes))
        for name, changes, body, answer in of
    ]


def _without_gone(headers: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items() if value is not GONE}


CASES: list[Case] = rows([
    ("as it should be", {}, BODY, EXPIRED),
    ("specversion missing", {"Ce-Specversion": GONE}, BODY, VERSION),
    ("specversion empty", {"Ce-Specversion": ""}, BODY, VERSION),
    ("specversion 0.3", {"Ce-Specversion": "0.3"}, BODY, VERSION),
    ("specversion twice, joined by the server", {"Ce-Specversion": "1.0,1.0"}, BODY, VERSION),
    ("id missing", {"Ce-Id": GONE}, BODY, Refused("id", "not empty")),
    ("id empty", {"Ce-Id": ""}, BODY, Refused("id", "not empty")),
    ("id a pair of quotes around nothing", {"Ce-Id": '""'}, BODY, Refused("id", "not empty")),
    ("id a single quote", {"Ce-Id": '"'}, BODY, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, '"')),
    ("id in quotes", {"Ce-Id": '"a \\"b\\""'}, BODY,
     Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, 'a "b"')),
    ("id percent-encoded", {"Ce-Id": "%C3%BC"}, BODY, Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ü")),
    ("id percent-encoded twice is decoded once", {"Ce-Id": "%25C3"}, BODY,
     Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "%C3")),
    ("id with half an escape", {"Ce-Id": "50%"}, BODY,
     Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "50%")),
    ("id percent-encoded latin-1", {"Ce-Id": "%FC"}, BODY, Refused("ce-id", "percent-encoded UTF-8")),
    ("id a percent-encoded surrogate", {"Ce-Id": "%ED%A0%80"}, BODY, Refused("ce-id", "percent-encoded UTF-8")),
    ("id with a percent-encoded line break", {"Ce-Id": "a%0Ab"}, BODY, Refused("id", "printable")),
    ("id with a percent-encoded NUL", {"Ce-Id": "a%00b"}, BODY, Refused("id", "printable")),
    ("id of 257 characters", {"Ce-Id": "i" * 257}, BODY, Refused("id", "1 to 256 printable characters")),
    ("source missing", {"Ce-Source": GONE}, BODY, Refused("source", "not empty")),
    ("source empty", {"Ce-Source": ""}, BODY, Refused("source", "not empty")),
    ("source percent-encoded latin-1", {"Ce-Source": "/caf%E9"}, BODY, Refused("ce-source", "percent-encoded UTF-8")),
    ("source in raw latin-1, as a server hands it on", {"Ce-Source": "/café"}, BODY,
     Taken("certificate_expiry", {"certificate_id": CERTIFICATE}, "ce-1", "/café")),
    ("type missing", {"Ce-Type": GONE}, BODY, Refused("type", "not empty")),
    ("type empty", {"Ce-Type": ""}, BODY, Refused("type", "not empty")),
    ("type of another sender", {"Ce-Type": "com.github.push"}, BODY, TYPE),
    ("type twice, joined by the server", {"Ce-Type": "apig.certificate.expired,apig.certificate.expired"}, BODY, TYPE),
    ("type in quotes", {"Ce-Type": '"apig.certificate.expired"'}, BODY, SAME),
    ("time missing", {"Ce-Time": GONE}, BODY, SAME),
    ("time empty", {"Ce-Time": ""}, BODY, Refused("time", "RFC 3339")),
    ("time a number", {"Ce-Time": "1770098412"}, BODY, Refused("time", "RFC 3339")),
    ("time with a percent-encoded colon", {"Ce-Time": "2026-02-03T06%3A00%3A12Z"}, BODY, EXPIRED),
    ("header names in upper case", {"Ce-Type": GONE, "CE-TYPE": "apig.certificate.expired"}, BODY, EXPIRED),
    ("content type with a charset", {"Content-Type": "application/json; charset=utf-8"}, BODY, EXPIRED),
    ("content type of some JSON", {"Content-Type": "application/vnd.example+json"}, BODY, EXPIRED),
    ("content type text", {"Content-Type": "text/plain"}, BODY, MEDIA),
    ("content type a form", {"Content-Type": "application/x-www-form-urlencoded"}, BODY, MEDIA),
    ("content type octets", {"Content-Type": "application/octet-stream"}, BODY, MEDIA),
    ("content type of a batch", {"Content-Type": "application/cloudevents-batch+json"}, b"[]",
     Refused("content-type", "batches are not taken")),
    ("content type of a batch, of an event", {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"},
     json.dumps(EVENT).encode(), Refused("content-type", "batches are not taken")),
    ("both modes at once: the body counts", {"Content-Type": "application/cloudevents+json", **DUE},
     json.dumps(EVENT).encode(), EXPIRED),
    ("structured by its type, bare by its body", {"Content-Type": "application/cloudevents+json"}, BODY, VERSION),
    ("structured mode of XML", {"Content-Type": "application/cloudevents+xml"}, b"<event/>", JSON),
    *((f"ce-{name}, which belongs into the data", {f"Ce-{name}": "true"}, BODY, Refused(f"ce-{name.lower()}", BESIDE))
      for name in LOOK_ALIKES if "_" not in name),  # a server may make "-" of "_"
    ("ce-domains", {"Ce-Domains": "a.example.com"}, BODY, Refused("ce-domains", BESIDE)),
    ("extensions of tracing and of Knative", {"Ce-Traceparent": "00-0af7-01", "Ce-Knativearrivaltime": "2026-02-03T06:00:13Z"},
     BODY, EXPIRED),
    ("no body for an expiry", {}, b"", Refused("data.certificate_id", "expected a certificate id")),
    ("no body for a clean-up", DUE, b"", EVERYTHING),
    ("an empty object for a clean-up", DUE, b"{}", EVERYTHING),
    ("an empty object in white space", DUE, b" \r\n{\t}\n", EVERYTHING),
    ("a body of one space is no empty body", DUE, b" ", JSON),
    ("a body of one line break", DUE, b"\n", Refused("body", "expected JSON; wrong at line 2")),
    ("null for a clean-up is a lost narrowing", DUE, b"null", OBJECT),
    ("a list for a clean-up", DUE, b"[]", OBJECT),
    ("empty text for a clean-up", DUE, b'""', OBJECT),
    ("a number for a clean-up", DUE, b"0", OBJECT),
    ("false for a clean-up", DUE, b"false", OBJECT),
    ("JSON in JSON", DUE, b'"{}"', OBJECT),
    ("two objects", DUE, b"{}{}", JSON),
    ("an object and a comma", DUE, b"{},", JSON),
    ("a comment", DUE, b"{} // everything", JSON),
    ("single quotes", DUE, b"{'cursor': 'c'}", JSON),
    ("a trailing comma", DUE, b'{"cursor": "c",}', JSON),
    ("YAML", DUE, b"cursor: c", JSON),
    ("XML", DUE, b"<cursor>c</cursor>", JSON),
    ("a form", DUE, b"cursor=c", JSON),
    ("cut off", {}, BODY[:20], JSON),
    ("with a byte order mark", {}, b"\xef\xbb\xbf" + BODY, JSON),
    ("in UTF-16", {}, BODY.decode().encode("utf-16"), UTF8),
    ("in UTF-16 without a byte order mark", {}, BODY.decode().encode("utf-16-le"), JSON),
    ("in UTF-32", {}, BODY.decode().encode("utf-32"), UTF8),
    ("in EBCDIC", {}, BODY.decode().encode("cp037"), UTF8),
    ("in latin-1", {}, '{"common_name": "bücher.example"}'.encode("latin-1"), UTF8),
    ("in gzip", {}, gzip.compress(BODY, mtime=0), UTF8),
    ("in base64", {}, b"eyJjZXJ0aWZpY2F0ZV9pZCI6IDF9", JSON),
    ("with an overlong slash", {}, b'{"common_name": "a\xc0\xaf.example"}', UTF8),
    ("with a surrogate in UTF-8", {}, b'{"common_name": "a\xed\xa0\x80.example"}', UTF8),
    ("with a broken character at its end", {}, b'{"common_name": "a.example"}\xe2\x82', UTF8),
    ("the whole structured event as the data", {}, json.dumps(EVENT).encode(), Refused("data.specversion", "unknown field")),
])  # fmt: skip
