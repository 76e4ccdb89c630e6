"""The metrics: one table, which the telemetry, the dashboards, the documents and the tests read."""

from typing import Literal, NamedTuple

NAMESPACE = "ApigCertificateDetach"
DIMENSIONS = ("service", "kind")


class Metric(NamedTuple):
    """A metric's unit, as CloudWatch names it, and what it counts."""

    unit: Literal["Count", "Milliseconds"]
    meaning: str


METRICS: dict[str, Metric] = {
    "EventsHandled": Metric("Count", "events that ended without a failure"),
    "EventsFailed": Metric("Count", "events that failed; the platform delivers them again or keeps them"),
    "InvalidEvents": Metric("Count", "failed events that could not be understood"),
    "GuardRefusals": Metric("Count", "failed events whose plan was larger than the settings allow"),
    "DomainsDetached": Metric("Count", "domains detached from a certificate"),
    "DomainsAlreadyDetached": Metric("Count", "domains found detached after an answer that left it open"),
    "DomainsKept": Metric("Count", "domains that a rule kept"),
    "DomainsAttached": Metric("Count", "domains attached again by an undo"),
    "ApiCalls": Metric("Count", "requests to API Gateway"),
    "ApiRetries": Metric("Count", "requests that repeated an earlier one"),
    "ApiLatency": Metric("Milliseconds", "time from a request to API Gateway to its answer"),
    "TokensFetched": Metric("Count", "logins to IAM"),
    "ColdStart": Metric("Count", "first events of a new process"),
}
