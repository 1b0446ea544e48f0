"""The Deployment controller, seen from outside: objects and Events, in virtual time."""

import asyncio

import pytest

from sym.model.codec import JSONMap, as_map, dig, dig_str
from sym.model.kinds import DEPLOYMENT, POD, REPLICASET
from sym.sandbox.store import Change
from sym.settings import WorkloadSettings
from tests.sandbox.workloads.cluster import Cluster, cluster, template

pytestmark = pytest.mark.anyio
REVISION = "deployment.kubernetes.io/revision"


def revision(obj: JSONMap) -> str:
    return dig_str(obj, "metadata", "annotations", REVISION)


class Watch:
    """After every write: the fewest ready pods, and the most that all ReplicaSets together asked for."""

    def __init__(self, seen: Cluster) -> None:
        self._cluster = seen
        self.lowest, self.highest = 10**6, 0
        seen.store.subscribe(self._look)

    def _look(self, _change: Change) -> None:
        wanted = [size for size in self._cluster.sets().values() if isinstance(size, int)]
        self.lowest = min(self.lowest, sum(self._cluster.ready(pod) for pod in self._cluster.pods))
        self.highest = max(self.highest, sum(wanted))


async def test_a_deployment_becomes_available_after_min_ready_seconds_and_not_before() -> None:
    async with cluster() as c:
        c.deploy(minReadySeconds=10)
        await asyncio.sleep(11.5)  # 1 s pull, 1 s start, 10 s ready
        assert c.status()["readyReplicas"] == 3
        assert "availableReplicas" not in c.status()
        assert c.condition("Available") == ("False", "MinimumReplicasUnavailable")
        await asyncio.sleep(1)
        assert c.status()["availableReplicas"] == 3
        assert c.condition("Available") == ("True", "MinimumReplicasAvailable")
        assert c.condition("Progressing") == ("True", "NewReplicaSetAvailable")
        assert c.status()["observedGeneration"] == 1


async def test_speed_divides_every_wait_and_leaves_the_wall_clock_alone() -> None:
    async with cluster(WorkloadSettings(speed=10)) as c:
        c.deploy(minReadySeconds=10)
        await asyncio.sleep(1.1)
        assert "availableReplicas" not in c.status()
        await asyncio.sleep(0.2)
        assert c.status()["availableReplicas"] == 3
        assert dig_str(c.all(POD)[0], "metadata", "creationTimestamp") == "2026-01-01T00:00:00Z"


async def test_a_new_image_rolls_within_the_bounds_and_keeps_the_old_replica_set() -> None:
    async with cluster() as c:
        c.deploy(replicas=8, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}})
        await asyncio.sleep(5)
        watch = Watch(c)
        c.set_image("shop:v2")
        await asyncio.sleep(60)
        assert c.sets() == {"shop:v1": 0, "shop:v2": 8}
        assert watch.lowest == 7
        assert watch.highest == 10
        assert c.status()["updatedReplicas"] == c.status()["replicas"] == c.status()["availableReplicas"] == 8
        assert revision(c.get(DEPLOYMENT, "web")) == "2"
        assert sorted(revision(rs) for rs in c.all(REPLICASET)) == ["1", "2"]
        assert any(words.startswith("Scaled down replica set") for words in c.events("ScalingReplicaSet"))


async def test_unavailable_percent_rounds_down_and_surge_rounds_up() -> None:
    async with cluster() as c:
        c.deploy(replicas=3)  # 25 % of 3: one more, none less
        await asyncio.sleep(5)
        watch = Watch(c)
        c.set_image("shop:v2")
        await asyncio.sleep(60)
        assert (watch.lowest, watch.highest) == (3, 4)


async def test_recreate_stops_everything_before_it_starts_anything() -> None:
    async with cluster() as c:
        c.deploy(strategy={"type": "Recreate"})
        await asyncio.sleep(5)
        together: set[frozenset[str]] = set()
        c.store.subscribe(lambda _: together.add(frozenset(images(c))), POD)
        c.set_image("shop:v2")
        await asyncio.sleep(30)
        assert c.sets() == {"shop:v1": 0, "shop:v2": 3}
        assert frozenset({"shop:v1", "shop:v2"}) not in together


def images(c: Cluster) -> list[str]:
    return [dig_str(pod, "spec", "containers", 0, "image") for pod in c.all(POD)]


async def test_paused_changes_wait_and_scaling_goes_on() -> None:
    async with cluster() as c:
        c.deploy(paused=False)
        await asyncio.sleep(5)
        c.set_spec(paused=True)
        c.set_image("shop:v2")
        c.set_spec(replicas=5)
        await asyncio.sleep(10)
        assert c.sets() == {"shop:v1": 5}
        assert c.condition("Progressing") == ("Unknown", "DeploymentPaused")
        c.set_spec(paused=False)
        await asyncio.sleep(30)
        assert c.sets() == {"shop:v1": 0, "shop:v2": 5}
        assert c.condition("Progressing") == ("True", "NewReplicaSetAvailable")


