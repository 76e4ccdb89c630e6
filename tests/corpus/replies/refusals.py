"""Answers that refuse: statuses, codes, redirects, Retry-After. To a read and to a detach."""

from typing import Any

from tests.corpus.replies.case import Fails, Gives, ReplyCase, http


def refusal(code: Any = "APIG.9999", message: Any = "System error") -> dict[str, Any]:
    """The API's body of an error."""
    return {"error_code": code, "error_msg": message}


HTML = "<html><body>an error</body></html>"
READS: list[tuple[str, bytes, Fails | Gives]] = [
    ("201", http(201, {}), Fails("Unavailable", "answered 201")),
    ("204: no listing", http(204, headers={"Content-Length": "0"}), Fails("Unavailable", "answered 204")),
    ("206: a part", http(206, {}), Fails("Unavailable", "answered 206")),
    ("301 to another host", http(301, headers={"Location": "https://evil.example/x?token=1"}),
     Fails("ConfigurationError", "a redirect to https://evil.example: not followed")),
    ("302 without a place", http(302), Fails("ConfigurationError", "a redirect to")),
    ("302 to nonsense", http(302, headers={"Location": "http://[::1"}), Fails("ConfigurationError", "an invalid address")),
    ("304: nothing changed", http(304, headers={"Content-Length": "0"}), Fails("ConfigurationError", "answered 304")),
    ("307 with a line of colours", http(307, headers={"Location": "javascript:alert(1)"}), Fails("ConfigurationError", "answered 307")),
    ("400 with a code", http(400, refusal("APIG.2012", "Invalid parameter value")), Fails("Rejected", "400 APIG.2012: Invalid")),
    ("400 with nothing", http(400), Fails("Rejected", "answered 400: no message")),
    ("400 that means throttling", http(400, refusal("APIG.2035")), Fails("Unavailable", "APIG.2035")),
    ("400 that means no permission", http(400, refusal("APIG.1119")), Fails("AccessDenied", "APIG.1119")),
    ("401", http(401, refusal("APIG.1002")), Fails("CredentialsRefused", "401 APIG.1002")),
    ("401 with HTML", http(401, HTML), Fails("CredentialsRefused", "answered 401")),
    ("401 that means no permission", http(401, refusal("APIG.1005")), Fails("AccessDenied", "APIG.1005")),
    ("401 that means a failed server", http(401, refusal("APIG.1010")), Fails("Unavailable", "APIG.1010")),
    ("401 for a token without a project", http(401, refusal("APIG.1003")), Fails("ConfigurationError", "APIG.1003")),
    ("403", http(403, refusal("APIG.1005")), Fails("AccessDenied", "403 APIG.1005")),
    ("403 with HTML of a firewall", http(403, HTML), Fails("AccessDenied", "answered 403: no message")),
    ("404 of the certificate", http(404, refusal("APIG.3021")), Fails("NotFound", "404 APIG.3021")),
    ("404 of the gateway", http(404, refusal("APIG.3030")), Fails("NotFound", "APIG.3030")),
    ("404 of a path that nobody knows", http(404, refusal("APIG.0101")), Fails("Rejected", "APIG.0101")),
    ("404 with HTML", http(404, HTML), Fails("Rejected", "answered 404: no message")),
    ("408", http(408), Fails("Unavailable", "answered 408")),
    ("409 of a task in hand", http(409, refusal("APIG.3718")), Fails("Unavailable", "APIG.3718")),
    ("409 of another kind", http(409, refusal("APIG.3200")), Fails("Rejected", "APIG.3200")),
    ("413", http(413), Fails("Rejected", "answered 413")),
    ("418", http(418), Fails("Rejected", "answered 418")),
    ("429", http(429, refusal("APIG.0308"), {"Retry-After": "1"}), Fails("Unavailable", "429 APIG.0308")),
    *(
        (f"429 with Retry-After {value!r}", http(429, headers={"Retry-After": value}), Fails("Unavailable", "answered 429"))
        for value in ("", "soon", "-5", "1.5", "9" * 400, "Tue, 03 Feb 2015 06:00:12 GMT", "Tue, 03 Feb 99999 06:00:12 GMT",
                      "Tue, 35 Feb 2026 06:00:12 GMT", "١٢٠", "0x10")
        if value.isascii()
    ),
    ("500 that means throttling", http(500, refusal("APIG.9008")), Fails("Unavailable", "500 APIG.9008")),
    ("500", http(500, refusal()), Fails("Unavailable", "500 APIG.9999: System error")),
    ("500 with a code that is not retried", http(500, refusal("APIG.3021")), Fails("NotFound", "500 APIG.3021")),
    ("502 with HTML", http(502, HTML), Fails("Unavailable", "answered 502: no message")),
    ("503 with nothing", http(503), Fails("Unavailable", "answered 503")),
    ("599", http(599), Fails("Unavailable", "answered 599")),
    ("999", http(999), Fails("Unavailable", "answered 999")),
    ("a code that is a number", http(400, refusal(3021)), Fails("Rejected", "answered 400 3021")),
    ("a code that is a list", http(400, refusal(["APIG.3021"])), Fails("Rejected", "answered 400: System error")),
    ("a code that is null", http(400, refusal(None)), Fails("Rejected", "answered 400: System error")),
    ("a code in small letters is unknown", http(404, refusal("apig.3021")), Fails("Rejected", "404 apig.3021")),
    ("a code with a line break", http(404, refusal("APIG.3021\n")), Fails("Rejected", "answered 404: System error")),
    ("a code of a thousand letters", http(404, refusal("A" * 1000)), Fails("Rejected", "answered 404: System error")),
    ("a code in Cyrillic letters", http(404, refusal("АPIG.3021")), Fails("Rejected", "answered 404: System error")),
    ("a code twice: which of them?", http(404, b'{"error_code": "APIG.9008", "error_code": "APIG.3021"}'), Fails("Rejected", "answered 404: no message")),
    ("a message that is a list", http(400, refusal("APIG.2012", ["a"])), Fails("Rejected", "400 APIG.2012")),
    ("a message that is an object", http(400, refusal("APIG.2012", {"a": 1})), Fails("Rejected", "400 APIG.2012")),
    ("a message of a megabyte", http(400, refusal("APIG.2012", "m" * 1_000_000)), Fails("Rejected", "m" * 300)),
    ("a message with lone surrogates", http(400, refusal("APIG.2012", "\ud800")), Fails("Rejected", "400 APIG.2012")),
    ("an error in an error", http(400, {"error": refusal("APIG.3021")}), Fails("Rejected", "answered 400: no message")),
]  # fmt: skip

