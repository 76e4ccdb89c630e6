"""The oracle: what it calls lost in records written by hand, and what it does not; and undos, wrong or lost."""

from tests.support.storm_records import CERT, DAY, GATEWAY, OTHER, Story, letters, outcome_of

A, B = ("a.example.com", GATEWAY, False), ("b.example.com", GATEWAY, True)


def nothing(story, status="nothing_to_detach", **fields):
    story.deliver(1, 4, outcome=outcome_of([], status, **fields))
    return story


def test_acknowledged_while_it_is_still_bound(tmp_path):
    story = Story()
    story.event()
    assert "b" in letters(nothing(story), tmp_path)


def test_one_of_two_left(tmp_path):
    story = Story()
    story.event()
    story.plan(2, [A])
    story.write(3, [A])
    story.deliver(1, 4, outcome=outcome_of([A]))
    assert "b" in letters(story, tmp_path)


def test_bound_again_by_the_neighbour_meanwhile(tmp_path):
    story = Story()
    story.event()
    for row in story.rows:
        story.change(2, "detached", row)
        story.change(2, "attached", row)
    assert letters(nothing(story), tmp_path) == []


def test_renewed_meanwhile(tmp_path):
    story = Story()
    story.event()
    story.renewed(2)
    assert letters(nothing(story, "not_due"), tmp_path) == []


def test_expired_only_after_it_was_sent(tmp_path):
    story = Story(expired=False)
    story.event()
    story.change(2, "expired", not_after="2020-01-01T00:00:00Z")
    assert letters(nothing(story, "not_due"), tmp_path) == []


def test_expired_by_less_than_the_clocks_may_lie_apart(tmp_path):
    story = Story()
    story.fleet["certificates"].clear()
    story.certificate(CERT, -600)
    story.event()
    assert letters(nothing(story, "not_due"), tmp_path) == []


def test_the_grace_has_not_passed(tmp_path):
    story = Story(expiry_grace_seconds=2 * DAY)
    story.event()
    assert letters(nothing(story, "not_due"), tmp_path) == []


def test_kept_as_protected(tmp_path):
    story = Story(rows=[A], protected=["a.example.com"])
    story.event()
    kept = [{"domain": A[0], "instance_ids": [GATEWAY], "reason": "protected"}]
    assert letters(nothing(story, kept=kept), tmp_path) == []


def test_by_common_name(tmp_path):
    story = Story()
    story.event(certificate_id=None, common_name="A.Example.com.")
    assert "b" in letters(nothing(story), tmp_path)


def test_by_another_common_name(tmp_path):
    story = Story()
    story.event(certificate_id=None, common_name="www.a.example.com")
    story.deliver(1, 4, outcome={**outcome_of([], "nothing_to_detach"), "certificates": []})
    assert letters(story, tmp_path) == []


def test_a_dry_run_leaves_all_as_it_is(tmp_path):
    story = Story(rows=[A])
    story.event(dry_run=True)
    planned = [{"domain": A[0], "instance_ids": [GATEWAY]}]
    assert letters(nothing(story, "dry_run", dry_run=True, planned=planned), tmp_path) == []


def test_a_clean_up_whose_time_ended_says_how_far_it_got(tmp_path):
    story = Story(rows=[])
    story.certificate(OTHER, -DAY)
    story.domain(A[0], A[1], holder=OTHER)
    story.event(kind="scheduled_cleanup", certificate_id=None)
    assert letters(nothing(story, kind="scheduled_cleanup", cursor="after-a"), tmp_path) == []


def test_a_clean_up_that_leaves_one_out(tmp_path):
    story = Story(rows=[])
    story.certificate(OTHER, -DAY)
    story.domain(A[0], A[1], holder=OTHER)
    story.event(kind="scheduled_cleanup", certificate_id=None)
    assert letters(nothing(story, kind="scheduled_cleanup", cursor=None), tmp_path) == ["b"]


def test_a_certificate_that_the_api_denies_twice(tmp_path):
    story = Story(rows=[A])
    story.event(kind="domain_decommission", domains=["a.example.com"])
    lie = {"status": 404, "error_code": "APIG.3021", "fault": {"name": "lie", "class": "permanent"}}
    story.request(2, "GET", f"certificates/{CERT}/attached-domains", **lie)
    story.request(3, "GET", f"certificates/{CERT}", **lie)
    assert "b" not in letters(nothing(story, kind="domain_decommission"), tmp_path)


def test_a_failed_event_acknowledged(tmp_path):
    story = Story(rows=[A])
    story.event()
    failed = [{"domain": A[0], "instance_ids": [GATEWAY], "error": "Unavailable", "error_code": None}]
    story.change(2, "detached", A)
    assert letters(nothing(story, "failed", failed=failed), tmp_path) == ["b"]


def test_an_event_without_an_end(tmp_path):
    story = Story()
    story.event()
    story.deliver(1, 2, result="retryable", error="Unavailable")
    assert letters(story, tmp_path) == ["b"]


def test_an_event_among_the_dead_letters_is_not_lost(tmp_path):
    story = Story()
    story.event()
    story.deliver(1, 2, result="retryable", error="Unavailable", end="dead_lettered")
    assert letters(story, tmp_path) == []


# --- undo ---


def undone(story, *, flag=False, **fields):
    story.event(0, "undo", certificate_id=None, undo=[{"certificate_id": CERT, "domains": [entry(A)]}], **fields)
    row = (*A[:2], flag)
    story.plan(2, [row], action="attach")
    story.write(3, [row], "attach")
    story.deliver(1, 4, outcome=outcome_of([row], "attached", kind="undo"))
    return story


def entry(row):
    return {"domain": row[0], "instance_ids": [row[1]], "verified_client_certificate_enabled": row[2]}


def free(**settings):
    story = Story(expired=False, rows=[], **settings)
    story.domain(A[0], A[1], holder=None)
    return story


def test_an_undo_attaches_what_it_undoes(tmp_path):
    assert letters(undone(free()), tmp_path) == []


def test_an_undo_with_another_flag(tmp_path):
    assert "a" in letters(undone(free(), flag=True), tmp_path)


def test_an_undo_keeps_client_verification_where_it_is_on(tmp_path):
    story = free()
    story.change(1.5, "attached", (*A[:2], True))
    assert letters(undone(story, flag=True), tmp_path) == []


def test_an_undo_of_a_protected_name(tmp_path):
    assert "a" in letters(undone(free(protected=["a.example.com"])), tmp_path)


def test_an_undo_where_another_certificate_has_been_for_long(tmp_path):
    story = Story(expired=False, rows=[])
    story.certificate(OTHER, DAY)
    story.domain(A[0], A[1], holder=OTHER)
    assert "a" in letters(undone(story), tmp_path)


def test_an_undo_whose_place_was_taken_a_moment_before(tmp_path):
    story = free()
    story.certificate(OTHER, DAY)
    story.change(2.9, "attached", A, certificate_id=OTHER)
    story.change(2.95, "detached", A, certificate_id=OTHER)
    assert letters(undone(story), tmp_path) == []


def test_an_undo_that_left_a_free_place_free(tmp_path):
    story = free()
    story.event(0, "undo", certificate_id=None, undo=[{"certificate_id": CERT, "domains": [entry(A)]}])
    story.deliver(1, 4, outcome=outcome_of([], "nothing_to_attach", kind="undo"))
    assert letters(story, tmp_path) == ["b"]