async def test_scaling_in_the_middle_of_a_rollout_keeps_proportions() -> None:
    async with cluster() as c:
        bounds: JSONMap = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        c.deploy(replicas=10, strategy=bounds)
        await asyncio.sleep(5)
        c.set_image("shop:pull-fail")
        await asyncio.sleep(5)
        assert c.sets() == {"shop:v1": 8, "shop:pull-fail": 5}
        c.set_spec(replicas=15)
        await asyncio.sleep(5)
        assert c.sets() == {"shop:v1": 11, "shop:pull-fail": 7}  # the documented example of Kubernetes


async def test_going_back_uses_the_old_replica_set_under_a_new_number() -> None:
    async with cluster() as c:
        c.deploy()
        await asyncio.sleep(5)
        c.set_image("shop:v2")
        await asyncio.sleep(30)
        c.set_image("shop:v1")
        await asyncio.sleep(30)
        assert c.sets() == {"shop:v1": 3, "shop:v2": 0}
        assert revision(c.get(DEPLOYMENT, "web")) == "3"
        back = next(rs for rs in c.all(REPLICASET) if revision(rs) == "3")
        assert dig(back, "metadata", "annotations", "deployment.kubernetes.io/revision-history") == "1"


async def test_history_beyond_the_limit_goes_oldest_first() -> None:
    async with cluster() as c:
        c.deploy(revisionHistoryLimit=1)
        for tag in ("v2", "v3", "v4"):
            await asyncio.sleep(30)
            c.set_image(f"shop:{tag}")
        await asyncio.sleep(30)
        assert c.sets() == {"shop:v3": 0, "shop:v4": 3}


async def test_a_rollout_that_does_not_progress_says_so_after_its_deadline() -> None:
    async with cluster() as c:
        c.deploy(progressDeadlineSeconds=60)
        await asyncio.sleep(30)
        c.set_image("shop:pull-fail")
        await asyncio.sleep(55)
        assert c.condition("Progressing") == ("True", "ReplicaSetUpdated")
        await asyncio.sleep(10)
        assert c.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
        assert c.condition("Available") == ("True", "MinimumReplicasAvailable")
        c.set_image("shop:v3")
        await asyncio.sleep(30)
        assert c.condition("Progressing") == ("True", "NewReplicaSetAvailable")


async def test_a_finished_rollout_never_expires() -> None:
    async with cluster() as c:
        c.deploy(progressDeadlineSeconds=10)
        await asyncio.sleep(1000)
        assert c.condition("Progressing") == ("True", "NewReplicaSetAvailable")


async def test_a_taken_name_raises_the_collision_count() -> None:
    async with cluster() as c:
        c.deploy(replicas=1)
        await asyncio.sleep(5)
        name = dig_str(c.all(REPLICASET)[0], "metadata", "name")
        c.store.remove(DEPLOYMENT, "default", "web")
        await asyncio.sleep(5)
        assert c.all(REPLICASET) == []
        other: JSONMap = {
            "metadata": {"name": name, "namespace": "default", "generation": 1},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": template("x", {"app": "x"})},
        }
        c.store.create(REPLICASET, other)
        c.deploy(replicas=1)
        await asyncio.sleep(5)
        assert c.status()["collisionCount"] == 1
        assert c.status()["availableReplicas"] == 1


async def test_a_deployment_adopts_replica_sets_that_match() -> None:
    async with cluster() as c:
        labels = {"app": "web"}
        body: JSONMap = {
            "metadata": {"name": "web-old", "namespace": "default", "generation": 1, "labels": {**labels}},
            "spec": {"replicas": 3, "selector": {"matchLabels": {**labels}}, "template": template("shop:v1", labels)},
        }
        c.store.create(REPLICASET, body)
        await asyncio.sleep(5)
        before = {dig_str(pod, "metadata", "uid") for pod in c.pods}
        c.deploy()
        await asyncio.sleep(5)
        assert {dig_str(pod, "metadata", "uid") for pod in c.pods} == before
        assert [dig(rs, "metadata", "ownerReferences", 0, "name") for rs in c.all(REPLICASET)] == ["web"]


async def test_zero_replicas_are_complete() -> None:
    async with cluster() as c:
        c.deploy(replicas=0)
        await asyncio.sleep(5)
        assert c.condition("Available") == ("True", "MinimumReplicasAvailable")
        assert c.condition("Progressing") == ("True", "NewReplicaSetAvailable")
        assert c.pods == []


async def test_a_settled_deployment_is_not_written_again() -> None:
    async with cluster() as c:
        c.deploy(replicas=2)
        await asyncio.sleep(30)
        before = c.store.version
        await asyncio.sleep(3000)
        assert c.store.version == before


async def test_a_new_min_ready_time_reaches_the_replica_set_without_new_pods() -> None:
    async with cluster() as c:
        c.deploy()
        await asyncio.sleep(5)
        before = {dig_str(pod, "metadata", "uid") for pod in c.pods}
        c.set_spec(minReadySeconds=30)
        await asyncio.sleep(5)
        assert dig(c.all(REPLICASET)[0], "spec", "minReadySeconds") == 30
        assert {dig_str(pod, "metadata", "uid") for pod in c.pods} == before
        assert as_map(c.get(DEPLOYMENT, "web")["status"])["observedGeneration"] == 2
