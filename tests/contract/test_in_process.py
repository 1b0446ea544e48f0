"""Every story, told by the API core in virtual time, is what a real kube-apiserver 1.34 told (recorded/)."""

import pytest

from sym.aio.env import LoopEnv
from tests.contract import backends
from tests.contract.judging import assert_told_as_recorded
from tests.contract.player import RECORDED
from tests.contract.stories import STORIES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", STORIES)
async def test_the_core_tells_the_story_as_a_real_server(name: str, env: LoopEnv) -> None:
    await assert_told_as_recorded(name, backends.in_process(env))


def test_every_recording_belongs_to_a_story() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == set(STORIES)
