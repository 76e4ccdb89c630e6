"""The files in events/: real envelopes, and the schemas of the data in them."""

import json
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
    "sqs/certificate_expired.json": ("6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762", EXPIRED),
}
CLOUDEVENTS = [name for name in FILES if name.startswith("cloudevents/")]
OUR_DATA = [
    name
    for name in FILES
    if name.startswith(("cloudevents/", "eventbridge/")) and "/acm_" not in name and "/scheduled_" not in name
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


def test_the_batch_has_three_kinds_of_records() -> None:
    """An EventBridge event and a CloudEvent keep their own ids; bare data has the message's."""
    eventbridge, cloudevent, bare = read("sqs/batch.json")["Records"]
    first, second = parsed(eventbridge), parsed(cloudevent)
    third = parsed(bare, kind="certificate_expiry")
    assert (first.id, first.data) == ("6a7e8bd5-2f0c-4d19-8e3b-94c1f5a0d762", EXPIRED)
    assert (second.id, second.data) == ("e41d7a06-92cb-4b3f-a5f8-0c9d6e3b2a17", LEGACY)
    assert (third.id, third.data) == ("d9144555-9a4f-4ec3-99a0-34ce359b4b54", EXPIRED)


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
    assert event.data == read(name)["data"]
    assert from_json(body).data == event.data
    ours = parsed(body, headers={"Content-Type": "application/cloudevents+json; charset=utf-8"})
    assert (ours.id, ours.data) == FILES[name]
    assert ours.id == event["id"]


@pytest.mark.parametrize("name", CLOUDEVENTS)
def test_the_cloudevents_sdk_writes_what_we_read_in_binary_mode(name: str) -> None:
    """What the independent SDK sends in binary mode, we read as the same event."""
    headers, body = to_binary(from_json((EVENTS / name).read_bytes()))
    ours = parsed(body, headers=headers)
    assert (ours.id, ours.data) == FILES[name]
