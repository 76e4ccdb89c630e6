"""Two clocks: a certificate is due only when it is due by this machine's and by the gateway's."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sandbox import Fault, Sandbox
from shared.core.errors import ConfigurationError
from tests.support.world import CERTIFICATE, DOMAIN, FIRST, expire, furnish, send


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


def test_eleven_years_ahead_nothing_is_detached_with_a_token_either(sandbox: Sandbox, new_runtime):
    """A token has no clock of its own: the Date of the first answer tells it, for each kind that goes by dates."""
    furnish(sandbox)
    header = {"Date": format_datetime(datetime.now(UTC) - timedelta(days=11 * 365), usegmt=True)}
    details = json.dumps({"id": CERTIFICATE, "not_after": "2030-01-01T00:00:00Z"})
    gateways = json.dumps({"total": 1, "instances": [{"id": FIRST}]})
    sandbox.faults.add(
        Fault(path=f"/{CERTIFICATE}$", status=200, raw_body=details, headers=header, times=None),
        Fault(path="/instances", status=200, raw_body=gateways, headers=header, times=None),
    )
    runtime = new_runtime(SECRET_URI="env:TEST_TOKEN", TEST_TOKEN=sandbox.issue_token())
    for kind, data in (
        ("certificate_expiry", {"certificate_id": CERTIFICATE}),
        ("certificate_expiry", {"common_name": DOMAIN}),
        ("scheduled_cleanup", {}),
    ):
        with pytest.raises(ConfigurationError, match="the clocks differ by more than 15 minutes"):
            send(runtime, kind, data)
    assert len(sandbox.fleet.bindings()) == 2
    assert sandbox.journal.detaches() == []
