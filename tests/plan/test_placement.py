"""Replicas: integers, percents by largest remainder, even shares, and the two ways to contradict oneself."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.appset import AppSetSpec, ClusterTopology, PodSet, TopologyCluster
from sym.plan.placement import POLICIES, PolicyName
from sym.plan.placement.fixed import ReplicasError, fixed
from sym.plan.shares import by_percent, evenly


def spec(*clusters: Sequence[int | str | None], total: int | None = None) -> AppSetSpec:
    """A spec whose podSets `c<cluster>-<n>` ask for these replicas."""
    places = tuple(
        TopologyCluster(
            name=f"c{place}",
            pod_sets=tuple(PodSet(name=f"c{place}-{n}", replicas=asked) for n, asked in enumerate(pod_sets)),
        )
        for place, pod_sets in enumerate(clusters)
    )
    return AppSetSpec(replicas=total, cluster_topology=ClusterTopology(clusters=places))


def counts(*clusters: Sequence[int | str | None], total: int | None = None) -> list[int]:
    """The replicas that `fixed` gives, in the order of the podSets."""
    return [count for _, count in sorted(fixed(spec(*clusters, total=total), {}).items())]


def test_every_policy_has_a_function() -> None:
    assert set(POLICIES) == set(PolicyName)


@pytest.mark.parametrize(
    ("clusters", "total", "expected"),
    [
        (([1, 2], [3]), None, [1, 2, 3]),
        (([1, 2], [3]), 6, [1, 2, 3]),
        (([0], [0]), 0, [0, 0]),
        (([None], [None]), 5, [3, 2]),
        (([None, None], [None]), 2, [1, 1, 0]),
        ((["50%"], ["50%"]), 5, [3, 2]),
        ((["33%", "33%"], ["34%"]), 10, [3, 3, 4]),
        ((["10%", "10%"], ["10%"]), 5, [1, 0, 0]),  # ⌊5 x 30 / 100⌋ = 1, equal remainders: the first
        ((["30%"], [None]), 10, [3, 7]),
        (([2], ["25%", None]), 10, [2, 2, 6]),
        ((["50%"], ["20%"]), 10, [5, 2]),  # percents below 100 leave replicas out: DESIRED is the sum
        ((["100%"], [""]), 3, [3, 0]),
        ((["50%"], [None]), 0, [0, 0]),
    ],
)
def test_shares(clusters: tuple[list[int | str | None], ...], total: int | None, expected: list[int]) -> None:
    assert counts(*clusters, total=total) == expected


def test_ties_go_by_the_topology_and_then_by_the_name() -> None:
    pod_sets = tuple(PodSet(name=name) for name in ("b", "a"))
    clusters = (
        TopologyCluster(name="one", pod_sets=pod_sets),
        TopologyCluster(name="two", pod_sets=(PodSet(name="0"),)),
    )
    asked = AppSetSpec(replicas=2, cluster_topology=ClusterTopology(clusters=clusters))
    assert fixed(asked, {}) == {"a": 1, "b": 1, "0": 0}


@pytest.mark.parametrize("pod_sets", [["50%"], [None], [1, "50%"], [1, None]])
def test_a_share_of_nothing_is_replicas_required(pod_sets: list[int | str | None]) -> None:
    with pytest.raises(ReplicasError, match="set spec") as caught:
        counts(pod_sets)
    assert caught.value.reason == "ReplicasRequired"


@pytest.mark.parametrize(
    ("pod_sets", "total", "numbers"),
    [([1, 2], 4, ("4", "3")), ([1, 2], 2, ("2", "3")), ([8, "30%"], 10, ("10", "11")), ([11, None], 10, ("10", "11"))],
)
def test_counts_that_do_not_add_up_are_replicas_mismatch(
    pod_sets: list[int | str | None], total: int, numbers: tuple[str, str]
) -> None:
    with pytest.raises(ReplicasError) as caught:
        counts(pod_sets, total=total)
    assert caught.value.reason == "ReplicasMismatch"
    assert all(number in caught.value.message for number in numbers)


PERCENTS = st.lists(st.integers(0, 100), max_size=20)


@given(st.integers(0, 10_000), PERCENTS)
def test_percents_get_the_floor_of_their_sum_and_each_its_quota(total: int, percents: list[int]) -> None:
    shares = by_percent(total, percents)
    assert sum(shares) == total * sum(percents) // 100
    for share, percent in zip(shares, percents, strict=True):
        assert total * percent // 100 <= share <= total * percent // 100 + (total * percent % 100 > 0)


@given(st.integers(0, 10_000), PERCENTS)
def test_a_larger_remainder_is_served_first(total: int, percents: list[int]) -> None:
    shares = by_percent(total, percents)
    served = [
        total * percent % 100 for share, percent in zip(shares, percents, strict=True) if share * 100 > total * percent
    ]
    passed = [
        total * percent % 100 for share, percent in zip(shares, percents, strict=True) if share * 100 <= total * percent
    ]
    assert min(served, default=100) >= max(passed, default=0)


@given(st.integers(0, 10_000), st.integers(0, 50))
def test_even_shares_differ_by_one_and_never_rise(total: int, receivers: int) -> None:
    shares = evenly(total, receivers)
    assert len(shares) == receivers
    if receivers:
        assert sum(shares) == total
        assert max(shares) - min(shares) <= 1
        assert shares == sorted(shares, reverse=True)


WISHES = st.lists(
    st.one_of(st.integers(0, 20), st.integers(0, 30).map("{}%".format), st.none()), min_size=1, max_size=4
)


def agreed(asked: AppSetSpec) -> Mapping[str, int] | None:
    """The replicas, or None where the wishes are refused."""
    try:
        return fixed(asked, {})
    except ReplicasError:
        return None


@given(st.lists(WISHES, min_size=1, max_size=3), st.integers(0, 200))
def test_empty_podsets_take_exactly_what_is_left(clusters: list[list[int | str | None]], total: int) -> None:
    asked = spec(*clusters, total=total)
    wishes = [wish for pod_sets in clusters for wish in pod_sets]
    found = agreed(asked)
    if found is None:
        return
    assert all(count >= 0 for count in found.values())
    assert len(found) == len(wishes)
    if None in wishes:
        assert sum(found.values()) == total
    else:
        assert sum(found.values()) <= total
