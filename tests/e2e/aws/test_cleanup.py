"""The deployed state machine: the whole fleet, certificate by certificate."""

import json
from typing import Any

import pytest

from sandbox import Fault, Sandbox
from tests.conftest import LONG_AGO
from tests.e2e.aws.client import Aws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

GATEWAYS = (
    "f0fa1789-3b76-433b-a787-9892951c620e",
    "7d39549681c54d968ec2910da9da95cd",
    "1d6b1cf2a7d94c0f8e9b5a3c4d2e1f00",
)


def _furnish(sandbox: Sandbox, expired: int) -> list[str]:
    """Three gateways with so many expired certificates, and ten valid ones; the ids of the expired."""
    fleet = sandbox.fleet
    for gateway in GATEWAYS:
        fleet.add_gateway(id=gateway)
    ids = []
    for number in range(expired + 10):
        name, gateway = f"host{number}.example.com", GATEWAYS[number % 3]
        not_after = LONG_AGO if number < expired else "P90D"
        certificate = fleet.add_certificate(common_name=name, not_after=not_after, instance_id=gateway)
        fleet.add_domain(name, gateway)
        fleet.bind(certificate.id, name, gateway)
        ids.append(certificate.id)
    return ids[:expired]


def test_what_fails_is_named_and_stops_nothing(aws: Aws, sandbox: Sandbox) -> None:
    """Of 120 certificates 7 fail for good and 3 are throttled at first: it succeeds, with the 7 named."""
    expired = _furnish(sandbox, 120)
    failing, throttled = expired[10:80:10], expired[90:93]
    for certificate_id in failing:
        detach = f"/certificates/{certificate_id}/domains/detach"
        sandbox.faults.add(Fault(path=detach, error_code="APIG.2012", times=None))
    for certificate_id in throttled:  # as often as the function tries, so that the state machine has to
        sandbox.faults.add(Fault.throttled(path=f"/certificates/{certificate_id}$", times=2))
    execution = aws.clean_up()
    assert execution["status"] == "SUCCEEDED"
    report = json.loads(execution["output"])
    named = {each["certificate_id"]: each["error"] for each in report.pop("failed")}
    assert named == dict.fromkeys(failing, "Rejected")
    assert report == {"planned": 120, "answered": 120, "failures": 7, "gateways": []}
    assert {each[0] for each in sandbox.fleet.bindings()} & set(expired) == set(failing)
    assert len(sandbox.fleet.bindings()) == 7 + 10
    throttlings = [each for each in sandbox.journal.apig() if each.error_code == "APIG.9008"]
    assert len(throttlings) == 6
    assert _published(aws, execution) == 1


def test_a_fleet_of_more_than_one_page(aws: Aws, sandbox: Sandbox) -> None:
    """The state machine goes on from the cursor until nothing is left, and tells nobody when all went well."""
    expired = _furnish(sandbox, 505)
    execution = aws.clean_up()
    assert json.loads(execution["output"]) == {
        "planned": 505,
        "answered": 505,
        "failures": 0,
        "failed": [],
        "gateways": [],
    }
    assert sorted(each.path.split("/")[5] for each in sandbox.journal.detaches()) == sorted(expired)
    assert len(sandbox.fleet.bindings()) == 10
    assert _published(aws, execution) == 0


def test_a_clean_fleet_costs_a_page(aws: Aws, sandbox: Sandbox) -> None:
    """With nothing to do the state machine invokes no function but the one that plans."""
    _furnish(sandbox, 0)
    execution = aws.clean_up()
    assert json.loads(execution["output"]) == {
        "planned": 0,
        "answered": 0,
        "failures": 0,
        "failed": [],
        "gateways": [],
    }
    assert not sandbox.journal.detaches()


def test_a_gateway_that_cannot_be_listed_is_told(aws: Aws, sandbox: Sandbox) -> None:
    """The others are cleaned up, the report names that one with its error, and the topic is told."""
    expired = _furnish(sandbox, 9)
    sandbox.faults.add(Fault(path=f"/instances/{GATEWAYS[0]}/api-groups", error_code="APIG.1005", times=None))
    execution = aws.clean_up()
    report = json.loads(execution["output"])
    [gateway] = report.pop("gateways")
    assert (gateway["instance_id"], gateway["status"], gateway["error"]) == (GATEWAYS[0], "failed", "AccessDenied")
    assert report == {"planned": 6, "answered": 6, "failures": 0, "failed": []}
    assert {each[0] for each in sandbox.fleet.bindings()} & set(expired) == set(expired[::3])
    assert _published(aws, execution) == 1


def test_a_clean_up_of_named_gateways(aws: Aws, sandbox: Sandbox) -> None:
    """The input goes to the function that plans; what is on other gateways stays."""
    expired = _furnish(sandbox, 9)
    execution = aws.clean_up(instance_ids=[GATEWAYS[1]])
    assert json.loads(execution["output"])["planned"] == 3
    assert {each[0] for each in sandbox.fleet.bindings()} & set(expired) == set(expired) - set(expired[1::3])
    assert _published(aws, execution) == 0


def _published(aws: Aws, execution: dict[str, Any]) -> int:
    """How often an execution told the topic of the alarms."""
    history = aws.call("states", "GetExecutionHistory", executionArn=execution["executionArn"], maxResults=1000)
    done = [each.get("taskSucceededEventDetails", {}) for each in history["events"]]
    return sum(each.get("resourceType") == "sns" for each in done)
