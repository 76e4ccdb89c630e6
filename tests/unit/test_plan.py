"""Planning, by properties: whatever is bound, asked for and in place, to detach and to attach."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.errors import NotFound, Rejected, Unavailable
from shared.core.event_data import DomainEntry
from shared.core.guards import ATTACH_RULES, DECOMMISSION_RULES, EXPIRY_RULES, Occupancy, Policy, Scope
from shared.core.models import Binding, Certificate, Place
from shared.core.plan import Plan, Selection, Target, make_plan, narrowed, not_found

CERTIFICATE = Certificate("a27be832f2e9441c8127fe48e3b5ac67")
OTHER = "5f1e0c7ab3d24e6f9a8b7c6d5e4f3a21"
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
PATTERNS = ["b.example.com", "*.example.com", "*.b.example.com", "pay.example.com", "example.com", "*.org"]

bindings = st.lists(
    st.builds(
        Binding,
        st.sampled_from(list(NAMES)),
        st.sampled_from(GATEWAYS),
        resolves=st.booleans(),
        verified_client_certificate_enabled=st.booleans(),
    ),
    max_size=20,
)
# An undo names each place once.
recorded = bindings.map(lambda bound: list({binding.place: binding for binding in bound}.values()))
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
scopes = st.builds(Scope, entries, instance_ids)
policies = st.builds(
    Policy,
    protected_domains=st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple),
    live_domains=st.sampled_from(["detach", "keep", None]),
)
occupancies = st.builds(
    Occupancy,
    carried=st.dictionaries(
        st.tuples(st.sampled_from(GATEWAYS), st.sampled_from(sorted(set(NAMES.values())))),
        st.sampled_from([frozenset({CERTIFICATE.id}), frozenset({OTHER}), frozenset({CERTIFICATE.id, OTHER})]),
        max_size=8,
    ),
    verified=st.frozensets(
        st.tuples(st.sampled_from(GATEWAYS), st.sampled_from(sorted(set(NAMES.values())))), max_size=4
    ),
    unread=st.dictionaries(st.sampled_from(GATEWAYS), st.just(NotFound("gateway")), max_size=1),
)


def detach(bound: Iterable[Binding], scope: Scope, policy: Policy, rules=DECOMMISSION_RULES) -> Plan:
    """The plan to detach what the scope asks for."""
    target = Target(CERTIFICATE, tuple(bound))
    return make_plan(target, Selection("detach", (target,), rules, scope), policy)


def attach(wanted: Iterable[Binding], occupancy: Occupancy, policy: Policy) -> Plan:
    """The plan to attach what an undo has recorded."""
    target = Target(CERTIFICATE, tuple(wanted))
    return make_plan(target, Selection("attach", (target,), ATTACH_RULES, occupancy=occupancy), policy)


def pair(binding: Binding) -> tuple[str, str]:
    """The domain as the list has it, and the gateway."""
    return binding.domain, binding.instance_id


def sent(plan: Plan) -> set[tuple[str, str]]:
    """The pairs of the request bodies; each stands there once."""
    pairs = [(body["domain"], i) for body in (e.to_dict() for e in plan.entries) for i in body["instance_ids"]]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def accounted(plan: Plan) -> Counter[tuple[str, str]]:
    """How often each pair stands in the plan: to be changed, kept, as it should be, or refused."""
    kept, refused = (binding for binding, _ in plan.kept), (binding for binding, _ in plan.refused)
    return Counter(pair(binding) for binding in (*plan.bindings, *kept, *plan.already, *refused))


def is_asked(scope: Scope, domain: str, instance_id: str) -> bool:
    """The rule in other words than the code's: the event's gateways, and any entry of that name with its gateways."""
    if scope.instance_ids is not None and instance_id not in scope.instance_ids:
        return False
    if scope.entries is None:
        return True
    return any(
        entry.domain == NAMES[domain] and instance_id in (entry.instance_ids or GATEWAYS) for entry in scope.entries
    )


def is_kept(domain: str, policy: Policy) -> str | None:
    """The rules about protected names in other words than the code's: as patterns of a shell."""
    name = NAMES[domain]
    if any(fnmatchcase(name, pattern) for pattern in policy.protected_domains):
        return "protected"
    covers = name.startswith("*.") and any(fnmatchcase(pattern, name) for pattern in policy.protected_domains)
    return "wildcard_covers_protected" if covers else None


