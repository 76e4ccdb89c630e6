"""What became of an event: its status, the JSON of the contract, and the lines of its report."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest

from shared.core.binding_json import by_domain, timestamp
from shared.core.models import Binding, Certificate
from shared.core.outcome import (
    PART,
    CertificateOutcome,
    CleanupSummary,
    GatewayOutcome,
)
from shared.core.plan import Entry, Plan
from tests.support.outcomes import (
    A1,
    A2,
    B1,
    CERTIFICATE,
    DENIED,
    DOWN,
    FIRST,
    REFUSED,
    SECOND,
    outcome,
    plan,
    result,
)

STATUSES = ("failed", "detached", "dry_run", "not_due", "nothing_to_detach")


def of_status(status: str) -> CertificateOutcome:
    """A certificate's outcome of that status."""
    return {
        "failed": CertificateOutcome(plan(A1), (result(A1, "failed"),)),
        "detached": CertificateOutcome(plan(A1), (result(A1, "changed"),)),
        "dry_run": CertificateOutcome(plan(A1), dry_run=True),
        "not_due": CertificateOutcome(plan(due=False)),
        "nothing_to_detach": CertificateOutcome(plan()),
    }[status]


@pytest.mark.parametrize("statuses", list(product(STATUSES, repeat=2)))
def test_the_events_status_is_the_first_in_the_order_of_weight(statuses):
    """Failed, changed, dry run, not due, nothing: whichever order the certificates come in."""
    both = [of_status(status) for status in statuses]
    assert [one.status for one in both] == list(statuses)
    assert outcome(*both).status == min(statuses, key=STATUSES.index)


def test_an_event_without_certificates_changes_nothing():
    """Whatever its kind."""
    assert outcome().status == "nothing_to_detach"
    assert outcome(kind="undo").status == "nothing_to_attach"


def test_a_failed_gateway_makes_an_event_failed():
    """One that is not running does not."""
    failed, stopped = GatewayOutcome(FIRST, "failed", DOWN), GatewayOutcome(SECOND, "not_running")
    done = CertificateOutcome(plan(A1), (result(A1, "changed"),))
    for kind in ("scheduled_cleanup", "domain_decommission"):
        assert outcome(done, kind=kind, gateways=(stopped,)).status == "detached"
        assert outcome(done, kind=kind, gateways=(stopped, failed)).status == "failed"


def test_the_json_is_that_of_the_contract():
    """Every field, in its order."""
    one = CertificateOutcome(plan(A1), (result(A1, "changed"),))
    assert outcome(one).to_dict() == {
        "event_id": "event-1",
        "kind": "certificate_expiry",
        "status": "detached",
        "dry_run": False,
        "certificates": [
            {
                "certificate_id": CERTIFICATE.id,
                "common_name": "a.example.com",
                "not_after": "2021-04-26T09:03:00Z",
                "status": "detached",
                "detached": [{"domain": "a.example.com", "instance_ids": [FIRST]}],
                "already_detached": [],
                "kept": [],
                "failed": [],
            }
        ],
        "undo": [
            {
                "certificate_id": CERTIFICATE.id,
                "domains": [
                    {"domain": "a.example.com", "instance_ids": [FIRST], "verified_client_certificate_enabled": False}
                ],
            }
        ],
    }
    unread = CertificateOutcome(Plan("detach", Certificate(CERTIFICATE.id))).to_dict()
    assert (unread["common_name"], unread["not_after"]) == (None, None)


def test_a_cleanup_tells_its_cursor_and_the_gateways_left_alone():
    """And with a sink, how many certificates the sink was told of."""
    failed, stopped = GatewayOutcome(FIRST, "failed", DENIED), GatewayOutcome(SECOND, "not_running")
    cleanup = outcome(kind="scheduled_cleanup", cleanup=CleanupSummary("after-1"), gateways=(failed, stopped))
    told = cleanup.to_dict()
    assert told["cursor"] == "after-1"
    assert told["gateways"] == [
        {"instance_id": FIRST, "status": "failed", **DENIED.to_dict()},
        {"instance_id": SECOND, "status": "not_running"},
    ]
    assert "emitted" not in told
    with_sink = outcome(kind="scheduled_cleanup", cleanup=CleanupSummary(emitted=0)).to_dict()
    assert (with_sink["cursor"], with_sink["gateways"], with_sink["emitted"]) == (None, [], 0)
    assert not {"cursor", "gateways", "emitted"} & outcome().to_dict().keys()


