"""All clusters together: what was measured of one before we wrote there counts no more."""

import pytest

from sym.model.kinds import DEPLOYMENT
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.world import installed, until

pytestmark = pytest.mark.anyio
ONLY_BJ4 = appset({BJ4: [pod_set("bbcc-gz01b-blue")]})


async def test_what_was_found_gone_is_not_taken_for_gone_after_a_new_write() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        await world.apply(ONLY_BJ4)
        await until(lambda: world.none(BJ5, DEPLOYMENT), "the dropped cluster is emptied")
        await world.until_running()
        assert process.fleet.gone("default", "bbcc")[BJ5].clean
        await world.apply(two_clusters())
        await until(lambda: world.some(BJ5, DEPLOYMENT), "it is served again")
        assert BJ5 not in process.fleet.gone("default", "bbcc")
