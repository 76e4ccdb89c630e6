"""(d) Leaked: any eight characters of a secret, as it is or as text carries it, in any output, answer or request."""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

from tests.storm.oracle.case import Case
from tests.storm.oracle.verdict import Violation

PART = 8
# Ids and signatures are hex, too. In the millions of their digits of a long run, eight that are a key's come up by
# chance. Twelve do not, nor do eight that stand there by themselves.
HEX_PART = 12


def find(case: Case) -> Iterator[Violation]:
    """One violation a place and secret. It tells where, and never what."""
    secrets = _Secrets(case.records.secrets)
    told: set[tuple[str, int]] = set()
    for event, where, text in _texts(case):
        for at, secret in secrets.in_text(text):
            if (where, secret) not in told:
                told.add((where, secret))
                line = text.count("\n", 0, at) + 1
                yield Violation("d", event, f"{where}, line {line}: a part of secret {secret} of secrets.json")


class _Secrets:
    """Every eight characters of every form of every secret → the secret's number."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = secrets
        self._parts: dict[str, int] = {}
        self._hex: dict[str, int] = {}
        for number, secret in enumerate(secrets):
            own = self._hex if re.fullmatch(r"[0-9a-f]{8,}", secret) else self._parts
            for part in _parts(secret):
                own[part] = number
            for form in _forms(secret):
                for part in _parts(form):
                    self._parts.setdefault(part, number)
        self._known = {**self._hex, **self._parts}

    def in_text(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a part of a secret stands, and of which."""
        known = self._known
        for at in range(len(text) - PART + 1):
            window = text[at : at + PART]
            if window in known and (window in self._parts or self._is_told(text, at, self._hex[window])):
                yield at, known[window]

    def _is_told(self, text: str, at: int, number: int) -> bool:
        """Whether more of a secret of hex digits stands there than chance brings, or these by themselves."""
        secret = self._secrets[number]
        start, end = at, at + PART
        before, after = secret.find(text[start:end]), secret.find(text[start:end]) + PART
        while start and before and text[start - 1] == secret[before - 1]:
            start, before = start - 1, before - 1
        while end < len(text) and after < len(secret) and text[end] == secret[after]:
            end, after = end + 1, after + 1
        alone = not re.search(r"[0-9A-Fa-f-]", text[max(0, start - 1) : start] + text[end : end + 1])
        return end - start >= HEX_PART or alone


def _parts(text: str) -> Iterator[str]:
    return (text[at : at + PART] for at in range(len(text) - PART + 1))


def _forms(secret: str) -> Iterator[str]:
    """As JSON and a URL carry it where they change it, and as base64 at each of its three alignments."""
    yield from {json.dumps(secret)[1:-1], quote(secret, safe="")} - {secret}
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        yield coded[4 if before else 0 : -1]  # without the characters that depend on what stands beside it


def _texts(case: Case) -> Iterator[tuple[int | None, str, str]]:
    """Everything that the function said, to whomever."""
    records = case.records
    for name, text in records.output.items():
        yield None, f"output/{name}", text
    for each in records.deliveries:
        if each["outcome"] or each["error"]:
            yield each["event"], f"the answer to event {each['event']}", json.dumps([each["error"], each["outcome"]])
    for each in records.requests:
        if each["service"] == "apig":
            yield None, f"request {each['n']}", json.dumps([each["path"], each["query"], each["body"]])
