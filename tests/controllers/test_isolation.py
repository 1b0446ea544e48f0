"""A member that hangs, resets, answers junk or lists for ever delays no other cluster."""

import asyncio

import pytest

from sym.kube.requests import Request
from sym.model.kinds import POD
from sym.sandbox.faults import Chances, Delay, Endless, Fault, Hang, Junk, Refuse, Reset, is_list, is_write
from sym.settings import KubeSettings, Settings
from tests.make import BJ4, BJ5, two_clusters
from tests.world import installed, until

pytestmark = pytest.mark.anyio


def everything(request: Request) -> bool:
    return True


FAULTS: dict[str, Fault] = {
    "hang": Hang(),
    "reset": Reset(),
    "junk": Junk(),
    "slow": Delay(20.0),
    "401": Refuse(401, "Unauthorized"),
    "429": Refuse(429, "TooManyRequests", retry_after=5),
    "500": Refuse(500, "InternalError", bare=True),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_member_that_only_does_this_delays_no_other(name: str) -> None:
    async with installed() as world:
        world.schedules[BJ5] = Chances([(1.0, FAULTS[name])], world.env, everything)
        async with world.controller() as process:
            began = world.env.monotonic()
            await world.apply(two_clusters())

            async def served() -> bool:
                return len(await world.names(BJ4, POD)) == 2

            await until(served, "the other member is served", seconds=15)
            await asyncio.sleep(30)
            assert not process.fleet.state(BJ5).usable
            assert world.env.monotonic() - began < 60


@pytest.mark.parametrize("name", ["hang", "reset", "junk", "500"])
async def test_a_member_whose_writes_go_wrong_delays_no_other(name: str) -> None:
    async with installed() as world:
        world.schedules[BJ5] = Chances([(1.0, FAULTS[name])], world.env, is_write)
        async with world.controller():
            for number in range(12):
                body = two_clusters()
                body["metadata"] = {"namespace": "default", "name": f"app{number:02}"}
                await world.apply(body)

            async def served() -> bool:
                return len(await world.names(BJ4, POD)) >= 2

            await until(served, "the other member is served", seconds=30)


async def test_a_member_that_lists_for_ever_delays_no_other() -> None:
    settings = Settings(kube=KubeSettings(list_pages=20))
    async with installed(settings=settings) as world:
        world.schedules[BJ5] = Chances([(1.0, Endless())], world.env, is_list)
        async with world.controller():
            await world.apply(two_clusters())

            async def served() -> bool:
                return len(await world.names(BJ4, POD)) == 2

            await until(served, "the other member is served", seconds=15)
