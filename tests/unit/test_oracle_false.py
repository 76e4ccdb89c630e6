"""The oracle: what it calls false in records written by hand, and what it does not."""

import pytest

from tests.support.storm_records import CERT, DAY, GATEWAY, OTHER, Story, bare, entries, letters, outcome_of

A, B = ("a.example.com", GATEWAY, False), ("b.example.com", GATEWAY, True)


def story_of(outcome, *, rows=(A, B), written=(A, B), plan=True, **fields):
    """An expiry whose writes are right; its answer and its log tell `outcome`."""
    story = Story(rows=list(rows))
    story.event(**fields)
    if plan:
        story.plan(2, list(rows))
    if written:
        story.write(3, list(written))
    story.deliver(1, 4, outcome=outcome)
    return story


def test_the_true_outcome(tmp_path):
    assert letters(story_of(outcome_of([A, B])), tmp_path) == []


def test_detached_is_told_of_what_no_answer_said(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B], status=None, fault={"name": "reply-lost", "class": "transient"})
    story.deliver(1, 4, outcome=outcome_of([A, B]))
    assert letters(story, tmp_path) == ["c"]


def test_already_detached_after_a_lost_reply(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B], status=None, fault={"name": "reply-lost", "class": "transient"})
    outcome = outcome_of([], "detached", already_detached=bare([A, B]))
    outcome["undo"] = [{"certificate_id": CERT, "domains": entries([A, B], perhaps=True)}]
    story.deliver(1, 4, outcome=outcome)
    assert letters(story, tmp_path) == []


def test_undo_leaves_out_a_part(tmp_path):
    outcome = outcome_of([A, B])
    outcome["undo"] = [{"certificate_id": CERT, "domains": entries([A])}]
    assert letters(story_of(outcome), tmp_path) == ["c"]


def test_undo_leaves_out_what_was_done_without_an_answer(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B], status=401, error_code="APIG.1002", fault={"name": "applied-401", "class": "credentials"})
    failed = [{**each, "error": "CredentialsRefused", "error_code": "APIG.1002"} for each in bare([A, B])]
    story.deliver(1, 4, result="retryable", error="CredentialsRefused", outcome=outcome_of([], "failed", failed=failed))
    story.deliver(5, 6, attempt=2, outcome=outcome_of([], "nothing_to_detach"))
    assert letters(story, tmp_path) == ["c"]


@pytest.mark.parametrize(("flag", "found"), [(True, []), (False, ["c"])])
def test_undo_leaves_out_what_somebody_attached_again_as_it_was(tmp_path, flag, found):
    story = Story(rows=[B])
    story.event()
    story.plan(2, [B])
    story.write(3, [B], status=None, fault={"name": "answer-late", "class": "transient"})
    story.change(4, "attached", (*B[:2], flag))
    failed = [{**each, "error": "CredentialsRefused", "error_code": None} for each in bare([B])]
    story.deliver(1, 5, result="retryable", error="CredentialsRefused", outcome=outcome_of([], "failed", failed=failed))
    story.write(7, [B if flag else (*B[:2], False)])
    story.plan(6, [(*B[:2], flag)])
    story.deliver(6, 8, attempt=2, outcome=outcome_of([(*B[:2], flag)]))
    assert letters(story, tmp_path) == found


def test_undo_with_another_flag(tmp_path):
    outcome = outcome_of([A, B])
    outcome["undo"] = [{"certificate_id": CERT, "domains": entries([A, (*B[:2], False)])}]
    assert letters(story_of(outcome), tmp_path) == ["c"]


def test_undo_tells_what_nobody_detached(tmp_path):
    outcome = outcome_of([A])
    outcome["undo"] = [{"certificate_id": CERT, "domains": entries([A, B])}]
    story = Story()
    story.event(domains=["a.example.com"])
    story.plan(2, [A])
    story.write(3, [A])
    outcome["certificates"][0]["kept"] = [{**bare([B])[0], "reason": "not_requested"}]
    story.deliver(1, 4, outcome=outcome)
    assert letters(story, tmp_path) == ["c"]


@pytest.mark.parametrize("reason", ["protected", "live", "renewed", "not_requested", "because", None])
def test_kept_for_a_reason_that_is_not_true(tmp_path, reason):
    kept = [{**bare([B])[0], "reason": reason}]
    assert letters(story_of(outcome_of([A], kept=kept), written=[A]), tmp_path) == ["b", "c"]


