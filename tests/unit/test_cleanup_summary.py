"""What a clean-up tells at its end: the cursor, the certificates that its time cut off, and a page of its plan."""

from dataclasses import replace

import pytest

from shared.core.errors import AccessDenied, Unavailable
from shared.core.event_data import Event, ScheduledCleanup
from shared.core.models import Binding, Certificate
from shared.core.outcome import CertificateOutcome, GatewayOutcome, Outcome, Result
from shared.core.plan import Entry, Plan
from shared.reconcile.hand_out import page_of
from shared.reconcile.inventory import Inventory, Listed
from shared.reconcile.progress import Position
from shared.reconcile.summary import summarize

GATEWAY = "7d39549681c54d968ec2910da9da95cd"
IDS = tuple(digit * 32 for digit in "123")
BINDINGS = tuple(Binding(f"{name}.example.com", GATEWAY) for name in "ab")
TICK = Event("tick-1", ScheduledCleanup())
STOPPED = GatewayOutcome("f" * 32, "not_running")


def inventory(*, through: str | None = None, after: str = "") -> Inventory:
    """Three certificates that are due."""
    due = tuple(Listed(Certificate(each), BINDINGS) for each in IDS)
    return Inventory(
        due, Position(after), through, frozenset({GATEWAY}), narrowed=False, gateways=(STOPPED,), read_at=0.0
    )


def late() -> Unavailable:
    """The error of a call that there was no time for."""
    return Unavailable("the time ran out", out_of_time=True)


def planned(number: int) -> Plan:
    """The plan of the certificate of that number, with two bindings."""
    return Plan("detach", Certificate(IDS[number]), tuple(Entry((binding,)) for binding in BINDINGS))


def done(number: int) -> CertificateOutcome:
    """That certificate, detached."""
    return CertificateOutcome(planned(number), tuple(Result(each, "changed", ours=True) for each in BINDINGS))


def unread(number: int, *bindings: Binding) -> Plan:
    """The plan of a certificate whose date could not be read in time."""
    error = late()
    refused = tuple((binding, error) for binding in bindings)
    return Plan("detach", Certificate(IDS[number]), refused=refused, error=error)


@pytest.mark.parametrize(
    ("through", "count", "cursor"),
    [
        (None, 3, None),
        (None, 2, f"after-{IDS[1]}.4"),
        (IDS[2], 3, f"after-{IDS[2]}.6"),
    ],
)
def test_the_cursor_goes_on_after_the_last_certificate_that_was_dealt_with(through, count, cursor):
    """None when nothing is left, neither of these nor beyond them."""
    outcomes = [done(number) for number in range(count)]
    told, summary = summarize(inventory(through=through), outcomes, emitting=False)
    assert told == tuple(outcomes)
    assert (summary.cursor, summary.emitted) == (cursor, None)


def test_what_was_cut_off_is_left_to_the_next_call():
    """It is no failure. What was done of it is told, and what may have been done stays in the undo."""
    maybe = (Result(BINDINGS[0], "changed", ours=True), Result(BINDINGS[1], "failed", late(), ours=True))
    told, summary = summarize(inventory(), [done(0), CertificateOutcome(planned(1), maybe)], emitting=False)
    assert summary.cursor == f"after-{IDS[0]}.3"
    outcome = Outcome("event-1", "scheduled_cleanup", dry_run=False, certificates=told, cleanup=summary)
    assert (outcome.status, outcome.error) == ("detached", None)
    assert told[1].lists()["detached"] == [{"domain": "a.example.com", "instance_ids": [GATEWAY]}]
    assert told[1].lists()["failed"] == []
    assert [entry["domain"] for entry in outcome.undo[1]["domains"]] == ["a.example.com", "b.example.com"]


def test_what_was_cut_off_without_any_change_but_perhaps_ours_is_told():
    """Its undo must not be lost."""
    maybe = (Result(BINDINGS[0], "failed", late(), ours=True), Result(BINDINGS[1], "failed", late()))
    told, summary = summarize(inventory(), [CertificateOutcome(planned(0), maybe)], emitting=False)
    assert summary.cursor == "after-.0"
    assert [one.ours for one in told] == [(BINDINGS[0],)]
    assert told[0].status == "nothing_to_detach"


def test_what_others_had_detached_before_the_cut_is_told_and_counted():
    """It is done, though it is nothing that an undo brings back."""
    results = (Result(BINDINGS[0], "already"), Result(BINDINGS[1], "failed", late()))
    told, summary = summarize(inventory(), [CertificateOutcome(planned(0), results)], emitting=False)
    assert summary.cursor == "after-.1"
    assert [(one.status, one.already, one.failed, one.ours) for one in told] == [("detached", (BINDINGS[0],), (), ())]


def test_a_certificate_whose_date_could_not_be_read_in_time_is_no_failure():
    """The cursor stands before it, so the next call reads it again."""
    told, summary = summarize(inventory(), [done(0), CertificateOutcome(unread(1, *BINDINGS))], emitting=False)
    assert summary.cursor == f"after-{IDS[0]}.2"
    assert told == (done(0),)


