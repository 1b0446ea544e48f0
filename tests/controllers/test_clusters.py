"""The conditions of Clusters follow the fleet's health, and nothing is written where it stays the same."""

import asyncio

import pytest

from sym.model import names
from sym.model.cluster import Cluster
from sym.model.codec import JSONMap, dig_list, dig_str
from sym.model.conditions import Condition, find_condition
from sym.model.kinds import CLUSTER, SECRET
from tests.make import BJ4
from tests.world import World, Write, installed, kubeconfig, until

pytestmark = pytest.mark.anyio


async def describe(world: World, name: str = BJ4, namespace: str = "default", **meta: str) -> None:
    """`kubectl apply` of a Cluster."""
    body: JSONMap = {
        "apiVersion": CLUSTER.api_version,
        "kind": CLUSTER.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"meta": dict(meta)},
    }
    await world.meta.apply(CLUSTER, body, "person", force=True)


async def condition(world: World, type_: str = names.READY, name: str = BJ4) -> Condition | None:
    """A condition of a Cluster."""
    cluster = await world.meta.get(CLUSTER, Cluster, "default", name)
    return find_condition(cluster.status.conditions, type_)


async def until_told(world: World, reason: str, name: str = BJ4, seconds: float = 120.0) -> None:
    """Wait until Ready has this reason."""

    async def told() -> bool:
        found = await condition(world, name=name)
        return found is not None and found.reason == reason

    await until(told, f"{name} is told as {reason}", seconds)


def written(world: World) -> list[Write]:
    """What was written to Clusters."""
    return [write for write in world.writes if "/clusters/" in write.path]


async def test_a_connected_cluster_is_ready_and_told_by_the_fleets_manager() -> None:
    async with installed(BJ4) as world, world.controller():
        await describe(world)
        await until_told(world, "Ready")
        raw = await world.raw("meta", CLUSTER, BJ4)
        managers = {dig_str(each, "manager") for each in dig_list(raw, "metadata", "managedFields")}
        assert managers == {"person", names.FLEET}


async def test_an_unreachable_cluster_is_told_so_and_once_until_it_comes_back() -> None:
    async with installed(BJ4) as world, world.controller():
        await describe(world)
        await until_told(world, "Ready")
        world.writes.clear()
        world.links[BJ4].cut()
        await until_told(world, "Unreachable")
        await asyncio.sleep(300)
        assert len(written(world)) == 1
        world.links[BJ4].heal()
        await until_told(world, "Ready")


async def test_a_broken_registration_stalls_with_the_sentence_that_says_what_is_wrong() -> None:
    world = World(BJ4)
    async with world.running():
        await world.register(BJ4, kubeconfig(BJ4).replace("https", "http"))
        await describe(world)
        async with world.controller():
            await until_told(world, "CredentialProblem")
            stalled = await condition(world, names.STALLED)
            assert stalled is not None
            assert stalled.true
            assert "https" in stalled.message
            assert f"sym-admin/{BJ4}" in stalled.message
            await world.register(BJ4)
            await until_told(world, "Ready")


async def test_maintaining_and_back() -> None:
    async with installed(BJ4) as world, world.controller():
        await describe(world)
        await until_told(world, "Ready")
        await world.register(BJ4, status="Maintaining")
        await until_told(world, "Maintaining")
        await world.register(BJ4, status="true")
        await until_told(world, "Ready")
        assert world.status_intervals("meta", f"/clusters/{BJ4}/status") >= 1.0


async def test_a_cluster_without_a_registration_says_so_until_there_is_one_and_again_afterwards() -> None:
    world = World(BJ4)
    async with world.running(), world.controller():
        await describe(world)
        await until_told(world, "ClusterNotRegistered")
        await world.register(BJ4)
        await until_told(world, "Ready")
        await world.remove(world.meta, SECRET, names.META_NAMESPACE, BJ4)
        await until_told(world, "ClusterNotRegistered")


async def test_a_restart_writes_nothing_to_clusters_in_any_state() -> None:
    world = World(BJ4, "away")
    world.down.add("away")
    async with world.running():
        await world.register(BJ4)
        await world.register("away")
        await world.register("resting", status="Maintaining")
        await world.register("broken", "a: [")
        for name in (BJ4, "away", "resting", "broken", "nowhere"):
            await describe(world, name)
        async with world.controller():
            await until_told(world, "Ready")
            await until_told(world, "Unreachable", "away")
            await until_told(world, "Maintaining", "resting")
            await until_told(world, "CredentialProblem", "broken")
            await until_told(world, "ClusterNotRegistered", "nowhere")
            await asyncio.sleep(5)
        world.writes.clear()
        async with world.controller():
            await asyncio.sleep(120)
        assert [write for write in world.writes if "/leases" not in write.path] == []


async def test_without_cluster_objects_nothing_is_written() -> None:
    async with installed(BJ4) as world, world.controller() as process:
        await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
        await asyncio.sleep(30)
        assert written(world) == []


async def test_a_standby_writes_nothing() -> None:
    async with installed(BJ4) as world, world.controller(identity="one"):
        await until(lambda: world.holds("meta", "one"), "one leads")
        await describe(world)
        await until_told(world, "Ready")
        world.writes.clear()
        async with world.controller(identity="two"):
            await asyncio.sleep(60)
            assert written(world) == []


async def test_metadata_of_a_cluster_reaches_the_fleet_from_whatever_namespace_it_is_in() -> None:
    async with installed(BJ4) as world, world.controller() as process:
        await describe(world, area="eastasia")
        await until(lambda: process.fleet.state(BJ4).meta.get("area") == "eastasia", "the document's way")
        await describe(world, namespace=names.META_NAMESPACE, area="north")
        await until(lambda: process.fleet.state(BJ4).meta.get("area") == "north", "beside its registration")
