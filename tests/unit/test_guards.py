"""What keeps a binding, each rule and their order, and what refuses a whole event."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from shared.core.errors import BlastRadiusExceeded, DetachError, NotFound, Rejected
from shared.core.event_data import DomainEntry
from shared.core.guards import (
    ATTACH_RULES,
    DECOMMISSION_RULES,
    EXPIRY_RULES,
    Case,
    Occupancy,
    Policy,
    Reason,
    Scope,
    check_size,
    expired,
    is_due,
    is_protected,
)
from shared.core.models import Binding, Certificate
from shared.core.names import comparable_name
from shared.core.plan import Selection, Target, make_plan

CERTIFICATE = Certificate("a27be832f2e9441c8127fe48e3b5ac67")
OTHERS = ("5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21", "0b7d7f3c55a94f0f8e1fb6f2a4c9d813")
GATEWAY = "7d39549681c54d968ec2910da9da95cd"
ELSEWHERE = Scope(instance_ids=("1" * 32,))
PROTECTED = Policy(protected_domains=("a.example.com",), live_domains="keep")


def case(
    domain: str = "a.example.com",
    scope: Scope | None = None,
    policy: Policy | None = None,
    occupancy: Occupancy | None = None,
    *,
    resolves: bool = False,
) -> Case:
    """One binding of the certificate, in circumstances that let it be changed unless said otherwise."""
    return Case(
        CERTIFICATE.id,
        Binding(domain, GATEWAY, resolves=resolves),
        comparable_name(domain),
        scope or Scope(),
        policy or Policy(),
        occupancy or Occupancy(),
    )


def verdicts(rules, one: Case) -> list[object]:
    """What each of the rules that speak says, in their order."""
    return [verdict for rule in rules if (verdict := rule(one)) is not None]


def holding(*certificate_ids: str) -> Occupancy:
    """The certificates at the place of `case()`."""
    return Occupancy({(GATEWAY, "a.example.com"): frozenset(certificate_ids)})


def test_the_reasons_are_those_of_the_rules_and_of_the_executor():
    """Each rule has its reason. `renewed` is what the executor finds."""
    assert set(get_args(Reason)) == {"not_requested", "protected", "wildcard_covers_protected", "live", "renewed"}


def test_nothing_keeps_a_binding_without_reason():
    """All rules are silent then."""
    for rules in (EXPIRY_RULES, DECOMMISSION_RULES, ATTACH_RULES):
        assert verdicts(rules, case(resolves=True)) == []


def test_the_rules_of_a_detach_speak_in_order():
    """What was not asked for comes first, and what is still live comes last."""
    one = case("*.example.com", ELSEWHERE, Policy(protected_domains=("*.com", "pay.example.com")), resolves=True)
    assert verdicts(EXPIRY_RULES, one) == ["not_requested", "protected", "wildcard_covers_protected"]
    keeping = Policy(protected_domains=("*.com", "pay.example.com"), live_domains="keep")
    one = case("*.example.com", ELSEWHERE, keeping, resolves=True)
    assert verdicts(EXPIRY_RULES, one) == ["not_requested", "protected", "wildcard_covers_protected"]
    assert verdicts(DECOMMISSION_RULES, one) == ["not_requested", "protected", "wildcard_covers_protected", "live"]


def test_the_rules_of_an_attach_speak_in_order():
    """Gateway unread, attached already, carries another, protected."""
    gone = NotFound("gateway")
    occupancy = replace(holding(CERTIFICATE.id, OTHERS[0]), unread={GATEWAY: gone})
    first, second, third, fourth = verdicts(ATTACH_RULES, case(policy=PROTECTED, occupancy=occupancy))
    assert first is gone
    assert second == "already"
    assert isinstance(third, Rejected)
    assert fourth == "protected"


@pytest.mark.parametrize(
    ("occupancy", "expected"),
    [
        (replace(holding(CERTIFICATE.id, OTHERS[0]), unread={GATEWAY: NotFound("gateway")}), NotFound),
        (holding(CERTIFICATE.id, OTHERS[0]), "already"),
        (holding(CERTIFICATE.id), "already"),
        (holding(OTHERS[0]), Rejected),
        (Occupancy(), "protected"),
    ],
)
def test_the_first_rule_that_speaks_decides_an_attach(occupancy, expected):
    """The name is protected in each case, which decides only where no rule before it speaks."""
    binding = Binding("a.example.com", GATEWAY)
    target = Target(CERTIFICATE, (binding,))
    plan = make_plan(target, Selection("attach", (target,), ATTACH_RULES, occupancy=occupancy), PROTECTED)
    assert plan.entries == ()
    assert plan.kept == (((binding, "protected"),) if expected == "protected" else ())
    assert plan.already == ((binding,) if expected == "already" else ())
    assert [type(error) for _, error in plan.refused] == ([expected] if isinstance(expected, type) else [])


@pytest.mark.parametrize("action", ["detach", "attach"])
@pytest.mark.parametrize("verdict", ["live", "already", Rejected("no")])
def test_no_rule_is_asked_after_the_first_that_speaks(action, verdict):
    """And every rule before it is."""
    asked: list[str] = []

    def rule(name: str, says: object = None):
        def speak(_: Case) -> object:
            asked.append(name)
            return says

        return speak

    rules = (rule("silent"), rule("speaks", verdict), rule("late", "protected"))
    binding = Binding("a.example.com", GATEWAY)
    target = Target(CERTIFICATE, (binding,))
    plan = make_plan(target, Selection(action, (target,), rules), Policy())
    assert asked == ["silent", "speaks"]
    assert plan.entries == ()
    assert (plan.kept, plan.already, plan.refused) == (
        ((binding, verdict),) if verdict == "live" else (),
        (binding,) if verdict == "already" else (),
        ((binding, verdict),) if isinstance(verdict, DetachError) else (),
    )


def test_another_certificate_is_named_where_it_is():
    """The operator learns what to detach first."""
    [error] = verdicts(ATTACH_RULES, case("A.Example.com", occupancy=holding(*OTHERS)))
    assert isinstance(error, Rejected)
    assert error.message == (
        f"A.Example.com on gateway {GATEWAY} carries certificate {OTHERS[1]}, {OTHERS[0]} now;"
        " detach that one first if the old one is to come back"
    )


@pytest.mark.parametrize(
    "occupancy",
    [
        Occupancy({("1" * 32, "a.example.com"): frozenset({OTHERS[0]})}, unread={"1" * 32: NotFound("gateway")}),
        Occupancy({(GATEWAY, "b.example.com"): frozenset({OTHERS[0]})}),
        Occupancy({(GATEWAY, "a.example.com"): frozenset()}),
    ],
)
def test_other_places_decide_nothing(occupancy):
    """Another gateway, another name, or an empty place."""
    assert verdicts(ATTACH_RULES, case(occupancy=occupancy)) == []


@pytest.mark.parametrize(
    ("domain", "pattern", "verdict"),
    [
        ("*.example.com", "pay.example.com", ["wildcard_covers_protected"]),
        ("*.Example.com.", "pay.example.com", ["wildcard_covers_protected"]),
        ("*.example.com", "v1.pay.example.com", ["wildcard_covers_protected"]),
        ("*.example.com", "*.pay.example.com", ["wildcard_covers_protected"]),
        ("*.example.com", "*.example.com", ["protected", "wildcard_covers_protected"]),
        ("*.example.com", "example.com", []),
        ("*.example.com", "badexample.com", []),
        ("*.example.com", "pay.example.org", []),
        ("*.pay.example.com", "pay.example.com", []),
        ("api.example.com", "pay.example.com", []),
        ("example.com", "pay.example.com", []),
    ],
)
def test_a_wildcard_that_covers_a_protected_name_is_kept(domain, pattern, verdict):
    """Its certificate serves the protected name too."""
    one = case(domain, policy=Policy(protected_domains=("x.org", pattern)))
    for rules in (EXPIRY_RULES, DECOMMISSION_RULES, ATTACH_RULES):
        assert verdicts(rules, one) == verdict


@pytest.mark.parametrize(
    ("name", "pattern", "protected"),
    [
        ("api.example.com", "api.example.com", True),
        ("api.example.com", "*.example.com", True),
        ("v1.api.example.com", "*.example.com", True),
        ("*.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("badexample.com", "*.example.com", False),
        ("api.example.com", "example.com", False),
        ("api.example.com", "*.api.example.com", False),
    ],
)
def test_a_pattern_protects_a_name_or_all_below(name, pattern, protected):
    """`*.` stands for all that is below, at any depth."""
    assert is_protected(name, [pattern]) is protected


@pytest.mark.parametrize(("keep", "resolves", "kept"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_live_domain_is_kept_on_request(keep, resolves, kept):
    """DETACH_LIVE_DOMAINS=keep, for a decommission whose CNAME still resolves."""
    one = case(policy=Policy(live_domains="keep" if keep else None), resolves=resolves)
    assert verdicts(DECOMMISSION_RULES, one) == (["live"] if kept else [])
    assert verdicts(EXPIRY_RULES, one) == []


def test_the_scopes_names_are_those_of_its_entries():
    """No entries mean every domain, which no list of names can tell."""
    assert Scope((DomainEntry(domain="A.example.com"), DomainEntry(domain="*.b.org"))).names == {
        "a.example.com",
        "*.b.org",
    }
    assert Scope().names == frozenset()


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        (Scope(), True),
        (Scope(instance_ids=(GATEWAY,)), True),
        (ELSEWHERE, False),
        (Scope((DomainEntry(domain="a.example.com"),)), True),
        (Scope((DomainEntry(domain="a.example.com"),), ("1" * 32,)), False),
        (Scope((DomainEntry(domain="a.example.com", instance_ids=("1" * 32,)),)), False),
        (Scope((DomainEntry(domain="a.example.com", instance_ids=(GATEWAY,)),), ("1" * 32,)), False),
        (Scope((DomainEntry(domain="*.example.com"),)), False),
        (Scope((DomainEntry(domain="example.com"),)), False),
    ],
)
def test_what_was_not_requested_is_kept(scope, asked):
    """Both the event's gateways and an entry of the name have to take it in. A wildcard means only itself."""
    assert verdicts(EXPIRY_RULES, case(scope=scope)) == ([] if asked else ["not_requested"])


