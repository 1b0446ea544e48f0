"""pods/binding as kube-apiserver 1.34 answers it."""

import pytest

from sym.aio.env import LoopEnv
from sym.model.codec import JSON, JSONMap, dig, dig_list
from sym.sandbox.cluster import SandboxCluster
from sym.settings import SandboxSettings
from tests.sandbox.raw import ask

pytestmark = pytest.mark.anyio

PODS = "/api/v1/namespaces/default/pods"
BINDING = f"{PODS}/p/binding"
TAKEN = 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"'


def binding(target: JSON = None, **meta: JSON) -> JSONMap:
    """A Binding of the pod `p` to the node `n`."""
    node: JSONMap = {"kind": "Node", "name": "n"}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p", **meta}, "target": target or node}


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster in which nothing works and one pod waits."""
    made = SandboxCluster("one", env, SandboxSettings())
    pod: JSONMap = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert ask(made, "POST", PODS, pod)[0] == 201
    return made


async def test_a_pod_gets_its_node_once(cluster: SandboxCluster) -> None:
    before = dig(ask(cluster, "GET", f"{PODS}/p")[1], "metadata", "managedFields")
    code, status = ask(cluster, "POST", BINDING, binding(annotations={"a": "b"}))
    assert (code, status["status"], status["code"]) == (201, "Success", 201)
    _, pod = ask(cluster, "GET", f"{PODS}/p")
    assert (dig(pod, "spec", "nodeName"), dig(pod, "metadata", "annotations")) == ("n", {"a": "b"})
    said = [(dig(item, "type"), dig(item, "status")) for item in dig_list(pod, "status", "conditions")]
    assert said == [("PodScheduled", "True")]
    assert dig(pod, "metadata", "managedFields") == before
    code, status = ask(cluster, "POST", BINDING, binding())
    assert (code, status["reason"], status["message"]) == (409, "Conflict", TAKEN)


async def test_a_dry_run_binds_nothing(cluster: SandboxCluster) -> None:
    assert ask(cluster, "POST", f"{BINDING}?dryRun=All", binding())[0] == 201
    assert "nodeName" not in str(ask(cluster, "GET", f"{PODS}/p"))


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            binding({"kind": "Pod", "name": "n"}),
            500,
            'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
        ),
        (binding({"kind": "Node"}), 500, "target.name: Required value"),
        (binding(name="q"), 400, "name in URL does not match name in Binding object"),
        (binding(uid="other"), 409, "Precondition failed: UID in precondition: other, UID in object meta: "),
        (
            {**binding(), "kind": "Pod"},
            400,
            'Pod in version "v1" cannot be handled as a Binding: converting (v1.Pod) to (core.Binding)',
        ),
    ],
)
async def test_what_is_refused(cluster: SandboxCluster, body: JSONMap, code: int, said: str) -> None:
    answered, status = ask(cluster, "POST", BINDING, body)
    assert answered == code
    assert said in str(status["message"])
    assert "nodeName" not in str(ask(cluster, "GET", f"{PODS}/p"))


async def test_a_pod_that_goes_gets_no_node(cluster: SandboxCluster) -> None:
    held: JSONMap = {"metadata": {"finalizers": ["example.com/hold"]}}
    assert ask(cluster, "PATCH", f"{PODS}/p", held, "application/merge-patch+json")[0] == 200
    assert ask(cluster, "DELETE", f"{PODS}/p")[0] == 200
    code, status = ask(cluster, "POST", BINDING, binding())
    assert code == 409
    assert str(status["message"]).endswith("pod p is being deleted, cannot be assigned to a host")


@pytest.mark.parametrize(("method", "path", "code"), [("GET", BINDING, 405), ("POST", f"{PODS}/q/binding", 404)])
async def test_what_is_not_there(cluster: SandboxCluster, method: str, path: str, code: int) -> None:
    assert ask(cluster, method, path, binding(name="q"))[0] == code
