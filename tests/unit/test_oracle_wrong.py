"""The oracle: what it calls wrong in records written by hand, and what it does not."""

import pytest

from tests.support.storm_records import CERT, DAY, GATEWAY, GATEWAY_2, OTHER, Story, letters, outcome_of

A, B = ("a.example.com", GATEWAY, False), ("b.example.com", GATEWAY, True)


def detached(story, rows=None, kind="certificate_expiry", **fields):
    """The event is sent at 1, planned at 2, writes at 3 and is acknowledged at 4."""
    rows = story.rows if rows is None else rows
    story.plan(2, rows)
    story.write(3, rows)
    story.deliver(1, 4, outcome=outcome_of(rows, kind=kind, **fields))
    return story


def test_an_expired_certificate_that_is_detached_as_its_event_asks_is_right(tmp_path):
    story = Story()
    story.event()
    assert letters(detached(story), tmp_path) == []


def test_a_certificate_that_has_not_expired(tmp_path):
    story = Story(expired=False)
    story.event()
    assert "a" in letters(detached(story), tmp_path)


def test_a_decommission_takes_a_certificate_that_has_not_expired(tmp_path):
    story = Story(expired=False)
    story.event(kind="domain_decommission", domains=["a.example.com", "b.example.com"])
    assert letters(detached(story, kind="domain_decommission"), tmp_path) == []


def test_renewed_a_second_before_it_was_sent_is_within_the_contract(tmp_path):
    story = Story()
    story.event()
    story.renewed(2.5)
    assert letters(detached(story), tmp_path) == []


def test_renewed_long_before_it_was_sent(tmp_path):
    story = Story()
    story.event()
    story.renewed(2)
    story.plan(2, story.rows)
    story.write(8, story.rows)
    story.deliver(1, 9, outcome=outcome_of(story.rows))
    assert "a" in letters(story, tmp_path)


def test_attached_in_place_of_detached(tmp_path):
    story = Story()
    story.event()
    story.plan(2, story.rows)
    story.write(3, story.rows, "attach", status=400, error_code="APIG.2102", done=False)
    story.deliver(1, 4, result="refused", error="Rejected", outcome=outcome_of([], "failed"))
    assert "a" in letters(story, tmp_path)


def test_no_gateway_named(tmp_path):
    story = Story()
    story.event()
    body = {"domains": [{"domain": "a.example.com"}]}
    story.request(2, "POST", f"certificates/{CERT}/domains/detach", body, status=500, error_code="APIG.9999")
    story.deliver(1, 4, result="retryable", error="Unavailable", outcome=None)
    story.deliver(5, 6, result="refused", error="NotFound", outcome=None)
    assert "a" in letters(story, tmp_path)


def test_a_gateway_that_the_event_does_not_ask_for(tmp_path):
    story = Story(rows=[A, ("a.example.com", GATEWAY_2, False)])
    story.event(instance_ids=[GATEWAY])
    assert "a" in letters(detached(story), tmp_path)


def test_what_the_narrowing_leaves_out_is_told_as_kept(tmp_path):
    story = Story()
    story.event(domains=["A.EXAMPLE.com."])
    kept = [{"domain": "b.example.com", "instance_ids": [GATEWAY], "reason": "not_requested"}]
    assert letters(detached(story, [A], kept=kept), tmp_path) == []


def test_a_domain_narrowed_to_another_gateway(tmp_path):
    story = Story(rows=[A])
    story.event(domains=["a.example.com"], domain_instance_ids={"a.example.com": [GATEWAY_2]})
    assert "a" in letters(detached(story), tmp_path)


def test_a_unicode_name_is_its_ascii_form(tmp_path):
    rows = [("API.xn--bcher-kva.example", GATEWAY, False)]
    story = Story(expired=False, rows=rows)
    story.event(kind="domain_decommission", domains=["api.Bücher.example"])
    assert letters(detached(story, kind="domain_decommission"), tmp_path) == []


def test_a_wildcard_matches_only_itself(tmp_path):
    story = Story(expired=False, rows=[("*.example.com", GATEWAY, False)])
    story.event(kind="domain_decommission", domains=["a.example.com"])
    assert "a" in letters(detached(story, kind="domain_decommission"), tmp_path)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("a.example.com", "a.example.com"),
        ("A.example.com", "*.example.com"),
        ("x.y.example.com", "*.example.com"),
        ("*.example.com", "vip.example.com"),
    ],
)
def test_a_protected_name(tmp_path, name, pattern):
    story = Story(rows=[(name, GATEWAY, False)], protected=[pattern])
    story.event()
    assert "a" in letters(detached(story), tmp_path)


