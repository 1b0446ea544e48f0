"""The same steps that were taken against kube-controller-manager 1.34.2 end in the same objects.

Recorded with a kubelet that made every pod Ready at once, except where the image cannot be pulled. `RECORDED` is what
that server said: conditions, counts, and of each ReplicaSet its replicas and the controller's annotations.
"""

import asyncio
import re

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.kinds import REPLICASET
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio

UP = ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
DOWN = ("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
DONE = ("Progressing", "True", "NewReplicaSetAvailable", "ReplicaSet X has successfully progressed.")
MOVES = ("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet X is progressing.")
LATE = ("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet X has timed out progressing.")


def all_well(size: int, generation: int) -> dict[str, int]:
    counts = dict.fromkeys(("availableReplicas", "readyReplicas", "replicas", "updatedReplicas"), size)
    return {**counts, "observedGeneration": generation}


RECORDED: dict[str, tuple[object, object, object]] = {
    "rolled": (
        [UP, DONE],
        all_well(8, 2),
        {"s:v1": (0, "8", "10", "1", None), "s:v2": (8, "8", "10", "2", None)},
    ),
    "undone": (
        [UP, DONE],
        all_well(3, 3),
        {"s:v1": (3, "3", "4", "3", "1"), "s:v2": (0, "3", "4", "2", None)},
    ),
    "recreated": (
        [UP, DONE],
        all_well(3, 2),
        {"s:v1": (0, "3", "3", "1", None), "s:v2": (3, "3", "3", "2", None)},
    ),
    "scaled": (
        [DOWN, MOVES],
        {
            "availableReplicas": 11,
            "observedGeneration": 3,
            "readyReplicas": 11,
            "replicas": 18,
            "unavailableReplicas": 7,
            "updatedReplicas": 7,
        },
        {"s:v1": (11, "15", "18", "1", None), "s:pull-fail": (7, "15", "18", "2", None)},
    ),
    "late": (
        [UP, LATE],
        {
            "availableReplicas": 2,
            "observedGeneration": 2,
            "readyReplicas": 2,
            "replicas": 3,
            "unavailableReplicas": 1,
            "updatedReplicas": 1,
        },
        {"s:v1": (2, "2", "3", "1", None), "s:pull-fail": (1, "2", "3", "2", None)},
    ),
    "empty": ([UP, DONE], {"observedGeneration": 1}, {"s:v1": (0, "0", "0", "1", None)}),
}


def bounds(surge: int, unavailable: int) -> JSON:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def seen(c: Cluster, name: str) -> tuple[object, object, object]:
    """The Deployment as `RECORDED` has it."""
    status = c.status(name)
    words = sorted(
        (
            dig_str(one, "type"),
            dig_str(one, "status"),
            dig_str(one, "reason"),
            re.sub('"[^"]*"', "X", dig_str(one, "message")),
        )
        for one in dig_list(status, "conditions")
    )
    counts = {key: value for key, value in status.items() if key != "conditions"}
    sets = {
        dig_str(rs, "spec", "template", "spec", "containers", 0, "image"): _set(rs)
        for rs in c.all(REPLICASET)
        if dig(rs, "metadata", "ownerReferences", 0, "name") == name
    }
    return words, counts, sets


def _set(rs: JSONMap) -> tuple[object, ...]:
    notes = dig_map(rs, "metadata", "annotations")
    names = ("desired-replicas", "max-replicas", "revision", "revision-history")
    return (as_map(rs["spec"])["replicas"], *(notes.get(f"deployment.kubernetes.io/{name}") for name in names))


async def test_every_story_ends_as_it_was_recorded() -> None:
    async with cluster() as c:
        c.deploy("rolled", replicas=8, image="s:v1", strategy=bounds(2, 1))
        c.deploy("undone", replicas=3, image="s:v1")
        c.deploy("recreated", replicas=3, image="s:v1", strategy={"type": "Recreate"})
        c.deploy("scaled", replicas=10, image="s:v1", strategy=bounds(3, 2))
        c.deploy("late", replicas=2, image="s:v1", progressDeadlineSeconds=30, minReadySeconds=1)
        c.deploy("empty", replicas=0, image="s:v1")
        await asyncio.sleep(20)
        for name in ("rolled", "undone", "recreated"):
            c.set_image("s:v2", name)
        for name in ("scaled", "late"):
            c.set_image("s:pull-fail", name)
        await asyncio.sleep(40)
        c.set_image("s:v1", "undone")
        c.set_spec("scaled", replicas=15)
        await asyncio.sleep(40)
        assert {name: seen(c, name) for name in RECORDED} == RECORDED