def test_kept_because_it_was_renewed_before_the_second_request(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A])
    story.renewed(3.5)
    story.deliver(1, 4, outcome=outcome_of([A], kept=[{**bare([B])[0], "reason": "renewed"}]))
    assert letters(story, tmp_path) == []


def test_already_detached_is_told_of_what_is_still_bound(tmp_path):
    outcome = outcome_of([A], already_detached=bare([B]))
    assert "c" in letters(story_of(outcome, written=[A]), tmp_path)


def test_a_duplicate_finds_it_detached_by_the_other(tmp_path):
    story = Story(rows=[A])
    story.event(0)
    story.event(1, id="event-0")
    story.plan(2, [A])
    story.write(3, [A])
    story.plan(3.1, [A])
    story.write(3.2, [A], status=404, error_code="APIG.3097", done=False)
    story.deliver(1, 4, 0, outcome=outcome_of([A]))
    other = outcome_of([], "detached", already_detached=bare([A]))
    story.deliver(1.1, 4.1, 1, outcome=other, report=False)
    told = [{"certificate_id": CERT, **each} for each in bare([A])]
    story.say(4, "detach.report", 0, status="detached", error=None, certificate_id=CERT, already_detached=told)
    assert letters(story, tmp_path) == []


def test_failed_and_detached_at_once(tmp_path):
    failed = [{**bare([A])[0], "error": "Unavailable", "error_code": None}]
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B])
    outcome = {**outcome_of([A, B], failed=failed), "status": "failed"}
    story.deliver(1, 4, result="retryable", error="Unavailable", outcome=outcome)
    story.deliver(5, 6, attempt=2, outcome=outcome_of([], "nothing_to_detach"))
    assert letters(story, tmp_path) == ["c"]


def test_a_binding_of_which_nothing_is_told(tmp_path):
    story = Story()
    story.event(domains=["a.example.com"])
    story.plan(2, [A])
    story.write(3, [A])
    story.deliver(1, 4, outcome=outcome_of([A]))
    assert letters(story, tmp_path) == ["c"]


@pytest.mark.parametrize("status", ["nothing_to_detach", "not_due", "dry_run"])
def test_a_status_that_the_lists_contradict(tmp_path, status):
    assert "c" in letters(story_of({**outcome_of([A, B]), "status": status}), tmp_path)


def test_not_due_is_told_of_what_has_expired(tmp_path):
    assert letters(story_of(outcome_of([], "not_due"), written=[], plan=False), tmp_path) == ["b", "c"]


@pytest.mark.parametrize("field", ["event_id", "kind", "dry_run"])
def test_a_field_of_another_event(tmp_path, field):
    assert "c" in letters(story_of({**outcome_of([A, B]), field: "another"}), tmp_path)


def test_not_found_is_told_of_a_domain_that_is_bound(tmp_path):
    story = story_of(outcome_of([A, B], not_found=["b.example.com"]), domains=["a.example.com", "b.example.com"])
    assert letters(story, tmp_path) == []
    again = tmp_path / "again"
    again.mkdir()
    story = Story(protected=["b.example.com"])
    story.event(domains=["a.example.com", "b.example.com"])
    story.plan(2, [A])
    story.write(3, [A])
    kept = [{**bare([B])[0], "reason": "protected"}]
    story.deliver(1, 4, outcome=outcome_of([A], kept=kept, not_found=["b.example.com"]))
    assert letters(story, again) == ["c"]


def test_a_dry_run_that_leaves_out_a_part(tmp_path):
    story = Story()
    story.event(dry_run=True)
    story.deliver(1, 4, outcome=outcome_of([], "dry_run", dry_run=True, planned=bare([A])))
    assert letters(story, tmp_path) == ["c"]


def test_a_dry_run_that_plans_what_has_not_expired(tmp_path):
    story = Story(expired=False)
    story.event(dry_run=True)
    story.deliver(1, 4, outcome=outcome_of([], "dry_run", dry_run=True, planned=bare([A, B])))
    assert letters(story, tmp_path) == ["c"]


# --- the log ---