def test_other_events_tell_the_gateways_that_failed_only():
    """In the outcome and in the report; without one there is no such field."""
    told = outcome(gateways=(GatewayOutcome(FIRST, "failed", DENIED),))
    expected = [{"instance_id": FIRST, "status": "failed", **DENIED.to_dict()}]
    (line,) = told.lines()
    assert (told.to_dict()["gateways"], line["gateways"]) == (expected, expected)
    assert not {"cursor", "emitted"} & told.to_dict().keys()
    (line,) = outcome().lines()
    assert "gateways" not in line


def numbered(number: int, bindings: int) -> CertificateOutcome:
    """A certificate of that number with so many bindings detached."""
    bound = [Binding(f"d{each}.c{number}.example.com", FIRST) for each in range(bindings)]
    entries = tuple(Entry((binding,)) for binding in bound)
    return CertificateOutcome(
        Plan("detach", Certificate(f"{number:032x}"), entries), tuple(result(binding, "changed") for binding in bound)
    )


def test_a_report_is_one_line_as_long_as_it_fits():
    """With the id of a single certificate, the ids of several, or None."""
    (none,) = outcome().lines()
    assert (none["certificate_id"], none["detached"], none["undo"]) == (None, [], [])
    (one,) = outcome(numbered(1, 2)).lines()
    assert one["certificate_id"] == f"{1:032x}"
    assert one["detached"] == [
        {"certificate_id": f"{1:032x}", "domain": f"d{each}.c1.example.com", "instance_ids": [FIRST]} for each in (0, 1)
    ]
    assert one["undo"] == outcome(numbered(1, 2)).undo
    (two,) = outcome(numbered(1, 1), numbered(2, PART - 1)).lines()
    assert two["certificate_id"] == [f"{1:032x}", f"{2:032x}"]
    assert not {"part", "parts", "not_found"} & two.keys()


def test_where_the_event_comes_from_is_told_as_far_as_it_is_known():
    """In the outcome and in the report: the envelope's source, the sender, the domains that are bound nowhere."""
    origin = {"source": "/pki/inventory", "sender": "AIDAIENQZJOLO23YVJ4VO"}
    told = replace(outcome(), **origin, not_found=("lost.example.com",))
    for fields in (told.to_dict(), *told.lines()):
        assert {name: fields[name] for name in origin} == origin
        assert fields["not_found"] == ["lost.example.com"]
    for fields in (outcome().to_dict(), *outcome().lines()):
        assert not {"source", "sender", "not_found"} & fields.keys()


def test_a_long_report_is_several_lines_without_loss():
    """Each binding stands in one line only. Each line tells the status of the whole event."""
    whole = outcome(
        numbered(1, PART),
        numbered(2, 1),
        CertificateOutcome(plan(A1), (result(A1, "failed"),)),
        numbered(3, PART + 1),
        cleanup=CleanupSummary("after-3"),
    )
    lines = list(whole.lines())
    assert [(line["part"], line["parts"]) for line in lines] == [(1, 3), (2, 3), (3, 3)]
    assert {line["status"] for line in lines} == {"failed"}
    assert {line["cursor"] for line in lines} == {"after-3"}
    for name in ("detached", "already_detached", "kept", "failed"):
        assert [each for line in lines for each in line[name]] == whole.lists()[name]
    assert [each for line in lines for each in line["undo"]] == whole.undo


def test_a_report_of_two_lines_numbers_them():
    """Who finds one of them knows that there is another."""
    lines = outcome(numbered(1, PART), numbered(2, 1)).lines()
    assert [(line["part"], line["parts"]) for line in lines] == [(1, 2), (2, 2)]


def test_what_is_kept_or_refused_counts_for_the_length_of_a_line():
    """It stands in the line as what was changed does."""
    kept = tuple((Binding(f"k{each}.example.com", FIRST), "not_requested") for each in range(PART))
    refused = tuple((Binding(f"r{each}.example.com", FIRST), REFUSED) for each in range(PART))
    certificates = [CertificateOutcome(plan(kept=kept)), CertificateOutcome(plan(refused=refused)), numbered(1, 1)]
    assert len(list(outcome(*certificates).lines())) == 3


def test_bindings_are_grouped_by_domain_in_order_of_appearance():
    """The exact name counts, as the API listed it."""
    upper = Binding("A.example.com", FIRST)
    assert by_domain((A2, B1, A1, upper)) == [
        {"domain": "a.example.com", "instance_ids": [SECOND, FIRST]},
        {"domain": "b.example.com", "instance_ids": [FIRST]},
        {"domain": "A.example.com", "instance_ids": [FIRST]},
    ]


@pytest.mark.usefixtures("far_east")
def test_a_timestamp_is_in_utc():
    """RFC 3339 with Z, wherever this machine stands."""
    moment = datetime(2021, 4, 26, 11, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2021-04-26T09:03:30Z"
    assert timestamp(None) is None
