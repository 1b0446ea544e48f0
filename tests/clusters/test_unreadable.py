"""A member that answers but whose objects cannot be read is ill, and the statuses that rest on it say so."""

import asyncio

import pytest

from sym.kube.requests import Request
from sym.model import names
from sym.model.appset import AppStatus
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT
from sym.sandbox.faults import Chances, Refuse
from tests.make import BJ4, BJ5, two_clusters
from tests.world import World, installed, until

pytestmark = pytest.mark.anyio
FORBIDDEN = Refuse(403, "Forbidden")


def of_children(request: Request) -> bool:
    return request.path.endswith(f"/{ADVDEPLOYMENT.plural}")


def forbid_children(world: World, cluster: str) -> None:
    """From now on nobody may list or watch AdvDeployments there."""
    world.schedules[cluster] = Chances([(1.0, FORBIDDEN)], world.env, of_children)


async def test_a_cluster_whose_children_may_not_be_listed_is_degraded_and_says_why() -> None:
    async with installed() as world:
        forbid_children(world, BJ5)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ5).health == "Degraded", "it is not taken for a beginning")
            assert "advdeployments cannot be read" in process.fleet.state(BJ5).reason
            await world.apply(two_clusters())

            async def told() -> bool:
                rows = {row.name: row for row in (await world.app()).status.aggr_status.clusters}
                return BJ5 in rows and rows[BJ5].status == "Degraded" and rows[BJ4].available == 2

            await until(told, "the AppSet tells of both clusters", seconds=60)


async def test_an_appset_is_not_running_once_one_of_its_clusters_cannot_be_read_any_more() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        forbid_children(world, BJ5)
        world.links[BJ5].schedule = world.schedules[BJ5]
        world.links[BJ5].cut()  # the open watches end
        await asyncio.sleep(1)
        world.links[BJ5].heal()

        async def unknown() -> bool:
            status = (await world.app()).status
            ready = find_condition(status.conditions, names.READY)
            return status.aggr_status.status is AppStatus.UNKNOWN and ready is not None and not ready.true

        await until(unknown, "the status does not stay Running", seconds=200)
