"""Many AppSets at once on servers that are slow: what is needed is written first, and everything is told in the end."""

import asyncio

import pytest

from sym.kube.requests import Request
from sym.model.codec import JSONMap
from sym.sandbox.faults import Delay, Fault
from tests.make import BJ4, BJ5, appset, pod_set
from tests.safety.house import House, house
from tests.world import until

pytestmark = pytest.mark.anyio
APPS = 60


def _slow(request: Request) -> Fault | None:
    return Delay(seconds=1.0) if request.method != "GET" else None


async def test_statuses_of_progress_give_way_on_slow_servers() -> None:
    async with house() as world, world.controller():
        await asyncio.sleep(5)
        for name in world.clusters:
            world.spells[name].cast(_slow)
        world.records.clear()
        for number in range(APPS):
            await world.apply(_app(number))
        await until(lambda: _all_run(world), f"{APPS} AppSets run", 600)
        counts = world.counts()
        assert counts["patch appsets/status -> 200"] <= 2 * APPS + APPS // 10  # one in ten waits for longer than it may
        assert counts["patch advdeployments/status -> 200"] <= 2 * APPS + APPS // 10


async def _all_run(world: House) -> bool:
    apps = [await world.app(f"app{number:02}") for number in range(APPS)]
    return all(app.status.aggr_status.status == "Running" for app in apps)


def _app(number: int) -> JSONMap:
    name = f"app{number:02}"
    return appset({BJ4: [pod_set(f"{name}-a", 0)], BJ5: [pod_set(f"{name}-b", 0)]}, name=name, replicas=0)
