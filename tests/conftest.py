"""What the tests share: one sandbox, reset for each test; a runtime against it; the watch for leaked secrets."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fleet, Sandbox
from shared.telemetry import logger
from shared.wiring import Runtime
from tests.support.leaks import WATCH
from tests.support.undo_key import SETTINGS, UNDO_KEY

LONG_AGO = datetime(2021, 4, 26, 9, 3, 30, tzinfo=UTC)
FAR_AHEAD = datetime(2036, 4, 26, 9, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    WATCH.add((UNDO_KEY,))
    with Sandbox.start(fleet=Fleet()) as running:
        yield running
        WATCH.add(running.secrets)


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The local IAM and API Gateway, over TLS, with an empty fleet."""
    _sandbox.reset(Fleet())
    yield _sandbox
    WATCH.add(_sandbox.secrets)


@pytest.fixture
def environment(sandbox: Sandbox) -> dict[str, str]:
    """The environment variables of a function that talks to the sandbox with a password, and signs `undo`."""
    return {
        "SECRET_URI": "env:TEST_CREDENTIALS",
        "TEST_CREDENTIALS": json.dumps(sandbox.credentials),
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": sandbox.ca_file,
        **SETTINGS,
    }


@pytest.fixture
def new_runtime(environment: dict[str, str]) -> Iterator[Callable[..., Runtime]]:
    """Makes a runtime of `environment` and the given settings: `new_runtime(DETACH_DRY_RUN="true")`."""

    made: list[Runtime] = []

    def make(**variables: str) -> Runtime:
        values = environment | variables
        made.append(Runtime(values.get, lambda: values))
        return made[-1]

    yield make
    for runtime in made:
        runtime.close()


@pytest.fixture
def far_east() -> Iterator[None]:
    """This process's local time is nine hours ahead of UTC: what forgets to say UTC shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session", autouse=True)
def _logger() -> None:
    """The logger is there before a test sets its level: what caplog puts back is then the logger's own level."""
    logger()


@pytest.fixture(scope="session", autouse=True)
def _files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end of a run: no file that a test or a process of it wrote holds a secret, but where it belongs."""
    yield
    leaking = list(WATCH.leaking(tmp_path_factory.getbasetemp()))
    assert not leaking, f"a secret stands in {', '.join(map(str, leaking))}"


@pytest.fixture(autouse=True)
def _taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test reads through capsys or capfd is captured no longer, and stays under watch all the same."""
    take = pytest.CaptureFixture.readouterr

    def readouterr(self: pytest.CaptureFixture[Any]) -> Any:
        taken = take(self)
        WATCH.read(f"{taken.out}\n{taken.err}")
        return taken

    monkeypatch.setattr(pytest.CaptureFixture, "readouterr", readouterr)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test red when a secret of any test so far stands in what it printed, logged or failed with.

    A process that a test starts prints where the test does, or into a file, which `_files` looks at.
    """
    report = yield
    texts = [report.longreprtext] if report.failed else []
    if call.when == "teardown":
        texts += [content for _, _, content in item._report_sections] + [WATCH.taken()]
    part = WATCH.leaked("\n".join(texts))
    if part is not None:
        report.outcome = "failed"
        report.longrepr = f"a secret (part {part[:3]}…) stands in the captured output of {item.nodeid}"
        report.sections = []
    return report