WRITES: list[tuple[str, bytes, Fails | Gives]] = [
    ("204", http(204, headers={"Content-Length": "0"}), Gives("done")),
    ("200: done in a way that nobody told", http(200, {}), Fails("Unavailable", "answered 200", ambiguous=True)),
    ("202: perhaps later", http(202, {}), Fails("Unavailable", "answered 202", ambiguous=True)),
    ("400 of one parameter", http(400, refusal("APIG.2012")), Fails("Rejected", "APIG.2012", ambiguous=False)),
    ("400 no valid domain name", http(400, refusal("APIG.2000")), Fails("Rejected", "APIG.2000", ambiguous=True)),
    ("401", http(401, refusal("APIG.1002")), Fails("CredentialsRefused", "APIG.1002", ambiguous=False)),
    ("403", http(403, refusal("APIG.1005")), Fails("AccessDenied", "APIG.1005", ambiguous=False)),
    ("404 no such domain", http(404, refusal("APIG.3020")), Fails("Rejected", "APIG.3020", ambiguous=True)),
    ("404 no binding", http(404, refusal("APIG.3097")), Fails("Rejected", "APIG.3097", ambiguous=True)),
    ("404 no certificate", http(404, refusal("APIG.3021")), Fails("NotFound", "APIG.3021", ambiguous=True)),
    ("404 with HTML", http(404, HTML), Fails("Rejected", "answered 404", ambiguous=False)),
    ("409 of a task in hand", http(409, refusal("APIG.3718")), Fails("Unavailable", "APIG.3718", ambiguous=False)),
    ("429", http(429), Fails("Unavailable", "answered 429", ambiguous=False)),
    ("500 that means throttling", http(500, refusal("APIG.9008")), Fails("Unavailable", "APIG.9008", ambiguous=False)),
    ("500", http(500, refusal()), Fails("Unavailable", "APIG.9999", ambiguous=True)),
    ("502 with HTML", http(502, HTML), Fails("Unavailable", "answered 502", ambiguous=True)),
    ("no answer", b"", Fails("Unavailable", "no answer", ambiguous=True)),
    ("garbage", b"\x00\x01\r\n\r\n", Fails("Unavailable", "no answer", ambiguous=True)),
    ("half an answer", b"HTTP/1.1 204 No", Fails("Unavailable", "no answer", ambiguous=True)),
    ("an answer that is too large", http(500, b" " * 9_000_000), Fails("Unavailable", "more than 8388608 bytes", ambiguous=True)),
    ("an encoded answer", http(500, b"x", {"Content-Encoding": "br"}), Fails("Unavailable", "an encoding", ambiguous=True)),
    ("a redirect", http(307, headers={"Location": "https://evil.example/"}), Fails("ConfigurationError", "not followed")),
]  # fmt: skip

CASES: list[ReplyCase] = [
    *(ReplyCase(f"read: {name}", "attached", answer, expected) for name, answer, expected in READS),
    *(ReplyCase(f"detach: {name}", "detach", answer, expected) for name, answer, expected in WRITES),
]
