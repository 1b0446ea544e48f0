"""Kubernetes' own controller-manager and scheduler work on a simulated cluster as they do on a real one.

The strongest test of its API: informers, protobuf, watch lists, leases, garbage collection. Everything is judged by
the objects that the API shows.
"""

import secrets
from collections.abc import AsyncIterator

import pytest

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from tests.e2e.borrowed import MANAGER, SCHEDULER, Borrowed, Round, borrowed
from tools.realfleet.build import Binaries

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

STRATEGIC = "application/strategic-merge-patch+json"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
ROUNDS = {"elected": Round(elect=True), "with kwok": Round(kwok=True)}
REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture(scope="module", params=list(ROUNDS))
async def cluster(
    request: pytest.FixtureRequest, programs: Binaries, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Borrowed]:
    """One cluster for the module in each round."""
    async with borrowed(programs, tmp_path_factory.mktemp("borrowed"), ROUNDS[request.param]) as made:
        yield made
        assert made.trouble() == []


class Space:
    """A namespace of the test's own."""

    def __init__(self, cluster: Borrowed, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def core(self, plural: str) -> str:
        """The path of a core kind."""
        return f"/api/v1/namespaces/{self.name}/{plural}"

    def apps(self, plural: str) -> str:
        """The path of a kind of apps."""
        return f"/apis/apps/v1/namespaces/{self.name}/{plural}"

    async def deploy(self, replicas: int, image: str = "shop:v1", **pod: JSON) -> str:
        """A Deployment `web` that has rolled out; its path."""
        template: JSONMap = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": image}], **pod},
        }
        spec: JSONMap = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        body: JSONMap = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
        self.cluster.create(self.apps("deployments"), body)
        path = self.apps("deployments") + "/web"
        if not pod:
            await self.cluster.until(path, "status", "readyReplicas", is_=replicas)
        return path


@pytest.fixture
async def space(cluster: Borrowed) -> Space:
    """A fresh namespace."""
    name = f"ns-{secrets.token_hex(4)}"
    cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return Space(cluster, name)


async def test_a_deployment_rolls_out_and_changes_its_image(cluster: Borrowed, space: Space) -> None:
    path = await space.deploy(3)
    (first,) = cluster.list(space.apps("replicasets"))
    pods = cluster.list(space.core("pods"))
    assert [dig(pod, "metadata", "ownerReferences", 0, "uid") for pod in pods] == [dig(first, "metadata", "uid")] * 3
    assert all(dig_str(pod, "spec", "nodeName").startswith("node-") for pod in pods)
    cluster.ask("PATCH", path, _image("shop:v2"), STRATEGIC)
    await cluster.until(path, "metadata", "annotations", REVISION, is_="2")
    await cluster.until(path, "status", "observedGeneration", is_=2)
    await cluster.until(
        f"{space.apps('replicasets')}/{dig_str(first, 'metadata', 'name')}", "status", "replicas", is_=0
    )
    await cluster.until(path, "status", "replicas", is_=3)
    await cluster.until(path, "status", "updatedReplicas", is_=3)
    await cluster.until(path, "status", "availableReplicas", is_=3)
    sets = {_image_of(item): dig(item, "spec", "replicas") for item in cluster.list(space.apps("replicasets"))}
    assert sets == {"shop:v1": 0, "shop:v2": 3}
    await cluster.until_only(space.core("pods"), 3)
    assert {dig_str(pod, "spec", "containers", 0, "image") for pod in cluster.list(space.core("pods"))} == {"shop:v2"}


async def test_pods_get_their_nodes_from_the_real_scheduler(cluster: Borrowed, space: Space) -> None:
    await space.deploy(1)
    events = f"/apis/events.k8s.io/v1/namespaces/{space.name}/events"
    await cluster.until_only(events + "?fieldSelector=reason%3DScheduled", 1)


async def test_a_pod_that_fits_no_node_says_so(cluster: Borrowed, space: Space) -> None:
    await space.deploy(1, nodeSelector={"disk": "none"})
    await cluster.until_only(space.core("pods"), 1)
    (pod,) = cluster.list(space.core("pods"))
    where = f"{space.core('pods')}/{dig_str(pod, 'metadata', 'name')}"
    await cluster.until(where, "status", "conditions", 0, "reason", is_="Unschedulable")
    assert dig(cluster.get(where), "spec", "nodeName") is None


@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
async def test_a_deleted_deployment_takes_its_own_along(cluster: Borrowed, space: Space, propagation: str) -> None:
    path = await space.deploy(2)
    uid = dig(cluster.get(path), "metadata", "uid")
    options: JSONMap = {"propagationPolicy": propagation, "preconditions": {"uid": uid}}
    assert cluster.ask("DELETE", path, options)[0] == 200
    if propagation == "Foreground":
        held = dig_list(cluster.get(path), "metadata", "finalizers")
        assert held == ["foregroundDeletion"], "the owner goes last"
    await cluster.until_gone(path)
    await cluster.until_only(space.apps("replicasets"), 0)
    await cluster.until_only(space.core("pods"), 0)


