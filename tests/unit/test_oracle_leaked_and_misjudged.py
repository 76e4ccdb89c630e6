"""The oracle: what it calls leaked and misjudged in records written by hand, and what it does not."""

import base64

import pytest

from tests.storm.oracle import judge
from tests.support.storm_records import CERT, GATEWAY, OTHER, Story, bare, letters, outcome_of

A = ("a.example.com", GATEWAY, False)
PASSWORD, KEY = "Pw!7cpfXo0Qx-yB_uj", "1d7c1fb770d135a5b22b5347373e2d4a40a4cce4569cabc8f2df3c6989a20b4c"
TRANSIENT = {"name": "throttled-9008", "class": "transient"}


def ended(error, code=None, *, result="refused", failed=None, request=None, kind="certificate_expiry", **fields):
    """An event that ended so; `request` are fields of the request that it met."""
    story = Story(rows=[A])
    story.event(0, kind, **fields)
    if request:
        path = request.pop("path", f"certificates/{CERT}")
        story.request(2, "GET", path, **request)
        failure = {"status": request["status"], "error_code": request["error_code"]}
        story.say(2, "gateway.call", method="GET", route="GET certificates/{certificate_id}", **failure)
    outcome = outcome_of([], "failed", failed=failed) if failed else None
    story.deliver(1, 4, result=result, error=error, error_code=code, outcome=outcome, end="dead_lettered", report=False)
    story.say(4, "detach.report", status="failed", error=error, error_code=code)
    return story


# --- (d) leaked ---


def leaking(text, secret=PASSWORD):
    story = Story(rows=[])
    story.secrets = [secret]
    story.log.append(text)
    return story


@pytest.mark.parametrize(
    "text",
    [
        f"login with {PASSWORD}",
        f"…{PASSWORD[3:11]}…",
        f"auth={base64.b64encode(b'x:' + PASSWORD.encode()).decode()}",
        f"?password={PASSWORD.replace('!', '%21')[:9]}",
    ],
)
def test_a_part_of_a_secret_in_the_output(tmp_path, text):
    assert letters(leaking(text), tmp_path) == ["d"]


@pytest.mark.parametrize("text", [PASSWORD[:7], PASSWORD[:7] + "…" + PASSWORD[7:14], PASSWORD.lower(), ""])
def test_less_than_eight_characters_of_a_secret(tmp_path, text):
    assert letters(leaking(text), tmp_path) == []


@pytest.mark.parametrize("text", [f"key {KEY[:8]}…", f"0000{KEY[20:32]}0000", KEY])
def test_a_part_of_a_key_of_hex_digits(tmp_path, text):
    assert letters(leaking(text, KEY), tmp_path) == ["d"]


def test_eight_hex_digits_within_a_signature_are_chance(tmp_path):
    assert letters(leaking(f"9b1ce0{KEY[20:28]}e0c1b9", KEY), tmp_path) == []


def test_a_part_of_a_secret_in_an_answer(tmp_path):
    story = ended("NotFound", "APIG.3021", request={"status": 404, "error_code": "APIG.3021"})
    story.secrets = [PASSWORD]
    story.lines["deliveries"][0]["outcome"] = {"status": "failed", "certificates": [], "context": PASSWORD[2:10]}
    assert letters(story, tmp_path) == ["d"]


def test_a_part_of_a_secret_in_a_request(tmp_path):
    story = Story(rows=[])
    story.secrets = [PASSWORD]
    story.request(1, "GET", f"certificates?name={PASSWORD[2:10]}")
    assert letters(story, tmp_path) == ["d"]


def test_what_is_told_of_a_leak_is_no_leak(tmp_path):
    [found] = judge(leaking(PASSWORD).write_to(tmp_path)).violations
    assert not any(PASSWORD[n : n + 8] in found.what for n in range(len(PASSWORD) - 7))


# --- (e) misjudged ---


def test_a_certificate_that_is_not_there(tmp_path):
    assert letters(ended("NotFound", "APIG.3021", request={"status": 404, "error_code": "APIG.3021"}), tmp_path) == []


