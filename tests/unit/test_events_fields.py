"""The fields of the data: which values are taken, and how an error names the place of a wrong one."""

import json
from typing import Any

import pytest

from shared.core.event_data import CertificateExpiry, DomainDecommission
from tests.support.deliveries import (
    CERTIFICATE_ID,
    EXPECTED_ID,
    EXPECTED_NAME,
    GATEWAY,
    UNDO_LIST,
    cloudevent,
    cts,
    eventbridge,
    parsed,
    refused,
    timer,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("API.Example.COM", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example.", "xn--bcher-kva.example"),
        ("*.Shop.example.com", "*.shop.example.com"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        (".".join(["a" * 63] * 4), ".".join(["a" * 63] * 4)),
    ],
)
def test_names_come_out_in_one_form(written: str, read: str) -> None:
    """Case, a trailing dot and IDNA make no difference. A wildcard stays a wildcard."""
    assert parsed({"domain": written}, kind="domain_decommission").data == DomainDecommission(domain=read)
    assert parsed(cts(resource_name=written)).data == DomainDecommission(domain=read)
    acm = eventbridge("ACM Certificate Expired", detail={"CommonName": written})
    assert parsed(acm).data == CertificateExpiry(common_name=read)


@pytest.mark.parametrize(
    "name",
    ["", ".", "localhost", "a b.example", "a..example", "foo.*.example", "**.example", "*example.com", "a.example/x",
     "http://a.example", "a.example:443", "-a.example", "a" * 64 + ".example", "x." * 200 + "example", "\ud800.example",
     "\u200d.example"],
)  # fmt: skip
def test_what_is_no_name_is_refused_wherever_it_stands(name: str) -> None:
    """In data, in an ACM event and in a trace."""
    field, message = refused(lambda: parsed({"domain": name}, kind="domain_decommission"))
    assert (field, message.partition(", not ")[0]) == ("domain", EXPECTED_NAME)
    acm = eventbridge("ACM Certificate Expired", detail={"CommonName": name})
    assert refused(lambda: parsed(acm))[0] == "detail.CommonName"
    assert refused(lambda: parsed(cts(resource_name=name)))[0] == "cts.resource_name"


@pytest.mark.parametrize(
    ("data", "field", "expected"),
    [
        ({}, "certificate_id", "expected a certificate id (or a common_name instead)"),
        ({"certificate_id": None}, "certificate_id", "expected a certificate id (or a common_name instead)"),
        ({"certificate_id": 27}, "certificate_id", f"{EXPECTED_ID}, not a number"),
        ({"certificate_id": True}, "certificate_id", f"{EXPECTED_ID}, not a boolean"),
        ({"certificate_id": ["a"]}, "certificate_id", f"{EXPECTED_ID}, not a list"),
        ({"certificate_id": {"id": "a"}}, "certificate_id", f"{EXPECTED_ID}, not an object"),
        ({"certificate_id": ""}, "certificate_id", f"{EXPECTED_ID}, not ''"),
        ({"certificate_id": "../detach"}, "certificate_id", f"{EXPECTED_ID}, not '../detach'"),
        ({"certificate_id": "a%2fb"}, "certificate_id", f"{EXPECTED_ID}, not 'a%2fb'"),
        (
            {"certificate_id": CERTIFICATE_ID.upper()},
            "certificate_id",
            f"{EXPECTED_ID}, not 'A27BE832F2E9441C8127FE48E3B5AC67'",
        ),
        (
            {"certificate_id": CERTIFICATE_ID + "\n"},
            "certificate_id",
            f"{EXPECTED_ID}, not 'a27be832f2e9441c8127fe48e3b5ac67\\n'",
        ),
        ({"common_name": 1}, "common_name", f"{EXPECTED_NAME}, not a number"),
        ({"common_name": "no name"}, "common_name", f"{EXPECTED_NAME}, not 'no name'"),
        ({"common_name": "a.b", "instance_ids": []}, "instance_ids", "expected a list of at least one gateway id"),
        (
            {"common_name": "a.b", "instance_ids": GATEWAY},
            "instance_ids",
            "expected a list of at least one gateway id, not '7d39549681c54d968ec2910da9da95cd'",
        ),
        ({"common_name": "a.b", "instance_ids": ["common"]}, "instance_ids[0]", f"{EXPECTED_ID}, not 'common'"),
        ({"common_name": "a.b", "instance_ids": [GATEWAY, 5]}, "instance_ids[1]", f"{EXPECTED_ID}, not a number"),
        ({"common_name": "a.b", "domains": []}, "domains", "expected a list of at least one domain"),
        ({"common_name": "a.b", "domains": {}}, "domains", "expected a list of at least one domain, not an object"),
        (
            {"common_name": "a.b", "domains": [7]},
            "domains[0]",
            "expected a domain name, or an object with one as its domain, not a number",
        ),
        ({"common_name": "a.b", "domains": ["a.b", "x"]}, "domains[1].domain", f"{EXPECTED_NAME}, not 'x'"),
        ({"common_name": "a.b", "domains": [{}]}, "domains[0].domain", EXPECTED_NAME),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "instance_ids": [GATEWAY, "../x"]}]},
            "domains[0].instance_ids[1]",
            f"{EXPECTED_ID}, not '../x'",
        ),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "instance_ids": []}]},
            "domains[0].instance_ids",
            "expected a list of at least one gateway id",
        ),
        (
            {"common_name": "a.b", "domains": [{"domain": "a.b", "verified_client_certificate_enabled": "true"}]},
            "domains[0].verified_client_certificate_enabled",
            "expected true or false, not 'true'",
        ),
        ({"common_name": "a.b", "domains": ["a.b"] * 2001}, "domains", "expected at most 2000, not 2001"),
        ({"common_name": "a.b", "instance_ids": [GATEWAY] * 101}, "instance_ids", "expected at most 100, not 101"),
    ],
)
def test_a_bad_field_is_named_in_the_senders_words(data: dict[str, Any], field: str, expected: str) -> None:
    """One error: the place as the sender wrote it, and what was expected there."""
    assert refused(lambda: parsed(data, kind="certificate_expiry")) == (field, expected)
    assert refused(lambda: parsed(cloudevent(data=data))) == (f"data.{field}", expected)
    assert refused(lambda: parsed(eventbridge(detail=data))) == (f"detail.{field}", expected)
    assert refused(lambda: parsed(timer(json.dumps(data)), kind="certificate_expiry")) == (
        f"user_event.{field}",
        expected,
    )


