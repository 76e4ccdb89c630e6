"""The same thing done to many items, a few at a time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    items: Sequence[Item], do: Callable[[Item], Result], threads: int, go_on: Callable[[], bool] = lambda: True
) -> list[Result]:
    """What `do` makes of the items, in their order, worked on by at most so many threads.

    Items are taken in their order too. Once `go_on` says no, none is taken any more and those under way are finished:
    so the results are those of the first items. What `do` raises is raised here, when every thread has ended.
    """
    results: dict[int, Result] = {}
    lock = threading.Lock()
    numbers = iter(range(len(items)))

    def work() -> None:
        while go_on():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            results[number] = do(items[number])

    threads = min(threads, len(items))
    if threads <= 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for worker in [pool.submit(work) for _ in range(threads)]:
                worker.result()
    return [results[number] for number in sorted(results)]