@given(bindings, scopes, policies)
def test_a_detach_sends_only_what_is_bound_and_asked_for(bound, scope, policy):
    """Every pair that is sent is bound and asked for, and no rule keeps it."""
    live = {pair(binding) for binding in bound if binding.resolves}
    for domain, instance_id in sent(detach(bound, scope, policy)):
        assert (domain, instance_id) in {pair(binding) for binding in bound}
        assert is_asked(scope, domain, instance_id)
        assert is_kept(domain, policy) is None
        assert not (policy.live_domains == "keep" and (domain, instance_id) in live)


@given(bindings, scopes, policies)
def test_a_detach_keeps_every_other_binding_with_the_first_reason(bound, scope, policy):
    """Each bound pair is accounted for exactly once, and each kept one with the first rule that keeps it."""
    plan = detach(bound, scope, policy)
    assert accounted(plan) == Counter({pair(binding) for binding in bound})
    assert plan.already == plan.refused == ()
    live = {pair(binding) for binding in bound if binding.resolves and policy.live_domains == "keep"}
    for binding, reason in plan.kept:
        expected = is_kept(binding.domain, policy) or ("live" if pair(binding) in live else None)
        assert reason == ("not_requested" if not is_asked(scope, *pair(binding)) else expected)


@given(bindings, scopes, policies)
def test_a_detach_never_goes_without_gateways(bound, scope, policy):
    """No entry of any request has an empty or missing `instance_ids`, and each keeps the list's exact name."""
    for batch in detach(bound, scope, policy).batches(3):
        assert 1 <= len(batch) <= 3
        for entry in batch:
            body = entry.to_dict()
            assert body["instance_ids"]
            assert set(body) <= {"domain", "instance_ids", "verified_client_certificate_enabled"}
            assert body["domain"] in {binding.domain for binding in bound}


@given(bindings, scopes, policies, st.randoms(use_true_random=False))
def test_the_order_of_the_listing_does_not_matter_to_a_detach(bound, scope, policy, random):
    """It changes nothing, not even the order of what is sent."""
    shuffled = list(bound)
    random.shuffle(shuffled)
    first, second = (detach(some, scope, policy) for some in (bound, shuffled))
    assert [entry.to_dict() for entry in first.entries] == [entry.to_dict() for entry in second.entries]
    assert {(pair(binding), why) for binding, why in first.kept} == {(pair(b), why) for b, why in second.kept}


@given(bindings, scopes, policies)
def test_planning_again_after_a_detach_is_empty(bound, scope, policy):
    """What a plan detaches is no longer bound, so the next plan has nothing to detach."""
    plan = detach(bound, scope, policy)
    rest = [binding for binding in bound if pair(binding) not in sent(plan)]
    assert detach(rest, scope, policy).entries == ()
    assert narrowed(plan.entries, rest) == ()
    assert narrowed(plan.entries, plan.bindings) == plan.entries


@given(bindings, scopes)
def test_what_is_protected_is_never_sent(bound, scope):
    """*.example.com protects everything below example.com, and nothing else."""
    plan = detach(bound, scope, Policy(protected_domains=("*.example.com",)))
    assert {domain for domain, _ in sent(plan)} <= {"not a name"}


@given(bindings)
def test_live_domains_are_kept_on_request(bound):
    """With `keep`, a decommission keeps a pair if it resolves on any of its ports."""
    policy = Policy(live_domains="keep")
    plan = detach(bound, Scope(), policy)
    live = {pair(binding) for binding in bound if binding.resolves}
    assert sent(plan).isdisjoint(live)
    assert {pair(binding) for binding, reason in plan.kept if reason == "live"} == live
    assert sent(detach(bound, Scope(), policy, EXPIRY_RULES)) == {pair(binding) for binding in bound}


