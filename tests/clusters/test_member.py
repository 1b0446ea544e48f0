"""One member: what it says of itself, and how its trouble is bounded."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.clusters.informer import Watch, erased
from sym.clusters.member import Listener, Member, Tools
from sym.clusters.metrics import FleetMetrics
from sym.kube.errors import Unreachable
from sym.kube.requests import Request
from sym.kube.store import Change
from sym.model.kinds import CONFIGMAP, POD
from sym.model.meta import Kind, Object
from sym.model.workload import ConfigMap, Pod
from sym.plan.types import Health
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import Chances, FaultyClient, Refuse, Schedule, Script, is_list, is_watch
from sym.settings import SandboxSettings, Settings
from tests.world import until

pytestmark = pytest.mark.anyio

CONFIGMAPS = Watch(kind=CONFIGMAP, type=ConfigMap)
PODS = Watch(kind=POD, type=Pod)


def _ignore(_cluster: str, _kind: Kind, _changes: list[Change[Object]]) -> None:
    """Nobody listens to changes here."""


class Bench:
    """A member behind a faulty link."""

    def __init__(self, env: LoopEnv, schedule: Schedule | None = None) -> None:
        self.cluster = SandboxCluster("bj4", env, SandboxSettings())
        self.link = FaultyClient(self.cluster.client(), schedule or Script(), Settings().kube)
        self.metrics = FleetMetrics()
        tools = Tools(env=env, settings=Settings(), metrics=self.metrics)
        self.member = Member("bj4", self.link, "bj4:6443", (erased(CONFIGMAPS), erased(PODS)), tools)
        self.turns: list[tuple[Health, bool]] = []
        """What it said of itself, each time that changed."""
        self.listener = Listener(changed=_ignore, turned=self._turned)

    def health(self) -> Health:
        return self.member.state().health

    def _turned(self, _: str) -> None:
        state = self.member.state()
        self.turns.append((state.health, state.synced))


async def test_it_becomes_ready_and_filled_and_says_so_once(env: LoopEnv) -> None:
    bench = Bench(env)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.member.run(bench.listener))
        await asyncio.sleep(300)
        assert bench.turns[-1] == (Health.READY, True)
        assert len(bench.turns) <= 3
        assert bench.member.doubt() == ""
        assert bench.metrics.registry.get_sample_value("sym_cluster_up", {"cluster": "bj4"}) == 1
        task.cancel()


async def test_a_kind_that_cannot_be_listed_takes_no_other_kind_down(env: LoopEnv) -> None:
    def pods(request: Request) -> bool:
        return "/pods" in request.path

    bench = Bench(env, Chances([(1.0, Refuse(403, "Forbidden"))], env, pods))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.member.run(bench.listener))
        await asyncio.sleep(60)
        configmaps = bench.member.store(CONFIGMAPS)
        assert configmaps is not None
        assert configmaps.synced
        assert not bench.member.synced
        assert bench.member.doubt() == "its caches are not filled yet"
        task.cancel()


async def test_a_cluster_that_falls_silent_is_doubted_before_it_is_called_unreachable(env: LoopEnv) -> None:
    bench = Bench(env)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.member.run(bench.listener))
        await asyncio.sleep(20)
        bench.link.black_hole()
        await until(lambda: bench.member.state().health is Health.UNREACHABLE, "it is told", seconds=60)
        assert bench.member.doubt() != ""
        bench.link.heal()
        await until(lambda: bench.member.doubt() == "", "it is well again", seconds=90)
        task.cancel()


async def test_caches_that_were_not_heard_of_for_long_are_not_believed_although_the_probe_succeeds(
    env: LoopEnv,
) -> None:
    def collections(request: Request) -> bool:
        return is_list(request) or is_watch(request)

    script = Script()
    bench = Bench(env, script)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.member.run(bench.listener))
        await asyncio.sleep(20)
        script.add(collections, Refuse(500), times=1000)
        await until(lambda: bench.member.state().synced is False, "it is doubted", seconds=900)
        assert bench.health() is Health.DEGRADED
        assert "last heard of" in bench.member.doubt()
        task.cancel()


async def test_a_cluster_that_keeps_a_write_waiting_gets_one_at_a_time_until_it_answers(env: LoopEnv) -> None:
    bench = Bench(env)

    async def hang() -> None:
        with pytest.raises(TimeoutError):
            async with bench.member.slot():
                await asyncio.sleep(1e6)

    async with asyncio.TaskGroup() as group:
        group.create_task(hang())
        await asyncio.sleep(1)
        async with bench.member.slot():  # not yet: it may only be slow
            pass
        await asyncio.sleep(3)
        group.create_task(hang())
        await asyncio.sleep(1)
        began = env.monotonic()
        with pytest.raises(Unreachable):
            async with bench.member.slot():
                pass
        assert env.monotonic() == began
        await asyncio.sleep(6)
        async with bench.member.slot():  # one is tried, and is answered
            pass
        async with bench.member.slot(), bench.member.slot():
            pass


async def test_a_slow_cluster_gets_the_time_that_it_needs(env: LoopEnv) -> None:
    bench = Bench(env)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with bench.member.slot():
                await asyncio.sleep(10)
    async with bench.member.slot():
        await asyncio.sleep(10)


async def test_requests_are_counted_by_code_and_method(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.member.api.version()
    labels = {"code": "200", "method": "GET", "host": "bj4:6443"}
    assert bench.metrics.registry.get_sample_value("rest_client_requests_total", labels) == 1
