"""Builds the package of a function, as a folder and a zip: one door, the product's packages, and their dependencies.

    python -m scripts.build_package --python 3.13 --platform manylinux2014_aarch64 \
        --door lambda_function.py --out build/lambda/arm64 --zip build/lambda-arm64.zip

The same sources and pins give the same bytes. `--python` is the version of the platform's runtime. An interpreter of
this version compiles the bytecode, because the runtime ignores bytecode of other versions. The architecture of this
machine does not matter: the wheels of `--platform` are used as they are.
"""

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from scripts.find_python import PythonNotFound, find_python

PACKAGES = ("handlers", "shared")

# Installed but never imported by the function. The package was tested on the runtime without each of them.
UNUSED = (
    "bin",  # console scripts
    "anyio*",  # for httpx's asynchronous client; httpcore works without it
    "annotated_types/test_cases.py",
    "aws_lambda_powertools/event_handler",  # HTTP routing
    "aws_lambda_powertools/metrics/provider/datadog",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in (
            "auth_alpha",
            "circuit_breaker",
            "data_masking",
            "feature_flags",
            "idempotency",
            "kafka",
            "parameters",
            "streaming",
            "validation",
        )
    ),
    "certifi/tests",
    "httpx/_main.py",  # its command line
    "pydantic/color.py",  # deprecated; no module of pydantic imports it
    "pydantic/experimental",
    "pydantic/v1",  # a copy of the old API
    "pydantic/mypy.py",  # a plugin for a type checker
)
# These files of *.dist-info are kept: scanners such as Amazon Inspector read the name and version in METADATA, and the
# licences must be distributed with the code. The other files describe an installation, which a package is not.
KEPT_INFO = ("METADATA", "licenses", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENSE.rst", "COPYING")
TYPING_ONLY = (".pyi", "py.typed")

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


def build(python: Path, platform: str, requirements: Path, door: Path, out: Path) -> None:
    """Empty and fill the folder `out`. `python` has the runtime's version; `door` is in the folder of the packages."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _install(python, platform, requirements, out)
    _strip(out)
    for name in PACKAGES:
        shutil.copytree(door.parent / name, out / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(door, out / door.name)
    _compile(python, out)
    for path in sorted(out.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def pack(folder: Path, archive: Path) -> int:
    """Zip the folder in sorted order and without real dates; returns the zip's size in bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, path.read_bytes())
    return archive.stat().st_size


def _install(python: Path, platform: str, requirements: Path, out: Path) -> None:
    # pip runs inside `python`, so that the markers of the requirements are evaluated for the runtime's version. Nothing
    # is built: pip takes wheels only, and only those whose hash is in the requirements.
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--root-user-action=ignore"]
    command += [
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    command += ["--platform", platform, "--target", str(out), "--requirement", str(requirements)]
    subprocess.run(command, check=True)  # noqa: S603 - the command is built here


def _strip(out: Path) -> None:
    for name in UNUSED:
        unused = list(out.glob(name))
        if not unused:
            sys.exit(f"{name} is not installed any more: remove it from UNUSED in {__file__}")
        for path in unused:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for info in out.glob("*.dist-info"):
        for path in info.iterdir():
            if path.name not in KEPT_INFO:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in _files(out):
        if path.name.endswith(TYPING_ONLY):
            path.unlink()


def _compile(python: Path, out: Path) -> None:
    """Compile bytecode that is never compared with its source.

    By default, bytecode holds the date of its source. All files in the zip have the same date, so all bytecode would
    count as stale and would be compiled at each cold start. The paths in it are relative; the import replaces them.
    """
    # In sorted order, in one process and with a fixed hash seed: otherwise, the same source may give other bytes.
    code = (
        "import compileall, py_compile, sys\n"
        "for path in sys.argv[2:]:\n"
        "    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n"
        "    if not compileall.compile_file(path, quiet=1, stripdir=sys.argv[1], invalidation_mode=mode):\n"
        "        sys.exit(path + ' cannot be compiled')\n"
    )
    sources = [str(path) for path in _files(out) if path.suffix == ".py"]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
    subprocess.run([str(python), "-Ps", "-c", code, str(out), *sources], check=True, env=environment)  # noqa: S603


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def main() -> None:
    """Build and pack, and print the sizes."""
    parser = argparse.ArgumentParser(prog="python -m scripts.build_package", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", required=True, metavar="3.13", help="the runtime's version of Python")
    parser.add_argument("--platform", required=True, help="platform of the wheels, such as manylinux2014_aarch64")
    parser.add_argument(
        "--requirements", type=Path, default=Path("src/requirements.txt"), help="with versions and hashes"
    )
    parser.add_argument(
        "--door", required=True, metavar="FILE", help="the door's file in src/, such as lambda_function.py"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--zip", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    try:
        python = find_python(arguments.python)
    except PythonNotFound as exc:
        sys.exit(str(exc))
    build(python, arguments.platform, arguments.requirements, Path("src", arguments.door), arguments.out)
    size = pack(arguments.out, arguments.zip)
    unpacked = sum(path.stat().st_size for path in _files(arguments.out))
    print(f"{arguments.zip}  {size / 1e6:.2f} MB zipped, {unpacked / 1e6:.1f} MB unpacked")


if __name__ == "__main__":
    main()
