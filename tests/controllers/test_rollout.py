"""The document's example from v3 to v4 over clusters that answer when they like: the order is right every time.

Every request of the controllers waits for a random while, by cluster; what changed when is read from a watch of the
members' Deployments and judged without anything that plans. SYM_ROLLOUT_RUNS: how many seeds (5).
"""

import asyncio
import os

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import Conflict
from sym.kube.requests import ListOptions, Request
from sym.kube.store import Applied, Event, Replaced
from sym.kube.watch import Reflector
from sym.model.codec import JSONMap, dig, dig_list, dig_str, to_map
from sym.model.conditions import find_condition
from sym.model.kinds import APPSET, DEPLOYMENT
from sym.model.rollout import Analysis
from sym.model.workload import Deployment
from sym.net.analysis import Figure
from sym.sandbox.faults import Delay, Fault
from tests.make import appset, pod_set
from tests.oracle.history import Moment, before_its_gate, out_of_order
from tests.rollouts import BJ4, BJ5, behind, consent, example, runs, waves
from tests.world import World, until

pytestmark = pytest.mark.anyio

RUNS = int(os.environ.get("SYM_ROLLOUT_RUNS", "5"))
LONGEST = 3.0  # seconds that a request of the controllers may wait
QUICK: JSONMap = {"minReadySeconds": 0}


class Moody:
    """Delays requests at random, some clusters more than others."""

    def __init__(self, seed: int) -> None:
        self._dice = LoopEnv(seed).random()
        self._longest = self._dice.uniform(0.0, LONGEST)

    def next(self, request: Request) -> Fault | None:
        """See `Schedule`. Locks are left alone: what is lost with one is another test's."""
        if "/leases/" in request.path or self._dice.random() < 0.5:
            return None
        return Delay(self._dice.uniform(0.0, self._longest))


class Witness:
    """Watches the members' Deployments."""

    def __init__(self, world: World) -> None:
        self.moments: list[Moment] = []
        self._world = world

    async def watch(self, cluster: str) -> None:
        """Note what a cluster's Deployments go through, for ever."""
        world = self._world
        reflector = Reflector(
            world.apis[cluster], DEPLOYMENT, Deployment, ListOptions(), world.settings.kube, world.env
        )

        def take(event: Event[Deployment]) -> None:
            found = event.items if isinstance(event, Replaced) else [event.item] if isinstance(event, Applied) else []
            self.moments.extend(self._moment(cluster, each) for each in found)

        await reflector.run(take)

    def _moment(self, cluster: str, found: Deployment) -> Moment:
        template, status = to_map(found.spec)["template"], found.status
        image = dig_str(dig_list(template, "spec", "containers")[0], "image")
        counts = {status.replicas, status.updated_replicas, status.available_replicas}
        return Moment(
            at=self._world.env.monotonic(),
            cluster=cluster,
            namespace=found.metadata.namespace,
            name=found.metadata.name,
            version=image.rpartition(":")[2],
            whole=status.observed_generation == found.metadata.generation and counts == {found.spec.replicas},
        )


async def confirming(world: World, confirmed: dict[str, float]) -> None:
    """Somebody confirms each gate a while after it shows, for ever."""
    while True:
        app = await world.meta.get_raw(APPSET, "default", "bbcc")
        if (body := consent(app)) is not None:
            await asyncio.sleep(2)
            at = world.env.monotonic()
            try:
                await world.meta.patch_status(APPSET, "default", "bbcc", body, "person")
            except Conflict:
                continue
            confirmed.setdefault(str(dig(app, "status", "rollout", "gate")), at)
        await asyncio.sleep(0.5)


async def at(world: World, version: str) -> bool:
    """Whether it says that it runs one version everywhere."""
    return runs(await world.meta.get_raw(APPSET, "default", "bbcc"), version)


@pytest.mark.parametrize("seed", range(RUNS))
async def test_the_order_is_right_whatever_the_members_take_their_time_for(seed: int) -> None:
    world, confirmed = World(BJ4, BJ5), dict[str, float]()
    witness = Witness(world)
    async with world.running(), asyncio.TaskGroup() as group:
        for number, name in enumerate((BJ4, BJ5)):
            await world.register(name)
            world.schedules[name] = Moody(2 * seed + number)
        async with world.controller():
            await world.apply(example("bbcc", "v3", **QUICK))
            await until(lambda: at(world, "v3"), "v3 runs", 300.0)
            tasks = [group.create_task(witness.watch(name)) for name in (BJ4, BJ5)]
            tasks.append(group.create_task(confirming(world, confirmed)))
            await asyncio.sleep(1)
            await world.apply(example("bbcc", "v4", **QUICK))
            await until(lambda: at(world, "v4"), "v4 runs", 3600.0)
            await asyncio.sleep(1)
            for task in tasks:
                task.cancel()
    assert out_of_order(witness.moments, waves("bbcc"), "v4") == []
    assert before_its_gate(witness.moments, "v4", confirmed, behind("bbcc")) == []
    assert list(confirmed) == list(behind("bbcc"))


class Meter:
    """A source of measurements that gives these numbers one after another, the last for ever."""

    def __init__(self, *values: float | None) -> None:
        self._values = list(values)
        self.asked = 0

    async def ask(self, _: Analysis) -> Figure:
        """See `clusters.queries.Ask`."""
        self.asked += 1
        await asyncio.sleep(1)
        value = self._values.pop(0) if len(self._values) > 1 else self._values[0]
        return Figure(value=value, message="" if value is not None else "prometheus.example.com is silent")


@pytest.mark.parametrize(
    ("values", "phase", "reason", "least"),
    [
        ((0.5, 0.5), "Completed", "Running", 4),
        ((None, None, 0.5, 0.5), "Completed", "Running", 6),
        ((None,), "Progressing", "AnalysisInconclusive", 3),
        ((0.5, 7), "RolledBack", "RolledBack", 2),
    ],
)
async def test_a_rollout_goes_on_by_what_is_measured(
    values: tuple[float | None, ...], phase: str, reason: str, least: int
) -> None:
    """Two good measurements are needed after each of two waves; silence passes nothing, and a bad one takes it back."""
    meter = Meter(*values)
    analysis: JSONMap = {
        "name": "errors",
        "http": {"url": "https://prometheus.example.com/", "jsonPath": "$.errors"},
        "max": 1,
        "count": 2,
        "intervalSeconds": 10,
    }
    strategy: JSONMap = {"analysis": [analysis], "autoRollback": "all"}
    world = World(BJ4, BJ5)
    world.ask = meter.ask
    async with world.running():
        for name in (BJ4, BJ5):
            await world.register(name)
        async with world.controller():
            await world.apply(two(strategy, "v1"))
            await world.until_running()
            assert meter.asked == 0
            await world.apply(two(strategy, "v2"))
            await asyncio.sleep(120)
            app = await world.app()
    ready = find_condition(app.status.conditions, "Ready")
    assert ready is not None
    assert (app.status.rollout.phase, ready.reason) == (phase, reason)
    assert meter.asked >= least
    versions = {"Completed": "v2", "Progressing": "v1/v2", "RolledBack": "v1"}
    assert app.status.aggr_status.version == versions[phase]


def two(strategy: JSONMap, version: str) -> JSONMap:
    """An AppSet with a podSet in each member."""
    clusters = {BJ4: [pod_set("bbcc-gz01b-blue", 2, version)], BJ5: [pod_set("bbcc-gz01a-blue", 2, version)]}
    return appset(clusters, strategy=strategy)