def test_a_certificate_is_due_when_its_date_and_the_grace_have_passed():
    """To the second. A negative grace makes it due before its date."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = Certificate(CERTIFICATE.id, "a.example.com", moment)
    assert is_due(certificate, Policy(), moment)
    assert not is_due(certificate, Policy(), moment - timedelta(seconds=1))
    assert not is_due(certificate, Policy(expiry_grace=timedelta(days=1)), moment + timedelta(hours=23))
    assert is_due(certificate, Policy(expiry_grace=timedelta(days=-1)), moment - timedelta(hours=23))


def test_a_certificate_without_a_date_is_never_due():
    """Nothing tells whether it has expired."""
    with pytest.raises(Rejected, match="not_after"):
        is_due(Certificate(CERTIFICATE.id), Policy(), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("cleanup", "setting", "policy"),
    [
        (False, "DETACH_MAX_BINDINGS", Policy(max_bindings=6, max_cleanup_bindings=1)),
        (True, "DETACH_MAX_CLEANUP_BINDINGS", Policy(max_bindings=1, max_cleanup_bindings=6)),
    ],
)
def test_a_larger_plan_than_allowed_is_refused(cleanup, setting, policy):
    """As many as the setting says are allowed. An event and a clean-up have a setting each."""
    check_size(0, policy, cleanup=cleanup)
    check_size(6, policy, cleanup=cleanup)
    with pytest.raises(BlastRadiusExceeded) as refused:
        check_size(7, policy, cleanup=cleanup)
    assert refused.value.message == (
        f"7 bindings (pairs of a domain and a gateway) would be changed and {setting} is 6: nothing was changed"
    )


def test_a_domain_on_three_gateways_counts_three_times():
    """The certificates of an event count together."""
    bound = tuple(Binding(name, gateway) for name in ("a.org", "b.org") for gateway in (GATEWAY, "1" * 32, "2" * 32))
    targets = (Target(CERTIFICATE, bound), Target(Certificate(OTHERS[0]), bound))
    selection = Selection("detach", targets, EXPIRY_RULES)
    planned = sum(len(make_plan(target, selection, Policy()).bindings) for target in targets)
    check_size(planned, Policy(max_bindings=12), cleanup=False)
    with pytest.raises(BlastRadiusExceeded, match="12 bindings .* DETACH_MAX_BINDINGS is 11"):
        check_size(planned, Policy(max_bindings=11), cleanup=False)


def test_a_certificate_is_expired_at_its_very_date():
    """API Gateway refuses it then; without a date, it decides."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = Certificate(CERTIFICATE.id, "a.example.com", moment)
    assert expired(certificate, moment - timedelta(seconds=1)) is None
    assert expired(Certificate(CERTIFICATE.id), moment) is None
    error = expired(certificate, moment)
    assert error is not None
    assert (error.error_code, error.message) == (
        "APIG.2102",
        (
            f"certificate {CERTIFICATE.id} has expired (2026-01-01T00:00:00Z), and API Gateway attaches no expired"
            " certificate: renew it, or attach another one to its domains"
        ),
    )


def test_an_expired_certificate_is_refused_before_its_places_are_judged():
    """What it is attached to already stays as it is, and nobody is told to detach another certificate for it."""
    refused = Rejected("expired")
    for occupancy, says in (
        (holding(CERTIFICATE.id), "already"),
        (holding(OTHERS[0]), refused),
        (Occupancy(), refused),
    ):
        one = replace(case(policy=PROTECTED, occupancy=occupancy), unattachable=refused)
        assert verdicts(ATTACH_RULES, one)[0] is says
