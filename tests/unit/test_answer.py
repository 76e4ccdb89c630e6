"""The text of a raised error: its sentence, and what was done all the same."""

import json
from typing import Any

from shared.core.answer import MOST_BYTES, error_text
from shared.core.errors import InvalidEvent, Rejected
from shared.core.secret import Secret

UNDO = [
    {
        "certificate_id": "a27be832f2e9441c8127fe48e3b5ac67",
        "domains": [
            {"domain": "a.example.com", "instance_ids": ["1" * 32], "verified_client_certificate_enabled": False}
        ],
    }
]


def refused(outcome: dict[str, Any], message: str = "refused") -> Rejected:
    """The error of an event with that outcome."""
    error = Rejected(message, error_code="APIG.2012")
    error.outcome = outcome
    return error


def told(outcome: dict[str, Any], message: str = "refused") -> tuple[str, dict[str, Any]]:
    """The sentence and the record of an error with that outcome."""
    text = error_text(refused(outcome, message))
    assert len(text.encode()) <= MOST_BYTES + len(message) + 300
    sentence, record = text.split("\n")
    return sentence, json.loads(record)


def outcome(**fields: Any) -> dict[str, Any]:
    return {"event_id": "1", "kind": "certificate_expiry", "status": "failed", "dry_run": False, **fields}


def test_an_error_without_outcome_is_its_sentence() -> None:
    """As before; nothing was done."""
    assert error_text(InvalidEvent("time", "expected a time")) == "time: expected a time"


def test_the_second_line_is_the_record() -> None:
    """The first stays one line, whatever an answer of the API holds."""
    whole = outcome(certificates=[{"certificate_id": "x"}], undo=UNDO)
    assert told(whole, "POST answered 400:\nbad\r\nname") == (
        "POST answered 400: bad name",
        {
            "error": "Rejected",
            "error_code": "APIG.2012",
            "message": "POST answered 400:\nbad\r\nname",
            "outcome": whole,
        },
    )


def test_a_large_outcome_loses_its_certificates_and_keeps_its_undo() -> None:
    """What is needed to attach again goes last; the log has the rest."""
    large = outcome(certificates=["x" * MOST_BYTES], not_found=["a.example.com"], undo=UNDO)
    _, record = told(large)
    assert record["outcome"] == outcome(not_found=["a.example.com"], undo=UNDO)
    assert record["left_out"] == "certificates; the log line detach.report has the rest"
    assert large["certificates"] == ["x" * MOST_BYTES]


def test_an_undo_that_does_not_fit_is_left_out_too() -> None:
    """Then the record says where it is."""
    _, record = told(outcome(certificates=[1], undo=UNDO * 1000, context={"ticket": 7}, gateways=[]))
    assert record["outcome"] == outcome()
    assert record["left_out"].startswith("certificates, gateways, context, undo; the log line detach.report")


def test_a_record_of_the_greatest_length_is_whole() -> None:
    """One byte more, and something is left out."""
    empty = len(error_text(refused(outcome(context={"note": ""}))).partition("\n")[2])
    greatest = {"note": "x" * (MOST_BYTES - empty)}
    assert len(error_text(refused(outcome(context=greatest))).partition("\n")[2]) == MOST_BYTES
    assert told(outcome(context=greatest))[1]["outcome"] == outcome(context=greatest)
    assert told(outcome(context={"note": greatest["note"] + "x"}))[1]["outcome"] == outcome()


def test_no_secret_stands_in_the_text() -> None:
    """Neither in the sentence nor in the record."""
    secret = Secret('hunter2 "and" more')
    text = error_text(Rejected(f"refused {secret.reveal()}"))
    assert text == "refused <secret>"
    sentence, record = told(outcome(context={"note": secret.reveal()}), f"refused {secret.reveal()}")
    assert (sentence, record["message"]) == ("refused <secret>", "refused <secret>")
    assert record["outcome"]["context"] == {"note": "<secret>"}
