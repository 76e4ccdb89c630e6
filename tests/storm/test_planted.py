"""The oracle finds each planted bug under its letter, and nothing in the function as it is."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.storm.oracle import LETTERS, judge
from tests.storm.planted import BUGS, Bug
from tests.storm.run import Plan, run
from tests.support.leaks import WATCH

FOUND = {letter for letter in LETTERS if letter != "g"}  # calls are only counted


def verdict_of(folder: Path, events: int):
    run(Plan(seed=1, events=events, copies_seconds=20), folder, lambda *_: None)
    secrets = folder / "secrets.json"
    WATCH.add(json.loads(secrets.read_bytes()))
    verdict = judge(folder)
    shutil.rmtree(folder)  # one of the bugs writes a secret into it
    print(dict(Counter(each.letter for each in verdict.violations)))
    for each in verdict.violations[:5]:
        print(each.letter, each.event, each.what)
    return verdict


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_can_be_planted(bug: Bug, tmp_path: Path):
    compile((bug.plant(tmp_path) / bug.path).read_text(encoding="utf-8"), bug.path, "exec")


def test_the_bugs_are_of_all_letters():
    assert {bug.letter for bug in BUGS} == FOUND


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STORM_SOURCE", str(bug.plant(tmp_path)))
    assert verdict_of(tmp_path / "records", bug.events).count(bug.letter) > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_found_without_one(tmp_path: Path):
    assert verdict_of(tmp_path / "records", 150).violations == []
