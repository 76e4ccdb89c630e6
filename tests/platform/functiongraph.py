"""A function as FunctionGraph runs it: a process that is initialized once and then answers one call after the other."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.leaks import WATCH

DRIVER = Path(__file__).with_name("functiongraph_driver.py")


class Function:
    """`with Function(command, code, user_data, folder) as function: function.invoke(event)`."""

    def __init__(
        self,
        python: Sequence[str],
        code: Path,
        user_data: Mapping[str, Any],
        folder: Path,
        *,
        handler: str = "index.handler",
        initializer: str | None = "index.initializer",
        first: Sequence[Path] = (),
        timeout: float = 30,
        project_id: str = "",
    ) -> None:
        """Start it; `python` is the interpreter with its options, `first` are folders that come before the code's."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        job = {
            "code": str(code),
            "first": [str(path) for path in first],
            "handler": handler,
            "initializer": initializer,
            "user_data": user_data,
            "timeout": timeout,
            "project_id": project_id,
        }
        WATCH.keep(folder / "job.json")  # the settings, the encrypted ones among them
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        read, write = os.pipe()
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [*python, DRIVER, folder / "job.json", str(write)],
                # What FunctionGraph presets; the user data are no variables of their own.
                env={"RUNTIME_USERDATA": json.dumps(user_data), "RUNTIME_PROJECT_ID": project_id},
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[write],
                text=True,
            )
        os.close(write)
        self._answers = os.fdopen(read, encoding="utf-8")
        try:
            self.begun = self._answer()
        except AssertionError:
            self._end()
            raise

    def invoke(self, event: Any, **how: Any) -> dict[str, Any]:
        """`{"result"}`, or `{"errorMessage", "errorType"}`; `how` is this call's `token`, `timeout` or `request_id`."""
        assert self._process.stdin is not None
        print(json.dumps({"event": event, **how}), file=self._process.stdin, flush=True)
        return self._answer()

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """The function's log lines with that message, each of them JSON."""
        entries = [json.loads(line) for line in (self._folder / "stdout").read_text(encoding="utf-8").splitlines()]
        return [entry for entry in entries if not message or entry.get("message") == message]

    def errors(self) -> str:
        """What stands on stderr, where the platform's handlers write."""
        return (self._folder / "stderr").read_text(encoding="utf-8")

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        assert line, f"the function's process ended: {self.errors()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._end()
        output = (self._folder / "stdout").read_text(encoding="utf-8") + self.errors()
        assert WATCH.leaked(output) is None, "a secret stands in what the function wrote"

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the driver's loop ends with its input
        try:
            self._process.wait(timeout=20)
        finally:
            self._process.kill()
            self._answers.close()
