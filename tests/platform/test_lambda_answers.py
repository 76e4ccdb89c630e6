"""The built package under AWS's own runtime emulator: what Lambda keeps of an event, done or failed."""

import json
from collections.abc import Callable

import pytest

from sandbox import Fault, Sandbox
from tests.platform.lambda_runtime import Function
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, SECOND, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

Start = Callable[..., Function]


def test_a_raised_error_tells_what_was_done(sandbox: Sandbox, start: Start) -> None:
    """Lambda keeps an error's name and text: its second line has the outcome, with what was detached and its undo."""
    furnish(sandbox, domains=(DOMAIN, "shop.example.com"))
    refusal = Fault(method="POST", path="/detach$", nth=2, times=None, status=400, error_code="APIG.2012")
    sandbox.faults.add(refusal)
    function = start("certificate_expiry", {"DETACH_BATCH_SIZE": "1"})
    answer = function.invoke({"certificate_id": CERTIFICATE, "context": {"ticket": "CHG1"}})
    sentence, record = answer["errorMessage"].split("\n")
    told = json.loads(record)
    assert (answer["errorType"], told["error"], told["message"]) == ("Rejected", "Rejected", sentence)
    outcome = told["outcome"]
    assert (outcome["status"], outcome["context"]) == ("failed", {"ticket": "CHG1"})
    [certificate] = outcome["certificates"]
    assert certificate["detached"] == [{"domain": DOMAIN, "instance_ids": [SECOND, FIRST]}]
    assert [(entry["domain"], entry["error_code"]) for entry in certificate["failed"]] == [
        ("shop.example.com", "APIG.2012")
    ]
    assert [entry["domain"] for entry in outcome["undo"][0]["domains"]] == [DOMAIN]


def test_no_answer_holds_a_secret(sandbox: Sandbox, start: Start) -> None:
    """Neither an outcome nor an error's text, should one stand in the event by mistake."""
    furnish(sandbox)
    password = sandbox.credentials["password"]
    function = start("certificate_expiry")
    context = {"note": f"logged in with {password}"}
    answer = function.invoke({"certificate_id": CERTIFICATE, "context": context})
    assert (answer["status"], answer["context"]) == ("detached", {"note": "logged in with <secret>"})
    answer = function.invoke({"certificate_id": CERTIFICATE, "domains": [password]})
    assert (answer["errorType"], password[:8] in json.dumps(answer)) == ("InvalidEvent", False)
    furnished = {"certificate_id": CERTIFICATE, "context": context}
    sandbox.behaviour.forbidden = True
    answer = function.invoke(furnished)
    assert (answer["errorType"], password[:8] in json.dumps(answer)) == ("AccessDenied", False)