def test_another_failure_is_told_and_passed():
    """It is the event's error, and the cursor goes on after it."""
    denied = AccessDenied("denied")
    failed = CertificateOutcome(planned(1), tuple(Result(each, "failed", denied) for each in BINDINGS))
    told, summary = summarize(inventory(), [done(0), failed, done(2)], emitting=False)
    assert told == (done(0), failed, done(2))
    assert summary.cursor is None
    assert [one.error for one in told] == [None, denied, None]


def test_no_time_for_a_single_certificate_is_an_error():
    """The same call would do no more: the event is to be sent again."""
    with pytest.raises(Unavailable, match="^the time that the platform gives ran out while the gateways were listed$"):
        summarize(inventory(), [], emitting=False)
    cut_off = CertificateOutcome(planned(0), tuple(Result(each, "failed", late()) for each in BINDINGS))
    with pytest.raises(Unavailable, match="^the time that the platform gives does not suffice for a single .*ate$"):
        summarize(inventory(), [cut_off], emitting=False)


def test_a_kept_binding_is_no_progress():
    """A certificate that was cut off with nothing changed is no progress, whatever a rule kept of it."""
    plan = replace(planned(0), kept=((Binding("c.example.com", GATEWAY), "protected"),))
    cut_off = CertificateOutcome(plan, tuple(Result(each, "failed", late()) for each in BINDINGS))
    with pytest.raises(Unavailable, match="does not suffice for a single certificate"):
        summarize(inventory(), [cut_off], emitting=False)


def test_only_what_an_operator_wants_to_know_is_told():
    """Certificates without a binding are not; those with a kept binding are."""
    nothing = CertificateOutcome(Plan("detach", Certificate(IDS[0])))
    kept = CertificateOutcome(Plan("detach", Certificate(IDS[1]), kept=((BINDINGS[0], "protected"),)))
    renewed = CertificateOutcome(Plan("detach", Certificate(IDS[2]), due=False))
    told, summary = summarize(inventory(), [nothing, kept, renewed], emitting=False)
    assert told == (kept, renewed)
    assert summary.cursor is None


def test_with_a_sink_only_failures_are_told():
    """And how many certificates the sink was told of: those with something to detach, and without an error."""
    sent = CertificateOutcome(planned(0))
    nothing = CertificateOutcome(Plan("detach", Certificate(IDS[1])))
    failed = CertificateOutcome(planned(2), tuple(Result(each, "failed", Unavailable("down")) for each in BINDINGS))
    told, summary = summarize(inventory(), [sent, nothing, failed], emitting=True)
    assert told == (failed,)
    assert (summary.cursor, summary.emitted) == (None, 1)


@pytest.mark.parametrize(
    ("limit", "found", "cursor"),
    [(1, (0,), f"after-{IDS[0]}.2"), (2, (0, 2), f"after-{IDS[2]}.4"), (3, (0, 2), None)],
)
def test_a_page_has_the_first_certificates_with_something_to_detach(limit, found, cursor):
    """The cursor goes on after the last of them, or ends when there are no more."""
    plans = [planned(0), Plan("detach", Certificate(IDS[1])), planned(2)]
    told = page_of(inventory(through=None if limit == 3 else IDS[2]), plans, TICK, limit)
    assert told.certificates == tuple({"certificate_id": IDS[number]} for number in found)
    assert told.cursor == cursor
    assert told.gateways == (STOPPED,)


def test_a_page_may_be_empty():
    """Nothing is attached any more: the clean-up has come to its end."""
    told = page_of(inventory(), [Plan("detach", Certificate(each)) for each in IDS], TICK, 10)
    assert (told.certificates, told.cursor) == ((), None)


def test_a_page_of_some_gateways_names_them():
    """The certificate's own event goes no further than the clean-up would go."""
    told = page_of(replace(inventory(), narrowed=True), [planned(0)], TICK, 1)
    assert told.certificates == ({"certificate_id": IDS[0], "instance_ids": [GATEWAY]},)


@pytest.mark.parametrize("bindings", [(), BINDINGS])
def test_a_page_does_not_pass_over_a_certificate_that_could_not_be_read(bindings):
    """It is an error: the clean-up never ends as if all were done."""
    for plans in ([planned(0), unread(1, *bindings), planned(2)], [planned(0), planned(1), unread(2, *bindings)]):
        with pytest.raises(Unavailable, match="the time ran out"):
            page_of(inventory(), plans, TICK, 10)


def test_the_count_goes_on_from_call_to_call():
    """So that the limit of a clean-up holds for all of its calls together."""
    later = replace(inventory(through=IDS[2]), start=Position(IDS[0], 40))
    _, summary = summarize(later, [done(1), done(2)], emitting=False)
    assert summary.cursor == f"after-{IDS[1]}.44"
    assert page_of(later, [planned(1)], TICK, 1).cursor == f"after-{IDS[0]}.42"
    _, summary = summarize(later, [CertificateOutcome(planned(1))], emitting=True)
    assert summary.cursor == f"after-{IDS[0]}.42"
