"""Which `undo` is ours: the signature, what it is bound to, and the keys."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from shared.core.errors import ConfigurationError, InvalidEvent
from shared.core.event_data import DetachUndo
from shared.core.secret import Secret
from shared.core.undo_signature import (
    UndoSigner,
    check_claim,
    check_signature,
    key_id,
    key_of,
    parse_keys,
    undo_fields,
)
from tests.support.deliveries import refused
from tests.support.undo_key import UNDO_KEY, signature, signed

SAMPLE = json.loads((Path(__file__).parents[2] / "events/eventbridge/detach_undo.json").read_bytes())["detail"]
EXAMPLE_KEY = "an-example-key-that-everybody-knows-0123456789"
PROJECT = "0b1aa0f1f6a54bb5a5d7d4b36b1a6d0c"
SIGNED_AT = datetime(2026, 2, 3, 6, 0, 14, tzinfo=UTC)
KEY = Secret(UNDO_KEY)
CERTIFICATE, OTHER = "a27be832f2e9441c8127fe48e3b5ac67", "5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21"
FIRST, SECOND = "f0fa1789-3b76-433b-a787-9892951c620e", "7d39549681c54d968ec2910da9da95cd"


def entry(certificate_id: str, *domains: str) -> dict[str, Any]:
    return {
        "certificate_id": certificate_id,
        "domains": [
            {"domain": domain, "instance_ids": [FIRST, SECOND], "verified_client_certificate_enabled": True}
            for domain in domains
        ],
    }


UNDO = [entry(CERTIFICATE, "a.example.com", "Bücher.example"), entry(OTHER, "b.example.com")]


def check(content: Any, project_id: str = PROJECT, keys: tuple[Secret, ...] = (KEY,)) -> None:
    data = DetachUndo.model_validate(content)
    check_claim(data, timedelta(days=30), SIGNED_AT)
    key = key_of(data, keys)
    if key is None:
        raise InvalidEvent("undo_signature.key_id", "unknown")
    check_signature(data, key, project_id)


def ours() -> dict[str, Any]:
    """What an outcome holds, as it comes out of JSON."""
    fields = undo_fields(UNDO, UndoSigner(KEY, PROJECT, SIGNED_AT))
    return dict(json.loads(json.dumps(fields)))


def test_the_sample_event_is_signed_by_the_key_that_everybody_knows() -> None:
    """A signature that was written down: it never changes, or what was signed before an update could not be undone."""
    signer = UndoSigner(Secret(EXAMPLE_KEY), PROJECT, SIGNED_AT)
    assert (
        signer.signature(SAMPLE["undo"])
        == SAMPLE["undo_signature"]
        == {
            "key_id": "985ca375bbf443ca",
            "signed_at": "2026-02-03T06:00:14Z",
            "signature": "75c86527c68e222b37d169ff78ef525862fab06099c07ebd3a6199449f55c022",
        }
    )
    check(SAMPLE, keys=(KEY, Secret(EXAMPLE_KEY)))


def test_an_independent_signer_makes_the_same() -> None:
    assert ours() == signed(UNDO, PROJECT, signed_at="2026-02-03T06:00:14Z")


@pytest.mark.usefixtures("far_east")
def test_the_time_of_a_signature_is_in_utc() -> None:
    """Wherever this machine stands, and whatever zone the time is told in."""
    for told in (SIGNED_AT, SIGNED_AT.astimezone(timezone(timedelta(hours=-5)))):
        assert UndoSigner(KEY, PROJECT, told).signature(UNDO)["signed_at"] == "2026-02-03T06:00:14Z"


def test_the_order_of_keys_is_not_signed_and_every_key_is() -> None:
    """Whatever an entry holds is signed as it stands, one that a later version adds included."""
    marked = deepcopy(UNDO)
    marked[0]["domains"][0]["perhaps"] = True
    signer = UndoSigner(KEY, PROJECT, SIGNED_AT)
    expected = signature(marked, PROJECT, signed_at="2026-02-03T06:00:14Z")
    assert signer.signature(_backwards(marked)) == signer.signature(marked) == expected
    assert signer.signature(marked) != signer.signature(UNDO)


def test_nothing_is_signed_without_a_key_or_when_there_is_nothing_to_undo() -> None:
    assert undo_fields(UNDO, None) == {"undo": UNDO}
    assert undo_fields([], UndoSigner(KEY, PROJECT, SIGNED_AT)) == {"undo": []}


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(each) for name, each in reversed(value.items())}
    return [_backwards(each) for each in value] if isinstance(value, list) else value


ROUND_TRIPS: dict[str, Callable[[dict[str, Any]], str]] = {
    "as it is": json.dumps,
    "keys in another order": lambda fields: json.dumps(fields, sort_keys=True),
    "white space": lambda fields: json.dumps(fields, indent=4),
    "no escapes": lambda fields: json.dumps(fields, ensure_ascii=False, separators=(",", ":")),
    "keys backwards": lambda fields: json.dumps(_backwards(fields)),
}


@pytest.mark.parametrize("how", ROUND_TRIPS)
def test_json_on_its_way_breaks_no_signature(how: str) -> None:
    """What collects logs writes them anew: the order of keys, white space and escapes are not what was signed."""
    check(json.loads(ROUND_TRIPS[how](ours())))


def test_context_and_dry_run_are_free() -> None:
    """A ticket is not what was detached; a dry run makes the event harmless."""
    check(ours() | {"context": {"ticket": "CHG-1"}, "dry_run": True})


ALTERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "certificate": lambda fields: fields["undo"][0].update(certificate_id=OTHER),
    "domain": lambda fields: fields["undo"][0]["domains"][0].update(domain="c.example.com"),
    "case of a domain": lambda fields: fields["undo"][0]["domains"][0].update(domain="A.example.com"),
    "gateway": lambda fields: fields["undo"][0]["domains"][0].update(instance_ids=[FIRST, FIRST]),
    "one gateway less": lambda fields: fields["undo"][0]["domains"][0].update(instance_ids=[FIRST]),
    "order of gateways": lambda fields: fields["undo"][0]["domains"][0]["instance_ids"].reverse(),
    "client verification": lambda fields: fields["undo"][0]["domains"][0].update(
        verified_client_certificate_enabled=False
    ),
    "one domain less": lambda fields: fields["undo"][0]["domains"].pop(),
    "one domain more": lambda fields: fields["undo"][1]["domains"].append(fields["undo"][0]["domains"][0]),
    "order of domains": lambda fields: fields["undo"][0]["domains"].reverse(),
    "one certificate less": lambda fields: fields["undo"].pop(),
    "one certificate twice": lambda fields: fields["undo"].append(fields["undo"][0]),
    "order of certificates": lambda fields: fields["undo"].reverse(),
    "time": lambda fields: fields["undo_signature"].update(signed_at="2026-02-03T06:00:15Z"),
    "signature": lambda fields: fields["undo_signature"].update(signature="0" * 64),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_whatever_is_altered_is_refused(what: str) -> None:
    """Nothing is left out, added, changed or put in another order."""
    fields = ours()
    check(deepcopy(fields))
    ALTERATIONS[what](fields)
    assert refused(lambda: check(fields)) == (
        "undo_signature.signature",
        "does not fit: `undo` was changed, or is another project's",
    )


def test_another_projects_undo_is_refused() -> None:
    """Two projects may share the key."""
    field, _ = refused(lambda: check(ours(), project_id="f" * 32))
    assert field == "undo_signature.signature"


def test_another_keys_undo_is_refused() -> None:
    """By the key's id; and with an id that is ours, by the signature."""
    forged = signed(UNDO, PROJECT, key="x" * 40, signed_at="2026-02-03T06:00:14Z")
    assert refused(lambda: check(forged))[0] == "undo_signature.key_id"
    forged["undo_signature"]["key_id"] = key_id(KEY)
    assert refused(lambda: check(forged))[0] == "undo_signature.signature"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (timedelta(days=30, seconds=1), "2026-02-03T06:00:14Z is longer ago than DETACH_MAX_UNDO_AGE allows"),
        (timedelta(days=30), None),
        (timedelta(0), None),
        (timedelta(minutes=-15), None),
        (timedelta(minutes=-15, seconds=-1), "2026-02-03T06:00:14Z is in the future by our clock"),
    ],
)
def test_the_age_of_a_signature_has_bounds(after: timedelta, told: str | None) -> None:
    """Clocks may differ by a quarter of an hour."""
    data = DetachUndo.model_validate(ours())

    def claim() -> None:
        check_claim(data, timedelta(days=30), SIGNED_AT + after)

    assert claim() is None if told is None else refused(claim) == ("undo_signature.signed_at", told)


