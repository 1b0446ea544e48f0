"""The StatefulSet controller, seen from outside, in virtual time."""

import asyncio

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_str
from sym.model.kinds import POD, STATEFULSET
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.statefulset import REVISIONS
from tests.sandbox.workloads.cluster import Cluster, cluster, containers, template

pytestmark = pytest.mark.anyio


def make(c: Cluster, replicas: int = 3, **spec: JSON) -> None:
    body: JSONMap = {
        "metadata": {"name": "db", "namespace": "default", "generation": 1},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template("db:v1", {"app": "db"}),
            **spec,
        },
    }
    c.store.create(STATEFULSET, body)


def set_image(c: Cluster, image: str) -> None:
    c.edit(STATEFULSET, "db", lambda obj: containers(obj)[0].update(image=image))


def set_spec(c: Cluster, **fields: JSON) -> None:
    c.edit(STATEFULSET, "db", lambda obj: as_map(obj["spec"]).update(fields))


def shown(c: Cluster) -> dict[str, str]:
    """Image of each pod, by the pod's name."""
    return {dig_str(pod, "metadata", "name"): dig_str(pod, "spec", "containers", 0, "image") for pod in c.pods}


def status(c: Cluster, field: str) -> JSON:
    return dig(c.get(STATEFULSET, "db"), "status", field)


async def test_pods_start_one_after_the_other_and_end_from_the_last() -> None:
    async with cluster() as c:
        make(c)
        await asyncio.sleep(1)
        assert set(shown(c)) == {"db-0"}
        await asyncio.sleep(2)
        assert set(shown(c)) == {"db-0", "db-1"}
        await asyncio.sleep(5)
        assert status(c, "readyReplicas") == status(c, "availableReplicas") == status(c, "replicas") == 3
        assert dig(c.get(POD, "db-1"), "spec", "hostname") == "db-1"
        assert dig(c.get(POD, "db-1"), "metadata", "labels", "apps.kubernetes.io/pod-index") == "1"
        set_spec(c, replicas=1)
        await asyncio.sleep(0.5)
        assert set(shown(c)) == {"db-0", "db-1"}
        await asyncio.sleep(5)
        assert set(shown(c)) == {"db-0"}


async def test_parallel_pods_start_together() -> None:
    async with cluster() as c:
        make(c, podManagementPolicy="Parallel")
        await asyncio.sleep(0.1)
        assert set(shown(c)) == {"db-0", "db-1", "db-2"}


async def test_an_update_goes_from_the_last_to_the_first_and_stops_at_one_that_fails() -> None:
    async with cluster() as c:
        make(c, minReadySeconds=5)
        await asyncio.sleep(30)
        set_image(c, "db:v2")
        await asyncio.sleep(2)
        assert shown(c) == {"db-0": "db:v1", "db-1": "db:v1", "db-2": "db:v2"}
        assert status(c, "currentRevision") != status(c, "updateRevision")
        await asyncio.sleep(60)
        assert set(shown(c).values()) == {"db:v2"}
        assert status(c, "currentRevision") == status(c, "updateRevision")
        assert status(c, "updatedReplicas") == status(c, "currentReplicas") == 3
        set_image(c, "db:crash")
        await asyncio.sleep(300)
        assert shown(c) == {"db-0": "db:v2", "db-1": "db:v2", "db-2": "db:crash"}
        assert status(c, "readyReplicas") == 2


async def test_a_partition_keeps_lower_pods_also_when_they_are_made_anew() -> None:
    async with cluster() as c:
        make(c, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
        await asyncio.sleep(20)
        set_image(c, "db:v2")
        await asyncio.sleep(20)
        assert shown(c) == {"db-0": "db:v1", "db-1": "db:v1", "db-2": "db:v2"}
        delete(c.store, c.env, POD, "default", "db-0")
        await asyncio.sleep(20)
        assert shown(c) == {"db-0": "db:v1", "db-1": "db:v1", "db-2": "db:v2"}
        assert status(c, "readyReplicas") == 3


async def test_on_delete_waits_for_somebody_to_delete() -> None:
    async with cluster() as c:
        make(c, updateStrategy={"type": "OnDelete"})
        await asyncio.sleep(20)
        set_image(c, "db:v2")
        await asyncio.sleep(20)
        assert set(shown(c).values()) == {"db:v1"}
        delete(c.store, c.env, POD, "default", "db-1")
        await asyncio.sleep(20)
        assert shown(c) == {"db-0": "db:v1", "db-1": "db:v2", "db-2": "db:v1"}


async def test_going_back_makes_the_old_revision_the_newest() -> None:
    async with cluster() as c:
        make(c, replicas=1)
        for image in ("db:v2", "db:v1"):
            await asyncio.sleep(20)
            set_image(c, image)
        await asyncio.sleep(20)
        numbers = {dig_str(rev, "metadata", "name"): rev["revision"] for rev in c.all(REVISIONS)}
        assert sorted(str(number) for number in numbers.values()) == ["2", "3"]
        assert numbers[str(status(c, "currentRevision"))] == 3


async def test_ordinals_may_start_elsewhere() -> None:
    async with cluster() as c:
        make(c, replicas=2, ordinals={"start": 5})
        await asyncio.sleep(20)
        assert set(shown(c)) == {"db-5", "db-6"}


async def test_disks_are_not_simulated_and_that_is_said() -> None:
    async with cluster() as c:
        make(c, volumeClaimTemplates=[{"metadata": {"name": "data"}}])
        await asyncio.sleep(5)
        assert c.pods == []
        assert c.events("FailedCreate")[0].startswith("volumeClaimTemplates are not served")


async def test_deleting_it_ends_pods_and_revisions() -> None:
    async with cluster() as c:
        make(c)
        await asyncio.sleep(20)
        delete(c.store, c.env, STATEFULSET, "default", "db")
        await asyncio.sleep(5)
        assert c.all(POD) == c.all(REVISIONS) == []
