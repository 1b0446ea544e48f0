"""What one cluster does to us is not felt in another: hang, reset, junk, a list without end, an endless stream.

Times are virtual, so they are exact: beside a healthy neighbour the change takes 0.2 s here, and beside an ill one it
may take `stall_seconds` more, which is what a hung cluster may cost.
"""

import asyncio

import pytest

from sym.model.codec import JSONMap, dig
from sym.model.kinds import DEPLOYMENT
from sym.sandbox.faults import (
    Delay,
    Drop,
    Endless,
    Fault,
    Hang,
    Junk,
    Matcher,
    Refuse,
    Reset,
    is_list,
    is_streamed_list,
    is_watch,
    is_write,
)
from sym.settings import ControllerSettings
from tests.make import BJ4, BJ5, appset, pod_set
from tests.safety.house import Charm, House, every_answer, house
from tests.world import until

pytestmark = pytest.mark.anyio

APPS = 2 * ControllerSettings().threadiness
"""AppSets in both clusters: twice as many as there are workers, so that hung ones could use all of them up."""


def _only(matches: Matcher, fault: Fault) -> Charm:
    return lambda request: fault if matches(request) else None


_UNFIT = Refuse(code=422, reason="Invalid")
ILLS: dict[str, Charm] = {
    "hangs": every_answer(Hang()),
    "hangs on writes": _only(is_write, Hang()),
    "hangs on watches": _only(is_watch, Hang()),
    "answers after 20 s": every_answer(Delay(20.0)),
    "drops": every_answer(Drop()),
    "resets": every_answer(Reset()),
    "loses the answers of writes": _only(is_write, Reset()),
    "junk": every_answer(Junk()),
    "junk in streams": _only(is_watch, Junk()),
    "lists without end": lambda request: (
        _UNFIT if is_streamed_list(request) else Endless() if is_list(request) else None
    ),
    "throttles": every_answer(Refuse(code=429, reason="TooManyRequests", retry_after=60)),
    "forbids": every_answer(Refuse(code=403, reason="Forbidden")),
}


@pytest.mark.parametrize("ill", ILLS)
async def test_an_ill_cluster_delays_no_other(ill: str) -> None:
    async with house() as world, world.controller():
        names = [f"app{number:02}" for number in range(APPS)]
        for name in names:
            await world.apply(_both(name, "v1"))
        await world.apply(_solo("v1"))
        for name in (*names, "solo"):
            await world.until_running(name)
        await asyncio.sleep(10)
        await world.bewitch(BJ4, ILLS[ill])
        for name in names:
            await world.apply(_both(name, "v2"))
        await world.apply(_solo("v2"))
        bound = world.settings.fleet.stall_seconds + 1.0
        await until(lambda: _all(world, names), "the healthy cluster runs every change", bound)


async def _all(world: House, names: list[str]) -> bool:
    """Whether the healthy cluster runs the change: of the AppSet that is only there, and its halves of the others."""
    return all([await _runs(world, f"{name}-gz02a-blue") for name in ("solo", *names)])


async def _runs(world: House, name: str) -> bool:
    """Whether a Deployment of the healthy cluster has all its pods on v2."""
    item = await world.raw(BJ5, DEPLOYMENT, name)
    image = dig(item, "spec", "template", "spec", "containers", 0, "image")
    counts = [dig(item, "status", field) for field in ("updatedReplicas", "availableReplicas", "replicas")]
    return str(image).endswith(":v2") and counts == [1, 1, 1]


def _both(name: str, version: str) -> JSONMap:
    clusters = {
        BJ4: [pod_set(f"{name}-gz01a-blue", 1, version)],
        BJ5: [pod_set(f"{name}-gz02a-blue", 1, version)],
    }
    return appset(clusters, name=name, strategy={"waves": [{"name": "together"}]})


def _solo(version: str) -> JSONMap:
    return appset({BJ5: [pod_set("solo-gz02a-blue", 1, version)]}, name="solo")
