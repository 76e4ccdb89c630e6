"""Two clocks: a certificate is due only when it is due by this machine's and by the gateway's."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import ConfigurationError
from tests.support.world import CERTIFICATE, DOMAIN, expire, furnish, send


def answered_at(sandbox: Sandbox, moment: datetime, not_after: datetime) -> None:
    """The certificate's details, answered with this Date."""
    details = {"id": CERTIFICATE, "common_name": DOMAIN, "not_after": not_after.isoformat()}
    sandbox.faults.add(
        Fault(
            path=f"/{CERTIFICATE}$",
            status=200,
            raw_body=json.dumps(details),
            headers={"Date": format_datetime(moment, usegmt=True)},
        )
    )


@pytest.mark.parametrize("apart", [timedelta(days=11 * 365), timedelta(minutes=20), timedelta(minutes=-20)])
def test_clocks_that_are_far_apart_change_nothing(sandbox: Sandbox, new_runtime, apart: timedelta):
    """Both times are told, and the setting to correct is the machine's clock; nothing is decided on a date."""
    furnish(sandbox)
    now = datetime.now(UTC)
    answered_at(sandbox, now - apart, now - timedelta(days=1))
    with pytest.raises(ConfigurationError) as caught:
        expire(new_runtime(), certificate_id=CERTIFICATE)
    message = caught.value.message
    assert "differ by more than 15 minutes" in message
    assert (now - apart).strftime("%Y-%m-%dT%H:%M") in message
    assert sandbox.journal.detaches() == []


def test_a_cleanup_with_a_wrong_clock_changes_nothing(sandbox: Sandbox, new_runtime):
    """The first listing tells it."""
    furnish(sandbox)
    old = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    body = json.dumps({"total": 0, "size": 0, "instances": []})
    sandbox.faults.add(Fault(path="/instances", status=200, raw_body=body, headers={"Date": old}))
    with pytest.raises(ConfigurationError, match="the clocks differ"):
        send(new_runtime(), "scheduled_cleanup", {})


@pytest.mark.parametrize(("ahead", "status"), [(-300, "not_due"), (300, "not_due"), (0, "detached")])
def test_the_earlier_clock_decides(sandbox: Sandbox, new_runtime, ahead: int, status: str):
    """Expired two minutes ago by one clock and in three minutes by the other: it is not due, whichever is ours."""
    furnish(sandbox)
    now = datetime.now(UTC)
    expired = now + timedelta(minutes=3) if ahead > 0 else now - timedelta(minutes=2)
    answered_at(sandbox, now + timedelta(seconds=ahead), expired)
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == status


def test_an_answer_without_a_date_is_judged_by_our_clock(sandbox: Sandbox, new_runtime):
    """Nothing tells more."""
    furnish(sandbox)
    body = json.dumps({"id": CERTIFICATE, "not_after": "2021-04-26T09:03:30Z"})
    sandbox.faults.add(Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=body, headers={"Date": "not a date"}))
    assert expire(new_runtime(), certificate_id=CERTIFICATE)["status"] == "detached"
