"""What the tests on AWS's runtime share: the unpacked package, and functions, whose output is searched for secrets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.platform.lambda_runtime import PACKAGE, Function, unpack
from tests.support.leaks import WATCH


@pytest.fixture(scope="session")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of this machine's architecture, unpacked as Lambda does."""
    return unpack(PACKAGE, tmp_path_factory.mktemp("task") / "root")


@pytest.fixture
def start(
    sandbox: Sandbox, environment: dict[str, str], task_root: Path, tmp_path: Path
) -> Iterator[Callable[..., Function]]:
    """Starts a function against the sandbox: `start("handler", {"DETACH_DRY_RUN": "true"}, timeout=5)`."""
    started: list[Function] = []
    with ExitStack() as running:

        def start_one(name: str, variables: dict[str, str] | None = None, **options: Any) -> Function:
            handler = name if "." in name else f"lambda_function.{name}"
            output = tmp_path / f"output-{len(started)}"
            function = Function(task_root, handler, environment | (variables or {}), output, **options)
            started.append(running.enter_context(function))
            return function

        yield start_one
    WATCH.add(sandbox.secrets)
    for function in started:
        print(function.output())  # shown when the test fails
        assert WATCH.leaked(function.output()) is None, "a secret stands in what the function printed"
