"""A gateway that knows no token itself. It asks Keystone about each one, and notes the requests."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.services.keystone import Keystone
from tests.support.listener import Answer, Heard, listening

ROWS = 4  # in three pages


@dataclass
class Gateway:
    """A running one. `statuses` are those of its answers, in order; `before` is called before each request is read."""

    endpoint: str = ""
    statuses: list[int] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list, repr=False)
    before: Callable[[int], None] = lambda number: None


@contextmanager
def guarded_by(keystone: Keystone, folder: Path) -> Iterator[Gateway]:
    """Lists gateways in three pages, for tokens that Keystone knows. `both-cas.pem` has its CA and Keystone's."""
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    both = folder / "both-cas.pem"
    both.write_bytes(ca.cert_pem.bytes() + Path(keystone.ca_file).read_bytes())
    gateway = Gateway()

    def answer(heard: Heard) -> Answer:
        gateway.tokens.append(heard.headers.get("x-auth-token", ""))
        gateway.before(len(gateway.statuses))
        status, content = _answer(heard, keystone)
        gateway.statuses.append(status)
        if status == 200:
            gateway.projects.append(heard.target.split("/")[2])
        return status, json.dumps(content)

    with listening(answer, tls=tls) as listener:
        gateway.endpoint = f"https://127.0.0.1:{listener.port}"
        yield gateway


def _answer(heard: Heard, keystone: Keystone) -> tuple[int, dict[str, Any]]:
    token = heard.headers.get("x-auth-token", "")
    reply = keystone.verify(token)
    if reply.status_code != 200:
        return 401, {"error_code": "APIG.1002", "error_msg": "Incorrect token or token resolution failed"}
    offset = int(parse_qs(urlsplit(heard.target).query)["offset"][0])
    # Two rows a page, whatever is asked for: the first is the last one of the page before.
    return 200, {"size": 2, "total": ROWS, "instances": [{"id": f"{offset + row:032x}"} for row in range(2)]}
