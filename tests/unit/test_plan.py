"""Planning, by properties: whatever is bound and whatever is asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BlastRadiusExceeded, Rejected
from shared.models import Binding, Certificate, DomainEntry
from shared.planning import (
    Asked,
    DetachPlan,
    check_blast_radius,
    is_due,
    is_protected,
    plan_detach,
    still_bound,
)
from shared.settings import Policy

CERTIFICATE = Certificate("a27be832f2e9441c8127fe48e3b5ac67")
GATEWAYS = ["f0fa1789-3b76-433b-a787-9892951c620e", "7d39549681c54d968ec2910da9da95cd", "1" * 32]
# As the gateway may list them → as they compare.
NAMES = {
    "a.example.com": "a.example.com",
    "A.Example.com.": "a.example.com",
    "b.example.com": "b.example.com",
    "*.example.com": "*.example.com",
    "bücher.example.com": "xn--bcher-kva.example.com",
    "not a name": "not a name",
}

bindings = st.lists(
    st.builds(Binding, st.sampled_from(list(NAMES)), st.sampled_from(GATEWAYS), st.booleans(), st.booleans()),
    max_size=20,
)
instance_ids = st.none() | st.lists(st.sampled_from(GATEWAYS), min_size=1, max_size=3, unique=True).map(tuple)
entries = st.none() | st.lists(
    st.builds(
        DomainEntry,
        domain=st.sampled_from(["a.example.com", "b.example.com", "*.example.com", "Bücher.example.com", "x.org"]),
        instance_ids=instance_ids,
        verified_client_certificate_enabled=st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
asked_for = st.builds(Asked, entries, instance_ids)
policies = st.builds(
    Policy, protected_domains=st.lists(st.sampled_from(["b.example.com", "*.example.com"]), max_size=2).map(tuple)
)


def sent(plan: DetachPlan) -> set[tuple[str, str]]:
    """The pairs of the request bodies, duplicates refused."""
    pairs = [(e["domain"], i) for d in plan.detachments for e in [d.to_dict()] for i in e["instance_ids"]]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def is_asked(asked: Asked, domain: str, instance_id: str) -> bool:
    """The rule in other words than the code's: the event's gateways, and any entry of that name with its gateways."""
    if asked.instance_ids is not None and instance_id not in asked.instance_ids:
        return False
    if asked.entries is None:
        return True
    return any(
        entry.domain == NAMES[domain] and instance_id in (entry.instance_ids or GATEWAYS) for entry in asked.entries
    )


@given(bindings, asked_for, policies, st.booleans())
def test_sends_only_what_is_bound_and_asked_for(bound, asked, policy, keep_live):
    """Every pair that is sent is bound and asked for, and every other bound pair is kept with a reason."""
    plan = plan_detach(CERTIFICATE, bound, asked, policy, keep_live=keep_live)
    pairs = {(binding.domain, binding.instance_id) for binding in bound}
    kept = {(binding.domain, binding.instance_id): reason for binding, reason in plan.kept}
    assert sent(plan) | set(kept) == pairs
    assert not sent(plan) & set(kept)
    for domain, instance_id in sent(plan):
        assert is_asked(asked, domain, instance_id)
    for (domain, instance_id), reason in kept.items():
        assert (reason == "not_requested") == (not is_asked(asked, domain, instance_id))


@given(bindings, asked_for, policies)
def test_never_without_gateways(bound, asked, policy):
    """No entry of any request has an empty or missing `instance_ids`, and each keeps the list's exact name."""
    for batch in plan_detach(CERTIFICATE, bound, asked, policy).batches(3):
        assert 1 <= len(batch) <= 3
        for detachment in batch:
            body = detachment.to_dict()
            assert body["instance_ids"]
            assert set(body) <= {"domain", "instance_ids", "verified_client_certificate_enabled"}
            assert body["domain"] in {binding.domain for binding in bound}


