"""The built package holds only what it needs, compiled, and has the same bytes each time. Nothing else is there."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.platform.lambda_runtime import ARCH, PACKAGE, PYTHON, ROOT, Function, message
from tests.support.world import CERTIFICATE, furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PROBE = Path(__file__).parent / "lambda_probe"
Start = Callable[..., Function]

PACKAGES = {
    "arm64": ROOT / "build/lambda-arm64.zip",
    "x86_64": ROOT / "build/lambda-x86_64.zip",
}
WHEELS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
FOREIGN = [
    "boto3",
    "botocore",
    "flask",
    "functions_framework",
    "cloudevents",
    "huaweicloudsdkcore",
    "pip",
    "pytest",
    "requests",
    "sandbox",
    "setuptools",
    "tests",
]


def test_nothing_else_can_be_imported_in_the_runtime(start: Start) -> None:
    """No boto3, botocore or flask, and nothing of ours that is not part of the function."""
    probe = start("probe.importable", more_paths=[PROBE])
    assert probe.invoke(["lambda_function", "httpx", "awslambdaric"]) == ["lambda_function", "httpx", "awslambdaric"]
    assert probe.invoke(FOREIGN) == []


def test_the_runtime_is_the_package_and_awslambdaric(start: Start, task_root: Path) -> None:
    """Python 3.13. Imports come from the standard library, the package and the interface client, from nowhere else."""
    found = start("probe.surroundings", more_paths=[PROBE]).invoke({})
    assert found["version"] == [3, 13]
    ours = {str(task_root), str(PROBE), str(PYTHON.parents[1] / "lib/python3.13/site-packages")}
    others = {path for path in found["path"] if path not in ours and "site-packages" in path}
    assert others == set()
    assert str(ROOT) not in found["path"]


def test_the_batch_processor_is_loaded_only_for_a_batch(sandbox: Sandbox, start: Start) -> None:
    """It takes half as long to import as everything else of Powertools, and most events come alone."""
    furnish(sandbox)
    probe = start("probe.loaded_by", more_paths=[PROBE])
    alone = probe.invoke({"certificate_id": CERTIFICATE})
    assert alone["answer"]["status"] == "detached"
    assert not [name for name in alone["files"] if name.startswith("aws_lambda_powertools.utilities.batch")]
    assert "asyncio" not in alone["files"]
    batch = probe.invoke({"Records": [message({"certificate_id": CERTIFICATE}, 1)]})
    assert batch["answer"] == {"batchItemFailures": []}
    assert "aws_lambda_powertools.utilities.batch" in batch["files"]


def test_no_module_is_compiled_at_start(sandbox: Sandbox, start: Start, task_root: Path) -> None:
    """Each module of the package that an event loads has its bytecode beside it."""
    furnish(sandbox)
    found = start("probe.loaded_by", more_paths=[PROBE]).invoke({"certificate_id": CERTIFICATE})
    ours = {name for name, file in found["files"].items() if file and file.startswith(str(task_root))}
    assert {"lambda_function", "shared.apig.client", "httpx", "pydantic"} <= ours
    python = {name for name in ours if found["files"][name].endswith(".py")}
    assert [name for name in sorted(python) if not Path(found["bytecode"][name]).is_file()] == []


@pytest.mark.parametrize("arch", PACKAGES)
def test_bytecode_is_never_compared_with_its_source(arch: str) -> None:
    """PEP 552: flags 0b01 mean a hash that is not checked. By the dates in a zip, other bytecode would be stale."""
    with zipfile.ZipFile(PACKAGES[arch]) as package:
        names = set(package.namelist())
        sources = {name for name in names if name.endswith(".py")}
        bytecode = {name for name in names if name.endswith(".pyc")}
        for name in bytecode:
            assert package.read(name)[4:8] == b"\x01\x00\x00\x00", name
    folders = {name: name.rpartition("/") for name in sources}
    expected = {
        f"{folder}{slash}__pycache__/{file.removesuffix('.py')}.cpython-313.pyc"
        for folder, slash, file in folders.values()
    }
    assert bytecode == expected


@pytest.mark.parametrize("arch", PACKAGES)
def test_what_is_in_the_package(arch: str) -> None:
    """The door for Lambda, `handlers` and `shared`; no other door, and nothing of the tests."""
    with zipfile.ZipFile(PACKAGES[arch]) as package:
        names = package.namelist()
        modes = {entry.external_attr >> 16 for entry in package.infolist()}
    tops = {name.split("/")[0] for name in names}
    assert {"lambda_function.py", "handlers", "shared"} <= tops
    assert (
        tops & {"main.py", "index.py", "sandbox", "tests", "boto3", "botocore", "flask", "functions_framework"} == set()
    )
    assert [name for name in names if "/tests/" in name or name.endswith((".pyi", "RECORD", "requirements.txt"))] == []
    assert modes == {0o100644}
    native = {"arm64": "aarch64-linux-gnu.so", "x86_64": "x86_64-linux-gnu.so"}
    assert {name.rpartition("cpython-313-")[2] for name in names if name.endswith(".so")} == {native[arch]}


@pytest.mark.parametrize("arch", PACKAGES)
def test_the_package_is_small(arch: str) -> None:
    """At most 5.5 MB zipped, with the bytecode."""
    assert PACKAGES[arch].stat().st_size <= 5_500_000


def test_built_again_it_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    """In another folder and with another hash seed. So what is deployed can be compared with the repository."""
    again = tmp_path / "again.zip"
    command = [sys.executable, "-m", "scripts.build_package", "--python", "3.13", "--platform", WHEELS[ARCH]]
    command += ["--door", "lambda_function.py", "--out", str(tmp_path / "folder"), "--zip", str(again)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stderr
    assert again.read_bytes() == PACKAGE.read_bytes()


def test_without_that_python_the_build_stops_with_a_sentence(tmp_path: Path) -> None:
    """The runtime would ignore the bytecode of another version, so the build does not fall back to one."""
    command = [sys.executable, "-m", "scripts.build_package", "--python", "3.99", "--platform", WHEELS[ARCH]]
    command += ["--door", "lambda_function.py", "--out", str(tmp_path / "folder"), "--zip", str(tmp_path / "a.zip")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Python 3.99 is needed and was found neither on PATH nor with pyenv or uv: install it"
    )
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
