"""StatefulSets and Services on the whole road, in virtual time."""

import asyncio

import pytest

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import PodSetStatus, ServiceStatus
from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT, ENDPOINT_SLICE, POD, SERVICE, STATEFULSET
from tests.make import BJ4, BJ5, stateful, two_clusters
from tests.world import META_NAME, World, installed, until

pytestmark = pytest.mark.anyio

BLUE = "bbcc-gz01b-blue"
SVC = "bbcc-svc"


async def told(world: World) -> tuple[PodSetStatus, ServiceStatus | None]:
    """What the child in BJ4 says of its podSet and of the Service."""
    status = (await world.apis[BJ4].get(ADVDEPLOYMENT, AdvDeployment, "default", "bbcc")).status.aggr_status
    (pod_set,) = status.pod_sets
    return pod_set, status.service


async def endpoints(world: World, cluster: str = BJ4) -> int:
    """Ready addresses, as the cluster's EndpointSlices have them."""
    found = [await world.raw(cluster, ENDPOINT_SLICE, name) for name in await world.names(cluster, ENDPOINT_SLICE)]
    return sum(
        dig(endpoint, "conditions", "ready") is True for each in found for endpoint in dig_list(each, "endpoints")
    )


async def images(world: World) -> list[str]:
    """The images of the pods in BJ4, by ordinal."""
    pods = [await world.raw(BJ4, POD, name) for name in await world.names(BJ4, POD)]
    return [dig_str(pod, "spec", "containers", 0, "image") for pod in pods]


async def test_a_statefulset_rolls_out_down_to_its_partition_and_scales() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        assert await world.names(BJ4, POD) == [f"{BLUE}-{ordinal}" for ordinal in range(3)]
        await world.apply(stateful("v2", partition=2))
        await world.until_running()
        assert await images(world) == ["dmall/bbcc:v1", "dmall/bbcc:v1", "dmall/bbcc:v2"]
        status = (await world.app()).status.aggr_status
        assert (status.version, status.available, status.desired) == ("v1/v2", 6, 6)
        await world.apply(stateful("v2", 4))
        await world.until_running()
        assert await images(world) == ["dmall/bbcc:v2"] * 4
        await world.apply(stateful("v2", 1))
        await world.until_running()
        assert await world.names(BJ4, POD) == [f"{BLUE}-0"]


async def test_a_broken_pod_that_an_update_waits_for_is_told_and_not_deleted() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        await world.apply(stateful("pull-fail"))
        await asyncio.sleep(60)
        broken = (await world.raw(BJ4, POD, f"{BLUE}-2"))["metadata"]
        await world.apply(stateful())
        await until(lambda: says(world, "BrokenPod"), "it tells what it waits for")
        assert dig(await world.raw(BJ4, POD, f"{BLUE}-2"), "metadata", "uid") == dig(broken, "uid")
        for cluster, name in ((BJ4, BLUE), (BJ5, "bbcc-gz01a-blue")):
            await world.remove(world.apis[cluster], POD, "default", f"{name}-2")
        await world.until_running()


async def says(world: World, reason: str) -> bool:
    """Whether the AppSet is stalled for that reason."""
    condition = find_condition((await world.app()).status.conditions, names.STALLED)
    return condition is not None and condition.true and condition.reason == reason


async def test_what_never_changes_is_refused_and_written_nowhere() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        uids, before = await world.uids(POD), await world.raw(BJ4, STATEFULSET, BLUE)
        await world.apply(stateful("v2", podManagementPolicy="Parallel"))
        await until(lambda: says(world, "ImmutableField"), "it is refused")
        await asyncio.sleep(30)
        assert await world.uids(POD) == uids
        assert dig_map(await world.raw(BJ4, STATEFULSET, BLUE), "spec") == dig_map(before, "spec")
        await world.apply(stateful())
        await world.until_running()


async def test_a_deleted_service_comes_back_and_a_changed_one_is_put_right() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        await world.remove(world.apis[BJ4], SERVICE, "default", SVC)
        await until(lambda: world.some(BJ4, SERVICE), "it is back")
        where: JSONMap = {"namespace": "default", "name": SVC}
        await world.apis[BJ4].patch(SERVICE, {"metadata": {**where, "labels": {"app": None}}}, "kubectl")
        await until(lambda: is_labelled(world), "the label is back")
        await until(lambda: all_served(world, 3), "and so are the endpoints")
        await world.until_running()


async def is_labelled(world: World) -> bool:
    """Whether the Service bears its label."""
    return dig(await world.raw(BJ4, SERVICE, SVC), "metadata", "labels", "app") == SVC


async def test_the_service_of_a_stranger_is_left_alone() -> None:
    async with installed() as world, world.controller():
        body: JSONMap = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": "default", "name": SVC},
            "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 1}]},
        }
        await world.apis[BJ4].create(SERVICE, body, "person")
        theirs = await world.raw(BJ4, SERVICE, SVC)
        await world.apply(stateful())
        await until(lambda: says(world, "ForeignOwner"), "it is told")
        await until(lambda: has_pods(world, 3), "the pods come all the same")
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet is gone")
        assert await world.raw(BJ4, SERVICE, SVC) == theirs
        assert await world.none(BJ5, SERVICE)


async def has_pods(world: World, count: int) -> bool:
    """Whether there are so many pods in BJ4."""
    return len(await world.names(BJ4, POD)) == count


async def test_endpoints_are_counted_as_the_cluster_counts_them() -> None:
    async with installed() as world, world.controller():
        await world.apply(with_service(two_clusters()))
        await world.until_running()
        await until(lambda: all_served(world, 2), "both pods are endpoints")
        pod_set, service = await told(world)
        assert pod_set.endpoint_ready
        assert service is not None
        assert (service.cluster_ip, service.domain) == ("None", "inner.bbcc.dmall.com")
        whole = (await world.app()).status.aggr_status.service
        assert whole is not None
        assert whole.endpoints == 4
        await world.apply(with_service(two_clusters(replicas=3)))
        await world.until_running()
        await until(lambda: all_served(world, 3), "the third too")


async def all_served(world: World, count: int) -> bool:
    """Whether child and cluster agree that so many pods get traffic."""
    pod_set, service = await told(world)
    assert service is not None
    return pod_set.endpoints == service.endpoints == await endpoints(world) == count


def with_service(app: JSONMap) -> JSONMap:
    """The AppSet with a domain."""
    return {**app, "spec": {**dig_map(app, "spec"), "serviceName": "inner.bbcc.dmall.com"}}


async def test_a_service_that_is_no_longer_asked_for_goes() -> None:
    async with installed() as world, world.controller():
        await world.apply(with_service(two_clusters()))
        await world.until_running()
        assert await world.names(BJ4, SERVICE) == [SVC]
        spec: JSONMap = {**dig_map(two_clusters(), "spec"), "serviceName": ""}
        await world.apply({**two_clusters(), "spec": spec})
        await until(lambda: world.none(BJ4, SERVICE), "it goes")
        await world.until_running()
        assert await world.names(BJ4, DEPLOYMENT) == [BLUE]


async def test_nothing_is_left_of_a_deleted_appset() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet is gone")
        for cluster in (BJ4, BJ5):
            assert await world.names(cluster, STATEFULSET) == await world.names(cluster, SERVICE) == []


async def test_nothing_is_written_when_nothing_changes_but_leases() -> None:
    async with installed() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        await asyncio.sleep(10)
        world.writes.clear()
        await asyncio.sleep(300)
        assert [write for write in world.writes if "/leases" not in write.path] == []