def test_the_flag_is_that_of_the_entry_that_names_the_gateway():
    """Two entries of one name with a gateway and a flag each become two entries of the request."""
    scope = Scope(
        (
            DomainEntry(domain="a.example.com", instance_ids=(GATEWAYS[0],), verified_client_certificate_enabled=True),
            DomainEntry(domain="a.example.com"),
        )
    )
    bound = [Binding("a.example.com", instance_id) for instance_id in GATEWAYS]
    assert [entry.to_dict() for entry in detach(bound, scope, Policy()).entries] == [
        {"domain": "a.example.com", "instance_ids": [GATEWAYS[0]], "verified_client_certificate_enabled": True},
        {"domain": "a.example.com", "instance_ids": ["1" * 32, "7d39549681c54d968ec2910da9da95cd"]},
    ]


def test_the_gateways_of_a_detach_come_as_the_event_orders_them():
    """Those that the event does not name come after them, by their ids."""
    bound = [Binding("a.example.com", instance_id) for instance_id in sorted(GATEWAYS)]
    scope = Scope(instance_ids=tuple(reversed(GATEWAYS)))
    [entry] = detach(bound, scope, Policy()).entries
    assert entry.to_dict()["instance_ids"] == list(reversed(GATEWAYS))
    other = DomainEntry(domain="b.example.com", instance_ids=(GATEWAYS[0],))
    scope = Scope((other, DomainEntry(domain="a.example.com")))
    [entry] = detach(bound, scope, Policy()).entries
    assert entry.to_dict()["instance_ids"] == [GATEWAYS[0], *sorted(GATEWAYS[1:])]


def test_the_ports_of_a_name_are_one_binding():
    """It resolves, or verifies clients, if any of its ports does."""
    plain = Binding("a.example.com", GATEWAYS[0])
    ports = [plain, replace(plain, resolves=True), replace(plain, verified_client_certificate_enabled=True)]
    [binding] = detach(ports, Scope(), Policy()).bindings
    assert binding == replace(plain, resolves=True, verified_client_certificate_enabled=True)


@given(recorded, occupancies, policies)
def test_an_attach_sends_only_what_is_recorded_and_free(wanted, occupancy, policy):
    """Nothing where another certificate is, on a gateway that is gone, or of a protected name."""
    plan = attach(wanted, occupancy, policy)
    assert set(plan.bindings) <= set(wanted)
    for binding in plan.bindings:
        assert binding.instance_id not in occupancy.unread
        assert (binding.instance_id, NAMES[binding.domain]) not in occupancy.carried
        assert is_kept(binding.domain, policy) is None


@given(recorded, occupancies, policies)
def test_an_attach_accounts_for_every_other_binding_by_the_first_rule(wanted, occupancy, policy):
    """Gateway unread, attached already, carries another, protected: each binding stands in exactly one list."""
    plan = attach(wanted, occupancy, policy)
    assert accounted(plan) == Counter(pair(binding) for binding in wanted)
    refused, kept = dict(plan.refused), dict(plan.kept)
    for binding in wanted:
        holders = occupancy.carried.get((binding.instance_id, NAMES[binding.domain]), frozenset())
        if binding.instance_id in occupancy.unread:
            assert refused[binding] is occupancy.unread[binding.instance_id]
        elif CERTIFICATE.id in holders:
            assert binding in plan.already
        elif holders:
            assert isinstance(refused[binding], Rejected)
        elif is_kept(binding.domain, policy):
            assert kept[binding] == is_kept(binding.domain, policy)
        else:
            assert binding in plan.bindings


@given(recorded, occupancies, policies)
def test_an_attach_never_goes_without_gateways_or_flag(wanted, occupancy, policy):
    """Each entry has gateways, and client verification as each of its bindings had it, or on where it is on by now."""
    for entry in attach(wanted, occupancy, policy).entries:
        body = entry.to_dict()
        assert set(body) == {"domain", "instance_ids", "verified_client_certificate_enabled"}
        assert body["instance_ids"]
        assert {
            (
                each.domain,
                each.verified_client_certificate_enabled
                or (each.instance_id, NAMES[each.domain]) in occupancy.verified,
            )
            for each in entry.bindings
        } == {(body["domain"], body["verified_client_certificate_enabled"])}