def test_a_name_that_only_looks_protected(tmp_path):
    story = Story(rows=[("example.com", GATEWAY, False)], protected=["*.example.com", "vip.example.com"])
    story.event()
    assert letters(detached(story), tmp_path) == []


@pytest.mark.parametrize(
    "fields", [{"dry_run": True}, {"age_seconds": 8 * DAY}, {"kind": None}, {"certificate_id": OTHER}]
)
def test_an_event_that_may_change_nothing(tmp_path, fields):
    story = Story()
    story.event(**fields)
    assert "a" in letters(detached(story), tmp_path)


def test_a_live_domain_of_a_decommission(tmp_path):
    story = Story(rows=[], live_domains="keep")
    story.domain("a.example.com", GATEWAY, status=3)
    story.event(kind="domain_decommission", domains=["a.example.com"])
    assert "a" in letters(detached(story, [A], kind="domain_decommission"), tmp_path)


def test_a_live_domain_of_an_expiry(tmp_path):
    story = Story(rows=[], live_domains="keep")
    story.domain("a.example.com", GATEWAY, status=3)
    story.event()
    assert letters(detached(story, [A]), tmp_path) == []


@pytest.mark.parametrize(("dns", "found"), [("public", True), (None, False)])
def test_a_live_domain_of_which_a_dns_trace_tells(tmp_path, dns, found):
    story = Story(rows=[])
    story.domain("a.example.com", GATEWAY, status=3)
    story.event(kind="domain_decommission", domains=["a.example.com"], dns=dns)
    assert ("a" in letters(detached(story, [A], kind="domain_decommission"), tmp_path)) == found


def test_more_than_the_cap(tmp_path):
    story = Story(rows=[(f"a{n}.example.com", GATEWAY, False) for n in range(11)])
    story.event()
    assert letters(detached(story), tmp_path) == ["a"]


def test_the_cap_itself(tmp_path):
    story = Story(rows=[(f"a{n}.example.com", GATEWAY, False) for n in range(10)])
    story.event()
    assert letters(detached(story), tmp_path) == []


def test_a_write_after_the_answer(tmp_path):
    story = Story()
    story.event()
    detached(story, [])
    story.write(5, [A])
    assert "a" in letters(story, tmp_path)


def test_a_write_of_an_attempt_that_was_never_answered(tmp_path):
    story = Story()
    story.event()
    story.plan(2, story.rows)
    story.write(3, [A])
    story.write(19, [B])
    story.deliver(1, 2.5, result="no_answer", report=False)
    story.deliver(22, 23, attempt=2, outcome=outcome_of([], "nothing_to_detach"))
    assert letters(story, tmp_path) == ["f"]


def test_a_binding_that_the_neighbour_takes_away_between_plan_and_write(tmp_path):
    story = Story()
    story.event()
    story.plan(2, story.rows)
    story.change(2.5, "detached", A)
    story.write(3, story.rows, status=404, error_code="APIG.3097", done=False)
    story.write(3.1, [B])
    outcome = outcome_of([B], already_detached=[{"domain": A[0], "instance_ids": [GATEWAY]}])
    story.deliver(1, 4, outcome=outcome)
    assert letters(story, tmp_path) == []


def test_a_binding_that_was_gone_before_the_event_was_sent(tmp_path):
    story = Story()
    story.event()
    story.change(0.5, "detached", A)
    assert "a" in letters(detached(story), tmp_path)


def test_a_change_that_its_request_did_not_name(tmp_path):
    story = Story()
    story.event()
    story.plan(2, story.rows)
    number = story.write(3, [A])
    story.change(3, "detached", B, number)
    story.deliver(1, 4, outcome=outcome_of(story.rows))
    assert "a" in letters(story, tmp_path)


def test_another_call_that_writes(tmp_path):
    story = Story()
    story.event()
    detached(story)
    story.request(3, "DELETE", f"certificates/{CERT}", status=204)
    assert letters(story, tmp_path) == ["a"]
