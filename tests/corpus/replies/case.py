"""One answer of the API: its bytes, the call that gets it, and what a person decided that has to come of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.corpus.case import GONE, damaged

Call = Literal["instances", "groups", "certificates", "certificate", "attached", "detach", "login", "project", "named"]

CERTIFICATE = "a27be832f2e9441c8127fe48e3b5ac67"
OTHER = "5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21"
GATEWAY = "f0fa1789-3b76-433b-a787-9892951c620e"
OTHER_GATEWAY = "7d39549681c54d968ec2910da9da95cd"
TOKEN = "corpus-token-5e1f0c7a"
PASSWORD = "corpus-password-1"


@dataclass(frozen=True)
class Fails:
    """The error's name, and words of its message. `ambiguous`: a write may be done all the same."""

    error: str
    says: str
    ambiguous: bool | None = None


@dataclass(frozen=True)
class Gives:
    """What the call gives, as JSON. See `test_replies.py` for the form of each call's."""

    value: Any


@dataclass(frozen=True)
class ReplyCase:
    """`answer` is all that the server sends, on every connection."""

    name: str
    call: Call
    answer: bytes
    expected: Fails | Gives


def http(status: int = 200, body: bytes | str | object = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """An answer of HTTP/1.1. What is neither bytes nor text becomes JSON."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not GONE)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + content


Row = tuple[str, Mapping[str, Any], Fails | Gives]


def table(call: Call, content: Mapping[str, Any], rows: Iterable[Row], **http_parts: Any) -> list[ReplyCase]:
    """Each row as a case: its name, what is changed in the JSON of a good answer, what comes of it."""
    return [
        ReplyCase(f"{call}: {name}", call, http(body=damaged(content, changes), **http_parts), expected)
        for name, changes, expected in rows
    ]
