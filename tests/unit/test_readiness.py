"""Whether events could be handled: asked for once a minute, by one thread, and nobody waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.core.errors import DetachError, Unavailable
from shared.readiness import Readiness


class Check:
    """Counts how often it is asked, and fails with `error`; while `held` is not set, it does not answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: DetachError | None = None
        self.begun, self.held = threading.Event(), threading.Event()
        self.held.set()

    def __call__(self) -> None:
        self.asked += 1
        self.begun.set()
        assert self.held.wait(10)
        if self.error is not None:
            raise self.error


def test_success_and_failure_are_kept_for_a_minute():
    """However often somebody wants to know, the gateway is asked once."""
    now = 0.0
    check = Check()
    readiness = Readiness(check, lambda: now)
    assert [readiness.error() for _ in range(20)] == [None] * 20
    check.error = Unavailable("no answer")
    now = 59.9
    assert (readiness.error(), check.asked) == (None, 1)
    now = 60.0
    assert [readiness.error() for _ in range(20)] == [check.error] * 20
    now, check.error = 120.0, None
    assert (readiness.error(), check.asked) == (None, 3)


def test_nobody_waits_for_another():
    """During the first check the answer is that there is none yet, later it is the last one."""
    now = 0.0
    check = Check()
    readiness = Readiness(check, lambda: now)
    for known in ("the first check is still under way", None):
        check.held.clear()
        check.begun.clear()
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(readiness.error)
            assert check.begun.wait(10)
            others = [readiness.error() for _ in range(8)]
            check.held.set()
            assert asking.result() is None
        assert {other and other.message for other in others} == {known}
        now += 60
    assert check.asked == 2
