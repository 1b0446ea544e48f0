"""Real API servers that die, forget, change their locks or hang, and the judge that reads them afterwards.

Each test brings an AppSet to rest, breaks something in the middle of a change, and demands that all ends as if nothing
had happened: nobody's pods are restarted that had no part in it, and the other member never waits.
"""

import signal
import time
from collections.abc import Iterator

import pytest

from sym.model.codec import JSONMap, dig_list, dig_str
from sym.model.names import MEMBER_NAMESPACE
from tests.e2e.ground import ACCOUNT, Ground, account_token, condition, register
from tests.make import appset, pod_set
from tests.oracle.judge import pod_uids
from tests.wait import until
from tools.realfleet.fleet import MEMBERS, META

BJ4, BJ5 = MEMBERS
HELD_SECONDS = 60.0


def two(name: str, version: str, replicas: int = 4) -> JSONMap:
    """An AppSet with one podSet in each member."""
    clusters = {
        BJ4: [pod_set(f"{name}-gz01b-blue", replicas, version)],
        BJ5: [pod_set(f"{name}-gz01a-blue", replicas, version)],
    }
    return appset(clusters, name=name, strategy={"waves": [{"name": "together"}]})


@pytest.fixture
def web(ground: Ground) -> Iterator[str]:
    """An AppSet that runs v1 with four pods in each member; gone afterwards."""
    ground.apply_app(two("web", "v1"))
    try:
        ground.until(lambda: ground.runs("web", "v1"), "web runs v1")
        ground.rests()
        yield "web"
    finally:
        ground.delete_app("web")


def versions(ground: Ground, member: str) -> set[str]:
    """The images of the Deployments in a member."""
    found = dig_list(
        ground.fleet.members[member].ask("GET", "/apis/apps/v1/namespaces/default/deployments")[1], "items"
    )
    return {dig_str(each, "spec", "template", "spec", "containers", 0, "image").rpartition(":")[2] for each in found}


@pytest.mark.parametrize("victim", [META, BJ4])
def test_an_api_server_is_killed_in_mid_change(ground: Ground, web: str, victim: str) -> None:
    plane = ground.fleet.planes[victim]
    ground.apply_app(two(web, "v2"))
    ground.until(lambda: "v2" in versions(ground, BJ4) | versions(ground, BJ5), "the change has begun")
    plane.processes["kube-apiserver"].kill()
    if victim != META:
        ground.until(lambda: versions(ground, BJ5) == {"v2"}, "the other member goes on")
    plane.restart("kube-apiserver")
    ground.until(lambda: ground.runs(web, "v2"), "the change ends")
    ground.rests()


def test_etcd_forgets_what_the_watches_have_not_seen(ground: Ground, web: str) -> None:
    """The controllers are held while objects change and go; their watches are then answered 410."""
    ground.apply_app(two("gone", "v1", 1))
    ground.until(lambda: ground.runs("gone", "v1"), "gone runs")
    ground.controller.signal(signal.SIGSTOP)
    for plane in ground.fleet.planes.values():
        plane.processes["kube-apiserver"].kill()
        plane.restart("kube-apiserver")
    until(
        lambda: all(plane.ask("GET", "/readyz")[0] == 200 for plane in ground.fleet.planes.values()), 60, "they serve"
    )
    ground.apply_app(two(web, "v2", 3))
    for number in range(5):
        ground.fleet.meta.ask("POST", "/api/v1/namespaces", {"metadata": {"name": f"noise-{number}"}})
    for plane in ground.fleet.planes.values():
        plane.compact()
        plane.processes["kube-apiserver"].kill()  # its watch cache begins anew at what etcd still knows
        plane.restart("kube-apiserver")
    until(
        lambda: all(plane.ask("GET", "/readyz")[0] == 200 for plane in ground.fleet.planes.values()), 60, "they serve"
    )
    ground.controller.signal(signal.SIGCONT)
    ground.until(lambda: ground.runs(web, "v2"), "the change that was never watched is made")
    assert ground.controller.metric("sym_informer_restarts_total", reason="Gone") >= 1
    ground.delete_app("gone")
    ground.rests()


def test_a_members_token_is_rotated(ground: Ground, web: str) -> None:
    before, plane = pod_uids(ground.seen())[BJ4], ground.fleet.members[BJ4]
    register(ground.fleet, BJ4, plane.kubeconfig_for(account_token(plane, ACCOUNT, until="first")))
    plane.ask("DELETE", f"/api/v1/namespaces/{MEMBER_NAMESPACE}/secrets/first")
    ground.until(
        lambda: "CredentialProblem" in dig_str(condition(ground.app(web), "Ready"), "message"),
        "a refused token shows at the AppSet",
    )
    ground.apply_app(two(web, "v2"))
    ground.until(lambda: versions(ground, BJ5) == {"v2"}, "the other member goes on")
    assert pod_uids(ground.seen())[BJ4] == before, "a refused token touches no pod"
    register(ground.fleet, BJ4, plane.kubeconfig_for(account_token(plane, ACCOUNT)))
    ground.until(lambda: ground.runs(web, "v2"), "the second token lets the change through")
    ground.rests()


def test_a_member_is_held_for_a_minute_and_goes_on(ground: Ground, web: str) -> None:
    plane = ground.fleet.members[BJ4]
    before = pod_uids(ground.seen())
    server = plane.processes["kube-apiserver"]
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    ground.apply_app(two(web, "v2"))
    ground.until(lambda: versions(ground, BJ5) == {"v2"}, "the other member goes on")
    ground.until(
        lambda: dig_str(condition(ground.app(web), "Ready"), "reason") == "ClusterUnreachable",
        "the AppSet says who is away",
    )
    until(lambda: time.monotonic() - began >= HELD_SECONDS, HELD_SECONDS + 5, "a minute passes")
    server.signal(signal.SIGCONT)
    ground.until(lambda: ground.runs(web, "v2"), "the held member follows")
    after = pod_uids(ground.rests())
    assert not before[BJ4] & after[BJ4]  # v2 has pods of its own
    assert len(after[BJ4]) == len(after[BJ5]) == 4
