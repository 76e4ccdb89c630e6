"""The shapes that are refused, through the doors: over real HTTP to the image's server, and in batches of SQS."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from tests.corpus.case import Case, Refused
from tests.corpus.events import EVENTS
from tests.corpus.requests import REQUESTS, RawRequest
from tests.platform.framework import Framework, framework
from tests.platform.test_functions_framework import variables
from tests.support.leaks import WATCH

ROOT = Path(__file__).parents[2]
READ = ("application/json", "application/cloudevents+json")
LARGEST = 2 * 1_048_576  # of a body that is sent: the door reads no more than 1 MiB of it
DUE = {"specversion": "1.0", "id": "good", "source": "/", "type": "apig.cleanup.due", "data": {}}

REFUSED = [(case, case.answer) for case in EVENTS if isinstance(case.answer, Refused)]
KINDS = {"handler": None, "scheduled_cleanup": "scheduled_cleanup", "domain_decommission": "domain_decommission"}


@pytest.fixture(scope="module")
def services(_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Framework]]:
    """Functions as the image starts them."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                framework(variables(_sandbox), name, tmp_path_factory.mktemp(name), by_gunicorn=True)
            )
            for name in KINDS
        }
        WATCH.add(_sandbox.secrets)


def requests(case: Case) -> Iterator[tuple[Mapping[str, str], bytes]]:
    """What of a case goes over HTTP: headers and body."""
    for delivery in case.deliveries():
        if delivery.headers is not None and isinstance(delivery.body, bytes) and len(delivery.body) <= LARGEST:
            yield delivery.headers, delivery.body


def wrong(response: httpx.Response, headers: Mapping[str, str], expected: Refused) -> str:
    """What is not as the contract has it (3.5); empty when all is."""
    problem = response.json()
    told = (response.status_code, response.headers["Content-Type"])
    if headers["Content-Type"].partition(";")[0] not in READ:
        return "" if told == (415, "application/problem+json") else f"{told}; expected 415"
    if told != (422, "application/problem+json"):
        return f"{told} {problem}; expected 422"
    right = (problem["error"], problem["field"]) == ("InvalidEvent", expected.field)
    return "" if right and expected.says in problem["detail"] else f"{problem}; expected {expected}"


@pytest.mark.parametrize("function", KINDS)
def test_over_http(sandbox: Sandbox, services: dict[str, Framework], function: str) -> None:
    """422 and a problem that names the field, or 415 for what is not read. Nobody is called."""
    mistakes, sent = [], 0
    with httpx.Client(base_url=services[function].url, trust_env=False, timeout=30) as client:
        for case, expected in REFUSED:
            for headers, body in requests(case) if case.kind == KINDS[function] else ():
                mistake = wrong(client.post("/", content=body, headers=dict(headers)), headers, expected)
                mistakes += [f"{case.name}: {mistake}"] if mistake else []
                sent += 1
    assert mistakes == []
    assert sent > 25
    assert list(sandbox.journal) == []


@pytest.mark.parametrize("request_", REQUESTS, ids=[each.name for each in REQUESTS])
def test_a_request_that_no_client_sends(sandbox: Sandbox, services: dict[str, Framework], request_: RawRequest) -> None:
    """It is refused, or the connection is closed. Nobody is called, and the server goes on."""
    assert answered(services["handler"].port, request_) in request_.status
    assert list(sandbox.journal) == []


def answered(port: int, request: RawRequest) -> int | None:
    """The status of the first answer; None when there is none."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with suppress(OSError):  # a server may close while it is sent
            connection.sendall(request.sent)
            if request.goes:
                connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while b"\r\n" not in answer and (part := connection.recv(4096)):
                answer += part
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else None


def record(number: int, body: str) -> dict[str, Any]:
    """One message of a batch."""
    return {
        "messageId": f"message-{number}",
        "body": body,
        "attributes": {"SenderId": "AIDAIENQZJOLO23YVJ4VO"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:detach",
    }


def as_message(case: Case) -> str | None:
    """The body of a message that carries it; None when it is not text, or when a header says what it is."""
    if not isinstance(case.body, bytes):
        return json.dumps(case.body)
    with suppress(UnicodeDecodeError):
        return case.body.decode() if case.headers is None and len(case.body) < LARGEST else None
    return None


def test_in_batches_of_sqs(sandbox: Sandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """Each bad message fails by itself and is logged with its field; the good ones between them are done."""
    told, texts = [], []
    for case, expected in REFUSED:
        text = as_message(case) if case.kind is None and "over HTTP" not in case.name else None
        if text is not None:
            told.append(expected)
            texts += [text, json.dumps(DUE)] if len(texts) % 10 == 0 else [text]
    records = [record(number, text) for number, text in enumerate(texts)]
    good = [each["messageId"] for each in records if each["body"] == json.dumps(DUE)]
    bad = [each["messageId"] for each in records if each["body"] != json.dumps(DUE)]
    assert len(bad) > 200
    assert len(good) > 5
    batches = [{"Records": records[start : start + 50]} for start in range(0, len(records), 50)]
    answers, log = tmp_path / "answers", tmp_path / "log"
    with log.open("wb") as output:
        subprocess.run(  # noqa: S603 - our own words
            [sys.executable, ROOT / "tests/corpus/lambda_process.py", answers],
            input="\n".join(map(json.dumps, batches)).encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, "PYTHONPATH": str(ROOT / "src"), "DETACH_MAX_EVENT_AGE": "P0D"},
            timeout=50,
            check=True,
        )
    failed = [
        failure["itemIdentifier"]
        for answer in json.loads(answers.read_text(encoding="utf-8"))
        for failure in answer["batchItemFailures"]
    ]
    assert failed == bad
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if '"detach.report"' in line]
    errors = [line for line in lines if line.get("error")]
    assert {line["error"] for line in errors} == {"InvalidEvent"}
    messages = [line["error_message"] for line in errors]
    assert [
        (message, expected)
        for message, expected in zip(messages, told, strict=True)
        if not message.startswith(f"{expected.field}: ") or expected.says not in message
    ] == []
    assert {received.method for received in sandbox.journal.apig()} == {"GET"}  # of the good ones
