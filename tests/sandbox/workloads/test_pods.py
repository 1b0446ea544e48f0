"""Scheduler, kubelet and ReplicaSets, seen from outside, in virtual time."""

import asyncio

import pytest

from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import DEPLOYMENT, EVENT, NODE, POD, REPLICASET
from sym.sandbox.workloads.deletion import delete
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio


def state(pod: JSONMap, at: int = 0) -> str:
    """What kubectl shows as STATUS, nearly: the reason of a container's state, or the phase."""
    found = as_map(dig(pod, "status", "containerStatuses", at, "state"))
    return (
        dig_str(found, "waiting", "reason") or dig_str(found, "terminated", "reason") or dig_str(pod, "status", "phase")
    )


def restarts(pod: JSONMap) -> object:
    return dig(pod, "status", "containerStatuses", 0, "restartCount")


def remove(c: Cluster, name: str) -> None:
    delete(c.store, c.env, POD, "default", name)


async def test_a_pod_is_scheduled_then_created_then_running_then_ready() -> None:
    async with cluster() as c:
        c.pod()
        await asyncio.sleep(0.5)
        assert state(c.get(POD, "solo")) == "ContainerCreating"
        assert dig_str(c.get(POD, "solo"), "spec", "nodeName").startswith("node-")
        assert "podIP" not in as_map(c.get(POD, "solo")["status"])
        await asyncio.sleep(1)
        assert state(c.get(POD, "solo")) == "Running"
        assert not c.ready(c.get(POD, "solo"))
        await asyncio.sleep(1)
        pod = c.get(POD, "solo")
        assert c.ready(pod)
        assert dig_str(pod, "status", "podIP").startswith("10.")
        assert dig_str(pod, "status", "containerStatuses", 0, "imageID").startswith("docker.io/library/shop@sha256:")
        order = ["Scheduled", "Pulling", "Pulled", "Created", "Started"]
        assert {dig_str(event, "reason") for event in c.all(EVENT)} == set(order)


async def test_a_readiness_probe_delays_readiness() -> None:
    async with cluster() as c:
        probe: JSONMap = {"name": "main", "image": "shop:v1", "readinessProbe": {"initialDelaySeconds": 20}}
        c.pod(containers=[probe])
        await asyncio.sleep(20)
        assert not c.ready(c.get(POD, "solo"))
        await asyncio.sleep(3)
        assert c.ready(c.get(POD, "solo"))


async def test_pods_spread_over_the_nodes() -> None:
    async with cluster() as c:
        c.deploy(replicas=9)
        await asyncio.sleep(5)
        nodes = [dig_str(pod, "spec", "nodeName") for pod in c.pods]
        assert {node: nodes.count(node) for node in set(nodes)} == {"node-1": 3, "node-2": 3, "node-3": 3}


async def test_a_pod_that_fits_no_node_waits_and_says_why() -> None:
    async with cluster() as c:
        c.pod(nodeSelector={"disk": "ssd"})
        await asyncio.sleep(5)
        pod = c.get(POD, "solo")
        assert dig_str(pod, "status", "conditions", 0, "reason") == "Unschedulable"
        assert c.events("FailedScheduling")[0].startswith("0/3 nodes are available")

        def label(node: JSONMap) -> None:
            as_map(as_map(node["metadata"])["labels"])["disk"] = "ssd"

        assert c.store.mutate(NODE, "", "node-2", label)
        await asyncio.sleep(5)
        assert dig_str(c.get(POD, "solo"), "spec", "nodeName") == "node-2"
        assert c.ready(c.get(POD, "solo"))


async def test_a_cordoned_node_gets_no_pods() -> None:
    async with cluster() as c:
        for name in ("node-1", "node-3"):
            assert c.store.mutate(NODE, "", name, lambda node: as_map(node["spec"]).update(unschedulable=True))
        c.deploy(replicas=4)
        await asyncio.sleep(5)
        assert {dig_str(pod, "spec", "nodeName") for pod in c.pods} == {"node-2"}


