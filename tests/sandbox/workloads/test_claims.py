"""A claim that a pod uses does not go before the pod."""

import asyncio

import pytest

from sym.model.codec import JSONMap, dig
from sym.model.kinds import CLAIM, POD
from sym.sandbox.workloads.deletion import delete
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio


def claim(c: Cluster, name: str) -> None:
    """Create a claim as an API server keeps it."""
    meta: JSONMap = {"name": name, "namespace": "default", "finalizers": ["kubernetes.io/pvc-protection"]}
    c.store.create(CLAIM, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta})


async def test_a_claim_goes_with_its_last_pod() -> None:
    async with cluster() as c:
        for name in ("used", "free"):
            claim(c, name)
        c.pod(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "used"}}])
        await asyncio.sleep(5)
        for name in ("used", "free"):
            delete(c.store, c.env, CLAIM, "default", name)
        await asyncio.sleep(5)
        (left,) = c.all(CLAIM)
        assert dig(left, "metadata", "name") == "used"
        delete(c.store, c.env, POD, "default", "solo")
        await asyncio.sleep(5)
        assert c.all(CLAIM) == []