@pytest.mark.parametrize(
    ("kind", "data", "field", "expected"),
    [
        ("domain_decommission", {}, "domain", "expected either domain or domains"),
        ("domain_decommission", {"domain": "a.b", "domains": ["a.b"]}, "domain", "expected either domain or domains"),
        ("scheduled_cleanup", {"cursor": ""}, "cursor", "expected 1 to 1024 characters of text, not ''"),
        ("scheduled_cleanup", {"cursor": 3}, "cursor", "expected 1 to 1024 characters of text, not a number"),
        ("scheduled_cleanup", {"instance_ids": []}, "instance_ids", "expected a list of at least one gateway id"),
        ("scheduled_cleanup", {"instance_ids": [None]}, "instance_ids[0]", EXPECTED_ID),
        ("undo", {}, "undo", "expected the undo list of an outcome"),
        ("undo", {"undo": "all"}, "undo", "expected the undo list of an outcome, not 'all'"),
        ("undo", [{"certificate_id": "x"}], "undo[0].certificate_id", f"{EXPECTED_ID}, not 'x'"),
        ("undo", [UNDO_LIST[0] | {"domains": []}], "undo[0].domains", "expected a list of at least one domain"),
        (
            "undo",
            [UNDO_LIST[0] | {"domains": [{"domain": "a.b", "instance_ids": [GATEWAY]}]}],
            "undo[0].domains[0].verified_client_certificate_enabled",
            "expected true or false",
        ),
        (
            "undo",
            [UNDO_LIST[0] | {"domains": [{"domain": "a.b", "verified_client_certificate_enabled": True}]}],
            "undo[0].domains[0].instance_ids",
            "expected a list of at least one gateway id",
        ),
    ],
)
def test_a_bad_field_of_the_other_kinds_is_named(kind: Any, data: Any, field: str, expected: str) -> None:
    """The error of a rule about several fields names one of them."""
    assert refused(lambda: parsed(data, kind=kind)) == (field, expected)


def test_a_value_is_never_repeated_at_length() -> None:
    """An error shows at most 60 characters of what was sent, and nothing of a list or an object."""
    long = "s" * 5000
    for call in (
        lambda: parsed({"certificate_id": long}, kind="certificate_expiry"),
        lambda: parsed(cloudevent(long)),
        lambda: parsed(eventbridge(long)),
        lambda: parsed(json.dumps(long)),
        lambda: parsed(f'{{"{long}": 1, "{long}": 2}}'),
        lambda: parsed(cts(long)),
        lambda: parsed(timer(trigger_type=long)),
        lambda: parsed({"domains": [long]}, kind="domain_decommission"),
    ):
        _, message = refused(call)
        assert "s" * 50 in message
        assert "s" * 60 not in message
    for hidden in ([long], {"a": long}):
        assert "sss" not in refused(lambda hidden=hidden: parsed(cloudevent(data={"certificate_id": hidden})))[1]
