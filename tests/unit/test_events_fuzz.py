"""Whatever is delivered: an event, or one InvalidEvent, and never another error."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.errors import InvalidEvent
from shared.core.event_data import Kind
from tests.support.deliveries import CERTIFICATE_ID, parsed, smn, sqs, timer

KINDS = st.sampled_from([None, *get_args(Kind)])
KEYS = st.sampled_from(
    ["specversion", "id", "source", "type", "data", "data_base64", "datacontenttype", "detail-type", "detail", "cts",
     "trigger_type", "trigger_name", "time", "user_event", "record", "smn", "message", "message_id", "Records",
     "messageId", "body", "trace_name", "trace_rating", "resource_name", "request", "response", "trace_id", "name",
     "certificate_id", "common_name", "domain", "domains", "instance_ids", "cursor", "undo", "CommonName",
     "timestamp", "attributes", "SentTimestamp", "topic_urn", "eventSourceARN", "user", "service_type", "context"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["1.0", "TIMER", "apig.cleanup.due", "apig.detach.undo", "Scheduled Event", "ACM Certificate Expired",
     "deletePublicZone", CERTIFICATE_ID, "legacy.example.com.", "application/json", "{}", "{", "e30=",
     '{"specversion":"1.0"}', "[", "\ud800", "é.example", "2026-02-03T06:00:12Z",
     "0001-01-01T00:00:00+23:59", "1770098412000", "9" * 16, "2026/02/03 14:00:12 GMT+08:00"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)
REAL = [
    json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "events").glob("*/*.json"))
    if path.parent.name != "schemas"
]
FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A real envelope in which up to three values, at any depth, are gone or something else."""
    envelope = copy.deepcopy(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 3))):
        place = envelope
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.booleans()):
                del place[key]
            else:
                place[key] = draw(JSON)
            break
    return envelope


def no_other_error(call: Callable[[], Any]) -> None:
    """An event with an id, or an InvalidEvent that names a field; both texts are bounded.

    Its source is fit to be read, and its time is in UTC.
    """
    try:
        event = call()
    except InvalidEvent as invalid:
        field, text, limit = invalid.field, invalid.message, 499
    else:
        field, text, limit = "id", event.id, 256
        assert event.source is None or (event.source.isprintable() and 0 < len(event.source) <= 256)
        assert event.time is None or event.time.utcoffset() == timedelta(0)
    assert field
    assert 0 < len(text) <= limit
    text.encode()


@FUZZ
@given(raw=st.binary(max_size=200) | st.text(max_size=200), kind=KINDS, default_id=st.text(max_size=4))
def test_any_bytes_are_an_event_or_invalid(raw: bytes | str, kind: Any, default_id: str) -> None:
    """Random bytes and text."""
    no_other_error(lambda: parsed(raw, kind=kind, default_id=default_id))


@FUZZ
@given(raw=JSON | OBJECTS, kind=KINDS)
def test_any_json_is_an_event_or_invalid(raw: Any, kind: Any) -> None:
    """Random JSON made of our own words, decoded, as text, and inside what carries it."""
    no_other_error(lambda: parsed(raw, kind=kind))
    text = json.dumps(raw)
    for carrier in (text, sqs(text), smn(text), timer(text), {"Records": [sqs(text)]}):
        no_other_error(lambda carrier=carrier: parsed(carrier, kind=kind))


@FUZZ
@given(raw=mutated(), kind=KINDS)
def test_any_broken_envelope_is_an_event_or_invalid(raw: Any, kind: Any) -> None:
    """Real envelopes in which values are gone or replaced."""
    no_other_error(lambda: parsed(raw, kind=kind))
    no_other_error(lambda: parsed(json.dumps(raw).encode(), kind=kind))


@FUZZ
@given(
    headers=st.dictionaries(
        st.sampled_from(["ce-id", "CE-Type", "ce-source", "ce-specversion", "content-type"]) | st.text(max_size=8),
        WORDS | st.text(max_size=12) | st.sampled_from(["application/cloudevents+json", "%ff", '"\\', "%"]),
    ),
    body=st.binary(max_size=40) | OBJECTS.map(lambda data: json.dumps(data).encode()),
    kind=KINDS,
)
def test_any_request_is_an_event_or_invalid(headers: dict[str, str], body: bytes, kind: Any) -> None:
    """Random headers and bodies."""
    no_other_error(lambda: parsed(body, headers=headers, kind=kind))
