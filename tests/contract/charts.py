"""Stories of what charts bring and Helm keeps: Jobs, autoscalers, ingresses, budgets, roles, records of releases."""

from collections.abc import Mapping

from msgspec import structs

from sym.model.codec import JSON, JSONMap
from tests.contract.builders import delete, get, patch, post, put
from tests.contract.steps import APPLY, STRATEGIC, TABLE, Step, Story

_ROOT = "/apis/{}/namespaces/{{ns}}/{}"
JOBS, CRONS = _ROOT.format("batch/v1", "jobs"), _ROOT.format("batch/v1", "cronjobs")
SCALERS = _ROOT.format("autoscaling/v2", "horizontalpodautoscalers")
INGRESSES = _ROOT.format("networking.k8s.io/v1", "ingresses")
POLICIES = _ROOT.format("networking.k8s.io/v1", "networkpolicies")
BUDGETS = _ROOT.format("policy/v1", "poddisruptionbudgets")
ROLES = _ROOT.format("rbac.authorization.k8s.io/v1", "roles")
BINDINGS = _ROOT.format("rbac.authorization.k8s.io/v1", "rolebindings")
CLAIMS, SECRETS = "/api/v1/namespaces/{ns}/persistentvolumeclaims", "/api/v1/namespaces/{ns}/secrets"


_CELLS = tuple(f"rows.0.cells.{number}" for number in range(1, 5))


def _named(name: str, spec: JSON = None, **more: JSON) -> JSONMap:
    body: JSONMap = {"metadata": {"name": name}, **more}
    return body if spec is None else {**body, "spec": spec}


def _loosely(step: Step) -> Step:
    """A step whose answer shows a struct as Go prints it."""
    return structs.replace(step, loose=True)


def _job(name: str, policy: str = "Never", labels: JSONMap | None = None, **spec: JSON) -> JSONMap:
    pod: JSONMap = {"restartPolicy": policy, "containers": [{"name": "main", "image": "shop:v1"}]}
    template: JSONMap = {"spec": pod, **({"metadata": {"labels": labels}} if labels else {})}
    return _named(name, {"template": template, **spec})


_OTHER: JSONMap = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "shop:v2"}]}}}}
_JOBS: Story = (
    post(JOBS, _job("one"), save="one"),
    get(JOBS + "/one"),
    post(JOBS, _job("labelled", labels={"a": "b"})),
    post(JOBS, {**_job("twice", labels={"a": "b"}), "metadata": {"name": "twice", "labels": {"a": "b"}}}),
    post(JOBS, _job("always", "Always")),
    post(JOBS, _job("negative", backoffLimit=-1, completions=-1, ttlSecondsAfterFinished=-1)),
    post(JOBS, _job("indexed", completionMode="Indexed")),
    post(JOBS, _job("mine", labels={"a": "b"}, manualSelector=True, selector={"matchLabels": {"a": "b"}})),
    post(JOBS, _job("unlike", labels={"a": "b"}, manualSelector=True, selector={"matchLabels": {"a": "c"}})),
    post(JOBS, _job("wrong", labels={"job-name": "other"})),
    _loosely(patch(JOBS + "/one", _OTHER, STRATEGIC)),
    patch(JOBS + "/one", {"spec": {"completions": 2}}),
    patch(JOBS + "/one", {"spec": {"parallelism": 0, "suspend": True, "backoffLimit": 3}}),
    patch(JOBS + "/one/status", {"status": {"active": 1, "ready": 0}}),
    get(JOBS + "?fieldSelector=status.successful%3D0", only=("items.0.metadata.name", "items.1.metadata.name")),
    get(JOBS + "/one", accept=TABLE, only=("rows.0.cells.0", "rows.0.cells.1", "rows.0.cells.2", "columnDefinitions")),
    delete(JOBS + "/one"),
    get(JOBS + "/one", only=("metadata.finalizers",)),
    delete(JOBS + "/mine?propagationPolicy=Background"),
    post(CRONS, _named("nightly", {"schedule": "0 3 * * *", "jobTemplate": _job("x")})),
    post(CRONS, _named("never", {"jobTemplate": _job("x")})),
    post(CRONS, _named("n" * 53, {"schedule": "@daily", "jobTemplate": _job("x")})),
    get(CRONS + "/nightly", accept=TABLE, only=_CELLS),
)

_TARGET: JSONMap = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
_SCALERS: Story = (
    post(SCALERS, _named("one", {"scaleTargetRef": _TARGET, "maxReplicas": 3})),
    post(SCALERS, _named("none", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 0})),
    post(SCALERS, _named("few", {"scaleTargetRef": _TARGET, "minReplicas": 4, "maxReplicas": 3})),
    patch(SCALERS + "/one", {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}}),
    get(SCALERS + "/one", accept=TABLE, only=("rows.0.cells.0", "rows.0.cells.1", "rows.0.cells.2", "rows.0.cells.3")),
    Step(
        method="PATCH",
        path=SCALERS + "/two?fieldManager=helm",
        media=APPLY,
        body={
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            **_named("two", {"scaleTargetRef": _TARGET, "maxReplicas": 2}),
        },
    ),
)

