"""Secrets have no string form, and are redacted in whatever is logged."""

import copy
import dataclasses
import gc
import json
import logging
import pickle

import httpx
import pytest

from shared.core.secret import Secret, redact
from shared.credentials.content import AccessKey, Password, Token, parse_credentials
from shared.telemetry import logger
from shared.transport.send import Reply

TEXT = 'a pass"word \\ of ümlauts'


def test_a_secret_has_no_string_form():
    """repr, str, format and a container's repr show a placeholder."""
    secret = Secret(TEXT)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret]), repr({"password": secret})]
    assert all(TEXT not in text and "<secret>" in text for text in shown)


@pytest.mark.parametrize("export", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy, dataclasses.asdict, vars, hash])
def test_a_secret_cannot_be_exported(export):
    """It can be neither pickled, encoded, copied nor hashed, and has no attributes to list."""
    with pytest.raises(TypeError) as refused:
        export(Secret(TEXT))
    assert TEXT not in str(refused.value)


@pytest.mark.parametrize(
    "holder",
    [
        Token(Secret(TEXT)),
        Password("user", Secret(TEXT), "domain"),
        AccessKey("AK", Secret(TEXT), Secret(TEXT)),
        Reply(201, httpx.Headers({"X-Subject-Token": "a-token-of-iam"}), TEXT.encode()),
    ],
)
def test_what_holds_one_shows_none(holder):
    """No dataclass that holds a secret shows it."""
    assert TEXT not in repr(holder)
    assert "a-token-of-iam" not in repr(holder)


def test_equal_texts_are_equal():
    """And a secret never equals a plain text."""
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "!")
    assert Secret(TEXT) != TEXT


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_secret_in_use_is_redacted(ascii_only: bool):
    """As it is, and as JSON writes it."""
    secret = Secret(TEXT)
    assert redact(f"password={TEXT}!") == "password=<secret>!"
    line = json.dumps({"password": TEXT}, ensure_ascii=ascii_only)
    assert json.loads(redact(line)) == {"password": "<secret>"}
    assert secret.reveal() == TEXT


def test_what_is_no_longer_in_use_is_forgotten():
    """Redacting keeps no secret in memory, and leaves short texts alone."""
    short, gone = Secret("abc"), Secret("once-a-secret")
    del gone
    gc.collect()
    assert redact("once-a-secret abc") == "once-a-secret abc"
    assert short.reveal() == "abc"


def formatted(error: Exception, **fields: object) -> str:
    """The line that the logger's own formatter makes of an exception."""
    record = logger().makeRecord("n", logging.ERROR, "f", 1, "m", (), (type(error), error, error.__traceback__))
    record.__dict__.update(fields)
    return logger().registered_formatter.format(record)


def test_log_lines_show_no_secret():
    """Neither in a field nor in an exception's message, should one get there by mistake."""
    secret = Secret("hunter2-hunter2")
    with pytest.raises(ValueError, match="hunter2") as raised:
        raise ValueError(f"refused {secret.reveal()}")
    line = formatted(raised.value, sent={"password": secret.reveal()}, secret=secret)
    assert json.loads(line)["sent"] == {"password": "<secret>"}
    assert json.loads(line)["secret"] == "<secret>"
    assert "hunter2-" not in line


def test_log_lines_have_no_locals():
    """Powertools' exception lines show the source of the frames, and never the values in them."""
    with pytest.raises(ValueError, match="15") as raised:
        _fail("hunter2" + "-hunter2")  # in two parts: the line itself is shown
    line = formatted(raised.value)
    assert "raise ValueError(len(value))" in line  # the frame itself is there
    assert "hunter2-hunter2" not in line


def _fail(value: str) -> None:
    raise ValueError(len(value))


def test_parsed_credentials_show_no_secret():
    """The repr of a password or an access key shows only placeholders."""
    password = parse_credentials(
        Secret('{"username":"u","password":"hunter2-hunter2","domain_name":"d","project_id":"p"}')
    )
    key = parse_credentials(
        Secret('{"access_key":"AK","secret_key":"hunter2-hunter2","security_token":"hunter2-token"}')
    )
    assert "hunter2" not in repr((password, key))
