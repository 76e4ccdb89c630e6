"""What the tests share: one sandbox, reset for each test; a runtime against it; the watch for leaked secrets."""

import json
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fleet, Sandbox
from shared import settings
from shared.runtime import Runtime
from tests.leaks import WATCH

LONG_AGO = datetime(2021, 4, 26, 9, 3, 30, tzinfo=UTC)
FAR_AHEAD = datetime(2036, 4, 26, 9, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
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
    """The environment variables of a function that talks to the sandbox with a password."""
    return {
        "SECRET_URI": "env:TEST_CREDENTIALS",
        "TEST_CREDENTIALS": json.dumps(sandbox.credentials),
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": sandbox.ca_file,
    }


@pytest.fixture
def new_runtime(environment: dict[str, str]) -> Iterator[Callable[..., Runtime]]:
    """Makes a runtime of `environment` and the given settings: `new_runtime(DETACH_DRY_RUN="true")`."""

    made: list[Runtime] = []

    def make(**variables: str) -> Runtime:
        values = environment | variables
        made.append(Runtime(settings.load(values.get, values), values.get))
        return made[-1]

    yield make
    for runtime in made:
        runtime.close()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test red when a secret of any test so far stands in what it printed, logged or failed with."""
    report = yield
    if call.when == "teardown":
        captured = "\n".join(content for _, _, content in item._report_sections)
        part = WATCH.leaked(captured + (report.longreprtext if report.failed else ""))
        if part is not None:
            report.outcome = "failed"
            report.longrepr = f"a secret (part {part[:3]}…) stands in the captured output of {item.nodeid}"
    return report