@given(bindings, asked_for, policies, st.randoms(use_true_random=False))
def test_order_does_not_matter(bound, asked, policy, random):
    """The listing's order changes nothing, not even the order of what is sent."""
    shuffled = list(bound)
    random.shuffle(shuffled)
    first, second = (plan_detach(CERTIFICATE, some, asked, policy) for some in (bound, shuffled))
    assert [d.to_dict() for d in first.detachments] == [d.to_dict() for d in second.detachments]
    assert {(b.domain, b.instance_id, r) for b, r in first.kept} == {
        (b.domain, b.instance_id, r) for b, r in second.kept
    }


@given(bindings, asked_for, policies)
def test_planning_again_after_applying_is_empty(bound, asked, policy):
    """What a plan detaches is no longer bound, so the next plan has nothing to detach."""
    plan = plan_detach(CERTIFICATE, bound, asked, policy)
    rest = [binding for binding in bound if (binding.domain, binding.instance_id) not in sent(plan)]
    assert plan_detach(CERTIFICATE, rest, asked, policy).detachments == ()
    assert still_bound(plan.detachments, rest) == ()
    assert still_bound(plan.detachments, bound) == plan.detachments


@given(bindings, asked_for)
def test_what_is_protected_is_never_sent(bound, asked):
    """*.example.com protects everything below example.com, and nothing else."""
    plan = plan_detach(CERTIFICATE, bound, asked, Policy(protected_domains=("*.example.com",)))
    assert {domain for domain, _ in sent(plan)} <= {"not a name"}


@given(bindings)
def test_live_domains_are_kept_on_request(bound):
    """With `keep_live`, a pair is kept if it resolves on any of its ports."""
    plan = plan_detach(CERTIFICATE, bound, Asked(), Policy(), keep_live=True)
    live = {(binding.domain, binding.instance_id) for binding in bound if binding.resolves}
    assert sent(plan).isdisjoint(live)
    assert {(binding.domain, binding.instance_id) for binding, reason in plan.kept if reason == "live"} == live


def test_flag_of_the_entry_that_names_the_gateway():
    """Two entries of one name with a gateway and a flag each become two entries of the request."""
    asked = Asked(
        (
            DomainEntry(domain="a.example.com", instance_ids=(GATEWAYS[0],), verified_client_certificate_enabled=True),
            DomainEntry(domain="a.example.com"),
        )
    )
    bound = [Binding("a.example.com", instance_id) for instance_id in GATEWAYS]
    assert [d.to_dict() for d in plan_detach(CERTIFICATE, bound, asked, Policy()).detachments] == [
        {"domain": "a.example.com", "instance_ids": [GATEWAYS[0]], "verified_client_certificate_enabled": True},
        {"domain": "a.example.com", "instance_ids": ["1" * 32, "7d39549681c54d968ec2910da9da95cd"]},
    ]


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
def test_protected_patterns(name, pattern, protected):
    """A name, or `*.` and all that is below, at any depth."""
    assert is_protected(name, [pattern]) is protected


def test_due():
    """At not_after to the second, plus the grace."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = Certificate(CERTIFICATE.id, "a.example.com", moment)
    assert is_due(certificate, Policy(), moment)
    assert not is_due(certificate, Policy(), moment - timedelta(seconds=1))
    assert not is_due(certificate, Policy(expiry_grace=timedelta(days=1)), moment + timedelta(hours=23))
    assert is_due(certificate, Policy(expiry_grace=timedelta(days=-1)), moment - timedelta(hours=23))
    with pytest.raises(Rejected, match="not_after"):
        is_due(Certificate(CERTIFICATE.id), Policy(), moment)


def test_blast_radius_counts_domains_over_all_certificates():
    """A domain on three gateways is one domain; the certificates of an event count together."""
    plans = [
        plan_detach(CERTIFICATE, [Binding(name, i) for name in ("a.org", "b.org") for i in GATEWAYS], Asked(), Policy())
        for _ in range(2)
    ]
    check_blast_radius(plans, Policy(max_domains=4))
    with pytest.raises(BlastRadiusExceeded, match="4 domains .* DETACH_MAX_DOMAINS is 3"):
        check_blast_radius(plans, Policy(max_domains=3))
