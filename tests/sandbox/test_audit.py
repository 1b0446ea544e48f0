"""The audit log of a simulated API server: what each request is called, and that every one is heard of."""

import pytest

from sym.aio.env import LoopEnv
from sym.kube.api import Api
from sym.kube.errors import NotFound
from sym.kube.requests import Request
from sym.model.codec import JSONMap
from sym.model.kinds import CONFIGMAP
from sym.sandbox.audit import Place, Record, place_of, record
from sym.sandbox.cluster import SandboxCluster
from sym.settings import SandboxSettings

PLACES = {
    "/api/v1/pods": Place(resource="pods"),
    "/api/v1/namespaces/default": Place(resource="namespaces", name="default"),
    "/api/v1/namespaces/default/finalize": Place(resource="namespaces", name="default", subresource="finalize"),
    "/api/v1/namespaces/default/pods": Place(resource="pods", namespace="default"),
    "/api/v1/namespaces/default/pods/a/log": Place(resource="pods", namespace="default", name="a", subresource="log"),
    "/apis/apps/v1/namespaces/x/deployments/d": Place(group="apps", resource="deployments", namespace="x", name="d"),
    "/apis/apps/v1": Place(),
    "/readyz": Place(),
    "/": Place(),
}


@pytest.mark.parametrize("path", PLACES)
def test_a_path_names_a_place(path: str) -> None:
    assert place_of(path) == PLACES[path]


@pytest.mark.parametrize(
    ("method", "path", "query", "verb"),
    [
        ("GET", "/api/v1/pods", (), "list"),
        ("GET", "/api/v1/pods", (("watch", "true"),), "watch"),
        ("GET", "/api/v1/namespaces/default/pods/a", (), "get"),
        ("POST", "/api/v1/namespaces/default/pods", (), "create"),
        ("PUT", "/api/v1/namespaces/default/pods/a/status", (), "update"),
        ("PATCH", "/api/v1/namespaces/default/pods/a", (), "patch"),
        ("DELETE", "/api/v1/namespaces/default/pods/a", (), "delete"),
        ("DELETE", "/api/v1/namespaces/default/pods", (), "deletecollection"),
        ("GET", "/readyz", (), "get"),
        ("OPTIONS", "/api/v1/pods", (), "options"),
    ],
)
def test_a_request_has_a_verb(method: str, path: str, query: tuple[tuple[str, str], ...], verb: str) -> None:
    heard = record("bj4", "admin", Request(method=method, path=path, query=query), 200)
    assert heard.verb == verb
    assert heard.write == (verb not in ("get", "list", "watch"))


@pytest.mark.anyio
async def test_every_request_is_heard_of_once_with_its_answer(env: LoopEnv) -> None:
    cluster = SandboxCluster("bj4", env, SandboxSettings())
    heard: list[Record] = []
    cluster.api.listeners.append(heard.append)
    api = Api(cluster.client(), "bj4")
    body: JSONMap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"}}
    await api.create(CONFIGMAP, body, "me")
    with pytest.raises(NotFound):
        await api.get_raw(CONFIGMAP, "default", "missing")
    assert [str(each) for each in heard] == [
        "sym create bj4:configmaps/default -> 201",
        "sym get bj4:configmaps/default/missing -> 404",
    ]
    assert heard[0].user == "admin"
