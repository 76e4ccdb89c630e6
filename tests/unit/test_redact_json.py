"""What an answer may hold: its JSON without any secret that is in use."""

import json
import time

import pytest

from shared.core.secret import Secret, redact_json

TEXT = 'hunter2 "and" \\more'


def test_secrets_are_struck_out_at_any_depth():
    """In values, in keys, in part of a text, and as JSON in a text writes it."""
    secrets = [Secret(TEXT), Secret("token-4711-4711")]
    told = redact_json(
        {
            "context": {"note": f"login with {TEXT}!", "token-4711-4711": [{"raw": json.dumps({"p": TEXT})}]},
            "status": "detached",
        }
    )
    assert told == {
        "context": {"note": "login with <secret>!", "<secret>": [{"raw": '{"p": "<secret>"}'}]},
        "status": "detached",
    }
    assert all(secret.reveal() for secret in secrets)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a token-4711-4711": 1}, {"a <secret>": 1}),
        ({"a": {"b": "token-4711-4711"}}, {"a": {"b": "<secret>"}}),
        ({"a": ["b", "token-4711-4711"]}, {"a": ["b", "<secret>"]}),
        ({"a": ("b", "token-4711-4711")}, {"a": ["b", "<secret>"]}),
        ({"a": [[{"b": ["token-4711-4711"]}]]}, {"a": [[{"b": ["<secret>"]}]]}),
    ],
)
def test_one_place_is_enough(value, told):
    """A secret that stands in one key or one value alone is found."""
    secret = Secret("token-4711-4711")
    assert redact_json(value) == told
    assert secret.reveal()


def test_a_secret_that_is_a_number_is_struck_out_too():
    """Everything else keeps its type."""
    secret = Secret("12345678")
    plain = {"a": True, "b": None, "c": 1.5, "d": [1, "x"], "e": {}}
    assert redact_json({**plain, "pin": 12345678}) == {**plain, "pin": "<secret>"}
    assert secret.reveal()


def test_an_object_without_secrets_stays_as_it_is():
    """A secret is looked for in each text, not across two of them."""
    secret = Secret('b", "c')
    value = {"names": ["a", "b", "c"], "more": {"b": "c"}}
    assert redact_json(value) is value
    assert secret.reveal()


def test_a_large_outcome_takes_no_time():
    """15 000 bindings, the most of one answer, and as many secrets as a process has."""
    secrets = [Secret(f"secret-number-{number}") for number in range(8)]
    undo = [{"domain": f"d{number}.example.com", "instance_ids": [f"{number:032x}"]} for number in range(15_000)]
    started = time.perf_counter()
    assert redact_json({"undo": undo}) == {"undo": undo}
    assert time.perf_counter() - started < 1
    assert len(secrets) == 8
