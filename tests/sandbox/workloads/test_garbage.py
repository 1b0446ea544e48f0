"""The garbage collector and the namespace controller, on objects of any kind."""

import asyncio

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig_list
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, NAMESPACE, POD, SECRET
from sym.sandbox.store import Change, ChangeType
from sym.sandbox.workloads.deletion import delete, release
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio


def make(c: Cluster, name: str, *owners: str, blocks: bool = False, finalizers: tuple[str, ...] = ()) -> str:
    """A ConfigMap in `default`, owned by uids. Returns its uid."""
    references: list[JSON] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": uid, "blockOwnerDeletion": blocks}
        for uid in owners
    ]
    meta: JSONMap = {"name": name, "namespace": "default", "ownerReferences": references}
    return c.store.create(CONFIGMAP, {"metadata": {**meta, "finalizers": list(finalizers)}}).uid


def names(c: Cluster) -> set[str]:
    return {entry.name for entry in c.store.list(CONFIGMAP)}


def mark(c: Cluster, name: str, finalizer: str) -> None:
    """Ask for a deletion that waits: what the API does for propagationPolicy Foreground and Orphan."""
    c.edit(CONFIGMAP, name, lambda obj: as_map(obj["metadata"]).update(finalizers=[finalizer]))
    delete(c.store, c.env, CONFIGMAP, "default", name)


async def test_what_is_owned_ends_with_the_last_of_its_owners() -> None:
    async with cluster() as c:
        first, second = make(c, "first"), make(c, "second")
        make(c, "child", first)
        make(c, "shared", first, second)
        c.store.remove(CONFIGMAP, "default", "first")
        await asyncio.sleep(1)
        assert names(c) == {"second", "shared"}
        assert len(dig_list(c.get(CONFIGMAP, "shared"), "metadata", "ownerReferences")) == 1
        c.store.remove(CONFIGMAP, "default", "second")
        await asyncio.sleep(1)
        assert names(c) == set()


async def test_a_chain_of_owners_ends_to_its_last_link() -> None:
    async with cluster() as c:
        uid = make(c, "c0")
        for number in range(1, 20):
            uid = make(c, f"c{number}", uid)
        c.store.remove(CONFIGMAP, "default", "c0")
        await asyncio.sleep(1)
        assert names(c) == set()


async def test_in_the_foreground_the_owner_waits_for_those_that_block() -> None:
    async with cluster() as c:
        uid = make(c, "owner")
        make(c, "child", uid, blocks=True, finalizers=("test/hold",))
        mark(c, "owner", "foregroundDeletion")
        await asyncio.sleep(60)
        assert names(c) == {"owner", "child"}
        release(c.store, CONFIGMAP, "default", "child", "test/hold")
        await asyncio.sleep(1)
        assert names(c) == set()


async def test_a_deployment_deleted_in_the_foreground_outlives_its_pods() -> None:
    async with cluster() as c:
        c.deploy()
        await asyncio.sleep(5)
        c.edit(DEPLOYMENT, "web", lambda obj: as_map(obj["metadata"]).update(finalizers=["foregroundDeletion"]))
        delete(c.store, c.env, DEPLOYMENT, "default", "web")
        pods_at_the_end: list[int] = []
        c.store.subscribe(
            lambda change: pods_at_the_end.append(len(c.all(POD))) if _ended(change) else None, DEPLOYMENT
        )
        await asyncio.sleep(0.5)
        assert len(c.all(POD)) == 3
        await asyncio.sleep(5)
        assert pods_at_the_end == [0]


def _ended(change: Change) -> bool:
    return change.type is ChangeType.DELETED


async def test_orphans_lose_their_owner_and_stay() -> None:
    async with cluster() as c:
        make(c, "child", make(c, "owner"))
        mark(c, "owner", "orphan")
        await asyncio.sleep(1)
        assert names(c) == {"child"}
        assert dig_list(c.get(CONFIGMAP, "child"), "metadata", "ownerReferences") == []


async def test_a_finalizer_of_a_dependent_is_honoured() -> None:
    async with cluster() as c:
        uid = make(c, "owner")
        make(c, "child", uid, finalizers=("test/hold",))
        c.store.remove(CONFIGMAP, "default", "owner")
        await asyncio.sleep(1)
        assert "deletionTimestamp" in as_map(c.get(CONFIGMAP, "child")["metadata"])


async def test_a_terminating_namespace_is_emptied_and_ends_last() -> None:
    async with cluster() as c:
        c.store.create(NAMESPACE, {"metadata": {"name": "default"}, "spec": {"finalizers": ["kubernetes"]}})
        c.store.create(SECRET, {"metadata": {"name": "s", "namespace": "default", "finalizers": ["test/hold"]}})
        c.store.create(SECRET, {"metadata": {"name": "s", "namespace": "other"}})
        c.deploy()
        await asyncio.sleep(5)

        def terminate(obj: JSONMap) -> None:
            as_map(obj["metadata"])["deletionTimestamp"] = c.store.now()

        assert c.store.mutate(NAMESPACE, "", "default", terminate)
        await asyncio.sleep(60)
        assert c.all(DEPLOYMENT) == c.all(POD) == []
        assert c.store.get(NAMESPACE, "", "default") is not None
        release(c.store, SECRET, "default", "s", "test/hold")
        await asyncio.sleep(60)
        assert c.store.get(NAMESPACE, "", "default") is None
        assert [entry.namespace for entry in c.store.list(SECRET)] == ["other"]
