"""Events: counted, combined, forgotten. The numbers are those of a recorded kube-controller-manager 1.34."""

import asyncio

import pytest

from sym.model.codec import JSONMap
from sym.model.kinds import DEPLOYMENT, EVENT
from sym.model.meta import ObjectMeta
from sym.sandbox.workloads.events import Recorder, normal
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio
META = ObjectMeta(name="web", namespace="default", uid="u1", resource_version="7")


def counts(c: Cluster) -> dict[str, object]:
    return {str(event["message"]): event["count"] for event in c.all(EVENT)}


async def test_the_same_words_raise_a_count() -> None:
    async with cluster() as c:
        recorder = Recorder(c.store, c.env, 3600)
        for _ in range(3):
            recorder.write("deployment-controller", DEPLOYMENT, META, normal("Scaled", "up"))
            await asyncio.sleep(2)
        (event,) = c.all(EVENT)
        assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
            3,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:04Z",
        )


async def test_words_about_another_object_are_another_event() -> None:
    async with cluster() as c:
        recorder = Recorder(c.store, c.env, 3600)
        for uid in ("u1", "u2"):
            meta = ObjectMeta(name="web", namespace="default", uid=uid)
            recorder.write("deployment-controller", DEPLOYMENT, meta, normal("Scaled", "up"))
        assert len(c.all(EVENT)) == 2


async def test_the_tenth_message_of_a_kind_and_all_after_it_share_one_event() -> None:
    async with cluster() as c:
        recorder = Recorder(c.store, c.env, 3600)
        for number in range(13):
            recorder.write("deployment-controller", DEPLOYMENT, META, normal("Scaled", f"to {number}"))
        shown = counts(c)
        assert shown.pop("(combined from similar events): to 12") == 4
        assert shown == {f"to {number}": 1 for number in range(9)}
        await asyncio.sleep(700)
        recorder.write("deployment-controller", DEPLOYMENT, META, normal("Scaled", "to 99"))
        assert counts(c)["to 99"] == 1


async def test_an_event_names_object_source_and_times() -> None:
    async with cluster() as c:
        Recorder(c.store, c.env, 3600).write(
            "kubelet", DEPLOYMENT, META, normal("Pulled", "it", "spec.x"), host="node-1"
        )
        (event,) = c.all(EVENT)
        involved: JSONMap = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "default",
            "name": "web",
            "uid": "u1",
            "resourceVersion": "7",
            "fieldPath": "spec.x",
        }
        assert event["involvedObject"] == involved
        assert event["source"] == {"component": "kubelet", "host": "node-1"}
        assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-1")