@pytest.mark.parametrize("signed_at", ["2026-02-30T06:00:14Z", "0000-01-01T00:00:00Z", "2026-02-03T25:00:14Z"])
def test_a_date_that_does_not_exist_is_refused(signed_at: str) -> None:
    fields = signed(UNDO, PROJECT, signed_at=signed_at)
    assert refused(lambda: check(fields)) == ("undo_signature.signed_at", f"expected a date, not {signed_at!r}")


@pytest.mark.parametrize("undo", [UNDO, {"undo": UNDO}, {"undo": UNDO, "undo_signature": None}])
def test_what_is_not_signed_is_refused(undo: Any) -> None:
    """A list alone can carry no signature."""
    field, told = refused(lambda: check(undo))
    assert (field, told.partition(";")[0]) == (
        "undo_signature",
        "expected the one beside the `undo` of an outcome or a log line",
    )


# --- The keys ---

NEW, OLD = "new-" + "n" * 40, "old-" + "o" * 40


@pytest.mark.parametrize(
    "content",
    [
        f"{NEW}\n{OLD}\n",
        f"\r\n  {NEW}\r\n\r\n{OLD}",
        json.dumps({"key": f"{NEW}\n{OLD}"}),
        "\n " + json.dumps({"key": [NEW, OLD]}),
        json.dumps({"key": [NEW, OLD], "note": "rotated"}),
    ],
)
def test_every_listed_key_verifies_and_the_first_signs(content: str) -> None:
    """Text with a key a line, or JSON as Vault and Secrets Manager hold it."""
    keys = parse_keys(Secret(content))
    assert [key.reveal() for key in keys] == [NEW, OLD]
    assert repr(keys) == "(<secret>, <secret>)"
    for key in (NEW, OLD):
        check(signed(UNDO, PROJECT, key=key, signed_at="2026-02-03T06:00:14Z"), keys=keys)
    once_old_is_gone = parse_keys(Secret(NEW))
    old = signed(UNDO, PROJECT, key=OLD, signed_at="2026-02-03T06:00:14Z")
    assert refused(lambda: check(old, keys=once_old_is_gone))[0] == "undo_signature.key_id"


