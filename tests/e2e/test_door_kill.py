"""The HTTP door is killed, or told to end, while it handles events: they are delivered again, and none is lost."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from sandbox import Sandbox
from shared.wiring import Runtime
from tests.e2e.doors import workers
from tests.e2e.killing import log_lines, until
from tests.e2e.seeds import chance
from tests.e2e.senders import Answer, deliver
from tests.e2e.stories import SETTINGS, bound, carry_out, shop, staying, undo_text
from tests.platform.framework import Framework, framework
from tests.support.deliveries import cloudevent

pytestmark = pytest.mark.timeout(180)

SENDERS = 8
ROUNDS = 7
Start = Callable[[str], AbstractContextManager[Framework]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Start:
    """Starts the door as the image does, in a folder of that name."""

    def begin(name: str) -> AbstractContextManager[Framework]:
        folder = tmp_path / name
        folder.mkdir()
        return framework({**environment, **SETTINGS}, "handler", folder, by_gunicorn=True)

    return begin


def events(sandbox: Sandbox) -> list[str]:
    """An expiry for each certificate, each sent twice, and two clean-ups."""
    wanted = [("apig.certificate.expired", {"certificate_id": each}) for each in sandbox.fleet.certificates] * 2
    wanted += [("apig.cleanup.due", {})] * 2
    return [json.dumps(cloudevent(kind, id=f"e{n}", data=data)) for n, (kind, data) in enumerate(wanted)]


def busy(sandbox: Sandbox, by_chance: random.Random) -> None:
    """Return in the middle of some request from now on."""
    calls = len(sandbox.journal) + by_chance.randint(1, 20)
    until(lambda: len(sandbox.journal) >= calls)
    time.sleep(by_chance.uniform(0, 0.03))


def undo_all(runtime: Runtime, *services: Framework) -> None:
    """Send every plan of their logs as an undo event."""
    for service in services:
        for plan in log_lines(service.folder / "stdout", "detach.plan"):
            assert carry_out(runtime, undo_text(plan))["status"] in ("attached", "nothing_to_attach")


@pytest.mark.parametrize("number", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in range(1, ROUNDS))])
def test_a_killed_worker_loses_no_event(
    sandbox: Sandbox, start: Start, new_runtime: Callable[..., Runtime], number: int
):
    """SIGKILL, as by a machine that is out of memory: gunicorn starts another worker; three times in a row."""
    sandbox.reset(shop())
    was, domains = bound(sandbox.fleet), dict(sandbox.fleet.domains)
    sandbox.behaviour.latency = 0.03
    with start("door") as service, ThreadPoolExecutor(SENDERS) as pool, chance("worker", number) as by_chance:
        sent = [pool.submit(deliver, text, lambda: service.url) for text in events(sandbox)]
        for kill in range(1 if number == 0 else 3):
            busy(sandbox, by_chance)
            os.kill(workers(service)[kill], signal.SIGKILL)
            until(lambda kill=kill: len(workers(service)) == kill + 2)
        answers = [each.result() for each in sent]
        assert service.process.poll() is None
        assert None in {answer.status for each in answers for answer in each}  # else nobody was interrupted
    assert {each[-1].status for each in answers} == {200}
    assert bound(sandbox.fleet) == staying("clean-up", was)
    undo_all(new_runtime(**SETTINGS), service)
    assert sandbox.fleet.domains == domains


@pytest.mark.slow
@pytest.mark.parametrize("impatient", [False, True], ids=["patient", "impatient"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_door_that_is_told_to_end_loses_no_event(
    sandbox: Sandbox, start: Start, new_runtime: Callable[..., Runtime], number: int, *, impatient: bool
):
    """SIGTERM: what it has begun is answered, and the rest goes to the next one. An impatient platform kills it too."""
    sandbox.reset(shop())
    was, domains = bound(sandbox.fleet), dict(sandbox.fleet.domains)
    sandbox.behaviour.latency = 0.03
    with ExitStack() as running, ThreadPoolExecutor(SENDERS) as pool, chance("door", number, impatient) as by_chance:
        first = running.enter_context(start("first"))
        second = running.enter_context(start("second"))
        url = [first.url]
        sent = [pool.submit(deliver, text, lambda: url[0]) for text in events(sandbox)]
        busy(sandbox, by_chance)
        first.process.send_signal(signal.SIGTERM)
        url[0] = second.url
        if impatient:
            time.sleep(by_chance.uniform(0, 0.1))
            for pid in (*workers(first), first.process.pid):
                os.kill(pid, signal.SIGKILL)
        assert first.process.wait(20) == (-signal.SIGKILL if impatient else 0)
        answers = [each.result() for each in sent]
    assert {each[-1].status for each in answers} == {200}
    assert bound(sandbox.fleet) == staying("clean-up", was)
    if not impatient:
        begun = {line["event_id"] for line in log_lines(first.folder / "stdout", "detach.report")}
        assert begun == {f"e{n}" for n, each in enumerate(answers) if _answered(first, each)}
        planned = log_lines(first.folder / "stdout", "detach.plan")
        assert {line["event_id"] for line in planned} <= begun
    undo_all(new_runtime(**SETTINGS), first, second)
    assert sandbox.fleet.domains == domains


def _answered(service: Framework, answers: list[Answer]) -> bool:
    return any(answer.url == service.url and answer.status in (200, 503) for answer in answers)
