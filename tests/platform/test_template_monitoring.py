"""The alarms and the dashboard for AWS watch what there is: every metric, every queue."""

import json
import re
from typing import Any

import pytest

from shared.core.metrics import METRICS
from tests.platform.template import OF_KINDS, QUEUES, of_type

NAMESPACE = "ApigCertificateDetach"
OF_THE_LOGS = {"AccessDenied"}  # counted by a filter on the reports; the functions have no such metric
ALARMS = of_type("AWS::CloudWatch::Alarm")


def _dashboard() -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    body, parts = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    for name, part in parts.items():
        body = body.replace(f"${{{name}}}", part["Fn::Sub"])
    return list(json.loads(body)["widgets"])


def test_the_dashboard_shows_every_metric() -> None:
    """The metrics that the code has, each by its name, and no other."""
    expressions = [
        metric["expression"]
        for widget in _dashboard()
        for [metric, *_] in widget["properties"]["metrics"]
        if isinstance(metric, dict)
    ]
    shown = [
        re.fullmatch(
            rf"""SEARCH\('{{{NAMESPACE},kind,service}} service="\${{Service}}" MetricName="(\w+)"', '\w+'\)""", each
        )
        for each in expressions
    ]
    assert None not in shown
    assert {each[1] for each in shown if each} == set(METRICS)


def test_the_dashboard_shows_every_queue() -> None:
    """How many events wait in each queue, dead letters too, and how long in each queue."""
    metrics = [metric for widget in _dashboard() for metric in widget["properties"]["metrics"]]
    shown = {(metric[1], metric[3]) for metric in metrics if len(metric) > 1}
    for name in QUEUES:
        assert ("ApproximateNumberOfMessagesVisible", f"${{{name}Name}}") in shown
    for name in OF_KINDS:
        assert ("ApproximateAgeOfOldestMessage", f"${{{name}QueueName}}") in shown


def test_the_widgets_do_not_overlap() -> None:
    """Each has a place of its own, and all have the same size."""
    places = [(each["x"], each["y"]) for each in _dashboard()]
    assert len(set(places)) == len(places)
    assert {(each["width"], each["height"]) for each in _dashboard()} == {(12, 6)}


def test_every_queue_is_watched() -> None:
    """An alarm for each dead-letter queue, and one for each queue in which events wait too long."""
    of_one = list(ALARMS.values())  # an alarm on one metric is written like that metric
    of_many = [
        each["MetricStat"]["Metric"] for one in of_one for each in one.get("Metrics", ()) if "MetricStat" in each
    ]
    watched = {
        (each["MetricName"], each["Dimensions"][0]["Value"]["Ref"])
        for each in (*of_one, *of_many)
        if each.get("Namespace") == "AWS/SQS"
    }
    assert watched == {("ApproximateNumberOfMessagesVisible", f"{name}DeadLettersName") for name in OF_KINDS} | {
        ("ApproximateAgeOfOldestMessage", f"{name}QueueName") for name in OF_KINDS
    }


def test_an_alarm_watches_what_the_code_counts() -> None:
    """The metrics of our own that an alarm names exist."""
    named = {each["MetricName"] for each in ALARMS.values() if each.get("Namespace") == NAMESPACE}
    named |= set(re.findall(r'SELECT \w+\((\w+)\) FROM SCHEMA\("ApigCertificateDetach"', str(ALARMS)))
    filters = of_type("AWS::Logs::MetricFilter").values()
    assert {each["MetricTransformations"][0]["MetricName"] for each in filters} == OF_THE_LOGS
    assert named == {"EventsFailed"} | OF_THE_LOGS
    assert named - OF_THE_LOGS <= set(METRICS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_topic(name: str) -> None:
    """When it begins and when it ends."""
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [{"Ref": "AlarmTopicArn"}]
