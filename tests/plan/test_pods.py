"""Versions that run, pods that are not ready, warnings."""

from datetime import timedelta

import pytest

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSON, JSONMap, convert
from sym.model.meta import ObjectMeta
from sym.model.workload import Event, Pod, ReplicaSet
from sym.plan.pods import not_ready, versions, warnings
from sym.plan.views import AdvDeploymentView
from tests.golden.world import START

ADV = AdvDeployment(metadata=ObjectMeta(name="bbcc", namespace="default"))


def pod(name: str, image: str = "b:v1", status: JSONMap | None = None) -> Pod:
    """A pod of podSet `blue`."""
    body: JSONMap = {
        "metadata": {"name": name, "namespace": "default", "labels": {names.PODSET: "blue"}},
        "spec": {"nodeName": "n1", "containers": [{"name": "side", "image": "s:x"}, {"name": "bbcc", "image": image}]},
    }
    return convert({**body, "status": {"phase": "Running", **(status or {})}}, Pod)


def view(*pods: Pod, sets: tuple[ReplicaSet, ...] = (), events: tuple[Event, ...] = ()) -> AdvDeploymentView:
    """A worker's view of these pods."""
    return AdvDeploymentView(adv=ADV, cluster="c", pods=pods, replica_sets=sets, events=events)


def test_versions_of_running_pods() -> None:
    pods = (pod("a", "b:v10"), pod("b", "reg:5000/b:v9"), pod("c", "b:v11", status={"phase": "Pending"}))
    assert versions(view(*pods), "blue") == "v9/v10"
    assert versions(view(*pods), "green") == ""
    assert versions(view(pod("a", "b@sha256:" + "0" * 64)), "blue") == "0" * 12


def test_versions_of_replica_sets_where_no_pod_is_seen() -> None:
    def kept(version: str, ready: int) -> ReplicaSet:
        template: JSONMap = {"spec": {"containers": [{"name": "bbcc", "image": f"b:{version}"}]}}
        labels: JSONMap = {names.PODSET: "blue"}
        body: JSONMap = {
            "metadata": {"labels": labels},
            "spec": {"template": template},
            "status": {"readyReplicas": ready},
        }
        return convert(body, ReplicaSet)

    sets = (kept("v1", 0), kept("v2", 1))
    assert versions(view(sets=sets), "blue") == "v2"
    assert versions(view(sets=sets), "green") == ""
    assert versions(view(pod("a", "b:v3"), sets=sets), "blue") == "v3"


def test_a_pod_without_containers_has_no_version() -> None:
    empty = convert({"metadata": {"labels": {names.PODSET: "blue"}}, "status": {"phase": "Running"}}, Pod)
    assert versions(view(empty), "blue") == ""


WAITING: JSONMap = {"name": "bbcc", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
ENDED: JSONMap = {"name": "bbcc", "state": {"terminated": {"exitCode": 3, "message": "bye"}}}
KILLED: JSONMap = {"name": "bbcc", "state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
FINE: JSONMap = {"name": "side", "ready": True, "state": {"waiting": {"reason": "ignored"}}}


REASONS: list[tuple[JSONMap, str, str]] = [
    ({"phase": "Pending", "message": "no node"}, "Pending", "no node"),
    ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted", "disk"),
    ({"containerStatuses": [FINE, WAITING]}, "ImagePullBackOff", "no such image"),
    ({"containerStatuses": [ENDED]}, "Error", "bye"),
    ({"containerStatuses": [KILLED]}, "OOMKilled", ""),
    ({"initContainerStatuses": [KILLED], "containerStatuses": [WAITING]}, "OOMKilled", ""),
    ({"containerStatuses": [{"name": "bbcc", "state": {"terminated": {}}}]}, "Running", ""),
    ({"containerStatuses": [{"name": "bbcc", "state": {"running": {}}}]}, "Running", ""),
]


@pytest.mark.parametrize(("status", "state", "message"), REASONS)
def test_why_a_pod_is_not_ready(status: JSONMap, state: str, message: str) -> None:
    (info,) = not_ready(view(pod("a", status=status)))
    assert (info.state, info.message, info.cluster_name, info.node_name) == (state, message, "c", "n1")


def test_at_most_fifty_pods_by_name_and_none_that_is_ready_or_leaving() -> None:
    ready = pod("a", status={"conditions": [{"type": "Ready", "status": "True"}]})
    leaving = convert({"metadata": {"name": "b", "deletionTimestamp": "2026-01-01T00:00:00Z"}}, Pod)
    many = [pod(f"p{number:02d}") for number in range(60)]
    found = not_ready(view(ready, leaving, *reversed(many)))
    assert [info.name for info in found] == [f"p{number:02d}" for number in range(50)]


def test_the_latest_twenty_warnings() -> None:
    def event(number: int, **fields: JSON) -> Event:
        about: JSONMap = {"kind": "Pod", "name": "p"}
        at = (START + timedelta(seconds=number)).isoformat()
        body: JSONMap = {"metadata": {"name": f"e{number:02d}"}, "involvedObject": about, "lastTimestamp": at}
        return convert({**body, **fields}, Event)

    events = [event(number) for number in range(25)]
    undated = convert({"metadata": {"name": "undated"}}, Event)
    found = warnings(view(events=(undated, *events)))
    assert [each.name for each in found] == [f"e{number:02d}" for number in range(24, 4, -1)]
    assert found[0].object == "Pod/p"
    (one,) = warnings(view(events=(event(1, reportingComponent="kubelet", count=7),)))
    assert (one.source_component, one.count, one.cluster_name) == ("kubelet", 7, "c")
