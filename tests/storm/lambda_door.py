"""The Lambda door: the zip under AWS's runtime emulator, an execution environment a sender, batches of SQS."""

import itertools
import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.platform.lambda_runtime import PACKAGE, Function, message, unpack
from tests.storm.answers import NO_ANSWER, Answer
from tests.storm.envelopes import Wire
from tests.storm.http_door import children

LOGS = 3.0  # seconds that the last log lines of a batch may take to arrive
LISTS = ("detached", "already_detached", "attached", "already_attached", "kept", "failed", "planned")


class LambdaDoor:
    """Each sender has an execution environment of its own, as Lambda gives each batch that runs at the same time."""

    batch = 10

    def __init__(self, variables: Mapping[str, str], folder: Path, timeout: float) -> None:
        self._variables = {name: value for name, value in variables.items() if name != "PATH"}
        self._folder = folder
        self._timeout = int(timeout)
        self._task_root = unpack(PACKAGE, folder / "task-root")
        self._functions: list[Function] = []
        self._numbers = itertools.count()

    def processes(self) -> list[int]:
        """The runtimes alone: the emulator is AWS's."""
        return [pid for each in self._functions for pid in children(each.pid)]

    def sender(self) -> "LambdaSender":
        """Another execution environment, and who sends to it."""
        output = self._folder / "output" / f"lambda-{next(self._numbers)}.log"
        function = Function(self._task_root, "lambda_function.handler", self._variables, output, timeout=self._timeout)
        self._functions.append(function)
        return LambdaSender(function, output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._functions:
            try:
                each.stop()
            except subprocess.TimeoutExpired:
                each.kill()


class LambdaSender:
    """Sends batches as the event source mapping does. What became of an event is only told by the log."""

    def __init__(self, function: Function, output: Path) -> None:
        self._function = function
        self._log = output.open("rb")
        self._rest = b""

    def deliver(self, wires: list[tuple[int, int, Wire]]) -> list[Answer]:
        """One batch: the answers in the order of its messages."""
        records = [_record(number, attempt, wire) for number, attempt, wire in wires]
        try:
            reply = self._function.invoke({"Records": records})
        except httpx.TransportError:
            return [NO_ANSWER] * len(wires)
        reports = self._reports(len(wires))
        if not isinstance(reply, dict) or "batchItemFailures" not in reply or len(reports) != len(wires):
            return [NO_ANSWER] * len(wires)
        failed = {each["itemIdentifier"] for each in reply["batchItemFailures"]}
        return [_answer(each["messageId"] in failed, report) for each, report in zip(records, reports, strict=True)]

    def _reports(self, count: int) -> list[list[dict[str, Any]]]:
        """The lines `detach.report` of the batch, those of one event together, in the order of its messages."""
        reports: list[list[dict[str, Any]]] = []
        until = time.monotonic() + LOGS
        while True:
            for line in self._lines():
                if line.get("part", 1) == 1:
                    reports.append([])
                reports[-1].append(line)
            if (len(reports) >= count and _whole(reports[-1])) or time.monotonic() > until:
                return reports
            time.sleep(0.01)

    def _lines(self) -> list[dict[str, Any]]:
        *whole, self._rest = (self._rest + self._log.read()).split(b"\n")
        lines = [json.loads(line) for line in whole if line.startswith(b'{"level":')]
        return [line for line in lines if line["message"] == "detach.report"]

    def close(self) -> None:
        """Close the log; the door ends the environments."""
        self._log.close()


def _record(number: int, attempt: int, wire: Wire) -> dict[str, Any]:
    record: dict[str, Any] = message(wire.text, number)
    record["attributes"]["ApproximateReceiveCount"] = str(attempt)
    return record


def _whole(lines: list[dict[str, Any]]) -> bool:
    return len(lines) >= lines[0].get("parts", 1)


RETRYABLE = ("Unavailable", "CredentialsRefused")  # contract 3.5


def _answer(failed: bool, lines: list[dict[str, Any]]) -> Answer:
    """What the broker saw, and what the log says of it."""
    error = lines[0].get("error")
    outcome = _outcome(lines)
    if not failed:
        return Answer("acknowledged", None, None, outcome)
    retryable = error is None or error in RETRYABLE  # without an error, the rest of a clean-up comes again
    return Answer("retryable" if retryable else "refused", error, None, outcome)


def _outcome(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The outcome's JSON as far as a report tells it: by certificate, with what became of its bindings."""
    first = lines[0]
    if first.get("certificate_id") is None and first.get("dry_run") is None:
        return None  # the event could not be handled at all
    certificates: dict[str, dict[str, Any]] = {}
    for line in lines:
        told = line.get("certificate_id") or []
        for certificate_id in [told] if isinstance(told, str) else told:
            certificates.setdefault(certificate_id, {"certificate_id": certificate_id})
        for name in LISTS:
            for each in line.get(name) or ():
                certificate = certificates.setdefault(
                    each["certificate_id"], {"certificate_id": each["certificate_id"]}
                )
                certificate.setdefault(name, []).append({k: v for k, v in each.items() if k != "certificate_id"})
    kept = ("event_id", "kind", "status", "dry_run", "context", "source", "sender", "not_found", "gateways", "cursor")
    outcome = {name: first[name] for name in kept if name in first}
    outcome["certificates"] = list(certificates.values())
    outcome["undo"] = [each for line in lines for each in line.get("undo") or ()]
    if len(lines) == 1 and "undo_signature" in first:  # each part signs its own undo
        outcome["undo_signature"] = first["undo_signature"]
    return outcome