async def test_an_orphaned_replica_set_stays(cluster: Borrowed, space: Space) -> None:
    path = await space.deploy(1)
    assert cluster.ask("DELETE", path, {"propagationPolicy": "Orphan"})[0] == 200
    await cluster.until_gone(path)
    (left,) = cluster.list(space.apps("replicasets"))
    assert dig(left, "metadata", "ownerReferences") is None
    assert len(cluster.list(space.core("pods"))) == 1


async def test_a_service_gets_the_endpoints_of_its_pods(cluster: Borrowed, space: Space) -> None:
    spec: JSONMap = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    cluster.create(space.core("services"), {"metadata": {"name": "web"}, "spec": spec})
    path = await space.deploy(2)
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{space.name}/endpointslices"
    await cluster.until_only(slices, 1)
    (found,) = cluster.list(slices)
    where = f"{slices}/{dig_str(found, 'metadata', 'name')}"
    await cluster.until(where, "endpoints", 1, "conditions", "ready", is_=True)
    await cluster.until(where, "endpoints", 0, "conditions", "ready", is_=True)
    found = cluster.get(where)
    addresses = {dig_str(item, "addresses", 0) for item in dig_list(found, "endpoints")}
    assert addresses == {dig_str(pod, "status", "podIP") for pod in cluster.list(space.core("pods"))}
    assert dig(found, "ports", 0, "port") == 8080
    assert dig(found, "metadata", "labels", "kubernetes.io/service-name") == "web"
    cluster.ask("PATCH", path, {"spec": {"replicas": 1}}, STRATEGIC)
    await cluster.until(where, "endpoints", 1, is_=None)


async def test_a_namespace_goes_with_all_that_is_in_it(cluster: Borrowed, space: Space) -> None:
    await space.deploy(2)
    cluster.create(space.core("configmaps"), {"metadata": {"name": "c"}})
    assert cluster.ask("DELETE", f"/api/v1/namespaces/{space.name}")[0] == 200
    await cluster.until_gone(f"/api/v1/namespaces/{space.name}")
    left = [space.core(plural) for plural in ("pods", "configmaps", "events")] + [space.apps("replicasets")]
    assert [path for path in left if cluster.list(path)] == []


async def test_leases_are_held_where_leaders_are_elected(cluster: Borrowed, space: Space) -> None:
    await space.deploy(1)
    held = {
        dig_str(lease, "metadata", "name") for lease in cluster.list(LEASES) if dig(lease, "spec", "holderIdentity")
    }
    assert held == ({MANAGER, SCHEDULER} if cluster.how.elect else set())


def _image(image: str) -> JSONMap:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}


def _image_of(owner: JSONMap) -> str:
    return dig_str(owner, "spec", "template", "spec", "containers", 0, "image")


JOBS = "/apis/batch/v1/namespaces/{}/jobs"
FAILED = {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}
"""As the simulated Job controller tells it: tests/sandbox/workloads/test_jobs.py."""


async def test_a_job_ends_as_under_the_simulated_controller(cluster: Borrowed, space: Space) -> None:
    pod: JSONMap = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop:v1"}]}
    lost: JSONMap = {**pod, "nodeSelector": {"disk": "none"}}
    jobs = JOBS.format(space.name)
    good: JSONMap = {"template": {"spec": pod}}
    late: JSONMap = {"template": {"spec": lost}, "activeDeadlineSeconds": 1}
    for name, spec in (("good", good), ("late", late)):
        cluster.create(jobs, {"metadata": {"name": name}, "spec": spec})
    await cluster.until(f"{jobs}/good", "status", "succeeded", is_=1)
    await cluster.until(f"{jobs}/good", "status", "conditions", 1, "type", is_="Complete")
    assert _true(cluster.get(f"{jobs}/good")) == dict.fromkeys(("SuccessCriteriaMet", "Complete"), "CompletionsReached")
    await cluster.until(f"{jobs}/late", "status", "conditions", 1, "type", is_="Failed")
    assert _true(cluster.get(f"{jobs}/late")) == FAILED
    counts = ("active", "failed", "ready", "terminating", "uncountedTerminatedPods")
    told = dig_map(cluster.get(f"{jobs}/late"), "status")
    assert [told.get(name) for name in counts] == [None, 1, 0, 0, {}]


async def test_a_job_whose_pod_fails_gives_up(cluster: Borrowed, space: Space) -> None:
    pod: JSONMap = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop:fail"}]}
    path = JOBS.format(space.name)
    cluster.create(path, {"metadata": {"name": "bad"}, "spec": {"template": {"spec": pod}, "backoffLimit": 0}})
    ended, reason = {"FailureTarget": "Failed"}, "BackoffLimitExceeded"
    if cluster.how.kwok:  # for which images mean nothing: every pod of a Job succeeds
        ended, reason = {"SuccessCriteriaMet": "Complete"}, "CompletionsReached"
    ((decided, done),) = ended.items()
    await cluster.until(f"{path}/bad", "status", "conditions", 1, "type", is_=done)
    assert _true(cluster.get(f"{path}/bad")) == {decided: reason, done: reason}


def _true(job: JSONMap) -> dict[str, str]:
    """The true conditions, and their reasons."""
    held = (one for one in dig_list(job, "status", "conditions") if dig(one, "status") == "True")
    return {dig_str(one, "type"): dig_str(one, "reason") for one in held}