_PATH: JSONMap = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
_NETWORKS: Story = (
    post(INGRESSES, _named("one", {"rules": [{"host": "a.example.com", "http": {"paths": [_PATH]}}]})),
    post(INGRESSES, _named("empty", {})),
    post(INGRESSES, _named("odd", {"rules": [{"host": "A_b", "http": {"paths": [{**_PATH, "path": "x"}]}}]})),
    post(INGRESSES, _named("blind", {"rules": [{"http": {"paths": [{"path": "/", "backend": {}}]}}]})),
    get(INGRESSES + "/one", accept=TABLE, only=_CELLS),
    post(POLICIES, _named("one", {"podSelector": {"matchLabels": {"a": "b"}}, "egress": [{"ports": [{"port": 53}]}]})),
    get(POLICIES + "/one", accept=TABLE, only=("rows.0.cells.0", "rows.0.cells.1")),
    post(BUDGETS, _named("one", {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}})),
    _loosely(post(BUDGETS, _named("both", {"minAvailable": 1, "maxUnavailable": "50%"}))),
    post(BUDGETS, _named("bad", {"maxUnavailable": "half"})),
    get(BUDGETS + "/one", accept=TABLE, only=("rows.0.cells.1", "rows.0.cells.2", "rows.0.cells.3")),
)

_GROUP = "rbac.authorization.k8s.io"
_REFERENCE: JSONMap = {"apiGroup": _GROUP, "kind": "Role", "name": "one"}
_ROLES: Story = (
    post(ROLES, _named("one", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
    post(ROLES, _named("mute", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": []}])),
    post(ROLES, _named("path", rules=[{"nonResourceURLs": ["/x"], "verbs": ["get"]}])),
    post(BINDINGS, _named("one", roleRef=_REFERENCE, subjects=[{"kind": "ServiceAccount", "name": "default"}])),
    post(BINDINGS, _named("user", roleRef=_REFERENCE, subjects=[{"kind": "User", "name": "jane"}])),
    post(BINDINGS, _named("odd", roleRef=_REFERENCE, subjects=[{"kind": "Robot", "name": ""}])),
    _loosely(patch(BINDINGS + "/one", {"roleRef": {"name": "two"}})),
    get(BINDINGS + "/user", accept=TABLE, only=("rows.0.cells.0", "rows.0.cells.1")),
)

_SIZE: JSONMap = {"requests": {"storage": "1Gi"}}
_CLAIMS: Story = (
    post(CLAIMS, _named("one", {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": _SIZE})),
    post(CLAIMS, _named("odd", {"accessModes": ["ReadSometimes"], "volumeMode": "Tape"})),
    _loosely(patch(CLAIMS + "/one", {"spec": {"accessModes": ["ReadOnlyMany"]}})),
    get(CLAIMS + "/one", accept=TABLE, only=("rows.0.cells.1", "rows.0.cells.4", "rows.0.cells.5", "rows.0.cells.8")),
)


def _record(version: int, status: str) -> JSONMap:
    labels: JSONMap = {"owner": "helm", "name": "web", "status": status, "version": str(version)}
    meta: JSONMap = {"name": f"sh.helm.release.v1.web.v{version}", "labels": labels}
    return {"metadata": meta, "type": "helm.sh/release.v1", "data": {"release": "eA=="}}


_NAMES = ("items.0.metadata.name", "items.1.metadata.name")
_RELEASES: Story = (
    post(SECRETS, _record(1, "pending-install")),
    put(SECRETS + "/sh.helm.release.v1.web.v1", _record(1, "deployed")),
    post(SECRETS, _record(2, "pending-upgrade")),
    get(SECRETS + "?labelSelector=name%3Dweb%2Cowner%3Dhelm", only=_NAMES),
    get(SECRETS + "?labelSelector=name%3Dweb%2Cowner%3Dhelm%2Cstatus%3Ddeployed", only=_NAMES),
    get(SECRETS + "?labelSelector=owner%3Dhelm%2Cstatus%21%3Ddeployed", only=_NAMES),
    get(SECRETS + "?fieldSelector=type%3Dhelm.sh%2Frelease.v1", only=_NAMES),
    post(SECRETS, _record(2, "pending-upgrade")),
    patch(SECRETS + "/sh.helm.release.v1.web.v1", {"metadata": {"labels": {"status": "superseded"}}}),
    patch(SECRETS + "/sh.helm.release.v1.web.v1", {"type": "Opaque"}),
    delete(SECRETS + "/sh.helm.release.v1.web.v1"),
)

STORIES: Mapping[str, Story] = {
    "jobs": _JOBS,
    "autoscalers": _SCALERS,
    "networks": _NETWORKS,
    "roles": _ROLES,
    "claims": _CLAIMS,
    "releases": _RELEASES,
}
