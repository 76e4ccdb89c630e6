"""The guards of an event itself: its age, the zone of a trace, and the policy that holds for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.core.errors import InvalidEvent
from shared.core.event_data import AnyData, CertificateExpiry, DetachUndo, DomainDecommission, Event, ScheduledCleanup
from shared.core.guards import Policy, check_age, check_zone, policy_for

NOW = datetime(2026, 2, 10, 12, 0, 0, tzinfo=UTC)
DATA: list[AnyData] = [
    CertificateExpiry(common_name="a.example.com"),
    DomainDecommission(domain="a.example.com"),
    ScheduledCleanup(),
    DetachUndo(undo=()),
]


def event(time: datetime | None = None, data: AnyData = DATA[0], **facts: Any) -> Event:
    return Event("event-1", data, time=time, **facts)


def refusal(time: datetime, policy: Policy | None = None, clocks: tuple[datetime, datetime] = (NOW, NOW)) -> str:
    """What the guard says of an event of this time; "" when it is taken."""
    try:
        check_age(event(time), policy or Policy(), clocks)
    except InvalidEvent as refused:
        return refused.message
    return ""


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("time", [datetime(2001, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_every_kind_has_an_age(data: AnyData, time: datetime):
    """Undo and clean-up too."""
    with pytest.raises(InvalidEvent, match="^time: "):
        check_age(event(time, data), Policy(), (NOW, NOW))


def test_a_refusal_tells_the_time_the_age_and_the_setting():
    """And what to do."""
    assert refusal(datetime(2026, 2, 3, 11, 59, 59, 500000, tzinfo=UTC)) == (
        "time: expected an event of at most 7 days, 0:00:00 (DETACH_MAX_EVENT_AGE), and this one is of"
        " 2026-02-03T11:59:59Z, 7 days, 0:00:00 ago; if it still holds, send it again with the time of now"
    )
    assert refusal(datetime(2026, 2, 10, 12, 20, tzinfo=UTC)) == (
        "time: expected a time that has come, and this event is of 2026-02-10T12:20:00Z, 0:20:00 from now; set the"
        " sender's clock right"
    )


def test_the_bounds_themselves_are_taken():
    """Exactly seven days old, exactly fifteen minutes ahead."""
    assert refusal(NOW - timedelta(days=7)) == ""
    assert refusal(NOW + timedelta(minutes=15)) == ""
    assert refusal(NOW - timedelta(days=7, microseconds=1))
    assert refusal(NOW + timedelta(minutes=15, microseconds=1))


def test_zero_means_any_age_and_no_future():
    """`P0D` switches the age off; an event from the future is refused all the same."""
    off = Policy(max_event_age=timedelta(0))
    assert refusal(datetime(2001, 1, 1, tzinfo=UTC), off) == ""
    assert refusal(datetime(1, 1, 1, tzinfo=UTC), off) == ""
    assert refusal(NOW + timedelta(minutes=16), off)


def test_an_event_without_a_time_is_taken():
    """Nothing tells how old it is."""
    check_age(event(None), Policy(max_event_age=timedelta(seconds=1)), (NOW, NOW))


@pytest.mark.parametrize("apart", [timedelta(minutes=14), timedelta(minutes=-14)])
def test_only_what_both_clocks_refuse_is_refused(apart: timedelta):
    """One of them may be slow."""
    clocks = (NOW, NOW + apart)
    assert refusal(min(clocks) - timedelta(days=7), clocks=clocks) == ""
    assert refusal(min(clocks) - timedelta(days=7, seconds=1), clocks=clocks)
    assert refusal(max(clocks) + timedelta(minutes=15), clocks=clocks) == ""
    assert refusal(max(clocks) + timedelta(minutes=15, seconds=1), clocks=clocks)


def test_private_zones_are_off_unless_a_setting_takes_them():
    """The refusal names the field and the setting."""
    private = event(data=DATA[1], dns="private")
    with pytest.raises(InvalidEvent) as caught:
        check_zone(private, Policy())
    assert caught.value.message == (
        "cts.trace_name: expected a public zone's; anyone in the project may make and delete a private zone of any"
        " name, so its traces are taken only with DETACH_PRIVATE_ZONES=true"
    )
    check_zone(private, Policy(private_zones=True))
    check_zone(event(data=DATA[1], dns="public"), Policy())
    check_zone(event(data=DATA[1]), Policy())


@pytest.mark.parametrize("dns", ["public", "private", None])
@pytest.mark.parametrize("live", ["detach", "keep", None])
def test_live_domains_are_kept_by_default_for_dns_traces_alone(dns: Any, live: Any):
    """What a setting says holds for every event."""
    held = policy_for(event(data=DATA[1], dns=dns), Policy(live_domains=live)).live_domains
    assert held == (live or ("keep" if dns else None))


@pytest.mark.parametrize(("of_settings", "of_event", "held"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)])
def test_an_event_never_ends_a_dry_run(of_settings: int, of_event: int, held: int):
    """It may only ask for one."""
    data = ScheduledCleanup(dry_run=bool(of_event))
    assert policy_for(event(data=data), Policy(dry_run=bool(of_settings))).dry_run is bool(held)
