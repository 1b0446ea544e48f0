"""Kinds of which there is never an object: reading says so, writing is refused by name."""

import pytest

from sym.aio.env import LoopEnv
from sym.model.codec import JSONMap, dig, dig_list
from sym.sandbox.cluster import SandboxCluster
from sym.settings import SandboxSettings
from tests.sandbox.raw import ask, frames

pytestmark = pytest.mark.anyio

NODES = "/apis/storage.k8s.io/v1/csinodes"
OLD = "/api/v1/namespaces/default/replicationcontrollers"


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster in which nothing works."""
    return SandboxCluster("one", env, SandboxSettings())


async def test_lists_are_empty_and_names_unknown(cluster: SandboxCluster) -> None:
    code, found = ask(cluster, "GET", NODES)
    assert (code, found["kind"], found["apiVersion"], found["items"]) == (200, "CSINodeList", "storage.k8s.io/v1", [])
    assert ask(cluster, "GET", OLD)[1]["kind"] == "ReplicationControllerList"
    code, status = ask(cluster, "GET", f"{OLD}/data")
    assert (code, status["message"]) == (404, 'replicationcontrollers "data" not found')


async def test_a_watch_says_that_it_has_shown_all(cluster: SandboxCluster) -> None:
    streaming = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    (mark,) = await frames(cluster, f"{NODES}?watch=1&timeoutSeconds=1&{streaming}")
    assert (dig(mark, "type"), dig(mark, "object", "kind")) == ("BOOKMARK", "CSINode")
    assert dig(mark, "object", "metadata", "annotations", "k8s.io/initial-events-end") == "true"


@pytest.mark.parametrize(("method", "path"), [("POST", OLD), ("DELETE", OLD), ("PUT", f"{OLD}/data")])
async def test_writes_are_refused_by_name(cluster: SandboxCluster, method: str, path: str) -> None:
    body: JSONMap = {"metadata": {"name": "data"}}
    code, status = ask(cluster, method, path, body)
    said = "the sandbox does not serve replicationcontrollers, except to say that there are none"
    assert (code, status["message"]) == (501, said)


async def test_discovery_does_not_offer_them(cluster: SandboxCluster) -> None:
    named = [dig(item, "name") for item in dig_list(ask(cluster, "GET", "/api/v1")[1], "resources")]
    assert "pods" in named
    assert "replicationcontrollers" not in named
