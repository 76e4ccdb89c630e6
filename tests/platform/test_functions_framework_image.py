"""The Dockerfile is carried out and started as Kubernetes would do it: no root, no capability, nothing to write to.

`make test-container` runs this. It needs root, to make the overlays and to give up its own rights.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from scripts.find_python import find_python
from tests.platform.framework import Framework, wait_for
from tests.support.leaks import WATCH
from tests.support.world import CERTIFICATE, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
EVENT = ROOT / "events" / "cloudevents" / "certificate_expired.json"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@contextmanager
def container(sandbox: Sandbox, folder: Path) -> Iterator[Framework]:
    """The image's process against the sandbox, its secret mounted as a file."""
    credentials = folder / "credentials.json"
    WATCH.keep(credentials)  # what is mounted into the container
    credentials.write_text(json.dumps(sandbox.credentials))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = {
        "PORT": str(port),
        "SECRET_URI": "file:/etc/apig-certificate-detach/credentials.json",
        "OS_AUTH_URL": sandbox.auth_url,
        "APIG_ENDPOINT": sandbox.endpoint,
        "OS_CACERT": "/etc/apig-certificate-detach/ca.pem",
        "DETACH_MAX_EVENT_AGE": "P0D",  # the files of events/ are old
        "/etc/apig-certificate-detach/credentials.json": credentials,
        "/etc/apig-certificate-detach/ca.pem": sandbox.ca_file,
    }
    image = [sys.executable, "-m", "tests.platform.image", find_python("3.13"), folder / "report.json"]
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own words
            ["unshare", "--mount", "--propagation", "private", *image, *(f"{k}={v}" for k, v in given.items())],  # noqa: S607
            cwd=ROOT,
            stdout=stdout,
            stderr=stderr,
        )
    running = Framework(process, port, folder)
    try:
        wait_for(running, seconds=120)
        yield running
        WATCH.add(sandbox.secrets)
    finally:
        if process.poll() is None:
            running.stop()
        assert WATCH.leaked(running.output()) is None, "a secret stands in what the container wrote"


@pytest.fixture(scope="module")
def image(_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framework]:
    """One container for the tests that only look."""
    with container(_sandbox, tmp_path_factory.mktemp("image")) as running:
        yield running


def report(image: Framework) -> dict[str, Any]:
    """What the build tells: the user, the command, and the size of each file."""
    content: dict[str, Any] = json.loads((image.folder / "report.json").read_text(encoding="utf-8"))
    return content


def test_it_handles_an_event(image: Framework, sandbox: Sandbox) -> None:
    """By the image's own gunicorn, with the secret from a mounted file."""
    furnish(sandbox)
    response = image.post(EVENT.read_bytes(), STRUCTURED)
    assert (response.status_code, response.json()["status"]) == (200, "detached")
    assert sandbox.fleet.bindings() == set()


def test_the_process_has_no_rights(image: Framework) -> None:
    """As the kernel tells it: the Dockerfile's user, no capability, no way to get one, a read-only root."""
    process = Path("/proc") / str(image.process.pid)
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["65532"] * 4
    assert (status["CapEff"], status["CapBnd"], status["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    root = [mount for mount in mounts if mount[4].endswith("/root") or mount[4] == "/"][-1]
    assert "ro" in root[5].split(",")


def test_the_image_holds_what_it_needs_and_no_more(image: Framework) -> None:
    """Two folders, below 50 MB on top of the base image; no pip, no cache, no door of another platform."""
    sizes = report(image)["sizes"]
    assert {name.split("/")[1] for name in sizes} == {"venv", "app"}
    assert sum(sizes.values()) < 50_000_000  # 13 of them are cryptography, which checks the ID tokens
    assert not [name for name in sizes if "/pip/" in name or "/boto" in name]
    assert {name.split("/")[2] for name in sizes if name.startswith("/app/")} == {
        "admission.py",
        "main.py",
        "serve.py",
        "handlers",
        "shared",
        "__pycache__",
    }


def test_all_bytecode_is_compiled_and_never_checked(image: Framework) -> None:
    """PEP 552: a 1 in the second word of a .pyc says that it has a hash, which is not compared with the source."""
    sizes = report(image)["sizes"]
    compiled = [name for name in sizes if name.endswith(".pyc")]
    sources = [name for name in sizes if name.endswith(".py") and not name.startswith("/venv/bin/")]
    assert len(compiled) == len(sources)
    inside = Path("/proc") / str(image.process.pid) / "root"
    for name in (name for name in compiled if name.startswith("/app/")):
        assert (inside / name[1:]).read_bytes()[4:8] == b"\x01\0\0\0", name


def test_gunicorn_itself_gets_the_signal(image: Framework) -> None:
    """The CMD has the exec form, so there is no shell in between."""
    assert report(image)["command"][0] == "gunicorn"
    assert b"/bin/sh" not in (Path("/proc") / str(image.process.pid) / "cmdline").read_bytes()


def test_sigterm_lets_an_event_that_has_begun_finish(sandbox: Sandbox, tmp_path: Path) -> None:
    """A scale-down or a new revision sends it. The event is answered, then the container ends with 0."""
    furnish(sandbox)
    sandbox.behaviour.latency = 0.5
    with container(sandbox, tmp_path) as running, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(running.post, EVENT.read_bytes(), STRUCTURED)
        while not sandbox.journal.apig() and not answer.done():
            time.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        response = answer.result(timeout=30)
        assert (response.status_code, response.json()["status"]) == (200, "detached")
        assert running.process.wait(timeout=10) == 0
    assert [CERTIFICATE in received.path for received in sandbox.journal.detaches()] == [True]
