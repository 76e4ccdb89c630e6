"""The oracle: hung or grown; its figures, its table, its replay, and what it may import."""

import ast
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.storm.oracle import judge
from tests.storm.oracle.names import plain
from tests.support.storm_records import CERT, DAY, OTHER, STARTED, Story, letters, outcome_of


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
    assert verdict.replay(found) == (
        f"make storm SEED=7 DOOR=http SENDERS=8 EVENTS=10 FAULTS=0.2 ONLY=4,5 AGAIN={tmp_path}"
    )


def test_the_replay_of_an_undo_sends_what_it_undoes(tmp_path):
    story = Story()
    story.event(2)
    story.event(9, kind="undo", undo_of=2, certificate_id=None, undo=[])
    verdict = judge(story.write_to(tmp_path))
    assert " ONLY=2,9 " in verdict.replay(verdict.violations[-1])


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
