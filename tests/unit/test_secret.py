"""Secrets have no string form, and are redacted in whatever is logged."""

import base64
import copy
import dataclasses
import gc
import json
import logging
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, quote_plus

import httpx
import pytest

from shared.core.error_codes import Answer, error_for
from shared.core.errors import InvalidEvent, Rejected
from shared.core.secret import Secret, redact, strike_out
from shared.credentials.content import AccessKey, Password, Token, parse_credentials
from shared.telemetry import logger
from shared.transport.send import Reply

TEXT = 'a pass"word \\ of /ümlauts'


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


@pytest.mark.parametrize("export", [pickle.dumps, copy.copy, copy.deepcopy])
def test_who_tries_to_export_a_secret_reads_why_not(export):
    """pickle and copy ask the same of it."""
    with pytest.raises(TypeError, match="^a secret is not pickled$"):
        export(Secret(TEXT))


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


def test_a_redacted_line_is_still_json():
    """JSON writes a backslash in front of the first character, where the text itself would be found, too."""
    secret = Secret("\\hunter2-hunter2")
    assert redact(json.dumps({"password": secret.reveal()})) == '{"password": "<secret>"}'


def test_what_is_no_longer_in_use_is_forgotten():
    """Redacting keeps no secret in memory, and leaves short texts alone."""
    short, gone = Secret("abc"), Secret("once-a-secret")
    del gone
    gc.collect()
    assert redact("once-a-secret abc") == "once-a-secret abc"
    assert short.reveal() == "abc"


@pytest.mark.parametrize(
    "written",
    [
        lambda text: quote(text, safe=""),
        quote,
        quote_plus,
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"us:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"use:{text}:and more".encode()).decode(),
    ],
    ids=["url", "path", "form", "base64", "basic u", "basic us", "basic use"],
)
def test_a_secret_is_found_as_it_is_sent(written):
    """In a URL, and in the base64 of an Authorization, of which its neighbours share a character or two."""
    secret = Secret(TEXT)
    sent = written(TEXT)
    redacted = redact(f"x {sent} y")
    assert "<secret>" in redacted
    assert not any(sent[at : at + 8] in redacted for at in range(8, len(sent) - 16))
    assert secret.reveal() == TEXT


@pytest.mark.parametrize("text", ["hunter2-hunter2!", "hunter2-hunter2!!", "hunter2-hunter2", "hunter2-\ud800-hunter2"])
def test_nothing_of_it_is_left_in_base64(text: str):
    """With the padding or without, as in a JWT; a text that no UTF-8 has is looked for, too."""
    secret = Secret(text)
    sent = base64.b64encode(text.encode(errors="surrogatepass")).decode()
    for written in (text, sent.rstrip("=")):
        assert redact(f"x {written} y") == "x <secret> y"
    assert redact(sent).rstrip("=") == "<secret>"
    assert secret.reveal() == text


def test_one_secret_within_another():
    """The longer one is struck out as a whole."""
    inner, outer = Secret("inner-secret"), Secret("outer(inner-secret)outer")
    assert redact("a outer(inner-secret)outer b inner-secret c") == "a <secret> b <secret> c"
    assert (inner.reveal(), outer.reveal()) == ("inner-secret", "outer(inner-secret)outer")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("nothing of it", "nothing of it"),
        ("0123456", "0123456"),
        ("01234567", "<secret>"),
        ("x23456789y", "x<secret>y"),
        ("x012345678-", "x<secret>-"),
        ("x012345678", "x<secret>"),
        ("0123456789abcdef0123456789", "<secret><secret>"),
        ("the 456789abcd, the 56789abcde!", "the <secret>, the <secret>!"),
        ("01234567" * 3, "<secret><secret><secret>"),
        ("", ""),
    ],
)
def test_parts_of_a_secret_are_struck_out_of_what_a_server_says(said: str, told: str):
    """Eight characters of it, wherever they stand."""
    secret = Secret("0123456789abcdef")
    assert strike_out(said) == told
    assert secret.reveal() == "0123456789abcdef"


def test_the_names_of_a_secrets_fields_are_words_like_any_other():
    """What a store holds is JSON, and "password" is no secret."""
    whole = Secret('{"username": "somebody", "password": "hunter2-hunter2"}')
    part = Secret("hunter2-hunter2")
    assert strike_out("the password or username is wrong: hunter2-h") == "the password or username is wrong: <secret>"
    assert strike_out(f"got {whole.reveal()}") == "got <secret>"
    assert part.reveal() == "hunter2-hunter2"


@pytest.mark.parametrize("text", ["{hunter2-hunter2", "[hunter2-hunter2", '"hunter2-hunter2', '["hunter2-hunter2"]'])
def test_a_secret_that_only_begins_as_json_does_has_no_words(text: str):
    """A generated password may begin with any character: each part of it is struck out."""
    secret = Secret(text)
    assert strike_out("wrong: unter2-hun") == "wrong: <secret>"
    assert secret.reveal() == text


def test_what_a_server_says_is_told_to_a_limit():
    """And costs no more than that."""
    secret = Secret("0123456789abcdef" * 500)
    started = time.perf_counter()
    assert len(strike_out("x" * 10_000_000)) == 2000
    assert strike_out("0123456789abcdef" * 100_000) == "<secret>"
    assert time.perf_counter() - started < 0.5
    assert len(secret.reveal()) == 8000


def test_an_error_shows_no_secret():
    """Its message is redacted when it is made, and before anything is cut."""
    secret = Secret("hunter2-hunter2")
    error = Rejected(f"refused {secret.reveal()}")
    field = InvalidEvent("domain", f"expected a name, not {secret.reveal()}")
    cut = error_for("GET x", Answer(400, "APIG.2012", "x" * 290 + secret.reveal()))
    del secret
    gc.collect()
    for each in (error, field, cut):
        assert "hunter2" not in f"{each!r} {each} {each.args} {each.message} {each.to_dict()}"


def test_threads_make_and_forget_secrets_while_others_redact():
    """Nothing is raised, and a secret that is in use is found at every moment."""
    kept = Secret("a-secret-that-stays")
    over = threading.Event()

    def churn(number: int) -> int:
        made = 0
        while not over.is_set():
            several = [Secret(f"a-secret-{number}-{made}-{each}") for each in range(20)]
            assert redact(several[7].reveal()) == "<secret>"
            made += 1
        return made

    def look() -> int:
        looked = 0
        while not over.is_set():
            assert redact("a-secret-that-stays") == "<secret>"
            assert strike_out("secret-that") == "<secret>"
            looked += 1
        return looked

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(churn, number) for number in range(5)] + [threads.submit(look) for _ in range(3)]
            over.wait(1.0)
            over.set()
            assert min(each.result() for each in running) > 0
    finally:
        sys.setswitchinterval(before)
    gc.collect()
    assert redact("a-secret-0-0-0") == "a-secret-0-0-0"
    assert kept.reveal() == "a-secret-that-stays"


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