@given(recorded, occupancies, policies, st.randoms(use_true_random=False))
def test_the_order_of_the_request_does_not_decide_what_is_attached(wanted, occupancy, policy, random):
    """Only the order of the entries follows it."""
    shuffled = list(wanted)
    random.shuffle(shuffled)
    first, second = (attach(some, occupancy, policy) for some in (wanted, shuffled))
    assert set(first.bindings) == set(second.bindings)
    assert set(first.kept) == set(second.kept)
    assert set(first.already) == set(second.already)
    assert {(b, e.message) for b, e in first.refused} == {(b, e.message) for b, e in second.refused}
    flags = {b: b.verified_client_certificate_enabled or b.place in occupancy.verified for b in wanted}
    flagged = [(b.domain, flags[b]) for b in wanted if b in first.bindings]
    assert [(e.bindings[0].domain, e.verified_client_certificate_enabled) for e in first.entries] == list(
        dict.fromkeys(flagged)
    )


@given(recorded, occupancies, policies)
def test_planning_again_after_an_attach_is_empty(wanted, occupancy, policy):
    """What a plan attaches is in its place then, and is found as it should be."""
    plan = attach(wanted, occupancy, policy)
    carried: dict[Place, frozenset[str]] = dict(occupancy.carried)
    carried |= {binding.place: frozenset({CERTIFICATE.id}) for binding in plan.bindings}
    again = attach(wanted, replace(occupancy, carried=carried), policy)
    assert again.entries == ()
    assert set(again.already) == {*plan.already, *plan.bindings}
    assert (again.kept, len(again.refused)) == (plan.kept, len(plan.refused))


@pytest.mark.parametrize("action", ["detach", "attach"])
def test_nothing_is_planned_for_a_certificate_that_is_not_due(action):
    """It is told as not due, and nothing else is told of it."""
    target = Target(CERTIFICATE, (Binding("a.example.com", GATEWAYS[0]),), due=False)
    assert make_plan(target, Selection(action, (target,), EXPIRY_RULES), Policy()) == Plan(
        action, CERTIFICATE, due=False
    )


@pytest.mark.parametrize("action", ["detach", "attach"])
def test_nothing_is_planned_for_a_certificate_that_cannot_be_read(action):
    """Each of its bindings is refused with the certificate's error."""
    error = Unavailable("no answer")
    bound = tuple(Binding("a.example.com", instance_id) for instance_id in GATEWAYS)
    target = Target(CERTIFICATE, bound, error=error)
    plan = make_plan(target, Selection(action, (target,), EXPIRY_RULES), Policy())
    assert (plan.entries, plan.kept, plan.already) == ((), (), ())
    assert plan.refused == tuple((binding, error) for binding in bound)
    assert plan.error is error


def test_the_moment_of_reading_goes_into_the_plan():
    """The executor reads `not_after` again when it is too long ago."""
    target = Target(CERTIFICATE, read_at=12.5)
    assert make_plan(target, Selection("detach", (target,), EXPIRY_RULES), Policy()).read_at == 12.5


NAMED = Target(CERTIFICATE, (Binding("A.example.com.", GATEWAYS[0]),))


@pytest.mark.parametrize(
    ("other", "unread", "told"),
    [
        (Target(CERTIFICATE), {}, ("b.example.com", "x.org")),
        (Target(CERTIFICATE, due=False), {}, ()),
        (Target(CERTIFICATE, error=Unavailable("no answer")), {}, ()),
        (Target(CERTIFICATE), {GATEWAYS[1]: Unavailable("no answer")}, ()),
    ],
)
def test_a_domain_is_told_as_bound_nowhere_only_when_all_was_read(other, unread, told):
    """A certificate that is not due or not readable was not asked for its bindings; a gateway may have more."""
    scope = Scope(tuple(DomainEntry(domain=name) for name in ("x.org", "a.example.com", "b.example.com")))
    for targets in ((NAMED, other), (other, NAMED)):
        assert not_found(Selection("detach", targets, EXPIRY_RULES, scope, unread=unread)) == told
