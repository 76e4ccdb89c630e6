"""The oracle: leaked, misjudged, hung or grown; its figures, its table, its replay, and what it may import."""

import ast
import base64
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.storm.oracle import judge
from tests.storm.oracle.names import plain
from tests.support.storm_records import CERT, DAY, GATEWAY, OTHER, STARTED, Story, bare, outcome_of

A, B = ("a.example.com", GATEWAY, False), ("b.example.com", GATEWAY, True)
PASSWORD, KEY = "Pw!7cpfXo0Qx-yB_uj", "1d7c1fb770d135a5b22b5347373e2d4a40a4cce4569cabc8f2df3c6989a20b4c"
TRANSIENT = {"name": "throttled-9008", "class": "transient"}


def letters(story, tmp_path):
    return sorted({each.letter for each in judge(story.write_to(tmp_path)).violations})


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


# --- (f) hung or grown ---


@pytest.mark.parametrize(("took", "found"), [(21.9, []), (22.1, ["f"])])
def test_an_attempt_beyond_the_limit(tmp_path, took, found):
    story = Story(rows=[])
    story.event()
    story.deliver(1, 1 + took, outcome=outcome_of([], "nothing_to_detach"))
    assert letters(story, tmp_path) == found


def sampled(values, name):
    story = Story(rows=[])
    for second, value in enumerate(values):
        sample = {"at": STARTED + second, "pid": 1, "rss_bytes": 60_000_000, "threads": 10, "fds": 20, name: value}
        story.lines["samples"].append(sample)
    return story


@pytest.mark.parametrize(("name", "most"), [("rss_bytes", 60_000_000 + 200 * 500_000), ("threads", 110), ("fds", 220)])
def test_a_process_that_grows(tmp_path, name, most):
    least = {"rss_bytes": 60_000_000, "threads": 10, "fds": 20}[name]
    values = [least + (most - least) * second // 200 for second in range(200)]
    assert letters(sampled(values, name), tmp_path) == ["f"]


@pytest.mark.parametrize("warm", [40, 99])
def test_a_process_that_only_warms_up(tmp_path, warm):
    values = [60_000_000 + min(second, warm) * 2_000_000 for second in range(200)]
    assert letters(sampled(values, "rss_bytes"), tmp_path) == []


def test_threads_that_come_and_go(tmp_path):
    assert letters(sampled([10 + second % 15 for second in range(200)], "threads"), tmp_path) == []


# --- the table and the replay ---


def test_the_replay_sends_the_event_and_who_touched_the_same_certificate_in_its_time(tmp_path):
    story = Story()
    story.certificate(OTHER, -DAY)
    story.event(3)  # long before
    story.deliver(0, 1, 3, outcome=outcome_of([], "nothing_to_detach", number=3))
    story.event(4)
    story.event(5, kind="domain_decommission", domains=["a.example.com"])
    story.event(6, certificate_id=OTHER)
    story.deliver(5, 9, 4, outcome=outcome_of([], "nothing_to_detach", number=4))
    story.deliver(5, 9, 5, result="retryable", error="Unavailable", end="dead_lettered")
    story.deliver(5, 9, 6, outcome={**outcome_of([], "nothing_to_detach", number=6), "certificates": []})
    verdict = judge(story.write_to(tmp_path))
    found = next(each for each in verdict.violations if each.event == 4)
    assert verdict.replay(found) == "make storm SEED=7 DOOR=http SENDERS=8 FAULTS=0.2 ONLY=4,5"


def test_the_replay_of_an_undo_sends_what_it_undoes(tmp_path):
    story = Story()
    story.event(2)
    story.event(9, kind="undo", undo_of=2, certificate_id=None, undo=[])
    verdict = judge(story.write_to(tmp_path))
    assert verdict.replay(verdict.violations[-1]) == "make storm SEED=7 DOOR=http SENDERS=8 FAULTS=0.2 ONLY=2,9"


def test_the_table_shows_each_violation_with_its_replay(tmp_path):
    story = Story()
    story.event()
    text = io.StringIO()
    verdict = judge(story.write_to(tmp_path))
    Console(file=text, width=200).print(verdict.table())
    assert verdict.count("b") == 1
    assert "(b)" in text.getvalue()
    assert "has no end" in text.getvalue()
    assert "make storm SEED=7" in text.getvalue()
    assert "calls an attempt" in text.getvalue()


def test_with_one_sender_the_calls_are_counted_exactly(tmp_path):
    story = Story(rows=[])
    story.run["senders"] = 1
    for number in range(3):
        story.event(number)
        for _ in range(number + 2):
            story.request(10 * number + 1.5, "GET", f"certificates/{CERT}")
        outcome = {**outcome_of([], "nothing_to_detach", number=number), "certificates": []}
        story.deliver(10 * number + 1, 10 * number + 2, number, outcome=outcome)
    figures = dict(judge(story.write_to(tmp_path)).figures)
    assert figures["(g) calls an attempt, one sender"] == "median 3, p99 4, worst 4"


# --- the oracle itself ---


def test_names_compare_without_case_unicode_or_a_trailing_dot():
    assert plain("*.API.Bücher.Example.") == "*.api.xn--bcher-kva.example"
    assert plain("a.example.com..") == "a.example.com."


def test_the_oracle_imports_neither_the_function_nor_the_sandbox():
    allowed = sys.stdlib_module_names | {"rich", "idna"}
    for path in Path(__file__).parents[1].joinpath("storm", "oracle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in allowed or name.startswith("tests.storm.oracle"), (path.name, name)


def test_the_records_of_the_story_are_what_a_storm_writes(tmp_path):
    Story().write_to(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["fleet"]["certificates"][0]["id"] == CERT
    assert {each.name for each in tmp_path.iterdir()} == {
        "run.json",
        "requests.jsonl",
        "changes.jsonl",
        "deliveries.jsonl",
        "meanings.jsonl",
        "samples.jsonl",
        "undo.jsonl",
        "end.json",
        "secrets.json",
        "output",
    }
