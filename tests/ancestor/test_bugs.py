"""The first implementation's bugs (contract.md section 15), each as a test by its number: they must not come back."""

import asyncio

import pytest

from sym.controllers.checks import Checks
from sym.kube.requests import Request
from sym.model import kinds, names
from sym.model.codec import JSONMap, as_map, dig, encode
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CRD, DEPLOYMENT, POD
from sym.model.meta import Kind
from sym.sandbox.faults import ErrorEvent, Fault, Junk, is_list, is_watch
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.world import META_NAME, World, installed, kubeconfig, until

pytestmark = pytest.mark.anyio


async def vanish(world: World, cluster: str, kind: Kind, name: str) -> None:
    """Take an object out of a store as if it had never been: no finalizer is asked."""
    world.clusters[cluster].store.remove(kind, "default", name)


def labelled(team: str, replicas: int = 2) -> JSONMap:
    """The usual AppSet with a label."""
    body = two_clusters(replicas=replicas)
    as_map(body["spec"])["labels"] = {"team": team}
    return body


async def test_bug_1_an_appset_that_is_missing_deletes_nothing() -> None:
    """A restored or empty meta cluster must not wipe the fleet."""
    async with installed() as world:
        async with world.controller():
            await world.apply(two_clusters())
            await world.until_running()
        pods, deployments = await world.uids(POD), await world.uids(DEPLOYMENT)
        await vanish(world, META_NAME, APPSET, "bbcc")
        async with world.controller():
            await asyncio.sleep(300)
        assert await world.uids(POD) == pods
        assert await world.uids(DEPLOYMENT) == deployments
        assert await world.names(BJ4, ADVDEPLOYMENT) == ["bbcc"]


async def test_bug_1_an_appset_that_vanishes_under_a_running_controller_deletes_nothing() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        await vanish(world, META_NAME, APPSET, "bbcc")
        await asyncio.sleep(300)
        assert await world.uids(POD) == pods


async def test_bug_1_our_crd_deleted_in_a_member_restarts_no_pod() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        world.clusters[BJ4].store.remove(ADVDEPLOYMENT, "default", "bbcc")
        await world.remove(world.apis[BJ4], CRD, "", "advdeployments.workload.dmall.com")
        await asyncio.sleep(300)
        assert await world.uids(POD) == pods


async def test_bug_1_a_child_that_is_deleted_by_hand_keeps_its_pods_and_comes_back() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        await world.remove(world.apis[BJ4], ADVDEPLOYMENT, "default", "bbcc")
        await asyncio.sleep(5)
        await world.until_running()
        assert await world.uids(POD) == pods
        assert await world.names(BJ4, ADVDEPLOYMENT) == ["bbcc"]
        assert "OrphanedNotDeleted" in await world.reasons(BJ4, "AdvDeployment", "bbcc")


class Empty:
    """A server that has lost everything: every list is empty and every watch has to list again."""

    def next(self, request: Request) -> Fault | None:
        if is_watch(request):
            return ErrorEvent()
        if not is_list(request):
            return None
        plural = request.path.rsplit("/", 1)[1]
        kind = next(kind for kind in vars(kinds).values() if isinstance(kind, Kind) and kind.plural == plural)
        body: JSONMap = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "items": []}
        return Junk(body=encode({**body, "metadata": {"resourceVersion": "999999"}}))


@pytest.mark.parametrize("where", [META_NAME, BJ4])
async def test_bug_1_empty_lists_delete_nothing(where: str) -> None:
    async with installed() as world:
        async with world.controller():
            await world.apply(two_clusters())
            await world.until_running()
        pods, children = await world.uids(POD), await world.uids(ADVDEPLOYMENT)
        world.schedules[where] = Empty()
        async with world.controller():
            await asyncio.sleep(300)
        assert await world.uids(POD) == pods
        assert await world.uids(ADVDEPLOYMENT) == children


async def test_bug_2_the_finalizer_stays_while_a_cluster_has_not_confirmed() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        world.links[BJ5].cut()
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.none(BJ4, DEPLOYMENT), "the reachable cluster is emptied")
        await asyncio.sleep(600)
        app = await world.app()
        assert names.FINALIZER in app.metadata.finalizers
        assert app.metadata.annotations[names.CLUSTERS] == BJ5
        world.links[BJ5].heal()
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet ends once the cluster is back", seconds=300)
        assert await world.names(BJ5, DEPLOYMENT) == []


async def test_bug_2_an_abandoned_cluster_holds_nothing_up_and_is_not_touched() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        world.links[BJ5].cut()
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.none(BJ4, DEPLOYMENT), "the reachable cluster is emptied")
        await world.annotate("bbcc", names.ABANDON, BJ5)
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet ends without it", seconds=300)
        world.links[BJ5].heal()
        await asyncio.sleep(300)
        assert await world.names(BJ5, DEPLOYMENT) == ["bbcc-gz01a-blue"]


async def test_bug_3_one_unreachable_cluster_holds_up_no_other() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        world.links[BJ5].black_hole()
        await world.apply(two_clusters(replicas=3))

        async def grown() -> bool:
            return len(await world.names(BJ4, POD)) == 3

        await until(grown, "the other cluster follows the spec", seconds=30)
        await asyncio.sleep(120)
        app = await world.app()
        rows = {row.name: row for row in app.status.aggr_status.clusters}
        assert rows[BJ5].status == "Unreachable"
        assert rows[BJ4].available == 3
        assert str(app.status.aggr_status.status) == "Unknown"


