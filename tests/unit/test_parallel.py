"""The same thing done to many items: in order, a few at a time, and no more than there is time for."""

import threading
import time

import pytest

from shared.reconcile.parallel import in_order


def test_results_are_in_the_order_of_the_items():
    """Whichever item is ready first."""

    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert in_order(range(20), slow_first, 4) == [number * number for number in range(20)]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_no_more_threads_than_allowed(threads: int):
    """All of them are used when there is enough to do."""
    running, most, lock = 0, 0, threading.Lock()

    def count(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    in_order(range(40), count, threads)
    assert most == threads


def test_what_was_taken_is_finished_and_is_the_beginning():
    """Once told to stop, no item is taken any more. The results are those of the first items, without a gap."""
    taken: list[int] = []

    def take(number: int) -> int:
        taken.append(number)
        time.sleep(0.002)
        return number

    results = in_order(range(1000), take, 4, lambda: len(taken) < 20)
    assert results == list(range(len(taken)))
    assert 20 <= len(taken) < 24


def test_no_items_have_no_results():
    """And no thread is started."""
    assert in_order([], str, 4) == []


@pytest.mark.parametrize(("items", "threads"), [(3, 1), (1, 8)])
def test_what_is_done_one_by_one_is_done_by_the_caller(items: int, threads: int):
    """No thread is started for it."""
    assert in_order(range(items), lambda _: threading.get_ident(), threads) == [threading.get_ident()] * items


def test_an_error_of_a_thread_is_raised():
    """It is not lost in the thread."""
    with pytest.raises(ZeroDivisionError):
        in_order([1, 0, 2], lambda number: 1 / number, 2)
