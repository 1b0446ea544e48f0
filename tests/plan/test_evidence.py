"""What counts as proof that a podSet runs."""

import pytest
from msgspec.structs import replace

from sym.model.advdeployment import (
    AdvAggrStatus,
    AdvDeployment,
    AdvDeploymentSpec,
    AdvDeploymentStatus,
    ChildPodSet,
    Topology,
)
from sym.model.appset import PodSetStatus
from sym.model.meta import ObjectMeta
from sym.plan.evidence import proves, runs

WANTED = ChildPodSet(name="a", replicas=2, revision="r")
SEEN = PodSetStatus(
    name="a", desired=2, available=2, update=2, current=2, ready=2, revision="r", generation=3, observed_generation=3
)


def test_all_links_of_the_chain() -> None:
    assert runs(WANTED, SEEN)
    zero = replace(SEEN, desired=0, available=0, update=0, current=0)
    assert runs(replace(WANTED, replicas=0), zero)


@pytest.mark.parametrize(
    "missing",
    [
        {"revision": "old"},
        {"observed_generation": 2},
        {"desired": 1},
        {"update": 1},
        {"available": 1},
        {"current": 3},
        {"un_available": 1},
    ],
)
def test_every_link_counts(missing: dict[str, int]) -> None:
    assert not runs(WANTED, replace(SEEN, **missing))


def test_no_status_is_no_proof() -> None:
    assert not runs(replace(WANTED, replicas=0), None)


def child(asked: ChildPodSet, generation: int, observed: int) -> AdvDeployment:
    """A child of one podSet."""
    return AdvDeployment(
        metadata=ObjectMeta(generation=generation),
        spec=AdvDeploymentSpec(topology=Topology(pod_sets=(asked,))),
        status=AdvDeploymentStatus(observed_generation=observed, aggr_status=AdvAggrStatus(pod_sets=(SEEN,))),
    )


def test_a_child_proves_what_it_asks_for_and_its_worker_has_seen() -> None:
    assert proves(child(WANTED, 2, 2), [WANTED])
    assert not proves(child(WANTED, 2, 1), [WANTED])
    assert not proves(child(replace(WANTED, max_surge=1), 2, 2), [WANTED])
    assert not proves(child(WANTED, 2, 2), [WANTED, replace(WANTED, name="b")])
