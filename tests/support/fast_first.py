"""For mutation testing: a mutant's tests run the fastest first, so that most mutants are killed at once."""

import json
from pathlib import Path

import pytest

# mutmut writes it beside the mutants, where it runs the tests.
TIMES = Path("mutmut-stats.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by the time that each test took without a mutant; a test that it does not know comes last."""
    try:
        times = json.loads(TIMES.read_text("utf-8"))["duration_by_test"]
    except FileNotFoundError:  # the run that measures them
        return
    items.sort(key=lambda item: times.get(item.nodeid, 60.0))
