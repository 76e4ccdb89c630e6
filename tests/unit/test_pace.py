"""The pace that all threads of an event keep to, by a clock of its own."""

import random

from shared.transport.pace import Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_throttling_nobody_waits():
    """As long as no answer was throttled, each turn comes at once."""
    pace = Pace(Clock())
    assert [pace.turn() for _ in range(3)] == [(0.0, 0)] * 3


def test_a_throttled_answer_stops_all_and_then_lets_them_go_one_by_one():
    """Nobody sends before the wait is over; the turns after it are 50 ms apart."""
    clock = Clock()
    pace = Pace(clock)
    pace.throttled(sent=100.0, wait=2.0)
    waits = [round(pace.turn()[0], 6) for _ in range(3)]
    assert waits == [2.0, 2.05, 2.1]


def test_turns_taken_before_a_throttled_answer_are_void():
    """A thread that waits already has to take another turn."""
    pace = Pace(Clock())
    pace.throttled(sent=100.0, wait=1.0)
    _, taken = pace.turn()
    assert pace.holds(taken)
    pace.throttled(sent=100.5, wait=3.0)
    assert not pace.holds(taken)
    assert pace.turn()[0] == 3.0


def test_requests_under_way_together_slow_down_once():
    """Sixteen refusals of one burst tell that the rate is too high, not that it is 2 to the 16 too high."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(16):
        pace.throttled(sent=99.9, wait=0.5)
    first, second = pace.turn()[0], pace.turn()[0]
    assert round(second - first, 6) == 0.05


def test_a_shorter_wait_does_not_cut_a_longer_one_short():
    """The longest Retry-After holds."""
    pace = Pace(Clock())
    pace.throttled(sent=100.0, wait=5.0)
    pace.throttled(sent=100.0, wait=0.1)
    assert pace.turn()[0] == 5.0


def test_answers_speed_up_until_nobody_waits_any_more():
    """Sixteen good answers after the last throttled one."""
    clock = Clock()
    pace = Pace(clock)
    pace.throttled(sent=100.0, wait=0.0)
    clock.now = 101.0
    gaps = []
    for _ in range(20):
        pace.turn()
        gaps.append(round(pace.turn()[0], 4))
        clock.now += 1
        pace.answered()
    assert gaps[0] == 0.05
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == 0.0


def test_the_rate_settles_below_the_limit():
    """Of a thousand requests against 20 a second, few are refused, and half of the limit or more is used."""
    clock, chance = Clock(), random.Random(7)
    pace = Pace(clock)
    allowed: list[float] = []
    refused = 0
    started = clock.now
    while len(allowed) < 1000:
        wait, _ = pace.turn()
        clock.now += wait + 0.001
        if sum(at > clock.now - 1 for at in allowed[-20:]) >= 20:
            refused += 1
            pace.throttled(sent=clock.now, wait=chance.random() * 0.5)
        else:
            allowed.append(clock.now)
            pace.answered()
    assert refused < 250
    assert 1000 / (clock.now - started) > 10


def test_a_turn_that_would_come_too_late_is_not_taken():
    """A write whose date would be old by then does not hold the place of another call."""
    now = 100.0
    pace = Pace(lambda: now)
    pace.throttled(now, 4.0)
    assert pace.turn(within=2.0) is None
    assert pace.turn(within=4.0) == (4.0, 1)
    assert pace.turn(within=4.0) is None  # the next one is 50 ms later
    assert round(pace.turn()[0], 6) == 4.05
