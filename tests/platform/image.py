"""Carries out the Dockerfile without a container engine, and becomes the process of its CMD. Needs root and Linux.

    unshare --mount --propagation private python -m tests.platform.image PYTHON REPORT.json [NAME=VALUE …] [PATH=FILE …]

Each stage is an overlay over this machine's file system, which stands for the slim base image. Only the Python of that
version is put where the base image has it, in /usr/local. At the end the root is read-only except for a new /dev/shm,
the user is the Dockerfile's and has no capability, and this process is the container's. `/path=FILE` puts a file there
as a mounted secret; `NAME=VALUE` adds a variable. The report lists what the last stage wrote.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
# The base image's own; its loader knows /usr/local/lib.
BASE = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib"}


def sh(*command: str | Path, **options: object) -> None:
    """Run, or end with the command's failure."""
    subprocess.run([str(part) for part in command], check=True, **options)  # type: ignore[call-overload] # noqa: S603


@dataclass
class Stage:
    """One FROM. Its overlay is mounted on `root`, and what it writes is in `layer`."""

    folder: Path
    python: Path
    cwd: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=BASE.copy)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def layer(self) -> Path:
        return self.folder / "layer"

    def mount(self) -> None:
        for path in (self.root, self.layer, self.folder / "work"):
            path.mkdir(parents=True)
        layers = f"lowerdir=/,upperdir={self.layer},workdir={self.folder / 'work'}"
        sh("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        self._furnish()

    def seal(self) -> None:
        """Mount the stage again, so that only /dev/shm can be written to."""
        sh("umount", "--recursive", self.root)
        sh("mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={self.layer}:/", self.root)
        self._furnish()
        sh("mount", "-t", "tmpfs", "-o", "mode=1777,size=64m", "tmpfs", self.root / "dev" / "shm")

    def _furnish(self) -> None:
        sh("mount", "--bind", "-o", "ro", self.python, self.root / "usr" / "local")
        sh("mount", "--rbind", "/dev", self.root / "dev")
        sh("mount", "-t", "proc", "proc", self.root / "proc")

    def run(self, command: str) -> None:
        environment = {**self.variables, **{k: v for k, v in os.environ.items() if k.startswith("PIP_")}}
        inside = f"cd {self.cwd} && {command}"
        sh("chroot", self.root, "/bin/sh", "-c", inside, env={**environment, "HOME": "/root"}, stdout=sys.stderr)

    def copy(self, origin: Path, target: str) -> None:
        """COPY gives a folder's contents, whether or not the target exists."""
        into = self.path(target)
        if origin.is_dir():
            into.mkdir(parents=True, exist_ok=True)
        content = f"{origin}/." if origin.is_dir() else origin
        sh("cp", "-R", "--preserve=mode,timestamps,links", content, into)

    def set(self, value: str) -> None:
        for pair in shlex.split(value):
            name, _, text = pair.partition("=")
            self.variables[name] = re.sub(r"\$(\w+)", lambda found: self.variables[found[1]], text)

    def path(self, name: str) -> Path:
        """Where a name of the Dockerfile is on this machine."""
        return self.root / os.path.normpath(f"{self.cwd}/{name}" if name[0] != "/" else name).lstrip("/")


def context() -> Path:
    """What .dockerignore lets into the build: first the exceptions to `*`, then names that are wanted nowhere."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "expected a .dockerignore that begins with *"
    wanted = [line[1:] for line in lines[1:] if line.startswith("!")]
    unwanted = [line.removeprefix("**/") for line in lines[1:] if not line.startswith("!")]
    folder = Path(tempfile.mkdtemp(prefix="context-"))
    for name in wanted:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=lambda _, names: [n for n in names if any(fnmatch(n, u) for u in unwanted)]
            )
        else:
            shutil.copy(source, target)
    return folder


def build(scratch: Path, python: Path) -> Stage:
    """Carry out the instructions; returns the last stage, not yet sealed."""
    files = context()
    stages: dict[str, Stage] = {}
    stage = Stage(scratch, python)
    for step in DockerfileParser(path=str(ROOT / "Dockerfile")).structure:
        instruction, value = step["instruction"], re.sub(r"\s+", " ", step["value"])
        match instruction:
            case "COMMENT" | "EXPOSE":
                pass
            case "FROM":
                image, _, name = value.partition(" AS ")
                assert re.fullmatch(r"python:3\.\d+-slim-\w+", image), f"unknown base {image}"
                stage = stages[name] = Stage(scratch / f"stage-{len(stages)}", python)
                stage.mount()
            case "WORKDIR":
                stage.cwd = value
                stage.path(value).mkdir(parents=True, exist_ok=True)
            case "COPY":
                *options, source, target = value.split(" ")
                origin = stages[options[0].removeprefix("--from=")].path(source) if options else files / source
                stage.copy(origin, target)
            case "RUN":
                stage.run(value)
            case "ENV":
                stage.set(value)
            case "USER":
                stage.user = value
            case "CMD":
                stage.command = json.loads(value)
            case _:
                sys.exit(f"{instruction} is not known here")
    shutil.rmtree(files)
    return stage


def main() -> None:
    """Build, seal, report, and become the container's process."""
    python, report, *given = sys.argv[1:]
    scratch = Path(tempfile.mkdtemp(prefix="image-"))
    sh("mount", "-t", "tmpfs", "tmpfs", scratch)  # an overlay may not lie in what it covers; gone with the namespace
    stage = build(scratch, Path(python).parents[1])
    written = [path for path in stage.layer.rglob("*") if path.is_file() and not path.is_symlink()]
    sizes = {"/" + str(path.relative_to(stage.layer)): path.stat().st_size for path in written}
    variables = dict(pair.split("=", 1) for pair in given if not pair.startswith("/"))
    mounted = [pair.split("=", 1) for pair in given if pair.startswith("/")]
    for target, _ in mounted:  # a mount needs a place; an engine would make it, so it is not in the report
        stage.path(target).parent.mkdir(parents=True, exist_ok=True)
        stage.path(target).touch()
    stage.seal()
    for target, source in mounted:
        sh("mount", "--bind", "-o", "ro", source, stage.path(target))
    Path(report).write_text(json.dumps({"user": stage.user, "command": stage.command, "sizes": sizes}))
    user, group = stage.user.split(":")
    os.chroot(stage.root)
    os.chdir(stage.cwd)
    rights = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    command = ["setpriv", f"--reuid={user}", f"--regid={group}", *rights, "--", *stage.command]
    os.execvpe("setpriv", command, {**stage.variables, "HOME": "/", **variables})  # noqa: S606, S607


if __name__ == "__main__":
    main()
