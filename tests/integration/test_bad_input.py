"""Bad input: one InvalidEvent that names the field, and nothing is sent to anybody."""

import json

import pytest

from handlers import handle
from sandbox import Sandbox
from shared.core.delivery import MAX_BYTES, Deadline, Delivery
from shared.core.errors import InvalidEvent
from tests.support.world import CERTIFICATE, furnish

EXPIRED = {"specversion": "1.0", "id": "1", "source": "/test", "type": "apig.certificate.expired"}


def event(data: object) -> bytes:
    return json.dumps(EXPIRED | {"data": data}).encode()


BAD = {
    "no address": (event({}), "data.certificate_id"),
    "null": (event({"certificate_id": None}), "data.certificate_id"),
    "number for an id": (event({"certificate_id": 12}), "data.certificate_id"),
    "list for an id": (event({"certificate_id": [CERTIFICATE]}), "data.certificate_id"),
    "object for an id": (event({"certificate_id": {"id": CERTIFICATE}}), "data.certificate_id"),
    "path up": (event({"certificate_id": "../" + CERTIFICATE}), "data.certificate_id"),
    "quoted slash": (event({"certificate_id": CERTIFICATE + "%2fdomains"}), "data.certificate_id"),
    "line break": (event({"certificate_id": CERTIFICATE + "\n"}), "data.certificate_id"),
    "upper case": (event({"certificate_id": CERTIFICATE.upper()}), "data.certificate_id"),
    "no gateways": (event({"certificate_id": CERTIFICATE, "instance_ids": []}), "data.instance_ids"),
    "common": (event({"certificate_id": CERTIFICATE, "instance_ids": ["common"]}), "data.instance_ids[0]"),
    "gateways as text": (event({"certificate_id": CERTIFICATE, "instance_ids": "all"}), "data.instance_ids"),
    "no domains": (event({"certificate_id": CERTIFICATE, "domains": []}), "data.domains"),
    "no name": (event({"certificate_id": CERTIFICATE, "domains": ["a.example.com", "*"]}), "data.domains[1].domain"),
    "name with a path": (event({"certificate_id": CERTIFICATE, "domains": ["a/../b"]}), "data.domains[0].domain"),
    "flag as text": (
        event(
            {
                "certificate_id": CERTIFICATE,
                "domains": [{"domain": "a.example.com", "verified_client_certificate_enabled": "no"}],
            }
        ),
        "data.domains[0].verified_client_certificate_enabled",
    ),
    "data missing": (json.dumps(EXPIRED).encode(), "data.certificate_id"),
    "data a list": (event([]), "data"),
    "unknown type": (json.dumps(EXPIRED | {"type": "apig.certificate.created", "data": {}}).encode(), "type"),
    "no type": (b'{"specversion":"1.0","id":"1","source":"/"}', "type"),
    "not JSON": (b'{"specversion":', "body"),
    "not UTF-8": (b"\xff\xfe{}", "body"),
    "empty": (b"", "body"),
    "a number": (b"1", "body"),
    "huge": (b" " * (MAX_BYTES + 1), "body"),
    "deep": (b"[" * 100_000, "body"),
    "deep object": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "body"),
    "long number": (b'{"a":' + b"9" * 10_000 + b"}", "body"),
    "named twice": (b'{"instance_ids":["a"],"instance_ids":null}', "body"),
}


@pytest.mark.parametrize(("raw", "field"), BAD.values(), ids=BAD)
def test_bad_input_is_one_error_that_names_the_field(sandbox: Sandbox, new_runtime, raw: bytes, field: str):
    """One InvalidEvent that begins with the field's name; neither IAM nor API Gateway hears of it."""
    furnish(sandbox)
    runtime = new_runtime()
    with pytest.raises(InvalidEvent) as caught:
        handle(Delivery(raw, Deadline.after(5)), runtime)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")
    assert len(caught.value.message) < 400
    assert list(sandbox.journal) == []
    assert len(sandbox.fleet.bindings()) == 2


def test_unknown_fields_are_ignored(sandbox: Sandbox, new_runtime):
    """What a sender adds for others does not matter."""
    furnish(sandbox)
    runtime = new_runtime()
    raw = event({"certificate_id": CERTIFICATE, "not_after": "2021-04-26", "owner": {"team": 7}})
    assert handle(Delivery(raw, Deadline.after(5)), runtime).status == "detached"
