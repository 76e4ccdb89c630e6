"""The files in events/: real envelopes, and the schemas of the data in them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.conversion import to_binary
from cloudevents.http import from_http, from_json
from jsonschema import Draft202012Validator

from shared.core.errors import InvalidEvent
from shared.core.event_data import CertificateExpiry, DetachUndo, DomainDecommission, DomainEntry, ScheduledCleanup
from shared.core.kinds import KINDS
from tests.support.deliveries import parsed

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
SCHEMAS = sorted(path.stem for path in (EVENTS / "schemas").iterdir())

EXPIRED = CertificateExpiry(certificate_id="a27be832f2e9441c8127fe48e3b5ac67")
EXPIRING = CertificateExpiry(certificate_id="5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21")
BY_NAME = CertificateExpiry(common_name="apigtest.example.com")
LEGACY = DomainDecommission(domain="legacy.example.com")
OLD_SHOP = DomainDecommission(domain="old-shop.example.com")
GATEWAYS = (
    "f0fa1789-3b76-433b-a787-9892951c620e",
    "7d39549681c54d968ec2910da9da95cd",
    "1d6b1cf2a7d94c0f8e9b5a3c4d2e1f00",
)
CLEANUP = ScheduledCleanup(instance_ids=GATEWAYS)
UNDO = DetachUndo.model_validate(
    {
        "undo": [
            {
                "certificate_id": "a27be832f2e9441c8127fe48e3b5ac67",
                "domains": [
                    {
                        "domain": "apigtest.example.com",
                        "instance_ids": GATEWAYS[:2],
                        "verified_client_certificate_enabled": False,
                    }
                ],
            }
        ],
        "undo_signature": {
            "key_id": "985ca375bbf443ca",
            "signed_at": "2026-02-03T06:00:14Z",
            "signature": "75c86527c68e222b37d169ff78ef525862fab06099c07ebd3a6199449f55c022",
        },
    }
)

FILES: dict[str, tuple[str, Any]] = {
    "cloudevents/certificate_expired.json": ("8f0c4b1e-5d2a-4c57-9a43-1be0c2f7d610", EXPIRED),
    "cloudevents/certificate_expired_by_name.json": (
        "0a6f3a52-8c1f-4f0e-b6a5-77d3f2f5c9e4",
        CertificateExpiry(common_name="*.shop.example.com"),
    ),
    "cloudevents/certificate_expiring.json": ("c2b7e9d4-31f5-4a8e-8d0b-5f60a91c7e23", EXPIRING),
    "cloudevents/domain_decommissioned.json": ("e41d7a06-92cb-4b3f-a5f8-0c9d6e3b2a17", LEGACY),
    "cloudevents/domains_decommissioned.json": (
        "5b93f0c8-7e64-4d1a-9f27-d8a1c5e0b346",
        DomainDecommission(
            domains=(
                DomainEntry(domain="legacy.example.com", instance_ids=GATEWAYS[:2]),
                DomainEntry(domain="old-shop.example.com", instance_ids=GATEWAYS[2:]),
            )
        ),
    ),
    "cloudevents/cleanup_due.json": ("1d9a2c7f-4be8-4609-b3d5-6a7c8e9f0b12", CLEANUP),
    "cloudevents/detach_undo.json": ("7c1e9d52-0b8f-4a36-95e4-2f6d8b0c3a71", UNDO),
    "cloudevents/ping_source.json": ("3f5d9c1a-6e2b-4b7d-8a40-9c1e7f2d5b68", ScheduledCleanup()),
    "eventbridge/certificate_expired.json": ("6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762", EXPIRED),
    "eventbridge/certificate_expiring.json": ("b8d2f4a6-1c3e-4f59-a7b0-c5d8e1f20394", EXPIRING),
    "eventbridge/domain_decommissioned.json": ("3e5c7a91-d0f4-4826-b9e1-7f6a2c8d4b05", LEGACY),
    "eventbridge/cleanup_due.json": ("f1a3c5e7-92b4-4d68-80fa-2b4d6e8c0a19", CLEANUP),
    "eventbridge/detach_undo.json": ("d4f6a8b0-3c5e-4172-9d8f-6e0a2c4b8d13", UNDO),
    "eventbridge/scheduled_event.json": ("cdc73f9d-aea9-11e3-9d5a-835b769c0d9c", ScheduledCleanup()),
    "eventbridge/acm_certificate_expired.json": ("9c95e8e4-96a4-ef3f-b739-b6aa5b193afb", BY_NAME),
    "eventbridge/acm_certificate_approaching_expiration.json": ("2b8f6d4c-0a1e-4375-9c68-e7d5b3f19a02", BY_NAME),
    "functiongraph/timer.json": ("Timer_certificate_cleanup 2026-02-04T02:00:00+01:00", CLEANUP),
    "functiongraph/smn_certificate_expired.json": ("8f0c4b1e-5d2a-4c57-9a43-1be0c2f7d610", EXPIRED),
    "functiongraph/smn_domain_decommissioned.json": ("e41d7a06-92cb-4b3f-a5f8-0c9d6e3b2a17", LEGACY),
    "functiongraph/cts_delete_public_record_set.json": ("b6c1f0a2-00cf-11f1-9d3e-35adcfa25f3b", LEGACY),
    "functiongraph/cts_delete_private_record_set.json": ("c07d5e88-00cf-11f1-8a51-35adcfa25f3b", LEGACY),
    "functiongraph/cts_delete_public_zone.json": ("cc2f94d6-00cf-11f1-b7e2-35adcfa25f3b", OLD_SHOP),
    "functiongraph/cts_delete_private_zone.json": ("d81ab3f4-00cf-11f1-a0c9-35adcfa25f3b", OLD_SHOP),
    "functiongraph/cts_older_trace.json": ("e1f0b6c2-00cf-11f1-9d3e-35adcfa25f3b", LEGACY),
    "scheduler/scheduled_event.json": ("5c7e9a1b-3d4f-4e62-b8a0-1f2c3d4e5a69", ScheduledCleanup()),
    "sqs/certificate_expired.json": ("6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762", EXPIRED),
}
MONITORING, CMDB = "https://monitoring.example.com/certificates", "https://cmdb.example.com/domains"
DNS = "DNS/dns-admin/e14aed517380466cac2d109877a5ac6b"
# The source and the time of each, in UTC.
ORIGINS = {
    "cloudevents/certificate_expired.json": (MONITORING, "2026-02-03T06:00:12"),
    "cloudevents/certificate_expired_by_name.json": (MONITORING, "2026-02-03T06:00:13"),
    "cloudevents/certificate_expiring.json": (MONITORING, "2026-02-03T06:00:14"),
    "cloudevents/cleanup_due.json": ("https://scheduler.example.com/jobs/certificate-cleanup", "2026-02-04T02:00:00"),
    "cloudevents/detach_undo.json": ("https://operations.example.com/changes", "2026-02-04T08:15:00"),
    "cloudevents/domain_decommissioned.json": (CMDB, "2026-02-03T09:21:40"),
    "cloudevents/domains_decommissioned.json": (CMDB, "2026-02-03T09:24:05"),
    "cloudevents/ping_source.json": (
        "/apis/v1/namespaces/default/pingsources/certificate-cleanup",
        "2026-02-04T02:00:00.123456",
    ),
    "eventbridge/acm_certificate_approaching_expiration.json": ("aws.acm", "2026-02-03T06:51:08"),
    "eventbridge/acm_certificate_expired.json": ("aws.acm", "2026-02-03T00:00:48"),
    "eventbridge/certificate_expired.json": ("com.example.monitoring", "2026-02-03T06:00:12"),
    "eventbridge/certificate_expiring.json": ("com.example.monitoring", "2026-02-03T06:00:14"),
    "eventbridge/cleanup_due.json": ("com.example.scheduler", "2026-02-04T02:00:00"),
    "eventbridge/detach_undo.json": ("com.example.operations", "2026-02-04T08:15:00"),
    "eventbridge/domain_decommissioned.json": ("com.example.cmdb", "2026-02-03T09:21:40"),
    "eventbridge/scheduled_event.json": ("aws.events", "2026-02-04T02:00:00"),
    "functiongraph/cts_delete_private_record_set.json": (DNS, "2026-02-03T09:22:40.112"),
    "functiongraph/cts_delete_private_zone.json": (DNS, "2026-02-03T09:24:41.330"),
    "functiongraph/cts_delete_public_record_set.json": (DNS, "2026-02-03T09:21:40.507"),
    "functiongraph/cts_delete_public_zone.json": (DNS, "2026-02-03T09:23:40.841"),
    "functiongraph/cts_older_trace.json": ("DNS/dns-admin", "2026-02-03T09:21:40"),
    "functiongraph/smn_certificate_expired.json": (MONITORING, "2026-02-03T06:00:12"),
    "functiongraph/smn_domain_decommissioned.json": (CMDB, "2026-02-03T09:21:40"),
    "functiongraph/timer.json": ("Timer_certificate_cleanup", "2026-02-04T01:00:00"),
    "scheduler/scheduled_event.json": ("aws.scheduler", "2026-02-04T02:00:00"),
    "sqs/certificate_expired.json": ("com.example.monitoring", "2026-02-03T06:00:12"),
}
CLOUDEVENTS = [name for name in FILES if name.startswith("cloudevents/")]
OUR_DATA = [
    name
    for name in FILES
    if name.startswith(("cloudevents/", "eventbridge/"))
    and not any(foreign in name for foreign in ("/acm_", "/scheduled_", "/ping_"))
]


def read(name: str) -> Any:
    return json.loads((EVENTS / name).read_bytes())


def test_every_file_is_expected_below_and_described_in_the_readme() -> None:
    """No file in events/ goes untested or unexplained."""
    found = {path.relative_to(EVENTS).as_posix() for path in EVENTS.rglob("*.json") if path.parent.name != "schemas"}
    assert found == {*FILES, "sqs/batch.json"}
    readme = (EVENTS / "README.md").read_text()
    assert [name for name in found if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_read_as_what_its_name_says(name: str) -> None:
    """With its own id and data, as bytes and as a platform decodes it."""
    expected = FILES[name]
    as_bytes = parsed((EVENTS / name).read_bytes())
    as_mapping = parsed(read(name))
    assert (as_bytes.id, as_bytes.data) == expected
    assert (as_mapping.id, as_mapping.data) == expected
    assert type(as_bytes.data) is type(expected[1])


@pytest.mark.parametrize("name", FILES)
def test_each_file_tells_its_source_and_its_time(name: str) -> None:
    """A trace its service and user, an event in a message its own words."""
    event = parsed((EVENTS / name).read_bytes())
    source, time = ORIGINS[name]
    assert (event.source, event.time) == (source, datetime.fromisoformat(f"{time}+00:00"))
    assert event.dns == (("private" if "private" in name else "public") if "/cts_" in name else None)


def test_the_batch_has_three_kinds_of_records() -> None:
    """An EventBridge event and a CloudEvent keep their own ids; bare data has the message's."""
    eventbridge, cloudevent, bare = read("sqs/batch.json")["Records"]
    first, second = parsed(eventbridge), parsed(cloudevent)
    third = parsed(bare, kind="certificate_expiry")
    assert (first.id, first.data) == ("6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762", EXPIRED)
    assert (second.id, second.data) == ("e41d7a06-92cb-4b3f-a5f8-0c9d6e3b2a17", LEGACY)
    assert (third.id, third.data) == ("d9144555-9a4f-4ec3-99a0-34ce359b4b54", EXPIRED)
    assert third.source == "arn:aws:sqs:eu-central-1:123456789012:apig-certificate-detach"
    assert third.time == datetime(2026, 2, 3, 6, 0, 12, 3000, tzinfo=UTC)