async def test_crash_loops_back_off_and_count_restarts() -> None:
    async with cluster() as c:
        c.pod(image="shop:v1-crash")
        await asyncio.sleep(1.5)
        assert state(c.get(POD, "solo")) == "Running"
        await asyncio.sleep(2)
        pod = c.get(POD, "solo")
        assert state(pod) == "CrashLoopBackOff"
        assert dig(pod, "status", "phase") == "Running"
        assert dig(pod, "status", "containerStatuses", 0, "lastState", "terminated", "exitCode") == 1
        assert restarts(pod) == 1
        await asyncio.sleep(600)
        assert restarts(c.get(POD, "solo")) == 6  # at once, then after 10, 20, 40, 80 and 160 seconds
        assert not c.ready(c.get(POD, "solo"))
        again = next(event for event in c.all(EVENT) if event["reason"] == "BackOff")
        assert again["count"] == 6
        assert again["type"] == "Warning"


async def test_an_image_that_cannot_be_pulled_alternates_between_its_two_words() -> None:
    async with cluster() as c:
        c.pod(image="shop:pull-fail")
        await asyncio.sleep(1.5)
        assert state(c.get(POD, "solo")) == "ErrImagePull"
        await asyncio.sleep(2)
        pod = c.get(POD, "solo")
        assert state(pod) == "ImagePullBackOff"
        assert dig(pod, "status", "phase") == "Pending"
        assert "Error: ImagePullBackOff" in c.events("Failed")


async def test_a_slow_image_is_slow() -> None:
    async with cluster() as c:
        c.pod(image="slow-shop:v1")
        await asyncio.sleep(50)
        assert state(c.get(POD, "solo")) == "ContainerCreating"
        await asyncio.sleep(15)
        assert c.ready(c.get(POD, "solo"))


async def test_a_corrected_image_is_started_in_place() -> None:
    async with cluster() as c:
        c.pod(image="shop:pull-fail")
        await asyncio.sleep(5)

        def correct(pod: JSONMap) -> None:
            as_map(dig_list(pod, "spec", "containers")[0])["image"] = "shop:v2"

        c.edit(POD, "solo", correct)
        await asyncio.sleep(5)
        pod = c.get(POD, "solo")
        assert c.ready(pod)
        assert restarts(pod) == 0


async def test_an_image_changed_in_a_running_pod_restarts_the_container_only() -> None:
    async with cluster() as c:
        c.pod()
        await asyncio.sleep(5)
        before = c.get(POD, "solo")

        def change(pod: JSONMap) -> None:
            as_map(dig_list(pod, "spec", "containers")[0])["image"] = "shop:v2"

        c.edit(POD, "solo", change)
        await asyncio.sleep(5)
        pod = c.get(POD, "solo")
        assert c.ready(pod)
        assert restarts(pod) == 1
        assert dig(pod, "metadata", "uid") == dig(before, "metadata", "uid")
        assert dig(pod, "status", "podIP") == dig(before, "status", "podIP")
        assert dig_str(pod, "status", "containerStatuses", 0, "image").endswith("shop:v2")


async def test_init_containers_come_first_and_one_that_fails_holds_the_pod() -> None:
    async with cluster() as c:
        c.pod("good", initContainers=[{"name": "first", "image": "setup:v1"}])
        c.pod("bad", initContainers=[{"name": "first", "image": "setup:crash"}])
        await asyncio.sleep(1.2)
        assert state(c.get(POD, "good")) in ("PodInitializing", "ContainerCreating")
        await asyncio.sleep(10)
        assert c.ready(c.get(POD, "good"))
        bad = c.get(POD, "bad")
        assert dig(bad, "status", "phase") == "Pending"
        assert dig(bad, "status", "initContainerStatuses", 0, "state", "waiting", "reason") == "CrashLoopBackOff"


async def test_a_pod_that_shall_not_restart_fails_for_good() -> None:
    async with cluster() as c:
        c.pod(image="shop:crash", restartPolicy="Never")
        await asyncio.sleep(60)
        pod = c.get(POD, "solo")
        assert dig(pod, "status", "phase") == "Failed"
        assert state(pod) == "Error"
        assert restarts(pod) == 0