def test_no_plan_was_logged(tmp_path):
    assert letters(story_of(outcome_of([A, B]), plan=False), tmp_path) == ["c"]


def test_the_plan_was_logged_too_late(tmp_path):
    story = Story()
    story.event()
    story.write(2, [A, B])
    story.plan(3, [A, B])
    story.deliver(1, 4, outcome=outcome_of([A, B]))
    assert letters(story, tmp_path) == ["c"]


def test_a_plan_with_another_flag(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, (*B[:2], False)])
    story.write(3, [A, B])
    story.deliver(1, 4, outcome=outcome_of([A, B]))
    assert letters(story, tmp_path) == ["c"]


def test_a_plan_that_shows_the_flag_from_before_a_change(tmp_path):
    story = Story()
    story.event()
    story.change(2.5, "attached", (*A[:2], True))
    story.plan(2, [A, B])
    story.write(3, [(*A[:2], True), B])
    outcome = outcome_of([(*A[:2], True), B])
    story.deliver(1, 4, outcome=outcome)
    assert letters(story, tmp_path) == []


def test_a_report_that_tells_another_thing_than_the_answer(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B])
    story.deliver(1, 4, outcome=outcome_of([A, B]), report=False)
    told = [{"certificate_id": CERT, **each} for each in bare([A])]
    story.say(4, "detach.report", 0, status="detached", error=None, certificate_id=CERT, detached=told)
    assert letters(story, tmp_path) == ["c"]


def test_no_report(tmp_path):
    story = Story()
    story.event()
    story.deliver(1, 4, result="refused", error="NotFound", report=False)
    story.request(2, "GET", f"certificates/{CERT}", status=404, error_code="APIG.3021")
    assert letters(story, tmp_path) == ["c"]


def test_a_report_in_parts(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B])
    story.deliver(1, 4, outcome=outcome_of([A, B]), report=False)
    for number, row in enumerate((A, B), start=1):
        told = [{"certificate_id": CERT, **each} for each in bare([row])]
        story.say(4, "detach.report", status="detached", certificate_id=CERT, detached=told, part=number, parts=2)
    assert letters(story, tmp_path) == []


# --- undo on a copy ---


@pytest.mark.parametrize(
    ("restored", "found"),
    [
        ([[CERT, "b.example.com", GATEWAY, True], [CERT, "a.example.com", GATEWAY, False]], []),
        ([[CERT, "a.example.com", GATEWAY, False], [CERT, "b.example.com", GATEWAY, False]], ["c"]),
        ([[CERT, "a.example.com", GATEWAY, False]], ["c"]),
        ([], ["c"]),
    ],
)
def test_an_undo_replayed_on_a_copy(tmp_path, restored, found):
    story = story_of(outcome_of([A, B]))
    before = [[CERT, *A], [CERT, *B]]
    story.lines["undo"].append({"event": 0, "before": before, "after": [], "restored": restored, "error": None})
    assert letters(story, tmp_path) == found


# --- several senders ---


def test_two_events_for_the_same_certificate_at_the_same_time(tmp_path):
    story = Story()
    story.event(0)
    story.event(1, kind="domain_decommission", domains=["a.example.com"])
    story.plan(2, [A, B], 0)
    story.plan(2, [A], 1)
    story.write(3, [A])  # of the second: of the first, it would have been both
    story.write(3.1, [A, B], status=404, error_code="APIG.3097", done=False)
    story.write(3.2, [B])
    kept = [{**bare([B])[0], "reason": "not_requested"}]
    story.deliver(1, 4, 1, outcome=outcome_of([A], number=1, kind="domain_decommission", kept=kept))
    story.deliver(1, 4, 0, outcome=outcome_of([B], already_detached=bare([A])))
    assert letters(story, tmp_path) == []


def test_a_write_for_another_certificate_than_that_of_the_only_event(tmp_path):
    story = Story()
    story.certificate(OTHER, -DAY)
    story.domain("c.example.com", GATEWAY, holder=OTHER)
    story.event()
    story.plan(2, [A, B])
    story.write(3, [A, B])
    story.write(3, [("c.example.com", GATEWAY, False)], holder=OTHER)
    story.deliver(1, 4, outcome=outcome_of([A, B]))
    assert letters(story, tmp_path) == ["a"]
