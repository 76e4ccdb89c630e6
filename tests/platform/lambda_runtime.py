"""AWS's own runtime emulator and interface client run the zip that is deployed, and nothing else.

`make test-lambda` makes both: build/lambda-ARCH.zip, and .venv-lambda with awslambdaric and without pip.
"""

import json
import os
import platform
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
ARCH = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
PACKAGE = ROOT / f"build/lambda-{ARCH}.zip"
PYTHON = ROOT / ".venv-lambda/bin/python"
EMULATOR = ROOT / f".venv-lambda/emulator/samcli/local/rapid/aws-lambda-rie-{ARCH}"


def unpack(package: Path, folder: Path) -> Path:
    """The task root that Lambda makes of a zip."""
    if not package.exists() or not EMULATOR.exists():
        raise FileNotFoundError(f"{package} or {EMULATOR} is not there: `make test-lambda` makes both")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


class Function:
    """One execution environment of a function. `invoke` it as often as you want, one event at a time.

    The process starts with the first event. Its environment is `variables` and what Lambda sets, nothing else.
    """

    def __init__(
        self,
        task_root: Path,
        handler: str,
        variables: Mapping[str, str],
        output: Path,
        *,
        timeout: int = 30,
        log_format: str = "JSON",
        more_paths: Iterable[Path] = (),
    ) -> None:
        self._output = output
        self._client = httpx.Client(trust_env=False, timeout=timeout + 15)
        self._ports = _free_ports(2)
        environment = {
            **variables,
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": "eu-central-1",
            "AWS_LAMBDA_FUNCTION_NAME": handler.rpartition(".")[2],
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_FORMAT": log_format,
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYTHONPATH": os.pathsep.join(map(str, (task_root, *more_paths))),
            "PYTHONDONTWRITEBYTECODE": "1",  # the task root is read-only in Lambda
            "PYTHONNOUSERSITE": "1",
        }
        command = [str(EMULATOR), "--runtime-interface-emulator-address", f"127.0.0.1:{self._ports[0]}"]
        command += ["--runtime-api-address", f"127.0.0.1:{self._ports[1]}"]
        command += [str(PYTHON), "-m", "awslambdaric", handler]
        with output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                command,
                cwd=task_root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._wait_for_port()

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._ports[0]), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the emulator did not start:\n{self.output()}") from None
                time.sleep(0.02)
            else:
                return

    def invoke(self, event: Any) -> Any:
        """What the function answers; a raised error is `{"errorMessage", "errorType", "stackTrace"}`.

        The emulator's status is always 200. When it had to end the runtime, its answer is text and no JSON.
        """
        url = f"http://127.0.0.1:{self._ports[0]}/2015-03-31/functions/function/invocations"
        reply = self._client.post(url, content=json.dumps(event))
        try:
            return json.loads(reply.content)
        except ValueError:
            return reply.text

    def output(self) -> str:
        """Everything that was printed so far, the emulator's own lines too."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """The function's own log lines, all or those with this message."""
        found = [json.loads(line) for line in self.output().splitlines() if line.startswith('{"level":')]
        return [line for line in found if message in (None, line["message"])]

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics in CloudWatch's embedded metric format, one entry an event."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith('{"_aws":')]

    @property
    def pid(self) -> int:
        """The emulator's process; the runtime is its child."""
        return self._process.pid

    def stop(self) -> None:
        """End the emulator, which ends the runtime."""
        self._client.close()
        self._process.terminate()
        self._process.wait(timeout=10)

    def kill(self) -> None:
        """End it at once, if `stop` was not enough."""
        self._process.kill()
        self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def message(body: Any, number: int, *, queue: str = "apig-certificate-detach", group: str | None = None) -> Any:
    """One record of an SQS batch, as Lambda's event source mapping sends it; its id is `message-NUMBER`."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": f"{time.time() * 1000:.0f}",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
    }
    if group is not None:
        attributes |= {"MessageGroupId": group, "SequenceNumber": f"{number:020}"}
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "2de4217bf5b938cd76422055ab0b0c31",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue}",
        "awsRegion": "eu-central-1",
    }


def failures(*numbers: int) -> Any:
    """The answer that has these messages delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": f"message-{number}"} for number in numbers]}


def _free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()
