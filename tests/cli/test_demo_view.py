"""What the demo shows of an AppSet, on literals."""

from sym.cli.demo_install import at_version, example, spread_to
from sym.cli.demo_view import Board, board, changes, lines
from sym.model.appset import (
    AggrStatus,
    AppSet,
    AppSetSpec,
    AppSetStatus,
    AppStatus,
    ClusterStatus,
    ClusterTopology,
    PodSet,
    PodSetStatus,
    TopologyCluster,
)
from sym.model.codec import convert
from sym.model.conditions import Condition
from sym.model.meta import ObjectMeta
from sym.model.workload import Deployment, DeploymentSpec, DeploymentStatus, WorkloadMeta


def app(status: AppStatus, observed: int = 2, *conditions: Condition) -> AppSet:
    """An AppSet at generation 2 with one podSet in `one` and one in `two`."""
    topology = ClusterTopology(
        clusters=tuple(
            TopologyCluster(name=name, pod_sets=(PodSet(name=f"web-{name}-blue"),)) for name in ("one", "two")
        )
    )
    told = tuple(
        ClusterStatus(name=name, pod_sets=(PodSetStatus(name=f"web-{name}-blue", desired=2, version="v1"),))
        for name in ("one", "two")
    )
    aggregate = AggrStatus(status=status, desired=4, available=2, un_available=2, version="v1", clusters=told)
    return AppSet(
        metadata=ObjectMeta(name="web", namespace="shop", generation=2),
        spec=AppSetSpec(cluster_topology=topology),
        status=AppSetStatus(observed_generation=observed, aggr_status=aggregate, conditions=conditions),
    )


def deployment(name: str, ready: int, replicas: int = 2) -> Deployment:
    return Deployment(
        metadata=WorkloadMeta(name=name),
        spec=DeploymentSpec(replicas=replicas),
        status=DeploymentStatus(ready_replicas=ready),
    )


MEMBERS = {"one": [deployment("web-one-blue", 2)], "two": [deployment("web-two-blue", 1)]}


def test_rows_count_ready_pods_in_the_members_themselves() -> None:
    shown = board(app(AppStatus.INSTALLING), MEMBERS)
    assert lines(shown) == [
        "AppSet shop/web  ◌ Installing  desired 4  available 2  unavailable 2  version v1",
        "  one                  web-one-blue         blue    v1       2/2 ready  ✔ Ready",
        "  two                  web-two-blue         blue    v1       1/2 ready  ◌ Progressing",
    ]


def test_a_member_that_does_not_answer_shows_as_waiting() -> None:
    shown = board(app(AppStatus.UNKNOWN), {"one": MEMBERS["one"]})
    assert lines(shown)[-1].endswith("0/2 ready  • Waiting")


def test_running_counts_only_for_the_present_generation() -> None:
    assert board(app(AppStatus.RUNNING), MEMBERS).running
    assert not board(app(AppStatus.RUNNING, observed=1), MEMBERS).running
    assert not board(app(AppStatus.UPDATING), MEMBERS).running


def test_only_changes_are_printed_again() -> None:
    before = board(app(AppStatus.INSTALLING), MEMBERS)
    assert changes(None, before) == lines(before)
    assert changes(before, before) == []
    after = board(app(AppStatus.RUNNING), {**MEMBERS, "two": [deployment("web-two-blue", 2)]})
    assert [line.split("  ")[-1] for line in changes(before, after)] == ["✔ Ready", "version v1"]


def test_a_stalled_app_says_why() -> None:
    stalled = Condition(type="Stalled", status="True", reason="ReplicasMismatch", message="10 is not 9")
    shown: Board = board(app(AppStatus.DEGRADED, 2, stalled), MEMBERS)
    assert lines(shown)[-1] == "  ✖ Stalled, ReplicasMismatch: 10 is not 9"


def test_the_second_example_reaches_every_cluster_and_changes_every_version() -> None:
    names = ["tcc-bj4-dks-test-01", "tcc-bj5-dks-test-01", "tcc-bj6-dks-test-01"]
    spread = spread_to(example("03-shares.yaml"), names)
    changed = convert(at_version(spread, "v9"), AppSet).spec.cluster_topology.clusters
    assert [cluster.name for cluster in changed] == names
    assert {pod_set.version for cluster in changed for pod_set in cluster.pod_sets} == {"v9"}
    assert spread_to(spread, names) == spread
