"""What became of one certificate: its status for each combination, its lists, its errors, and how to undo it."""

from itertools import combinations_with_replacement

import pytest

from shared.core.errors import AccessDenied, NotFound
from shared.core.models import Binding
from shared.core.outcome import CertificateOutcome, GatewayOutcome, Result
from tests.support.outcomes import (
    A1,
    A2,
    A3,
    B1,
    CERTIFICATE,
    DENIED,
    DONE,
    DOWN,
    FIRST,
    NOTHING,
    REFUSED,
    SECOND,
    STATES,
    THIRD,
    outcome,
    plan,
    result,
)


@pytest.mark.parametrize("action", ["detach", "attach"])
@pytest.mark.parametrize(
    "states",
    list(combinations_with_replacement(STATES, 2)),
)
def test_one_failure_makes_it_failed_and_one_change_makes_it_changed(action, states):
    """For every pair of results. What is done already counts as a change; renewed and cut off change nothing."""
    one = CertificateOutcome(
        plan(A1, A2, action=action), tuple(result(b, state) for b, state in zip((A1, A2), states, strict=True))
    )
    if "failed" in states:
        expected = "failed"
    elif {"changed", "already"} & set(states):
        expected = DONE[action]
    elif set(states) == {"renewed"}:
        expected = "not_due"
    else:
        expected = NOTHING[action]
    assert one.status == expected
    assert outcome(one, kind="undo" if action == "attach" else "certificate_expiry").status == expected


@pytest.mark.parametrize("action", ["detach", "attach"])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "nothing"),
        ({"kept": ((A1, "protected"),)}, "nothing"),
        ({"already": (A1,)}, "nothing"),
        ({"due": False}, "not_due"),
        ({"error": DENIED}, "failed"),
        ({"error": DENIED, "refused": ((A1, DENIED),)}, "failed"),
        ({"refused": ((A1, REFUSED),)}, "failed"),
        ({"refused": ((A1, REFUSED),), "already": (A2,)}, "failed"),
    ],
)
def test_a_plan_that_changes_nothing_has_the_status_of_its_reason(action, dry_run, facts, expected):
    """In a dry run as well."""
    one = CertificateOutcome(plan(action=action, **facts), dry_run=dry_run)
    assert one.status == (NOTHING[action] if expected == "nothing" else expected)
    assert one.planned == one.changed == ()


@pytest.mark.parametrize("action", ["detach", "attach"])
def test_a_dry_run_tells_what_is_planned(action):
    """`planned` has it, and the list of what was done is there and empty. An undo has nothing to undo."""
    kept = ((A2, "protected"),)
    one = CertificateOutcome(plan(A1, B1, action=action, kept=kept), dry_run=True)
    told = one.to_dict()
    assert told["status"] == "dry_run"
    assert told["planned"] == [
        {"domain": "a.example.com", "instance_ids": [FIRST]},
        {"domain": "b.example.com", "instance_ids": [FIRST]},
    ]
    assert told[DONE[action]] == told[f"already_{DONE[action]}"] == told["failed"] == []
    assert told["kept"] == [{"domain": "a.example.com", "instance_ids": [SECOND], "reason": "protected"}]
    whole = outcome(one, kind="undo" if action == "attach" else "certificate_expiry", dry_run=True)
    assert (whole.status, whole.undo) == ("dry_run", [])


def test_a_dry_run_with_a_refused_binding_is_failed():
    """What could be changed is planned all the same."""
    one = CertificateOutcome(plan(A1, action="attach", refused=((B1, REFUSED),)), dry_run=True)
    assert one.status == "failed"
    assert one.planned == (A1,)
    assert one.error is REFUSED


@pytest.mark.parametrize("action", ["detach", "attach"])
def test_planned_is_told_in_a_dry_run_only(action):
    """What is executed is no plan any more."""
    kind = "undo" if action == "attach" else "certificate_expiry"
    real = CertificateOutcome(plan(A1, action=action), (result(A1, "changed"),))
    assert real.planned == ()
    assert "planned" not in real.to_dict()
    assert "planned" not in real.lists()
    assert "planned" not in outcome(real, kind=kind).lists()
    assert "planned" not in outcome(kind=kind).lists()
    assert outcome(kind=kind, dry_run=True).lists()["planned"] == []


def test_each_binding_stands_in_the_list_of_what_became_of_it():
    """Under the public names, with its gateways."""
    bindings = [Binding(f"{state}.example.com", FIRST) for state in STATES]
    one = CertificateOutcome(
        plan(*bindings, kept=((A1, "live"), (A2, "not_requested")), already=(A3,)),
        tuple(result(binding, state) for binding, state in zip(bindings, STATES, strict=True)),
    )
    place = {"instance_ids": [FIRST]}
    assert one.lists() == {
        "detached": [{"domain": "changed.example.com", **place}],
        "already_detached": [
            {"domain": "a.example.com", "instance_ids": [THIRD]},
            {"domain": "already.example.com", **place},
        ],
        "kept": [
            {"domain": "a.example.com", "instance_ids": [FIRST], "reason": "live"},
            {"domain": "a.example.com", "instance_ids": [SECOND], "reason": "not_requested"},
            {"domain": "renewed.example.com", **place, "reason": "renewed"},
        ],
        "failed": [
            {"domain": "failed.example.com", **place, "error": "Unavailable", "error_code": None, "message": "down"}
        ],
    }


