"""Several processes of the HTTP door at once, each as the image starts it, and what they hold."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.platform.framework import Framework, framework

THREADS = 8


@contextmanager
def doors(environment: Mapping[str, str], folder: Path, number: int) -> Iterator[list[Framework]]:
    """So many processes of eight threads each, which are started at the same time."""

    def start(each: int) -> Framework:
        own = folder / f"door-{each}"
        own.mkdir()
        settings = {**environment, "THREADS": str(THREADS)}
        return running.enter_context(framework(settings, "handler", own, by_gunicorn=True))

    with ExitStack() as running:
        with ThreadPoolExecutor(number) as pool:
            started = list(pool.map(start, range(number)))
        yield started


def workers(service: Framework) -> list[int]:
    """The process ids of gunicorn's workers, in the order in which they were started."""
    return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", service.output())]


def held(service: Framework) -> tuple[int, int]:
    """How many threads and open files, sockets included, its worker has now (Linux)."""
    process = Path("/proc") / str(workers(service)[-1])
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))
