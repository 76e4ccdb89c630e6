"""`python -m scripts.find_python 3.13` prints the path of a working Python of that version, or says how to get one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


class PythonNotFound(Exception):
    """No Python of that version; the message says where it was looked for and how to install it."""


def find_python(version: str) -> Path:
    """The path of an interpreter of `version` ("3.13"), however it was installed.

    The environment variable PYTHON3_13 names one. If it is not set, PATH, pyenv and uv are searched.
    """
    for candidate in _candidates(version):
        # Each candidate is run: pyenv puts a python3.13 on PATH that fails unless that version is activated.
        if _version(candidate) == version:
            return candidate
    raise PythonNotFound(
        f"Python {version} is needed and was found neither on PATH nor with pyenv or uv:"
        f" install it (`pyenv install {version}` or `uv python install {version}`), or name it in {_variable(version)}."
    )


def _variable(version: str) -> str:
    return f"PYTHON{version.replace('.', '_')}"


def _candidates(version: str) -> Iterator[Path]:
    if named := os.environ.get(_variable(version)):
        yield Path(named)
    yield Path(sys.executable)
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    if uv := shutil.which("uv"):
        yield Path(_output(uv, "python", "find", "--no-python-downloads", version))


def _version(python: Path) -> str:
    return _output(str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def _output(*command: str) -> str:
    """The output of the command; empty if it cannot be run or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - built here
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    try:
        print(find_python(sys.argv[1]))
    except PythonNotFound as exc:
        sys.exit(str(exc))
