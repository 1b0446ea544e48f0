"""What is not there, or cannot be read, never means delete: no workload ends and no pod restarts.

Each story puts a running AppSet through a loss and waits long; `House.unharmed` is the judge.
"""

import asyncio
from collections.abc import Callable

import pytest

from sym.kube.errors import NotFound
from sym.model import names
from sym.model.codec import JSONMap, dig_map
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONFIGMAP, CRD, DEPLOYMENT, SECRET
from sym.sandbox.faults import Hang, Junk, Refuse, Reset, Truncated
from tests.make import BJ4, BJ5, stateful, two_clusters
from tests.safety.house import Charm, House, at_rest, empty_lists, every_answer, refused_lists
from tests.world import META_NAME, kubeconfig, until

pytestmark = pytest.mark.anyio

LONG = 150.0  # virtual seconds: longer than every deadline, lease and staleness bound of ours

CHILDREN, APPSETS = f"{ADVDEPLOYMENT.plural}.{ADVDEPLOYMENT.group}", f"{APPSET.plural}.{APPSET.group}"


async def test_an_appset_that_vanishes_from_the_meta_cluster_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller(), world.unharmed():
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        await asyncio.sleep(LONG)


async def test_an_appset_that_is_missing_when_the_master_starts_leaves_all_that_runs() -> None:
    async with at_rest() as world:
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)


async def test_a_meta_cluster_restored_empty_leaves_all_that_runs() -> None:
    async with at_rest() as world, asyncio.TaskGroup() as group:
        fresh = await world.replace_meta()
        running = group.create_task(fresh.run())
        for member in (BJ4, BJ5):
            await world.register(member)
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)
        running.cancel()


async def test_a_lost_fleet_record_is_not_minted_anew_while_children_carry_its_id() -> None:
    async with at_rest() as world:
        store = world.clusters[META_NAME].store
        lost = await world.meta.get_raw(CONFIGMAP, names.META_NAMESPACE, names.FLEET_RECORD)
        store.remove(CONFIGMAP, names.META_NAMESPACE, names.FLEET_RECORD)
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)
            assert store.get(CONFIGMAP, names.META_NAMESPACE, names.FLEET_RECORD) is None
            await world.meta.create(CONFIGMAP, _restored(lost), "velero")
            await world.until_running()


async def test_an_appset_restored_from_a_backup_finds_its_pods_again() -> None:
    async with at_rest() as world:
        backup = await world.raw(META_NAME, APPSET, "bbcc")
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)
            await world.meta.create(APPSET, _restored(backup), "velero")
            await world.until_running()


async def test_an_appset_recreated_by_hand_does_not_take_over_what_runs() -> None:
    async with at_rest() as world:
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        async with world.unharmed(), world.controller():
            await world.apply(two_clusters("v2", 1))
            await until(lambda: _said(world, "ForeignOwner"), "the AppSet says whose its children are")
            await asyncio.sleep(LONG)


async def test_deleting_such_a_recreated_appset_takes_nothing_along() -> None:
    async with at_rest() as world:
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        async with world.unharmed(), world.controller():
            await world.apply(two_clusters("v2", 1))
            await until(lambda: _said(world, "ForeignOwner"), "the AppSet says whose its children are")
            await world.remove(world.meta, APPSET, "default", "bbcc")
            await until(lambda: world.none(META_NAME, APPSET), "it goes without taking anything along", LONG)


async def test_a_child_deleted_by_hand_is_recorded_anew_and_its_pods_stay() -> None:
    async with at_rest() as world, world.controller():
        before = await world.raw(BJ4, ADVDEPLOYMENT, "bbcc")
        async with world.unharmed():
            await world.remove(world.apis[BJ4], ADVDEPLOYMENT, "default", "bbcc")

            async def anew() -> bool:
                try:
                    now = await world.raw(BJ4, ADVDEPLOYMENT, "bbcc")
                except NotFound:
                    return False
                return dig_map(now, "metadata")["uid"] != dig_map(before, "metadata")["uid"]

            await until(anew, "the master records it anew")
            await world.until_running()
            await asyncio.sleep(LONG)
        assert "OrphanedNotDeleted" in await world.reasons(BJ4, ADVDEPLOYMENT.name, "bbcc")


