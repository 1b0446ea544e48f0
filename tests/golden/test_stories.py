"""Stories from beginning to end, planned by the real planners in a toy world; read them in `stories/*.txt`."""

from collections.abc import Callable, Iterable

from sym.model import names
from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import ADVDEPLOYMENT, APPSET, AUTOSCALER, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.meta import META
from sym.plan.types import Health
from tests.golden.world import World
from tests.make import BJ4, BJ5, appset, pod_set, stateful, two_clusters

Golden = Callable[[str, Iterable[str]], None]
GATES: JSONMap = {"upgradeType": "blue", "canaryClusters": [BJ4], "needWaitingForConfirm": True}


def running(app: JSONMap) -> World:
    """A world in which `app` is installed and runs."""
    world = World(BJ4, BJ5)
    world.apply(app)
    world.settle()
    world.log.clear()
    return world


def workloads(world: World) -> set[str]:
    """The Deployments that there are, as name@cluster."""
    return {f"{name}@{cluster}" for cluster, kind, _, name in world.objects if kind == DEPLOYMENT}


def test_install(golden: Golden) -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters(replicas=1))
    world.settle()
    assert world.writes <= 10
    golden("install", world.log)


def test_install_with_gates_waits_for_nobody(golden: Golden) -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters(strategy=GATES))
    world.settle()
    golden("install-with-gates", world.log)


