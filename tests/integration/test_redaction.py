"""What is left in errors, tracebacks and other libraries' logs: no token, no password, no header, no body."""

import json
import logging
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Any

import httpcore
import httpx
import pytest

from sandbox import Fault, Sandbox
from shared.core.delivery import Deadline
from shared.core.errors import DetachError, Unavailable
from shared.transport.send import Reply, Request, Transport
from shared.transport.tls import new_client
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