async def test_our_crd_deleted_in_a_member_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller(), world.unharmed():
        await world.remove(world.apis[BJ4], CRD, "", CHILDREN)
        await until(lambda: _missing(world, BJ4, CHILDREN), "the CRD is gone")
        await asyncio.sleep(LONG)
        await world._install(BJ4)
        await asyncio.sleep(LONG)
        await world.until_running()


async def test_our_crd_deleted_in_a_member_while_nobody_looks_leaves_all_that_runs() -> None:
    async with at_rest() as world:
        for item in (BJ4, BJ5):
            world.clusters[item].store.remove(ADVDEPLOYMENT, "default", "bbcc")
            world.clusters[item].store.remove(CRD, "", CHILDREN)
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)
            for item in (BJ4, BJ5):
                await world._install(item)
            await asyncio.sleep(LONG)
            await world.until_running()


async def test_the_crd_of_appsets_deleted_in_the_meta_cluster_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller(), world.unharmed():
        await world.remove(world.meta, CRD, "", APPSETS)
        await until(lambda: _said(world, "NotMeant"), "the AppSet says why nothing ends")
        await asyncio.sleep(LONG)
        await world.apply(
            {
                "metadata": {
                    "name": "bbcc",
                    "namespace": "default",
                    "annotations": {names.ABANDON: f"{BJ4},{BJ5}"},
                },
                "spec": two_clusters()["spec"],
            }
        )
        await until(lambda: _missing(world, META_NAME, APPSETS), "the CRD goes once the clusters are abandoned")
        await asyncio.sleep(LONG)


async def test_a_registration_removed_and_put_back_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller(), world.unharmed():
        await world.unregister(BJ4)
        await asyncio.sleep(LONG)
        await until(lambda: _said(world, "ClusterNotRegistered"), "the AppSet says that it is gone")
        await world.register(BJ4)
        await world.until_running()


REGISTRATIONS: dict[str, tuple[str | None, dict[str, str]]] = {
    "empty": ("", {}),
    "binary": ("\0\0\0", {}),
    "cut off": ("{", {}),
    "a list": ("[]", {}),
    "an alias that holds itself": ("a: &a [*a]", {}),
    "oversized": ("x" * 70_000, {}),
    "plain http": (kubeconfig("elsewhere").replace("https", "http"), {}),
    "Maintaining": (None, {"status": "Maintaining"}),
    "bad meta": (None, {"meta": "{"}),
}


async def test_a_registration_emptied_or_malformed_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller():
        await asyncio.sleep(10)
        async with world.unharmed():
            for text, more in REGISTRATIONS.values():
                await world.register(BJ4, text, **more)
                await asyncio.sleep(40)
            await world.register(BJ4)
            await world.until_running()


async def test_a_start_on_a_malformed_registration_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.unharmed():
        for text, more in REGISTRATIONS.values():
            await world.register(BJ4, text, **more)
            async with world.controller():
                await asyncio.sleep(40)
        await world.register(BJ4)
        async with world.controller():
            await world.until_running()


async def test_the_namespace_of_registrations_emptied_leaves_all_that_runs() -> None:
    async with at_rest() as world:
        for kind in (SECRET, CONFIGMAP):
            for entry in world.clusters[META_NAME].store.list(kind, names.META_NAMESPACE):
                world.clusters[META_NAME].store.remove(kind, names.META_NAMESPACE, entry.name)
        async with world.unharmed(), world.controller():
            await asyncio.sleep(LONG)


META_KINDS = (APPSET.plural, "secrets", "configmaps", "clusters")
MEMBER_KINDS = (
    ADVDEPLOYMENT.plural,
    "deployments",
    "statefulsets",
    "replicasets",
    "services",
    "endpointslices",
    "pods",
    "events",
)
LISTS = [
    *((META_NAME, kinds) for kinds in ((), *zip(META_KINDS, strict=True))),
    *((BJ4, kinds) for kinds in ((), *zip(MEMBER_KINDS, strict=True))),
]
"""Which lists of which cluster lie; all of them where no kind is named."""


