"""What is left in errors, tracebacks and other libraries' logs: no token, no password, no header, no body."""

import base64
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpcore
import httpx
import pytest

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import DetachError, Unavailable
from shared.transport.send import Reply, Request, Transport
from shared.transport.tls import new_client
from shared.wiring import Runtime
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, expire, furnish


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="iam", action="reset", times=None),
        Fault(service="iam", action="lost_reply", times=None),
        Fault(service="iam", status=401, error_code="IAM.0001", times=None),
        Fault(service="iam", status=500, raw_body="<html>", times=None),
        Fault(service="iam", status=201, raw_body="[]", times=None),
        Fault(service="apig", action="reset", times=None),
        Fault(service="apig", status=401, error_code="APIG.1002", times=None),
        Fault(service="apig", status=200, raw_body="{}", times=None),
    ],
    ids=lambda fault: f"{fault.service}-{fault.action or fault.status}",
)
def test_a_traceback_holds_no_secret(sandbox: Sandbox, new_runtime: Any, fault: Fault):
    """The whole traceback of an event that failed, causes and contexts included."""
    furnish(sandbox)
    sandbox.faults.add(fault)
    with pytest.raises(DetachError) as raised:
        expire(new_runtime(HTTP_ATTEMPTS="1"), certificate_id=CERTIFICATE)
    WATCH.add(sandbox.secrets)
    text = "".join(traceback.format_exception(raised.value))
    assert WATCH.leaked(text) is None
    assert "nocatalog" not in text


class _Illegal:
    """Sends what no header may hold, as a broken token would be."""

    def __init__(self, token: str) -> None:
        self._token = token

    def prove(self, request: httpx.Request, _: str) -> Callable[[Reply], None]:
        request.headers["X-Auth-Token"] = f"{self._token}\nX: {self._token}"
        return lambda reply: None


def test_an_illegal_header_is_not_repeated(sandbox: Sandbox):
    """h11's own message has the header's value in it."""
    token = secrets.token_urlsafe(30)
    WATCH.add([token])
    with new_client(sandbox.ca_file) as client:
        request = httpx.Request("GET", sandbox.endpoint)
        _Illegal(token).prove(request, "GET x")
        with pytest.raises(httpcore.LocalProtocolError) as theirs:
            client.ask(request, time.monotonic() + 5)
        assert token in str(theirs.value)
        transport = Transport(client, 5.0, 1, Deadline.after(10), lambda call: None)
        with pytest.raises(Unavailable) as ours:
            transport.send(Request("apig", "GET", sandbox.endpoint, "GET x", (), Exception), _Illegal(token))
    host = sandbox.endpoint.removeprefix("https://")
    assert ours.value.message == f"GET x: no answer from {host} (LocalProtocolError)"
    assert WATCH.leaked("".join(traceback.format_exception(ours.value))) is None


def test_httpx_and_httpcore_log_nothing(sandbox: Sandbox, new_runtime: Any, caplog: pytest.LogCaptureFixture):
    """With everything logged at DEBUG, httpx and httpcore, which log URLs and headers, stay silent."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore").setLevel(logging.NOTSET)
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    furnish(sandbox)
    expire(new_runtime(), certificate_id=CERTIFICATE)
    WATCH.add(sandbox.secrets)
    assert {record.name.partition(".")[0] for record in caplog.records}.isdisjoint({"httpx", "httpcore", "hpack"})
    assert WATCH.leaked(caplog.text) is None


def test_calls_have_no_header_and_no_body(sandbox: Sandbox, new_runtime: Any):
    """What the observer of an event's calls gets, which is what is logged and counted."""
    furnish(sandbox)
    seen: list[Any] = []
    new_runtime().work(Deadline.after(20), seen.append).client.attached_domains(CERTIFICATE)
    WATCH.add(sandbox.secrets)
    assert {call.service for call in seen} == {"iam", "apig"}
    assert WATCH.leaked(repr(seen)) is None
    assert sandbox.credentials["username"] not in json.dumps(repr(seen))


def echoing(sandbox: Sandbox, text: str, **fields: object) -> None:
    """Every detach is answered with an error that says this."""
    body = json.dumps({"error_code": "APIG.2012", "error_msg": text} | fields)
    sandbox.faults.add(Fault(path="/domains/detach$", status=400, raw_body=body, times=None))


