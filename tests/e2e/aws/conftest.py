"""The template, deployed with `sam deploy` to a stand-in of AWS, and the functions in it pointed at the sandbox.

`make e2e` provides the environments: .venv-localstack, .venv-lambda and .venv-aws-checks.
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from sandbox import Sandbox
from tests.e2e.aws.client import REGION, ROOT, Aws
from tests.platform.template import PARAMETERS
from tests.support.leaks import WATCH
from tests.support.undo_key import UNDO_KEY

ARCH = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
SAM = ROOT / ".venv-aws-checks/bin/sam"
STACK = "apig-certificate-detach"


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LocalStack's URL; it listens on 127.0.0.1 alone, and ends with all that it started."""
    folder = tmp_path_factory.mktemp("localstack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_SERVER": "hypercorn",  # its other server listens on every address, whatever it is told
        "DNS_ADDRESS": "0",
        "USE_SSL": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "RIE": str(ROOT / f".venv-lambda/emulator/samcli/local/rapid/aws-lambda-rie-{ARCH}"),
        "RUNTIME": str(ROOT / ".venv-lambda/bin/python"),
        "FUNCTION_LOGS": str(folder),
    }
    with (folder / "localstack.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [str(ROOT / ".venv-localstack/bin/python"), str(Path(__file__).with_name("stand_in.py"))],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a process group of its own, so that nothing of it is left behind
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, folder / "localstack.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder / "lambda", ignore_errors=True)  # the unpacked packages; the logs stay


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/_localstack/health", trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"LocalStack did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def aws(stand_in: str, _sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """The deployed stack, with its functions talking to the sandbox."""
    folder = tmp_path_factory.mktemp("deployment")
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps(_sandbox.credentials), encoding="utf-8")
    undo_key = folder / "undo-key"
    undo_key.write_text(UNDO_KEY, encoding="utf-8")
    parameters = {
        "Architecture": ARCH,
        "DryRun": "false",
        "SecretUri": f"file:{credentials}",
        "UndoKeyUri": f"file:{undo_key}",
        "OsAuthUrl": _sandbox.auth_url,
        "ApigEndpoint": _sandbox.endpoint,
        "OsCacert": _sandbox.ca_file,
        "HttpAttempts": "2",
        "CleanupConcurrency": "4",
    }
    WATCH.keep(credentials, undo_key)
    assert set(parameters) <= set(PARAMETERS), "sam deploy passes over what is no parameter"
    _sam(stand_in, "build", "--build-dir", str(folder / "build"))
    _sam(
        stand_in,
        *("deploy", "--template", str(folder / "build/template.yaml"), "--stack-name", STACK, "--no-confirm-changeset"),
        *("--config-file", str(ROOT / "samconfig.toml"), "--no-progressbar"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
    )
    shutil.rmtree(folder / "build")
    outputs = json.loads(_sam(stand_in, "list", "stack-outputs", "--stack-name", STACK, "--output", "json"))
    aws = Aws(stand_in, {each["OutputKey"]: each["OutputValue"] for each in outputs})
    yield aws
    aws.close()


def _sam(url: str, *arguments: str) -> str:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "PYENV_ROOT") if name in os.environ} | {
        "ARCH": ARCH,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(  # noqa: S603 - our own words
        [str(SAM), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"sam {arguments[0]}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
