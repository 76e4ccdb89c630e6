"""The single tables: kinds, metrics and settings. Each covers all that the code knows of, and says it once."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, get_args

import pytest

from shared.core.errors import BlastRadiusExceeded, InvalidEvent
from shared.core.event_data import AnyData, Kind
from shared.core.kinds import KINDS
from shared.core.metrics import DIMENSIONS, METRICS, NAMESPACE
from shared.core.models import Binding, Certificate
from shared.core.outcome import CertificateOutcome, Outcome, Result
from shared.core.plan import Entry, Plan
from shared.events.aws import DETAIL_TYPES
from shared.events.cloudevents import TYPES
from shared.settings import VARIABLES, Settings
from shared.telemetry import Report
from shared.transport.send import Call

BINDING = Binding("a.example.com", "1" * 32)


def test_the_kinds_are_those_of_the_type():
    """One row a kind, with that kind's data, and each data has its row."""
    assert set(KINDS) == set(get_args(Kind))
    assert {kind: row.model.kind for kind, row in KINDS.items()} == {kind: kind for kind in KINDS}
    assert {row.model for row in KINDS.values()} == set(get_args(AnyData))


def test_each_kind_has_a_title_and_names_of_its_own():
    """A type or detail-type that two kinds had would be read as only one of them."""
    assert len({row.title for row in KINDS.values()}) == len(KINDS)
    for names, table in (("types", TYPES), ("detail_types", DETAIL_TYPES)):
        all_names = list(chain.from_iterable(getattr(row, names) for row in KINDS.values()))
        assert len(set(all_names)) == len(all_names)
        assert all(getattr(row, names) for row in KINDS.values())
        assert table == {name: kind for kind, row in KINDS.items() for name in getattr(row, names)}


@pytest.fixture
def emitted(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """The metrics that were written since the last call, in CloudWatch's embedded format."""

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [line for line in lines if "_aws" in line]

    return read


def finished(*, kind: Kind, result: Result) -> None:
    """An event of that kind with one call and one result, reported."""
    report = Report(kind, "event-1")
    report.call(Call("apig", "GET", "GET x", 1, 12.5, 200, None))
    report.call(Call("iam", "POST", "POST y", 2, 12.5, 201, None))
    plan = Plan("attach" if kind == "undo" else "detach", Certificate("2" * 32), (Entry((BINDING,)),))
    report.done(Outcome("event-1", kind, False, (CertificateOutcome(plan, (result,)),)))  # noqa: FBT003


def test_every_metric_that_is_counted_is_in_the_table_and_the_other_way_round(emitted):
    """With the table's unit, in its namespace and dimensions."""
    finished(kind="certificate_expiry", result=Result(BINDING, "changed"))
    finished(kind="undo", result=Result(BINDING, "changed"))
    Report("certificate_expiry").failed(InvalidEvent("body", "expected JSON"))
    Report().failed(BlastRadiusExceeded("too many"))
    written = [line["_aws"]["CloudWatchMetrics"] for line in emitted()]
    assert len(written) == 4
    units: dict[str, str] = {}
    for [directive] in written:
        assert directive["Namespace"] == NAMESPACE
        assert [set(each) for each in directive["Dimensions"]] == [set(DIMENSIONS)]
        units |= {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {name: row.unit for name, row in METRICS.items()}


def test_each_metric_says_what_it_counts():
    """In the table, from which the documents take it."""
    meanings = [row.meaning for row in METRICS.values()]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def test_each_variable_exists_once():
    """Every setting has a variable and a meaning, and no two have the same."""
    aliases = [field.alias for field in Settings.model_fields.values()]
    assert all(aliases)
    assert len(set(aliases)) == len(aliases)
    assert tuple(aliases) == VARIABLES
    meanings = [field.description for field in Settings.model_fields.values()]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)
