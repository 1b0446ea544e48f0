"""Endpoints and EndpointSlices of Services, in virtual time."""

import asyncio

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import POD, SERVICE
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.endpoints import ENDPOINTS, SLICE
from sym.settings import WorkloadSettings
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio
PORTS: list[JSON] = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "raw", "port": 9000}]


def make(c: Cluster, **spec: JSON) -> None:
    meta: JSONMap = {"name": "web", "namespace": "default", "labels": {"team": "shop"}}
    c.store.create(SERVICE, {"metadata": meta, "spec": {"selector": {"app": "web"}, "ports": PORTS, **spec}})


def deploy(c: Cluster, replicas: int) -> None:
    with_port: JSON = [{"name": "main", "image": "shop:v1", "ports": [{"name": "web", "containerPort": 8080}]}]
    c.deploy(replicas=replicas, template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": with_port}})


def addresses(c: Cluster, field: str = "addresses") -> set[str]:
    return {dig_str(found, "ip") for found in dig_list(c.get(ENDPOINTS, "web"), "subsets", 0, field)}


async def test_ready_pods_are_addresses_and_others_are_not_ready_ones() -> None:
    async with cluster() as c:
        make(c)
        deploy(c, 2)
        await asyncio.sleep(1.5)
        assert addresses(c) == set()
        assert len(addresses(c, "notReadyAddresses")) == 2
        await asyncio.sleep(5)
        assert addresses(c) == {dig_str(pod, "status", "podIP") for pod in c.pods}
        ports = dig_list(c.get(ENDPOINTS, "web"), "subsets", 0, "ports")
        assert [(dig(port, "name"), dig(port, "port")) for port in ports] == [("http", 8080), ("raw", 9000)]
        (slice_,) = c.all(SLICE)
        assert dig(slice_, "metadata", "labels", "kubernetes.io/service-name") == "web"
        assert {dig_str(found, "addresses", 0) for found in dig_list(slice_, "endpoints")} == addresses(c)
        assert all(dig(found, "conditions", "ready") is True for found in dig_list(slice_, "endpoints"))


async def test_a_pod_that_is_going_leaves_before_it_is_gone() -> None:
    async with cluster(WorkloadSettings(stop_seconds=20)) as c:
        make(c)
        deploy(c, 1)
        await asyncio.sleep(5)
        gone = dig_str(c.pods[0], "status", "podIP")
        delete(c.store, c.env, POD, "default", dig_str(c.pods[0], "metadata", "name"))
        await asyncio.sleep(0.1)
        assert gone not in addresses(c)
        shown = {dig_str(found, "addresses", 0): found for found in dig_list(c.all(SLICE)[0], "endpoints")}
        assert as_map(as_map(shown[gone])["conditions"]) == {"ready": False, "serving": True, "terminating": True}


async def test_pods_that_are_not_ready_may_be_published() -> None:
    async with cluster() as c:
        make(c, publishNotReadyAddresses=True)
        deploy(c, 1)
        await asyncio.sleep(1.5)
        assert len(addresses(c)) == 1


async def test_many_pods_need_several_slices_and_few_need_one_again() -> None:
    async with cluster() as c:
        make(c)
        deploy(c, 230)
        await asyncio.sleep(20)
        assert sorted(len(dig_list(found, "endpoints")) for found in c.all(SLICE)) == [30, 100, 100]
        c.set_spec(replicas=1)
        await asyncio.sleep(20)
        assert [len(dig_list(found, "endpoints")) for found in c.all(SLICE)] == [1]


async def test_without_selector_others_keep_the_endpoints() -> None:
    async with cluster() as c:
        make(c, selector={})
        deploy(c, 1)
        await asyncio.sleep(5)
        assert c.all(ENDPOINTS) == c.all(SLICE) == []


async def test_endpoints_end_with_their_service() -> None:
    async with cluster() as c:
        make(c)
        deploy(c, 1)
        await asyncio.sleep(5)
        c.store.remove(SERVICE, "default", "web")
        await asyncio.sleep(1)
        assert c.all(ENDPOINTS) == c.all(SLICE) == []
