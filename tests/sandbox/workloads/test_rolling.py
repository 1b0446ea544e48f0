"""The arithmetic of rolling updates, on literals and over random histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model.meta import ObjectMeta
from sym.sandbox.workloads.rolling import Bounds, bounds, new_replicas, resolve, share, shrink_old
from sym.sandbox.workloads.views import (
    DeploymentSpec,
    DeploymentView,
    ReplicaSetSpec,
    ReplicaSetStatus,
    ReplicaSetView,
    RollingUpdate,
    Strategy,
)


def deployment(replicas: int, surge: int | str | None, unavailable: int | str | None) -> DeploymentView:
    strategy = Strategy(rolling_update=RollingUpdate(max_surge=surge, max_unavailable=unavailable))
    return DeploymentView(spec=DeploymentSpec(replicas=replicas, strategy=strategy))


def replica_set(name: str, replicas: int, available: int) -> ReplicaSetView:
    return ReplicaSetView(
        metadata=ObjectMeta(name=name),
        spec=ReplicaSetSpec(replicas=replicas),
        status=ReplicaSetStatus(replicas=replicas, available_replicas=available),
    )


@pytest.mark.parametrize(
    ("value", "up", "wanted"),
    [(3, True, 3), ("25%", True, 3), ("25%", False, 2), ("0%", True, 0), ("100%", False, 10), ("junk", True, 0)],
)
def test_percents_of_ten(value: int | str, up: bool, wanted: int) -> None:
    assert resolve(value, 10, up=up) == wanted


def test_bounds() -> None:
    assert bounds(deployment(10, None, None)) == Bounds(3, 2)
    assert bounds(deployment(1, None, None)) == Bounds(1, 0)
    assert bounds(deployment(10, 0, "0%")) == Bounds(0, 1)  # otherwise it would stand still
    assert bounds(deployment(2, 0, 5)) == Bounds(0, 2)
    assert bounds(DeploymentView(spec=DeploymentSpec(replicas=10, strategy=Strategy(type="Recreate")))) == Bounds(0, 0)


def test_pods_that_never_became_available_go_before_any_healthy_one() -> None:
    old = [replica_set("old", 8, 8), replica_set("broken", 5, 0)]
    assert shrink_old(deployment(10, 3, 2), replica_set("new", 0, 0), old) == {"broken": 0}


counts = st.integers(0, 20)


@given(counts, counts, counts, st.lists(st.tuples(counts, counts), max_size=3), st.tuples(counts, counts))
def test_no_step_ever_leaves_the_bounds(
    replicas: int, surge: int, unavailable: int, old: list[tuple[int, int]], new: tuple[int, int]
) -> None:
    asked = deployment(replicas, surge, unavailable)
    limit = bounds(asked)
    olds = [replica_set(f"old-{at}", size, min(size, up)) for at, (size, up) in enumerate(old)]
    fresh = replica_set("new", new[0], min(new))
    everything = fresh.spec.replicas + sum(rs.spec.replicas for rs in olds)
    grown = new_replicas(asked, fresh.spec.replicas, everything)
    assert grown - fresh.spec.replicas <= max(0, replicas + limit.surge - everything)
    before = fresh.status.available_replicas + sum(rs.status.available_replicas for rs in olds)
    sizes = shrink_old(asked, fresh, olds)
    left = [min(sizes.get(rs.metadata.name, rs.spec.replicas), rs.status.available_replicas) for rs in olds]
    after = fresh.status.available_replicas + sum(left)
    assert after >= min(before, replicas - limit.unavailable)
    assert all(size >= 0 for size in sizes.values())


@given(counts, counts, st.lists(counts, min_size=1, max_size=4))
def test_shares_add_up_to_what_is_allowed(replicas: int, surge: int, sizes: list[int]) -> None:
    asked = deployment(replicas, surge, 1)
    active = [replica_set(f"rs-{at}", size + 1, 0) for at, size in enumerate(sizes)]
    shared = share(asked, active)
    allowed = replicas + bounds(asked).surge if replicas else 0
    assert sum(shared.values()) == allowed
    assert all(size >= 0 for size in shared.values())
