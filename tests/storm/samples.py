"""Memory, threads and open files of the function's processes, each second."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

PAGE = 4096


class Samples:
    """Looks each second, from its start to its stop."""

    def __init__(self, processes: Callable[[], list[int]], every: float = 1.0) -> None:
        self._processes = processes
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="samples", daemon=True)
        self.taken: list[dict[str, Any]] = []

    def _look(self) -> None:
        while not self._ended.wait(self._every):
            for pid in self._processes():
                sample = sampled(pid)
                if sample is not None:
                    self.taken.append({"at": time.monotonic(), "pid": pid, **sample})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def sampled(pid: int) -> dict[str, int] | None:
    """The process as it is now; None when it has ended."""
    folder = Path(f"/proc/{pid}")
    try:
        pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
        return {
            "rss_bytes": pages * PAGE,
            "threads": len(list((folder / "task").iterdir())),
            "fds": len(list((folder / "fd").iterdir())),
        }
    except (OSError, IndexError):
        return None
