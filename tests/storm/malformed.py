"""Events that must be refused, each in the words of what is wrong with it. Nothing of any of them may be done."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.storm import envelopes
from tests.storm.envelopes import Said, Wire

Make = Callable[[Said, Random], Any]
"""From a good certificate_expiry by id: the CloudEvent that must be refused, or a Wire."""


def _with_data(**changes: Any) -> Make:
    return lambda said, rng: {**_event(said), "data": {**said.data, **changes}}


def _with(**changes: Any) -> Make:
    return lambda said, rng: {**_event(said), **changes}


def _without(*names: str) -> Make:
    return lambda said, rng: {name: value for name, value in _event(said).items() if name not in names}


def _at(span: timedelta) -> Make:
    def make(said: Said, rng: Random) -> dict[str, Any]:
        now: datetime = said.time
        return {**_event(said), "time": envelopes.rfc_3339(now + span)}

    return make


def _text(change: Callable[[str], str]) -> Make:
    return lambda said, rng: Wire(change(json.dumps(_event(said))).encode("utf-8", errors="surrogatepass"), STRUCTURED)


def _event(said: Said) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": said.id,
        "source": said.source,
        "type": "apig.certificate.expired",
        "time": envelopes.rfc_3339(said.time),
        "data": said.data,
    }


def _undo(**fields: Any) -> Make:
    def make(said: Said, rng: Random) -> dict[str, Any]:
        domain = {"domain": "a.example.com", "instance_ids": ["0" * 32], "verified_client_certificate_enabled": False}
        undo = [{"certificate_id": said.data["certificate_id"], "domains": [domain]}]
        return {**_event(said), "type": "apig.detach.undo", "data": {"undo": undo, **fields}}

    return make


STRUCTURED = {"Content-Type": "application/cloudevents+json"}
FORGED = {"key_id": "0" * 16, "signed_at": "2026-01-01T00:00:00Z", "signature": "0" * 64}
MANY_LEVELS = "[" * 70 + "]" * 70

SHAPES: dict[str, Make] = {
    "unknown-type": _with(type="apig.certificate.created"),
    "type-of-another-case": _with(type="APIG.Certificate.Expired"),
    "no-type": _without("type"),
    "no-id": _without("id"),
    "empty-source": _with(source=""),
    "another-version": _with(specversion="0.3"),
    "unknown-field": _with_data(instance_id="0" * 32),
    "misspelt-narrowing": _with_data(domain_names=["a.example.com"]),
    "no-data": _without("data"),
    "null-data": _with(data=None),
    "list-data": _with(data=[]),
    "text-data": _with(data="certificate"),
    "number-data": _with(data=7),
    "empty-domains": _with_data(domains=[]),
    "empty-gateways": _with_data(instance_ids=[]),
    "text-gateways": _with_data(instance_ids="0" * 32),
    "number-certificate": _with_data(certificate_id=7),
    "upper-case-certificate": lambda s, r: {**_event(s), "data": {"certificate_id": "A" * 32}},
    "no-name": _with_data(domains=["not a name"]),
    "wildcard-inside": _with_data(domains=["a.*.example.com"]),
    "dry-run-text": _with_data(dry_run="true"),
    "narrowing-beside-data": _with(domains=["a.example.com"]),
    "data-twice": _with(data_base64="e30="),
    "context-too-large": _with_data(context={"text": "x" * 9000}),
    "time-text": _with(time="yesterday"),
    "too-old": _at(timedelta(days=-9)),
    "much-too-old": _at(timedelta(days=-400)),
    "from-the-future": _at(timedelta(hours=3)),
    "cut-off": _text(lambda text: text[: len(text) // 2]),
    "not-a-number": _text(lambda text: text[:-1] + ', "more": NaN}'),
    "key-twice": _text(lambda text: text[:-1] + ', "type": "apig.certificate.expired"}'),
    "too-deep": _text(lambda text: text[:-1] + f', "more": {MANY_LEVELS}}}'),
    "nothing": lambda s, r: Wire(b"", STRUCTURED),
    "not-json": lambda s, r: Wire(b"certificate expired", STRUCTURED),
    "no-object": lambda s, r: Wire(b"[]", STRUCTURED),
    "bare-data": lambda s, r: Wire(json.dumps(s.data).encode()),
    "unsigned-undo": _undo(),
    "forged-undo": _undo(undo_signature=FORGED),
}
OVER_HTTP: dict[str, Make] = {  # a platform's own words to its function are nobody's to send over HTTP
    "smn-over-http": lambda s, r: Wire(json.dumps(envelopes.smn(_event(s), s.time)).encode()),
    "timer-over-http": lambda s, r: Wire(json.dumps(envelopes.timer(None, s.time, "timer")).encode()),
    "sqs-over-http": lambda s, r: Wire(json.dumps(envelopes.nested(_event(s), 1)).encode()),
    "batch": lambda s, r: Wire(json.dumps([_event(s)]).encode(), {"Content-Type": "application/json"}),
}


def _trace(name: str, **changes: Any) -> Make:
    def make(said: Said, rng: Random) -> dict[str, Any]:
        trace = envelopes.cts(name, "a1.c0001.example.com", said, Random(0))["cts"]
        return {"cts": {**trace, **changes}}

    return make


OVER_SQS: dict[str, Make] = {
    "own-trace": _trace("BatchDisassociateDomains"),
    "private-zone": _trace("deletePrivateZone"),
    "private-record": _trace("deletePrivateRecordSet"),
    "failed-deletion": _trace("deletePublicRecordSet", trace_rating="incident"),
    "failed-code": _trace("deletePublicRecordSet", code="404"),
    "text-record": _trace("deletePublicRecordSet", response={"name": "a1.c0001.example.com.", "type": "TXT"}),
    "timer-with-text": lambda s, r: {**envelopes.timer(None, s.time, "timer"), "user_event": "gateway 1"},
    "timer-with-undo": lambda s, r: envelopes.timer({"undo": []}, s.time, "timer"),
    "four-envelopes": lambda s, r: envelopes.nested(envelopes.nested(envelopes.nested(_event(s), 1), 2), 3),
}
