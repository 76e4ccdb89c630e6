"""The entries of a request: batches, halves, and what is left of them. None of them is ever without gateways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.models import Binding, Certificate
from shared.core.plan import Entry, Plan, bindings_of, halves, narrowed

GATEWAYS = ["f0fa1789-3b76-433b-a787-9892951c620e", "7d39549681c54d968ec2910da9da95cd", "1" * 32]
FIRST = Binding("a.example.com", GATEWAYS[0])


def entry(number: int, gateways: list[str], *, flag: bool | None = None) -> Entry:
    """A domain of that number on these gateways."""
    return Entry(tuple(Binding(f"d{number}.example.com", instance_id) for instance_id in gateways), flag)


requests = st.lists(
    st.tuples(
        st.lists(st.sampled_from(GATEWAYS), min_size=1, max_size=3, unique=True),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=7,
).map(lambda rows: tuple(entry(number, gateways, flag=flag) for number, (gateways, flag) in enumerate(rows)))


def test_an_entry_without_gateways_cannot_be_made():
    """The API would act on every gateway."""
    with pytest.raises(ValueError, match="^an entry without instance_ids would mean every gateway$"):
        Entry(())


@pytest.mark.parametrize(
    ("flag", "more"),
    [
        (None, {}),
        (True, {"verified_client_certificate_enabled": True}),
        (False, {"verified_client_certificate_enabled": False}),
    ],
)
def test_an_entrys_flag_is_left_out_when_there_is_none(flag, more):
    """False is a flag too."""
    expected = {"domain": "d1.example.com", "instance_ids": GATEWAYS}
    assert entry(1, GATEWAYS, flag=flag).to_dict() == {**expected, **more}


@given(requests, st.integers(1, 4))
def test_batches_are_the_entries_in_order(whole, size):
    """At most so many domains each. None is left out, and none comes twice."""
    plan = Plan("detach", Certificate("1" * 32), whole)
    batches = list(plan.batches(size))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= size
    assert tuple(entry for batch in batches for entry in batch) == whole
    assert plan.bindings == bindings_of(whole)


def test_a_plan_without_entries_has_no_batches():
    """Nothing is sent then."""
    assert list(Plan("detach", Certificate("1" * 32)).batches(50)) == []


@given(requests)
def test_halves_are_the_whole_in_order(whole):
    """Neither half is empty, no binding is lost or doubled, and the flags stay."""
    if len(bindings_of(whole)) > 1:
        first, second = halves(whole)
        assert first
        assert second
        assert bindings_of((*first, *second)) == bindings_of(whole)
        flags = {binding: each.verified_client_certificate_enabled for each in whole for binding in each.bindings}
        for each in (*first, *second):
            assert {flags[binding] for binding in each.bindings} == {each.verified_client_certificate_enabled}


def test_halves_split_between_domains_first():
    """The gateways of a domain stay together as long as there is another domain."""
    a, b, c = entry(1, GATEWAYS, flag=True), entry(2, GATEWAYS, flag=False), entry(3, GATEWAYS)
    assert halves((a, b)) == ((a,), (b,))
    assert halves((a, b, c)) == ((a,), (b, c))


def test_halves_of_a_single_domain_split_its_gateways():
    """Each half keeps the flag."""
    assert halves((entry(1, GATEWAYS, flag=True),)) == (
        (entry(1, GATEWAYS[:1], flag=True),),
        (entry(1, GATEWAYS[1:], flag=True),),
    )


def test_a_single_binding_has_no_halves():
    """One half would be without gateways."""
    with pytest.raises(ValueError, match="^an entry without instance_ids would mean every gateway$"):
        halves((Entry((FIRST,)),))


@given(requests)
def test_halving_again_and_again_ends_at_single_bindings(whole):
    """So whatever is to blame for a refusal stands alone in the end."""
    waiting, alone = [whole], []
    while waiting:
        part = waiting.pop(0)
        if len(bindings_of(part)) > 1:
            waiting = [*halves(part), *waiting]
        else:
            alone += bindings_of(part)
    assert tuple(alone) == bindings_of(whole)


@given(requests, st.sets(st.sampled_from(GATEWAYS)))
def test_narrowed_keeps_what_is_left_in_order(whole, left_on):
    """An entry of which nothing is left is gone. The others keep their order and their flag."""
    left = [binding for binding in bindings_of(whole) if binding.instance_id in left_on]
    rest = narrowed(whole, iter(left))
    assert bindings_of(rest) == tuple(left)
    before = [each for each in whole if any(binding in left for binding in each.bindings)]
    assert [(each.bindings[0].domain, each.verified_client_certificate_enabled) for each in rest] == [
        (each.bindings[0].domain, each.verified_client_certificate_enabled) for each in before
    ]


def test_narrowed_takes_nothing_that_was_not_in_it():
    """What is left of something else adds nothing."""
    foreign = Binding("b.example.com", GATEWAYS[0])
    assert narrowed((Entry((FIRST,)),), (FIRST, foreign)) == (Entry((FIRST,)),)
    assert narrowed((Entry((FIRST,)),), (foreign,)) == ()
