"""What was decided under a lock does not leave once the lock is lost, wherever the time went in between."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.clusters.permit import under
from sym.clusters.refusals import Refused
from sym.kube.api import Api
from sym.kube.requests import Request
from sym.model import names
from sym.model.codec import JSONMap
from sym.model.kinds import CONFIGMAP
from sym.sandbox.audit import place_of
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import Delay, Fault, FaultyClient, Script, anything
from sym.settings import KubeSettings, SandboxSettings
from tests.make import BJ4, two_clusters
from tests.safety.house import House, house
from tests.world import until

pytestmark = pytest.mark.anyio

BODY: JSONMap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"}}


async def test_a_request_that_waited_longer_than_the_lock_lasted_does_not_leave(env: LoopEnv) -> None:
    cluster = SandboxCluster("c", env, SandboxSettings())
    slow = FaultyClient(cluster.client(), Script([(anything, Delay(12))]), KubeSettings())
    api = under(Api(slow, "c"), lambda: env.boottime() < 10)
    with pytest.raises(Refused, match="not held any more"):
        await api.create(CONFIGMAP, BODY, "test")
    assert cluster.store.get(CONFIGMAP, "default", "a") is None


@pytest.mark.parametrize("n", range(1, 9))
async def test_a_controller_that_slept_writes_nothing_before_it_holds_its_locks_again(n: int) -> None:
    async with house() as world:
        async with world.controller():
            await world.apply(two_clusters("v1"))
            await world.until_running()
            sleeper = Sleeper(world, n)
            await world.apply(two_clusters("v2"))
            await until(lambda: _runs(world, "v2"), "the new version runs")
        assert sleeper.slept
    for cluster in world.clusters:
        after = [record for record in world.records[sleeper.at :] if record.cluster == cluster and record.write]
        ours = [record for record in after if record.user == "sym-controller"]
        assert ours[0].place.resource == "leases", f"{cluster}: {ours[0]}"


async def test_a_write_that_is_on_its_way_when_the_controller_sleeps_does_not_arrive() -> None:
    async with house() as world, world.controller():
        await asyncio.sleep(20)
        nap = Nap(world)
        world.spells[BJ4].cast(nap)
        await world.apply(two_clusters())
        await world.until_running()
    after = [record for record in world.records[nap.at :] if record.cluster == BJ4 and record.write]
    assert nap.at
    assert after[0].place.resource == "leases", str(after[0])


async def test_a_process_tells_what_must_end_it(env: LoopEnv) -> None:
    async with house() as world, asyncio.TaskGroup() as group:
        process, stop = world.process(), asyncio.Event()
        running = group.create_task(process.run(stop))
        await until(world.holders, "it runs")
        await asyncio.sleep(30)
        assert process.overdue() == ""
        world.env.suspend(20)
        assert f"{names.META_NAMESPACE}/{names.LEADER_LEASE}" in process.overdue()
        await asyncio.sleep(5)
        assert process.overdue() == ""
        stop.set()
        await running
        assert process.overdue() == ""
        await asyncio.sleep(20)
        assert "the stop has taken longer than 15 s" in process.overdue()


async def _runs(world: House, version: str) -> bool:
    return (await world.app()).status.aggr_status.version == version and await world.state() == "Running"


class Nap:
    """A link on which the first write to a Deployment takes its time, while the machine is suspended."""

    def __init__(self, world: House) -> None:
        self._world = world
        self.at = 0

    def __call__(self, request: Request) -> Fault | None:
        """See `Charm`."""
        if self.at or request.method != "PATCH" or place_of(request.path).resource != "deployments":
            return None
        self.at = len(self._world.records)
        self._world.env.suspend(20)
        return Delay(0.01)


class Sleeper:
    """Suspends the machine at the `n`-th write of the controllers."""

    def __init__(self, world: House, n: int) -> None:
        self._world = world
        self._left = len(world.asked()) + n
        self.slept = False
        self.at = 0
        for cluster in world.clusters.values():
            cluster.api.listeners.append(lambda _: self._look())

    def _look(self) -> None:
        if not self.slept and len(self._world.asked()) >= self._left:
            self.slept, self.at = True, len(self._world.records)
            self._world.env.suspend(20)
