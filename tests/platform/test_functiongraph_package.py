"""What `make build-functiongraph` packs: the limits of the platform, and nothing that does not belong there."""

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


def test_it_can_be_uploaded_from_the_console() -> None:
    """The user guide's limit for a ZIP is 40 MB; ours is a fraction of that."""
    assert PACKAGE.stat().st_size < 8_000_000


def test_the_handler_is_at_the_root(names: set[str]) -> None:
    """The handler setting is `index.handler`; the bytecode lies beside it, for the runtime's version."""
    assert "index.py" in names
    assert any(re.fullmatch(r"__pycache__/index\.cpython-312\.pyc", name) for name in names)


def test_each_extension_is_for_the_runtime(names: set[str]) -> None:
    """An extension of another version or architecture would be found only in the cloud."""
    extensions = {name for name in names if name.endswith(".so")}
    assert extensions
    assert all("cpython-312-x86_64-linux-gnu" in name for name in extensions)


def test_nothing_of_the_other_platforms_is_in_it(names: set[str]) -> None:
    """No other door, no server, no AWS or vendor SDK, no test."""
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