async def test_deletion_is_graceful_and_shorter_where_the_grace_is() -> None:
    async with cluster() as c:
        c.pod("slow")
        c.pod("fast", terminationGracePeriodSeconds=0)
        await asyncio.sleep(5)
        remove(c, "slow")
        remove(c, "fast")
        await asyncio.sleep(0.5)
        assert c.store.get(POD, "default", "fast") is None
        assert dig(c.get(POD, "slow"), "metadata", "deletionGracePeriodSeconds") == 30
        assert "Stopping container main" in c.events("Killing")
        await asyncio.sleep(1)
        assert c.store.get(POD, "default", "slow") is None


async def test_a_pod_that_is_not_scheduled_goes_at_once() -> None:
    async with cluster() as c:
        c.pod(nodeSelector={"disk": "ssd"})
        await asyncio.sleep(1)
        remove(c, "solo")
        assert c.store.get(POD, "default", "solo") is None


async def test_a_finalizer_keeps_a_stopped_pod_until_it_is_released() -> None:
    async with cluster() as c:
        c.pod()
        c.edit(POD, "solo", lambda pod: as_map(pod["metadata"]).update(finalizers=["test/hold"]))
        await asyncio.sleep(5)
        remove(c, "solo")
        await asyncio.sleep(60)
        assert not c.ready(c.get(POD, "solo"))
        c.edit(POD, "solo", lambda pod: as_map(pod["metadata"]).update(finalizers=[]))
        await asyncio.sleep(1)
        assert c.store.get(POD, "default", "solo") is None


async def test_a_deleted_pod_is_replaced_and_a_relabelled_one_released() -> None:
    async with cluster() as c:
        c.deploy(replicas=2)
        await asyncio.sleep(5)
        first, second = (dig_str(pod, "metadata", "name") for pod in c.pods)
        remove(c, first)
        c.edit(POD, second, lambda pod: as_map(as_map(pod["metadata"])["labels"]).update(app="debug"))
        await asyncio.sleep(10)
        names = {dig_str(pod, "metadata", "name") for pod in c.pods}
        assert first not in names
        assert second in names
        assert len(names) == 3
        assert dig_list(c.get(POD, second), "metadata", "ownerReferences") == []


async def test_a_replica_set_adopts_pods_that_match() -> None:
    async with cluster() as c:
        c.pod("web")
        await asyncio.sleep(5)
        body: JSONMap = {
            "metadata": {"name": "web", "namespace": "default", "generation": 1},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
            },
        }
        c.store.create(REPLICASET, body)
        await asyncio.sleep(1)
        assert len(c.pods) == 2
        assert dig(c.get(POD, "web"), "metadata", "ownerReferences", 0, "kind") == "ReplicaSet"


async def test_scaling_down_takes_pods_that_are_not_ready_first_then_cheap_ones() -> None:
    async with cluster() as c:
        c.deploy(replicas=3)
        await asyncio.sleep(30)
        cheap, keep, other = (dig_str(pod, "metadata", "name") for pod in c.pods)
        cost = "controller.kubernetes.io/pod-deletion-cost"
        c.edit(POD, cheap, lambda pod: as_map(pod["metadata"]).update(annotations={cost: "-5"}))

        def crash(pod: JSONMap) -> None:
            as_map(dig_list(pod, "spec", "containers")[0])["image"] = "shop:crash"

        c.edit(POD, other, crash)
        await asyncio.sleep(10)
        c.set_spec(replicas=2)
        await asyncio.sleep(10)
        assert {dig_str(pod, "metadata", "name") for pod in c.pods} == {cheap, keep}
        c.set_spec(replicas=1)
        await asyncio.sleep(10)
        assert [dig_str(pod, "metadata", "name") for pod in c.pods] == [keep]


async def test_events_are_forgotten_after_their_time_but_not_while_they_go_on() -> None:
    async with cluster() as c:
        c.deploy(replicas=1, image="shop:crash")
        await asyncio.sleep(3500)
        assert c.events("SuccessfulCreate")
        await asyncio.sleep(600)
        assert not c.events("SuccessfulCreate")
        assert c.events("BackOff")


async def test_deleting_a_deployment_ends_everything_it_made() -> None:
    async with cluster() as c:
        c.deploy(replicas=5)
        await asyncio.sleep(5)
        delete(c.store, c.env, DEPLOYMENT, "default", "web")
        await asyncio.sleep(5)
        assert c.all(REPLICASET) == []
        assert c.all(POD) == []
