"""The requests that the sandbox received, in order of arrival, and its answers."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, overload
from urllib.parse import parse_qsl

from starlette.types import Scope

Service = Literal["iam", "apig"]


@dataclass(frozen=True)
class Received:
    """One request. `path` is as sent, without the query. `status` is None until it is answered, if ever."""

    service: Service
    method: str
    path: str
    query: dict[str, str]
    # Not in the repr: headers and bodies hold tokens and passwords, and a failing assertion prints both its sides.
    headers: dict[str, str] = field(repr=False)
    body: Any = field(repr=False)
    raw: bytes = field(repr=False)
    status: int | None = None
    error_code: str | None = None
    at: float = field(default_factory=time.monotonic)
    target: str = ""
    """The path with its query, as sent."""

    @classmethod
    def of(cls, service: Service, scope: Scope, raw: bytes) -> "Received":
        """The record of an ASGI request and its body; a body that is not JSON is kept as `raw` alone."""
        try:
            body = json.loads(raw) if raw else None
        except (ValueError, RecursionError):
            body = None
        path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
        return cls(
            service=service,
            method=scope["method"],
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
            raw=raw,
            target=f"{path}?{query}" if query else path,
        )


class Journal(Sequence[Received]):
    """A list of requests. Each is complete before its answer is sent, so a client may read it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Received] = []

    def add(self, received: Received) -> None:
        """Note a request on arrival."""
        with self._lock:
            self._entries.append(received)

    def answered(self, received: Received, status: int, error_code: str | None) -> None:
        """Note the answer to a request; has no effect if the journal was cleared in between."""
        with self._lock:
            for index in range(len(self._entries) - 1, -1, -1):
                if self._entries[index] is received:
                    self._entries[index] = replace(received, status=status, error_code=error_code)
                    return

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries = []

    def apig(self) -> list[Received]:
        """The requests to API Gateway."""
        return [each for each in self if each.service == "apig"]

    def iam(self) -> list[Received]:
        """The requests to IAM."""
        return [each for each in self if each.service == "iam"]

    def detaches(self) -> list[Received]:
        """POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/detach."""
        return self._writes("detach")

    def attaches(self) -> list[Received]:
        """POST /v2/{project_id}/apigw/certificates/{certificate_id}/domains/attach."""
        return self._writes("attach")

    def _writes(self, verb: str) -> list[Received]:
        return [each for each in self.apig() if each.method == "POST" and each.path.endswith(f"/domains/{verb}")]

    def __iter__(self) -> Iterator[Received]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Received: ...
    @overload
    def __getitem__(self, index: slice) -> list[Received]: ...
    def __getitem__(self, index: int | slice) -> Received | list[Received]:
        with self._lock:
            return self._entries[index]

    def __repr__(self) -> str:
        return "Journal[" + ", ".join(f"{r.method} {r.path} {r.status} {r.error_code or ''}" for r in self) + "]"