@pytest.mark.parametrize("app", [two_clusters(), stateful()], ids=["deployment", "StatefulSet"])
async def test_lists_that_come_back_empty_end_nothing(app: JSONMap) -> None:
    async with at_rest(app) as world, world.controller():
        await asyncio.sleep(10)
        async with world.unharmed():
            for cluster, kinds in LISTS:
                lies = world.lies(cluster)
                await world.bewitch(cluster, empty_lists(world.clusters[cluster].store, *kinds))
                await asyncio.sleep(100)
                assert world.lies(cluster) > lies, f"nobody listed {kinds} of {cluster}, so nobody was lied to"
                world.spells[cluster].lift()
                await world.until_running(seconds=LONG)


async def test_a_child_that_a_foreign_schema_pruned_bare_leaves_all_that_runs() -> None:
    async with at_rest() as world, world.controller(master=False), world.unharmed():
        bare: JSONMap = {
            "metadata": {"namespace": "default", "name": "bbcc"},
            "spec": {"topology": None, "replicas": 0},
        }
        await world.apis[BJ4].patch(ADVDEPLOYMENT, bare, "person")
        await asyncio.sleep(LONG)


async def test_a_start_on_empty_lists_ends_nothing() -> None:
    async with at_rest() as world, world.unharmed():
        for cluster, kinds in LISTS:
            world.spells[cluster].cast(empty_lists(world.clusters[cluster].store, *kinds))
            async with world.controller():
                await asyncio.sleep(40)
                world.spells[cluster].lift()
                await world.until_running(seconds=LONG)


async def test_a_deletion_under_empty_lists_ends_only_when_the_truth_is_told() -> None:
    async with at_rest() as world, world.controller():
        await asyncio.sleep(10)
        await world.bewitch(BJ4, empty_lists(world.clusters[BJ4].store))
        await asyncio.sleep(30)
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await asyncio.sleep(LONG)
        assert await world.names(BJ4, DEPLOYMENT) == [] or await world.names(META_NAME, APPSET) == ["bbcc"]
        world.spells[BJ4].lift()
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet is gone", 2 * LONG)
        for member in (BJ4, BJ5):
            for kind in (ADVDEPLOYMENT, DEPLOYMENT):
                assert await world.none(member, kind), f"{kind.name} left in {member}"


WRECKS: dict[str, Callable[[], Charm]] = {
    "403 on lists": lambda: refused_lists(403, "Forbidden"),
    "403 on lists of namespaced kinds": lambda: refused_lists(403, "Forbidden", "pods", "deployments"),
    "401": lambda: every_answer(Refuse(code=401, reason="Unauthorized")),
    "404": lambda: every_answer(Refuse(code=404, reason="NotFound")),
    "bare 503": lambda: every_answer(Refuse(code=503, bare=True)),
    "429": lambda: every_answer(Refuse(code=429, reason="TooManyRequests", retry_after=1)),
    "junk": lambda: every_answer(Junk()),
    "empty object": lambda: every_answer(Junk(body=b"{}")),
    "null": lambda: every_answer(Junk(body=b"null")),
    "cut off": lambda: every_answer(Truncated()),
    "reset": lambda: every_answer(Reset()),
    "hang": lambda: every_answer(Hang()),
}


@pytest.mark.parametrize("cluster", [META_NAME, BJ4])
async def test_a_cluster_that_answers_badly_ends_nothing(cluster: str) -> None:
    async with at_rest() as world, world.controller():
        await asyncio.sleep(10)
        async with world.unharmed():
            for wreck in WRECKS.values():
                await world.bewitch(cluster, wreck())
                await asyncio.sleep(100)
                world.spells[cluster].lift()
                await world.until_running(seconds=LONG)
            await asyncio.sleep(LONG)


async def _said(world: House, reason: str) -> bool:
    """Whether the AppSet's condition Ready gives that reason."""
    ready = find_condition((await world.app()).status.conditions, names.READY)
    return ready is not None and ready.reason == reason


async def _missing(world: House, cluster: str, crd: str) -> bool:
    try:
        await world.apis[cluster].get_raw(CRD, "", crd)
    except NotFound:
        return True
    return False


def _restored(backup: JSONMap) -> JSONMap:
    """An object as a backup tool writes it anew: without identity and status."""
    metadata: JSONMap = {key: value for key, value in dig_map(backup, "metadata").items() if key in _KEPT}
    restored: JSONMap = {key: value for key, value in backup.items() if key not in ("metadata", "status")}
    restored["metadata"] = metadata
    return restored


_KEPT = ("name", "namespace", "labels", "annotations", "finalizers")