def test_throttling_taken_for_a_refusal(tmp_path):
    story = ended("Rejected", "APIG.9008", request={"status": 500, "error_code": "APIG.9008", "fault": TRANSIENT})
    assert letters(story, tmp_path) == ["e"]


def test_a_lasting_error_where_all_passes(tmp_path):
    story = ended("NotFound", None, request={"status": 500, "error_code": "APIG.9008", "fault": TRANSIENT})
    assert letters(story, tmp_path) == ["e"]


def test_a_lasting_error_whose_cause_was_anothers(tmp_path):
    refused = {"status": 404, "error_code": "APIG.3021", "path": f"certificates/{OTHER}"}
    assert letters(ended("NotFound", None, request=refused), tmp_path) == ["e"]


def test_a_lasting_error_whose_log_tells_only_of_what_passes(tmp_path):
    story = ended("AccessDenied", None, request={"status": 502, "error_code": None, "fault": TRANSIENT})
    lasting = {"name": "forbidden-1005", "class": "permanent"}
    story.request(2, "GET", "instances", status=403, error_code="APIG.1005", fault=lasting)  # another event's
    assert letters(story, tmp_path) == ["e"]


def test_a_missing_permission_that_comes_as_401(tmp_path):
    lasting = {"name": "forbidden-1005-as-401", "class": "permanent"}
    story = ended("AccessDenied", "APIG.1005", request={"status": 401, "error_code": "APIG.1005", "fault": lasting})
    assert letters(story, tmp_path) == []


def test_a_missing_permission_tried_again(tmp_path):
    lasting = {"name": "forbidden-1005", "class": "permanent"}
    met = {"status": 403, "error_code": "APIG.1005", "fault": lasting}
    assert letters(ended("Unavailable", "APIG.1005", result="retryable", request=met), tmp_path) == ["e"]


def test_throttled_until_the_dead_letters(tmp_path):
    met = {"status": 500, "error_code": "APIG.9008", "fault": TRANSIENT}
    assert letters(ended("Unavailable", "APIG.9008", result="retryable", request=met), tmp_path) == []


def test_a_part_that_would_succeed_later_is_hidden(tmp_path):
    failed = [{**bare([A])[0], "error": "Unavailable", "error_code": "APIG.9999"}]
    met = {"status": 404, "error_code": "APIG.3030"}
    assert letters(ended("NotFound", "APIG.3030", failed=failed, request=met), tmp_path) == ["e"]


def test_a_good_event_called_invalid(tmp_path):
    assert letters(ended("InvalidEvent"), tmp_path) == ["e"]


def test_a_bad_event_called_invalid(tmp_path):
    assert letters(ended("InvalidEvent", kind=None), tmp_path) == []


def test_a_bad_event_taken(tmp_path):
    story = Story(rows=[])
    story.event(kind=None)
    story.deliver(1, 2, outcome=outcome_of([], "nothing_to_detach"))
    assert letters(story, tmp_path) == ["e"]


def test_a_bad_event_that_a_fault_struck_first(tmp_path):
    met = {"status": 500, "error_code": "APIG.9008", "fault": TRANSIENT}
    assert letters(ended("Unavailable", "APIG.9008", result="retryable", kind=None, request=met), tmp_path) == []


def test_a_bug(tmp_path):
    assert letters(ended("KeyError", result="retryable"), tmp_path) == ["e"]


def test_a_retryable_error_answered_as_a_refusal(tmp_path):
    assert letters(ended("Unavailable"), tmp_path) == ["e"]


@pytest.mark.parametrize(("most", "found"), [(0, []), (1, ["e"])])
def test_too_many_bindings(tmp_path, most, found):
    story = ended("BlastRadiusExceeded")
    story.settings["max_bindings"] = most
    assert letters(story, tmp_path) == found


def test_an_undo_whose_certificate_has_expired_is_rejected(tmp_path):
    undo = [{"certificate_id": CERT, "domains": []}]
    undo[0]["domains"] = [{**bare([A])[0], "verified_client_certificate_enabled": False}]
    assert letters(ended("Rejected", "APIG.2102", kind="undo", undo=undo), tmp_path) == []
