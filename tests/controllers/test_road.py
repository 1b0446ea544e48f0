"""The whole road in virtual time: AppSet, children, workloads, pods, status; and back down again."""

import asyncio
from functools import partial

import pytest

from sym.model.codec import dig
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT, POD
from tests.make import BJ4, BJ5, two_clusters
from tests.world import META_NAME, installed, until

pytestmark = pytest.mark.anyio


async def test_an_appset_runs_in_two_clusters_and_tells_so() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        app = await world.app()
        assert app.status.aggr_status.desired == 4
        assert app.status.aggr_status.available == 4
        assert app.status.aggr_status.version == "v1"
        assert await world.names(BJ4, DEPLOYMENT) == ["bbcc-gz01b-blue"]
        assert await world.names(BJ5, DEPLOYMENT) == ["bbcc-gz01a-blue"]
        ready = find_condition(app.status.conditions, "Ready")
        assert ready is not None
        assert ready.true


async def test_a_new_leader_begins_as_soon_as_all_registered_clusters_have_answered() -> None:
    async with installed() as world:
        await world.apply(two_clusters())
        async with world.controller():
            await until(
                lambda: world.names(BJ5, ADVDEPLOYMENT), "it has begun", world.settings.controller.settle_seconds / 2
            )


async def test_a_changed_count_and_version_reach_the_pods() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await world.apply(two_clusters("v2", 3))
        await world.until_running()
        app = await world.app()
        assert app.status.aggr_status.available == 6
        assert app.status.aggr_status.version == "v2"
        assert len(await world.names(BJ5, POD)) == 3


async def test_deleting_an_appset_ends_its_pods_everywhere_and_then_itself() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.none(META_NAME, APPSET), "the AppSet is gone")
        for cluster in (BJ4, BJ5):
            assert await world.names(cluster, ADVDEPLOYMENT) == []
            assert await world.names(cluster, DEPLOYMENT) == []
            await until(partial(world.none, cluster, POD), "its pods are gone")


async def test_a_cluster_dropped_from_the_topology_is_emptied_after_the_others_run() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        spec = two_clusters()
        clusters = dig(spec, "spec", "clusterTopology", "clusters")
        assert isinstance(clusters, list)
        del clusters[1]
        await world.apply(spec)
        await until(lambda: world.none(BJ5, POD), "the dropped cluster is empty")
        await world.until_running()
        assert await world.names(BJ5, ADVDEPLOYMENT) == []
        assert (await world.app()).status.aggr_status.desired == 2


async def test_nothing_is_written_when_nothing_changes_but_leases() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await asyncio.sleep(5)
        world.writes.clear()
        await asyncio.sleep(300)
        assert [write for write in world.writes if "/leases" not in write.path] == []


async def test_a_restart_writes_nothing_but_leases() -> None:
    async with installed() as world:
        async with world.controller():
            await world.apply(two_clusters())
            await world.until_running()
            await asyncio.sleep(5)
        world.writes.clear()
        async with world.controller():
            await asyncio.sleep(60)
        assert [write for write in world.writes if "/leases" not in write.path] == []


async def test_a_graceful_stop_gives_the_locks_back_so_that_the_next_process_starts_at_once() -> None:
    async with installed() as world:
        async with world.controller(identity="one"):
            await until(world.holders, "locks are held")
        assert set((await world.holders()).values()) == {""}
        began = asyncio.get_running_loop().time()
        async with world.controller(identity="two"):
            await until(lambda: world.held_by("two"), "the next one leads")
        assert asyncio.get_running_loop().time() - began < 5


async def test_the_status_is_written_at_most_once_a_second() -> None:
    async with installed() as world, world.controller():
        for replicas in range(2, 9):
            await world.apply(two_clusters(replicas=replicas))
            await asyncio.sleep(0.2)
        await world.until_running()
        assert world.status_intervals(META_NAME, "/appsets/bbcc/status") >= 1.0
        assert world.status_intervals(BJ4, "/advdeployments/bbcc/status") >= 1.0


async def test_events_on_the_appset_tell_what_happened() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await asyncio.sleep(2)
        assert "Running" in await world.reasons(META_NAME, "AppSet", "bbcc")


async def test_pods_that_users_delete_come_back_and_the_status_follows() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await world.remove(world.apis[BJ4], DEPLOYMENT, "default", "bbcc-gz01b-blue")

        async def back() -> bool:
            return await world.names(BJ4, DEPLOYMENT) == ["bbcc-gz01b-blue"]

        await until(back, "the worker repairs what its child says")
        await world.until_running()


async def test_a_worker_in_its_own_cluster_repairs_while_the_meta_cluster_is_away() -> None:
    async with installed() as world:
        async with world.controller():
            await world.apply(two_clusters())
            await world.until_running()
        async with world.controller(at=BJ4, master=False, worker_clusters="self", identity="home"):
            await until(partial(world.holds, BJ4, "member/home"), "it holds the lock of its own cluster")
            await world.remove(world.apis[BJ4], DEPLOYMENT, "default", "bbcc-gz01b-blue")
            await until(partial(world.some, BJ4, DEPLOYMENT), "it repairs")
            assert {write.cluster for write in world.writes[-3:]} == {BJ4}


async def test_a_hosted_worker_leaves_a_cluster_to_the_worker_that_is_installed_there() -> None:
    home: dict[str, str | bool] = {"at": BJ4, "master": False, "worker_clusters": "self", "identity": "home"}
    async with installed() as world, world.controller(**home):
        await until(partial(world.holds, BJ4, "member/home"), "it holds the lock of its own cluster")
        async with world.controller(identity="away"):
            await world.apply(two_clusters())
            await world.until_running()
            assert await world.holds(BJ4, "member/home")
            assert await world.holds(BJ5, "hosted/away")


async def test_a_worker_for_named_clusters_serves_only_those() -> None:
    async with installed() as world, world.controller(worker_clusters=BJ5, identity="one"):
        await world.apply(two_clusters())
        await until(partial(world.some, BJ5, DEPLOYMENT), "the named one is served")
        await asyncio.sleep(60)
        assert await world.none(BJ4, DEPLOYMENT)
        assert await world.names(BJ4, ADVDEPLOYMENT) == ["bbcc"]
        assert f"{BJ4}/sym-worker" not in await world.holders()


async def test_of_two_processes_one_leads_and_the_other_takes_over() -> None:
    async with installed() as world, world.controller(identity="two"):
        await until(partial(world.holds, META_NAME, "two"), "it leads")
        async with world.controller(identity="one"):
            await asyncio.sleep(60)
            assert await world.holds(META_NAME, "two")
            await world.apply(two_clusters())
            await world.until_running()


async def test_the_metrics_and_checks_of_a_process_bear_their_names() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        text = process.routes["/metrics"]({}).body.decode()
        for name in (
            "sym_cluster_up",
            "sym_cluster_sync_lag_seconds",
            "sym_informer_objects",
            "rest_client_requests_total",
            "controller_runtime_reconcile_total",
            "workqueue_depth",
            "workqueue_unfinished_work_seconds",
            "workqueue_longest_running_processor_seconds",
            "leader_election_master_status",
        ):
            assert f"\n{name}" in text, name
        assert process.routes["/ready"]({}).status == 200
        assert process.routes["/live"]({}).status == 200
        checks = process.routes["/ready"]({"full": "true"}).body.decode()
        assert f'"{BJ4}_advDeployment_cache_sync":"OK"' in checks
