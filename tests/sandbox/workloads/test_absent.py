"""Simulated controllers that do not work, because others do it through the API."""

import asyncio

import pytest

from sym.model.codec import dig
from sym.model.kinds import DEPLOYMENT, REPLICASET
from sym.settings import WorkloadSettings
from tests.sandbox.workloads.cluster import cluster

pytestmark = pytest.mark.anyio


async def test_what_an_absent_controller_would_do_is_left_to_others() -> None:
    async with cluster(WorkloadSettings(absent=frozenset({"deployment", "scheduler"}))) as c:
        c.deploy()
        c.pod()
        c.pod("placed", nodeName="node-1")
        await asyncio.sleep(60)
        assert "status" not in c.get(DEPLOYMENT, "web")
        assert c.all(REPLICASET) == []
        assert {dig(pod, "metadata", "name"): c.ready(pod) for pod in c.pods} == {"solo": False, "placed": True}


async def test_a_name_that_no_controller_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no simulated controller is called deploymnet; there are claims, deployment"):
        async with cluster(WorkloadSettings(absent=frozenset({"deploymnet"}))):
            pytest.fail("it was made")