def test_update_without_gates(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(two_clusters("v2"))
    world.settle()
    golden("update", world.log)


def test_scale(golden: Golden) -> None:
    app = appset({BJ4: [pod_set("bbcc-gz01b-blue", "50%")], BJ5: [pod_set("bbcc-gz01a-blue", None)]}, replicas=4)
    world = running(app)
    world.edit(lambda spec: spec.update({"replicas": 7}))
    world.settle()
    world.edit(lambda spec: spec.update({"replicas": 0}))
    world.settle()
    golden("scale", world.log)


def test_scaling_to_a_sum_that_the_podsets_do_not_have_changes_nothing(golden: Golden) -> None:
    clusters = {BJ4: [pod_set("bbcc-gz01b-blue")], BJ5: [pod_set("bbcc-gz01a-blue")]}
    world = running(appset(clusters, replicas=4))
    world.edit(lambda spec: spec.update({"replicas": 5}))
    world.settle()
    world.edit(lambda spec: spec.update({"replicas": 4}))
    world.settle()
    golden("replicas-mismatch", world.log)


def test_a_cluster_that_cannot_be_reached_blocks_no_other(golden: Golden) -> None:
    world = World(BJ4, BJ5)
    world.health(BJ5, Health.UNREACHABLE)
    world.apply(two_clusters())
    world.settle()
    world.health(BJ5, Health.READY)
    world.settle()
    world.health(BJ4, Health.UNREACHABLE)
    world.settle()
    world.apply(two_clusters("v2"))
    world.settle()
    world.health(BJ4, Health.READY)
    world.settle()
    golden("cluster-unreachable", world.log)


def test_a_cluster_that_is_not_registered_is_a_row(golden: Golden) -> None:
    world = World(BJ4)
    world.apply(two_clusters())
    world.settle()
    golden("cluster-not-registered", world.log)


def test_a_dropped_cluster_is_emptied_after_the_others_run(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(appset({BJ4: [pod_set("bbcc-gz01b-blue", 4)]}))
    world.settle()
    assert workloads(world) == {f"bbcc-gz01b-blue@{BJ4}"}
    golden("cluster-dropped", world.log)


def test_a_dropped_podset_leaves_after_the_others_run(golden: Golden) -> None:
    world = running(two_clusters())
    moved = {BJ4: [pod_set("bbcc-gz02b-blue")], BJ5: [pod_set("bbcc-gz01a-blue")]}
    world.apply(appset(moved))
    world.settle()
    assert workloads(world) == {f"bbcc-gz02b-blue@{BJ4}", f"bbcc-gz01a-blue@{BJ5}"}
    golden("podset-dropped", world.log)


def test_a_cluster_whose_last_podset_moves_away_is_emptied_by_tombstone(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(appset({BJ4: [], BJ5: [pod_set("bbcc-gz01b-blue"), pod_set("bbcc-gz01a-blue")]}))
    world.settle()
    assert workloads(world) == {f"bbcc-gz01b-blue@{BJ5}", f"bbcc-gz01a-blue@{BJ5}"}
    assert (BJ4, ADVDEPLOYMENT, "default", "bbcc") not in world.objects
    world.apply(two_clusters())
    world.settle()
    assert workloads(world) == {f"bbcc-gz01b-blue@{BJ4}", f"bbcc-gz01a-blue@{BJ5}"}
    golden("cluster-emptied", world.log)


def test_a_cluster_dropped_and_named_again_keeps_its_pods(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(appset({BJ4: [pod_set("bbcc-gz01b-blue")]}))
    world.round()
    assert world.annotated(BJ5, names.TOMBSTONE)
    world.apply(two_clusters())
    world.settle()
    assert not world.annotated(BJ5, names.TOMBSTONE)
    golden("cluster-named-again", world.log)


def test_an_autoscaler_owns_the_count(golden: Golden) -> None:
    blue = "bbcc-gz01b-blue"
    world = running(two_clusters())
    scaler: JSONMap = {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": blue}}}
    world.put(BJ4, AUTOSCALER, "bbcc", scaler)
    world.apply(two_clusters(replicas=3))
    world.settle()
    assert dig(world.objects[BJ4, DEPLOYMENT, "default", blue], "spec", "replicas") == 2
    world.autoscale(BJ4, blue, 4)
    world.settle()
    world.apply(two_clusters("v2", 3))
    world.settle()
    assert dig(world.objects[BJ4, DEPLOYMENT, "default", blue], "spec", "replicas") == 4
    golden("autoscaler", world.log)


def test_paused(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(two_clusters("v2", 3, strategy={"paused": True}))
    world.settle()
    world.apply(two_clusters("v2", 3))
    world.settle()
    golden("paused", world.log)


def test_delete_with_one_cluster_unreachable(golden: Golden) -> None:
    world = running(two_clusters())
    world.health(BJ5, Health.UNREACHABLE)
    world.delete(META, APPSET)
    world.settle()
    assert workloads(world) == {f"bbcc-gz01a-blue@{BJ5}"}
    world.health(BJ5, Health.READY)
    world.settle()
    assert not world.objects
    golden("delete-unreachable", world.log)


def test_abandon(golden: Golden) -> None:
    world = running(two_clusters())
    world.health(BJ5, None)
    world.delete(META, APPSET)
    world.settle()
    world.annotate(names.ABANDON, BJ5)
    world.settle()
    assert workloads(world) == {f"bbcc-gz01a-blue@{BJ5}"}
    golden("abandon", world.log)


def test_a_child_deleted_by_hand_leaves_its_pods_alone(golden: Golden) -> None:
    world = running(two_clusters())
    before = world.of_kind(DEPLOYMENT)
    world.delete(BJ4, ADVDEPLOYMENT)
    world.settle()
    assert world.of_kind(DEPLOYMENT) == before
    golden("child-deleted-by-hand", world.log)


def test_an_appset_recreated_by_hand_takes_nothing_over(golden: Golden) -> None:
    world = running(two_clusters())
    before = world.of_kind(DEPLOYMENT)
    world.forget(META, APPSET)
    world.settle()
    world.apply(two_clusters("v2"))
    world.settle()
    assert world.of_kind(DEPLOYMENT) == before
    world.delete(META, APPSET)
    world.settle()
    assert world.of_kind(DEPLOYMENT) == before
    golden("foreign-owner", world.log)


def test_gates_are_not_passed_but_counts_are(golden: Golden) -> None:
    world = running(two_clusters(strategy=GATES))
    held = world.objects[BJ5, ADVDEPLOYMENT, "default", "bbcc"]
    world.apply(two_clusters("v2", 3, strategy=GATES))
    world.settle()
    entries = [
        {**as_map(each), "replicas": 0}
        for body in (held, world.objects[BJ5, ADVDEPLOYMENT, "default", "bbcc"])
        for each in dig_list(body, "spec", "topology", "podSets")
    ]
    assert entries[0] == entries[1]
    golden("held-at-a-gate", world.log)


def test_broken_content_stays_visible_and_a_good_one_heals_it(golden: Golden) -> None:
    world = running(two_clusters())
    world.apply(two_clusters("broken"))
    world.settle()
    world.apply(two_clusters("v3"))
    world.settle()
    golden("broken-image", world.log)


def test_a_replaced_appset_finds_its_id_again(golden: Golden) -> None:
    world = running(two_clusters())
    world.replace(META, APPSET)
    world.settle()
    golden("annotations-replaced", world.log)


def test_a_foreign_deployment_is_left_alone(golden: Golden) -> None:
    world = World(BJ4, BJ5)
    world.put(BJ4, DEPLOYMENT, "bbcc-gz01b-blue", {"spec": {"replicas": 9, "template": {}}})
    world.apply(two_clusters())
    world.settle()
    assert dig_str(world.objects[BJ4, DEPLOYMENT, "default", "bbcc-gz01b-blue"], "metadata", "uid")
    golden("foreign-deployment", world.log)


def test_drift_is_repaired(golden: Golden) -> None:
    world = running(two_clusters())
    world.forget(BJ4, DEPLOYMENT, "bbcc-gz01b-blue")
    world.settle()
    golden("drift", world.log)


# --- StatefulSets and Services


def test_a_statefulset_changes_from_its_partition_on(golden: Golden) -> None:
    world = World(BJ4)
    world.apply(one_cluster(stateful()))
    world.settle()
    world.apply(one_cluster(stateful("v2", partition=2)))
    world.settle()
    world.apply(one_cluster(stateful("v2")))
    world.settle()
    golden("statefulset-partition", world.log)


def test_what_never_changes_stands_still_alone(golden: Golden) -> None:
    """The other cluster's StatefulSet, which somebody has taken away, comes anew as the spec says."""
    world = running(stateful(podManagementPolicy="OrderedReady"))
    world.apply(stateful("v2", podManagementPolicy="Parallel"))
    world.forget(BJ5, STATEFULSET, "bbcc-gz01a-blue")
    world.settle()
    world.apply(stateful("v2"))
    world.settle()
    golden("statefulset-immutable", world.log)


def test_a_service_is_made_and_mended_and_goes(golden: Golden) -> None:
    world = World(BJ4)
    world.apply(one_cluster(stateful()))
    world.settle()
    world.forget(BJ4, SERVICE, "bbcc-svc")
    world.settle()
    world.delete(META, APPSET)
    world.settle()
    assert not world.objects
    golden("service", world.log)


def test_a_foreign_service_is_left_alone(golden: Golden) -> None:
    world = World(BJ4)
    world.put(BJ4, SERVICE, "bbcc-svc", {"spec": {"selector": {"app": "theirs"}}})
    world.apply(one_cluster(stateful()))
    world.settle()
    world.delete(BJ4, SERVICE, "bbcc-svc")
    world.settle()
    golden("foreign-service", world.log)


def one_cluster(app: JSONMap) -> JSONMap:
    """The AppSet without its second cluster."""
    spec = as_map(app["spec"])
    return {**app, "spec": {**spec, "clusterTopology": {"clusters": dig_list(spec, "clusterTopology", "clusters")[:1]}}}