SHAPE = "UNDO_KEY_URI: expected text with one key a line, or a JSON object whose `key` is such a text or a list"
LONG_ENOUGH = "expected 32 bytes or more, as of openssl rand -hex 32"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("k" * 31, f"UNDO_KEY_URI: key 1 of 1 is too short; {LONG_ENOUGH}"),
        (f"{NEW}\nshort", f"UNDO_KEY_URI: key 2 of 2 is too short; {LONG_ENOUGH}"),
        (json.dumps({"key": [NEW, "short"]}), f"UNDO_KEY_URI: key 2 of 2 is too short; {LONG_ENOUGH}"),
        (" \n", f"UNDO_KEY_URI: there is no key; {LONG_ENOUGH}"),
        (json.dumps({"key": []}), f"UNDO_KEY_URI: there is no key; {LONG_ENOUGH}"),
        (json.dumps({"keys": [NEW]}), SHAPE),
        (json.dumps([NEW]), SHAPE),
        (json.dumps(NEW), SHAPE),
        (json.dumps({"key": 5}), SHAPE),
        (json.dumps({"key": [5]}), SHAPE),
        (json.dumps({"key": None}), SHAPE),
        ('{"key": "' + NEW, SHAPE),
        ('{"key": "\\ud800' + NEW + '"}', SHAPE),
        ("[" * 100_000, SHAPE),
    ],
)
def test_what_is_no_key_is_named_without_its_value(content: str, told: str) -> None:
    """32 bytes are what an HMAC-SHA256 is worth."""
    with pytest.raises(ConfigurationError) as caught:
        parse_keys(Secret(content))
    assert caught.value.message == told
    assert caught.value.__cause__ is None


def test_a_key_of_32_bytes_is_long_enough() -> None:
    """Bytes, not characters."""
    for key in ("k" * 32, "ü" * 16):
        assert [each.reveal() for each in parse_keys(Secret(key))] == [key]


def test_the_id_of_a_key_tells_nothing_of_it() -> None:
    """It is no hash of the key alone, and two keys have two ids."""
    assert key_id(Secret(NEW)) != key_id(Secret(OLD))
    assert key_id(KEY) == signature([], PROJECT)["key_id"]
    assert len(key_id(KEY)) == 16