def token_of(sandbox: Sandbox, runtime: Runtime) -> str:
    """The token that this function uses."""
    runtime.work(Deadline.after(5), lambda call: None).client.certificate(CERTIFICATE)
    return sandbox.journal.apig()[-1].headers["x-auth-token"]


@pytest.mark.parametrize(
    "text",
    [
        "{token}",
        "the token {token} is not good",
        "{half}",
        "…{half}…{other_half}…",
        "{eight}",
        "x" * 280 + "{token}",  # across the place where a message is cut
        "x" * 296 + "{token}",
        "x" * 1990 + "{token}",
        "{password}",
        "{quoted}",
        "{base64}",
    ],
    ids=lambda text: text.replace("x" * 100, "").replace("…", "_"),
)
def test_a_gateway_that_repeats_what_it_was_sent(
    sandbox: Sandbox, new_runtime: Any, caplog: pytest.LogCaptureFixture, text: str
):
    """Whole, in half, or in any part of eight characters: nothing of it is in the error, the outcome or a log line."""
    furnish(sandbox)
    sandbox.behaviour.token_bytes = 400
    runtime = new_runtime()
    token = token_of(sandbox, runtime)
    password = sandbox.credentials["password"]
    known = {
        "token": token,
        "half": token[100:300],
        "other_half": token[300:],
        "eight": token[50:58],
        "password": password,
        "quoted": quote(password + "/", safe=""),
        "base64": base64.b64encode(f"user:{password}".encode()).decode(),
    }
    echoing(sandbox, text.format(**known))
    with pytest.raises(DetachError) as raised:
        expire(runtime, certificate_id=CERTIFICATE)
    WATCH.add(sandbox.secrets)
    error = raised.value
    all_told = "\n".join((repr(error), json.dumps(error.to_dict()), json.dumps(error.outcome), caplog.text))
    assert WATCH.leaked(all_told) is None
    assert known["base64"][8:] not in all_told
    if len(text) < 100:
        assert "<secret>" in error.message


def test_an_error_code_is_a_code_or_nothing(sandbox: Sandbox, new_runtime: Any):
    """A token in its place is not told either."""
    furnish(sandbox)
    runtime = new_runtime()
    part = re.search("[A-Za-z0-9]{10,40}", token_of(sandbox, runtime))[0]
    for code in (part, "x" * 41, "APIG 2012", ["APIG.2012"]):
        sandbox.faults.clear()
        echoing(sandbox, "no", error_code=code)
        with pytest.raises(DetachError, match="answered 400: no$") as raised:
            expire(runtime, certificate_id=CERTIFICATE)
        assert raised.value.error_code is None
    WATCH.add(sandbox.secrets)


def test_a_title_of_iam_is_struck_out_too(sandbox: Sandbox, new_runtime: Any):
    """IAM's titles are told, and nothing of the password that IAM was sent."""
    password = sandbox.credentials["password"]
    for status in (401, 403):
        body = json.dumps({"error": {"code": status, "title": f"no {password[2:14]} here", "message": "m"}})
        sandbox.faults.clear()
        sandbox.faults.add(Fault(service="iam", status=status, raw_body=body, times=None))
        with pytest.raises(DetachError, match="no <secret> here") as raised:
            expire(new_runtime(), certificate_id=CERTIFICATE)
        WATCH.add(sandbox.secrets)
        assert WATCH.leaked(raised.value.message) is None


def test_a_redirect_to_a_host_that_is_named_like_the_token(sandbox: Sandbox, new_runtime: Any):
    """The host of a redirect is told, unless it is made of what it was sent."""
    furnish(sandbox)
    runtime = new_runtime()
    runtime.work(Deadline.after(5), lambda call: None)
    password = sandbox.credentials["password"]
    location = f"https://{password[3:15]}.example.com/"
    sandbox.faults.add(Fault(service="apig", status=302, headers={"Location": location}, raw_body="", times=None))
    with pytest.raises(DetachError, match="redirect to") as raised:
        expire(runtime, certificate_id=CERTIFICATE)
    WATCH.add(sandbox.secrets)
    assert WATCH.leaked(raised.value.message) is None