async def test_bug_4_a_cluster_that_is_down_at_the_start_comes_by_itself() -> None:
    async with installed() as world:
        process = world.process()
        stop = asyncio.Event()
        world.down.add(BJ5)
        async with asyncio.TaskGroup() as group:
            group.create_task(process.run(stop))
            await world.apply(two_clusters())
            await until(lambda: world.some(BJ4, DEPLOYMENT), "the reachable cluster is served")
            await asyncio.sleep(600)
            world.links[BJ5].heal()
            await world.until_running(seconds=120)
            stop.set()


async def test_bug_4_a_cluster_that_is_registered_later_is_served_and_its_health_followed() -> None:
    world = World(BJ4, BJ5)
    async with world.running():
        await world.register(BJ4)
        async with world.controller() as process:
            await world.apply(two_clusters())
            await until(lambda: world.some(BJ4, DEPLOYMENT), "the registered cluster is served")
            await world.register(BJ5)
            await world.until_running()
            world.links[BJ5].cut()
            await until(lambda: process.fleet.state(BJ5).health == "Unreachable", "its trouble is seen", seconds=120)


async def test_bug_5_a_registration_that_cannot_be_used_keeps_no_other_from_coming_or_going() -> None:
    world = World("aaa", BJ4, BJ5)
    async with world.running():
        await world.register("aaa", "not: [a kubeconfig")
        await world.register(BJ4)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).usable, "the good one is there")
            assert process.fleet.state("aaa").health == "CredentialProblem"
            await world.register(BJ5)
            await until(lambda: process.fleet.state(BJ5).usable, "a later one comes")
            await world.unregister(BJ4)
            await until(lambda: BJ4 not in process.fleet.states(), "one that is removed goes")


async def test_bug_6_the_checks_of_a_removed_cluster_go_and_only_its_own() -> None:
    world = World("tcc-1", "tcc-10")
    async with world.running():
        await world.register("tcc-1")
        await world.register("tcc-10")
        async with world.controller() as process:
            await until(lambda: "tcc-10_pod_cache_sync" in process.ready.names, "checks are there")
            await world.unregister("tcc-1")
            await until(lambda: "tcc-1_pod_cache_sync" not in process.ready.names, "its checks go")
            await asyncio.sleep(10)
            assert "tcc-10_pod_cache_sync" in process.ready.names


async def test_bug_6_a_check_is_removed_by_its_whole_name() -> None:
    checks = Checks()
    checks.add("tcc-1", lambda: "")
    checks.add("tcc-10", lambda: "no")
    checks.remove("tcc-1")
    assert checks.results() == {"tcc-10": "no"}


async def test_bug_7_an_offline_cluster_is_shown() -> None:
    async with installed() as world, world.controller() as process:
        await until(lambda: process.fleet.state(BJ5).usable, "it is there")
        world.links[BJ5].cut()
        await until(lambda: process.fleet.state(BJ5).health == "Unreachable", "it is shown as such", seconds=120)
        assert set(process.fleet.states()) == {BJ4, BJ5}


async def test_bug_11_an_app_does_not_catch_the_objects_of_another_whose_name_begins_alike() -> None:
    async with installed() as world, world.controller():
        await world.apply(appset({BJ4: [pod_set("bbcc-blue")]}))
        await world.apply(appset({BJ4: [pod_set("bbcc2-blue")]}, name="bbcc2"))
        await world.until_running("bbcc")
        await world.until_running("bbcc2")
        pods = await world.uids(POD)
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.is_gone("bbcc"), "it is gone")
        await asyncio.sleep(60)
        left = {key: uid for key, uid in pods.items() if "bbcc2-" in key}
        assert await world.uids(POD) == left


async def test_bug_16_an_appset_without_replicas_is_served_like_any_other() -> None:
    async with installed() as world, world.controller():
        body = two_clusters()
        assert dig(body, "spec", "replicas") is None
        await world.apply(body)
        await world.until_running()
        assert (await world.app()).status.aggr_status.desired == 4


async def test_bug_17_what_the_spec_dropped_goes_only_after_the_new_is_available() -> None:
    async with installed() as world, world.controller():
        await world.apply(appset({BJ4: [pod_set("bbcc-blue")]}))
        await world.until_running()
        seen: list[tuple[bool, bool]] = []

        async def moved() -> bool:
            new = (await world.available(BJ5, "bbcc-green")) == 2
            old = "bbcc-blue" in await world.names(BJ4, DEPLOYMENT)
            seen.append((old, new))
            return new and not old

        await world.apply(appset({BJ5: [pod_set("bbcc-green")]}))
        await until(moved, "the pods moved")
        assert (False, False) not in seen


async def test_bug_19_labels_and_annotations_of_others_survive_our_writes_and_ours_follow_the_spec() -> None:
    async with installed() as world, world.controller():
        await world.apply(labelled("a"))
        await world.until_running()
        await world.label_child(BJ4, "bbcc", "seen-by", "somebody")
        await world.apply(labelled("b", replicas=3))
        await world.until_running()
        child = await world.raw(BJ4, ADVDEPLOYMENT, "bbcc")
        assert dig(child, "metadata", "labels", "team") == "b"
        assert dig(child, "metadata", "labels", "seen-by") == "somebody"


async def test_bug_a8_a_malformed_edit_of_a_registration_keeps_the_working_client() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        before = process.fleet.member(BJ4)
        await world.register(BJ4, kubeconfig(BJ4, exec={"command": "rm"}))
        await until(lambda: process.fleet.state(BJ4).health == "CredentialProblem", "it is said")
        assert "exec" in process.fleet.state(BJ4).reason
        await world.remove(world.apis[BJ4], DEPLOYMENT, "default", "bbcc-gz01b-blue")
        await until(lambda: world.some(BJ4, DEPLOYMENT), "the worker goes on repairing")
        assert process.fleet.member(BJ4) is before
        await world.register(BJ4)
        await world.until_running()
