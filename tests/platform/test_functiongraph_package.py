"""What `make build-functiongraph` packs keeps the platform's limits and holds nothing else."""

import re
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[2] / "build" / "functiongraph.zip"


@pytest.fixture
def names() -> set[str]:
    """The files in the package."""
    with zipfile.ZipFile(PACKAGE) as package:
        return set(package.namelist())


def test_the_package_is_small_enough_for_the_console() -> None:
    """The user guide's limit for a ZIP is 40 MB. Ours must stay below 8 MB."""
    assert PACKAGE.stat().st_size < 8_000_000


def test_the_handler_is_at_the_root(names: set[str]) -> None:
    """The handler setting is `index.handler`. Bytecode for the runtime's version lies beside it."""
    assert "index.py" in names
    assert any(re.fullmatch(r"__pycache__/index\.cpython-312\.pyc", name) for name in names)


def test_each_extension_is_for_the_runtime(names: set[str]) -> None:
    """An extension for another version or architecture would fail only in the cloud."""
    extensions = {name for name in names if name.endswith(".so")}
    assert extensions
    assert all("cpython-312-x86_64-linux-gnu" in name for name in extensions)


def test_the_package_holds_nothing_of_other_platforms(names: set[str]) -> None:
    """No other door, no server, no SDK of AWS or of the vendor, no test."""
    unwanted = {
        "main.py",
        "lambda_function.py",
        "flask",
        "functions_framework",
        "boto3",
        "botocore",
        "sandbox",
        "tests",
    }
    assert not unwanted & {name.split("/")[0] for name in names}
