"""At most one status write per object and interval."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.controllers.status import Pace
from sym.model.kinds import APPSET
from sym.model.meta import Ref
from sym.settings import ControllerSettings

pytestmark = pytest.mark.anyio

REF = Ref("", "default", "bbcc")


async def test_after_the_interval_nothing_is_left_to_wait(env: LoopEnv) -> None:
    """Not even the rounding of floats, on which a clock that jumps from timer to timer would stand still."""
    pace = Pace(env, ControllerSettings())
    assert pace.wait(APPSET, REF) == 0.0
    for _ in range(100):
        pace.wrote(APPSET, REF)
        assert pace.wait(APPSET, REF) > 0.9
        for _ in range(10):
            await asyncio.sleep(0.1)
        await asyncio.sleep(max(pace.wait(APPSET, REF), 0.0))
        assert pace.wait(APPSET, REF) <= 0.0
        for _ in range(round(pace.patience(APPSET, REF) / 0.1)):
            await asyncio.sleep(0.1)
        assert pace.patience(APPSET, REF) <= 0.0