def test_schemas_are_those_of_the_models() -> None:
    """One file a kind, no more and no fewer: to generate them again would change nothing."""
    expected = {}
    for kind, row in KINDS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **row.model.model_json_schema()}
        expected[f"{kind}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    assert {path.name: path.read_text(encoding="utf-8") for path in (EVENTS / "schemas").iterdir()} == expected


@pytest.mark.parametrize("kind", SCHEMAS)
def test_each_schema_is_valid(kind: str) -> None:
    """It says that it is draft 2020-12, and it is."""
    schema = read(f"schemas/{kind}.json")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", OUR_DATA)
def test_each_files_data_is_valid_by_its_schema(name: str) -> None:
    """What our files carry is what the published schemas allow."""
    envelope = read(name)
    schema = read(f"schemas/{FILES[name][1].kind}.json")
    Draft202012Validator(schema).validate(envelope.get("data", envelope.get("detail")))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("certificate_expiry", {}),
        ("certificate_expiry", {"certificate_id": None}),
        ("certificate_expiry", {"certificate_id": "../a27be832f2e9441c8127fe48e3b5ac67"}),
        ("certificate_expiry", {"certificate_id": 1}),
        ("certificate_expiry", {"common_name": "apigtest.example.com", "instance_ids": []}),
        ("domain_decommission", {}),
        ("domain_decommission", {"domain": "legacy.example.com", "domains": ["legacy.example.com"]}),
        ("domain_decommission", {"domains": []}),
        ("domain_decommission", {"domains": [{"instance_ids": ["7d39549681c54d968ec2910da9da95cd"]}]}),
        ("domain_decommission", {"domains": [{"domain": "a.example", "verified_client_certificate_enabled": "yes"}]}),
        ("scheduled_cleanup", {"instance_ids": ["common"]}),
        ("scheduled_cleanup", {"cursor": ""}),
        ("scheduled_cleanup", []),
        ("undo", {}),
        ("undo", [{"certificate_id": "a27be832f2e9441c8127fe48e3b5ac67", "domains": []}]),
        ("undo", [{"certificate_id": "a27be832f2e9441c8127fe48e3b5ac67", "domains": [{"domain": "a.example"}]}]),
    ],
)
def test_a_schema_refuses_what_the_function_refuses(kind: Any, data: Any) -> None:
    """A sender that validates by the schema learns of a mistake before we do."""
    assert not Draft202012Validator(read(f"schemas/{kind}.json")).is_valid(data)
    with pytest.raises(InvalidEvent):
        parsed(json.dumps(data), kind=kind)


@pytest.mark.parametrize("name", CLOUDEVENTS)
def test_the_cloudevents_sdk_reads_the_same(name: str) -> None:
    """The independent SDK takes our CloudEvents files, in structured mode, and finds the same data."""
    body = (EVENTS / name).read_bytes()
    event = from_http({"content-type": "application/cloudevents+json"}, body)
    assert event.data == read(name).get("data")
    assert from_json(body).data == event.data
    ours = parsed(body, headers={"Content-Type": "application/cloudevents+json; charset=utf-8"})
    assert (ours.id, ours.data) == FILES[name]
    assert ours.id == event["id"]


@pytest.mark.parametrize("name", CLOUDEVENTS)
def test_the_cloudevents_sdk_writes_what_we_read_in_binary_mode(name: str) -> None:
    """What the independent SDK sends in binary mode, we read as the same event."""
    headers, body = to_binary(from_json((EVENTS / name).read_bytes()))
    ours = parsed(body or b"", headers=headers)
    assert (ours.id, ours.data) == FILES[name]
