"""LocalStack on this machine alone, its functions run by AWS's own Runtime Interface Emulator instead of Docker.

It evaluates JSONata by a Java library that it would download; here a Python library does that.

Runs in the environment `.venv-localstack`, never beside the tests. Its own variables: RIE is the emulator's binary,
RUNTIME a Python with nothing in it but awslambdaric, FUNCTION_LOGS the folder for what the functions print.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from jsonata import Jsonata
from localstack.runtime import main
from localstack.services.lambda_.invocation import plugins
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.services.stepfunctions.asl.jsonata import jsonata

HOST = "127.0.0.1"
START_TIMEOUT = 30.0


class EmulatedRuntime(RuntimeExecutor):
    """One execution environment: an emulator with one awslambdaric in it, and no package but the deployed one."""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack what was deployed."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Remove it."""
        function_version.config.code.destroy_cached()

    def start(self, env_vars: dict[str, str]) -> None:
        """Start it, and return once it takes invocations."""
        code = str(self.function_version.config.code.get_unzipped_code_location())
        given = {name: str(value) for name, value in env_vars.items() if not name.startswith("LOCALSTACK_")}
        given |= {"LAMBDA_TASK_ROOT": code, "PYTHONPATH": code, "PATH": "/usr/bin:/bin"}
        self._port, api_port = _free_port(), _free_port()
        with Path(os.environ["FUNCTION_LOGS"], f"{self.function_version.id.function_name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [
                    os.environ["RIE"],
                    *("--runtime-interface-emulator-address", f"{HOST}:{self._port}"),
                    *("--runtime-api-address", f"{HOST}:{api_port}"),
                    *(os.environ["RUNTIME"], "-m", "awslambdaric", self.function_version.config.handler),
                ],
                env=given,
                cwd=code,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self._port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError(f"the emulator of {self.function_version.id.function_name} did not start")

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Invoke it; the emulator answers 200 whatever happens, so an error is told by its fields."""
        request = urllib.request.Request(
            f"http://{HOST}:{self._port}/2015-03-31/functions/function/invocations", payload["payload"].encode()
        )
        timeout = float(self.function_version.config.timeout) + 30
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - of this machine
            body = answer.read()
        return InvocationResult(payload["invoke-id"], body, is_error=_is_error(body), logs="")

    def stop(self) -> None:
        """End both processes."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def get_address(self) -> str:
        """Where it is."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Where LocalStack is, seen from it."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Where it would report to LocalStack, which it does not."""
        return ""

    def get_logs(self) -> str:
        """What it printed is in FUNCTION_LOGS."""
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_error(body: bytes) -> bool:
    try:
        content: Any = json.loads(body)
    except ValueError:
        return True  # "Task timed out after 3.00 seconds" comes as plain text
    return isinstance(content, dict) and "errorType" in content


def _evaluate(expression: str) -> Any:
    """The value of a JSONata expression, as plain JSON."""
    try:
        return json.loads(json.dumps(Jsonata(expression).evaluate(None)))
    except Exception as exc:
        raise jsonata.JSONataException("UNKNOWN", str(exc)) from exc


if __name__ == "__main__":
    jsonata._eval_jsonata = _evaluate
    plugins.DockerRuntimeExecutorPlugin.load = lambda *_: EmulatedRuntime
    main.main()
