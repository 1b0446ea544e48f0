"""What both controllers do after planning: a status that was held back waits for no retry of what was refused."""

import asyncio

import pytest

from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSONMap
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT
from sym.settings import ControllerSettings, Settings
from tests.make import BJ4, two_clusters
from tests.world import installed, until

pytestmark = pytest.mark.anyio


async def test_the_numbers_of_a_stuck_workload_are_told_as_they_change() -> None:
    settings = Settings(controller=ControllerSettings(status_seconds=5.0))  # all pods are there before it is over
    async with installed(settings=settings) as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await asyncio.sleep(10)
        body: JSONMap = {"metadata": {"namespace": "default", "name": "bbcc-gz01b-blue"}, "spec": {"replicas": 4}}
        await world.apis[BJ4].patch(DEPLOYMENT, body, "person")

        async def told() -> bool:
            status = (await world.apis[BJ4].get(ADVDEPLOYMENT, AdvDeployment, "default", "bbcc")).status
            stalled = find_condition(status.conditions, "Stalled")
            return stalled is not None and stalled.reason == "FieldConflict" and status.aggr_status.available == 4

        await until(told, "the status follows although the write is refused", seconds=20)