def test_an_attach_has_the_same_lists_under_its_own_names():
    """`attached` and `already_attached`."""
    one = CertificateOutcome(plan(A1, action="attach", already=(A2,)), (result(A1, "changed"),))
    assert one.lists() == {
        "attached": [{"domain": "a.example.com", "instance_ids": [FIRST]}],
        "already_attached": [{"domain": "a.example.com", "instance_ids": [SECOND]}],
        "kept": [],
        "failed": [],
    }


def test_each_failed_binding_has_its_own_error():
    """The gateways of a domain that failed alike stand together. Those of another error or domain do not."""
    also_denied = AccessDenied("denied", error_code="APIG.1005")
    one = CertificateOutcome(
        plan(A1, A2, A3, B1),
        (
            Result(A1, "failed", DENIED),
            Result(A2, "failed", REFUSED),
            Result(A3, "failed", also_denied),
            Result(B1, "failed", DENIED),
        ),
    )
    denied = {"error": "AccessDenied", "error_code": "APIG.1005", "message": "denied"}
    assert one.lists()["failed"] == [
        {"domain": "a.example.com", "instance_ids": [FIRST, THIRD], **denied},
        {
            "domain": "a.example.com",
            "instance_ids": [SECOND],
            "error": "Rejected",
            "error_code": None,
            "message": "refused",
        },
        {"domain": "b.example.com", "instance_ids": [FIRST], **denied},
    ]


def test_what_was_refused_at_planning_is_failed_too():
    """Each with the error of the rule that refused it."""
    gone = NotFound("gone")
    one = CertificateOutcome(plan(B1, refused=((A1, gone), (A2, REFUSED))), (Result(B1, "failed", DOWN),))
    assert one.failed == ((A1, gone), (A2, REFUSED), (B1, DOWN))
    assert one.error is DOWN


@pytest.mark.parametrize(
    ("errors", "expected"),
    [((DENIED, DOWN), DOWN), ((DENIED, REFUSED), DENIED), ((None, REFUSED), REFUSED), ((None, None), None)],
)
def test_the_error_is_the_first_retryable_one_or_the_first(errors, expected):
    """Within a certificate, over the certificates, and over the gateways. An event's error tells the others too."""
    states = ["failed" if error else "changed" for error in errors]
    results = [Result(b, state, error) for b, state, error in zip((A1, A2), states, errors, strict=True)]
    assert CertificateOutcome(plan(A1, A2), tuple(results)).error is expected
    each = [CertificateOutcome(plan(one.binding), (one,)) for one in results]
    gateways = tuple(GatewayOutcome(FIRST, "failed" if error else "not_running", error) for error in errors)
    for event in (outcome(*each), outcome(gateways=gateways), outcome(each[0], gateways=gateways[1:])):
        assert (event.error and event.error.to_dict()["error"]) == (expected and expected.name)
        assert (event.error and event.error.error_code) == (expected and expected.error_code)
        assert all(error.message in (event.error.message if event.error else "") for error in errors if error)


def test_a_failed_certificate_tells_its_error():
    """Beside its lists; one that did not fail has no such fields."""
    told = CertificateOutcome(plan(A1), (Result(A1, "failed", DENIED),)).to_dict()
    assert (told["error"], told["error_code"], told["message"]) == ("AccessDenied", "APIG.1005", "denied")
    assert told["status"] == "failed"
    assert (
        not {"error", "error_code", "message"} & CertificateOutcome(plan(A1), (result(A1, "changed"),)).to_dict().keys()
    )


def test_the_undo_has_what_we_changed_or_may_have_changed():
    """As it was, client verification included. What no answer said that we did has `perhaps`, and stands by itself."""
    verified = Binding("a.example.com", THIRD, verified_client_certificate_enabled=True)
    other = Binding("b.example.com", SECOND)
    one = CertificateOutcome(
        plan(A1, A2, verified, B1, other),
        (
            Result(A1, "changed", ours=True),
            Result(A2, "already", ours=True),
            Result(verified, "failed", DOWN, ours=True),
            Result(B1, "changed", ours=True),
            Result(other, "already"),
        ),
    )
    a, b = ({"domain": f"{name}.example.com", "verified_client_certificate_enabled": name == "b"} for name in "ab")
    assert outcome(one).undo == [
        {
            "certificate_id": CERTIFICATE.id,
            "domains": [
                {**a, "instance_ids": [FIRST]},
                {**a, "instance_ids": [SECOND], "perhaps": True},
                {**a, "instance_ids": [THIRD], "verified_client_certificate_enabled": True, "perhaps": True},
                {**b, "instance_ids": [FIRST]},
            ],
        }
    ]


def test_what_was_cut_off_stays_in_the_undo():
    """It stands in no other list, and it is no failure: the next call of the clean-up finds out."""
    one = CertificateOutcome(plan(A1, A2), (Result(A1, "cut_off", ours=True), Result(A2, "cut_off")))
    assert one.ours == (A1,)
    assert [entry["domains"] for entry in outcome(one).undo] == [
        [
            {
                "domain": "a.example.com",
                "instance_ids": [FIRST],
                "verified_client_certificate_enabled": False,
                "perhaps": True,
            }
        ]
    ]
    assert one.error is None
    assert one.lists() == {"detached": [], "already_detached": [], "kept": [], "failed": []}


def test_a_certificate_without_a_change_has_no_undo():
    """And neither has an undo itself: what it attached is detached by the next event."""
    assert outcome(CertificateOutcome(plan(A1), (result(A1, "already"),))).undo == []
    attached = CertificateOutcome(plan(A1, action="attach"), (Result(A1, "changed", ours=True),))
    assert attached.ours == ()
    assert outcome(attached, kind="undo").undo == []
