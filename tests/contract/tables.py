"""The story of what `kubectl get` prints: rows of every kind with columns of its own, ages left out."""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap, dig_map
from tests.contract.builders import CM, DEPLOY, cm, deployment, get, patch, post
from tests.contract.steps import TABLE, Step, Story

_NS = "/api/v1/namespaces/{ns}"
_APPS = "/apis/apps/v1/namespaces/{ns}"
_POD_SPEC: JSONMap = {"nodeName": "node-x", "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}


def _cells(path: str, *numbers: int) -> Step:
    """The cells of these numbers of the first row."""
    return get(path, accept=TABLE, only=tuple(f"rows.0.cells.{number}" for number in numbers))


def _object(api_version: str, kind: str, name: str, **fields: JSON) -> JSONMap:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def _pod(name: str, **status: JSON) -> Story:
    made = post(f"{_NS}/pods", _object("v1", "Pod", name, spec=_POD_SPEC), only=("spec.nodeName",))
    told = patch(f"{_NS}/pods/{name}/status", {"status": status}, only=("status.phase",))
    return made, told, _cells(f"{_NS}/pods/{name}", 0, 1, 2, 3, 5, 6, 7, 8)


def _container(name: str, state: JSONMap, *, ready: bool = False, restarts: int = 0) -> JSONMap:
    found: JSONMap = {"name": name, "image": "i", "imageID": "", "ready": ready, "restartCount": restarts}
    return {**found, "state": state}


def _replica_set() -> JSONMap:
    found = deployment("rs")
    spec = {name: value for name, value in dig_map(found, "spec").items() if name != "paused"}
    return {**found, "kind": "ReplicaSet", "spec": spec}


_UP: JSONMap = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
_PORTS: list[JSON] = [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]

_TABLES: Story = (
    post(f"{_NS}/serviceaccounts", _object("v1", "ServiceAccount", "default"), only=("kind",)),
    _cells(f"{_NS}/serviceaccounts/default", 0, 1),
    *_pod("waits", phase="Pending", containerStatuses=[_container("a", {"waiting": {"reason": "ImagePullBackOff"}})]),
    *_pod(
        "runs",
        phase="Running",
        podIP="10.1.2.3",
        podIPs=[{"ip": "10.1.2.3"}],
        containerStatuses=[_container("a", _UP, ready=True), _container("b", _UP, ready=True, restarts=2)],
    ),
    *_pod("fails", phase="Failed", containerStatuses=[_container("a", {"terminated": {"exitCode": 3}})]),
    *_pod("error", phase="Failed", reason="Evicted"),
    post(CM, cm("c", {"a": "1", "b": "2"}), only=("kind",)),
    _cells(CM + "/c", 0, 1),
    post(f"{_NS}/secrets", _object("v1", "Secret", "s", stringData={"a": "b"}), only=("type",)),
    _cells(f"{_NS}/secrets/s", 0, 1, 2),
    post(f"{_NS}/services", _object("v1", "Service", "plain", spec={"ports": _PORTS}), only=("kind",)),
    _cells(f"{_NS}/services/plain", 0, 1, 3, 4, 6),
    post(
        f"{_NS}/services",
        _object("v1", "Service", "headless", spec={"clusterIP": "None", "selector": {"b": "1", "a": "2"}}),
        only=("spec.clusterIP",),
    ),
    _cells(f"{_NS}/services/headless", 0, 1, 2, 3, 4, 6),
    post(DEPLOY, deployment(replicas=3), only=("kind",)),
    patch(
        DEPLOY + "/web/status",
        {"status": {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2}},
        only=("status",),
    ),
    _cells(DEPLOY + "/web", 0, 1, 2, 3, 5, 6, 7),
    post(
        f"{_APPS}/replicasets",
        _replica_set(),
        only=("kind",),
    ),
    _cells(f"{_APPS}/replicasets/rs", 0, 1, 2, 3, 5, 6, 7),
    post(
        f"{_APPS}/controllerrevisions",
        _object("apps/v1", "ControllerRevision", "r", revision=7, data={}),
        only=("kind",),
    ),
    _cells(f"{_APPS}/controllerrevisions/r", 0, 1, 2),
    post(
        "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
        _object("coordination.k8s.io/v1", "Lease", "l", spec={"holderIdentity": "me"}),
        only=("kind",),
    ),
    _cells("/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/l", 0, 1),
    post(
        "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
        _object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "e",
            addressType="IPv4",
            ports=[{"port": 80}],
            endpoints=[{"addresses": [f"10.0.0.{n}"]} for n in range(1, 6)],
        ),
        only=("kind",),
    ),
    _cells("/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices/e", 0, 1, 2, 3),
    post(
        f"{_NS}/events",
        _object(
            "v1",
            "Event",
            "e",
            involvedObject={"kind": "Pod", "name": "p", "namespace": "{ns}", "fieldPath": "spec.containers{x}"},
            reason="Why",
            type="Warning",
            message="because \n",
            source={"component": "c", "host": "h"},
            count=4,
        ),
        only=("kind",),
    ),
    _cells(f"{_NS}/events/e", 1, 2, 3, 4, 5, 6, 8, 9),
    _cells("/api/v1/namespaces/{ns}", 0, 1),
)

STORIES: Mapping[str, Story] = {"tables": _TABLES}
