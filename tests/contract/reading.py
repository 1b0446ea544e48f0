"""Stories of reading: lists, paging, selectors, watches, tables, discovery, namespaces."""

from collections.abc import Mapping

from sym.model.codec import JSONMap
from tests.contract.builders import CM, DEPLOY, cm, delete, deployment, get, patch, post
from tests.contract.steps import MERGE, PARTIAL, PARTIAL_LIST, TABLE, Step, Story

_THREE: Story = tuple(
    post(CM, cm(name, {"n": name}, labels={"app": name, "tier": tier}), save=name, only=("kind",))
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y"))
)
_SECRETS = "/api/v1/namespaces/{ns}/secrets"
_EVENTS = "/api/v1/namespaces/{ns}/events"

_LISTS: Story = (
    *_THREE,
    get(CM),
    get(
        CM + "?limit=2",
        save="page",
        only=("metadata.remainingItemCount", "items.0.metadata.name", "items.1.metadata.name"),
    ),
    get(CM + "?limit=2&continue={page.metadata.continue}"),
    post(CM, cm("bb"), only=("kind",)),
    get(
        CM + "?limit=2&continue={page.metadata.continue}",
        only=("items.0.metadata.name", "items.1", "metadata.continue"),
    ),
    get(CM + "?continue=nonsense", loose=True),
    get(CM + "?limit=2&continue={page.metadata.continue}&resourceVersion=5"),
    get(CM + "?resourceVersion=0", only=("kind",)),
    get(CM + "?resourceVersion=abc"),
    get(
        CM + "?resourceVersion={c.metadata.resourceVersion}&resourceVersionMatch=Exact",
        only=("items.2.metadata.name", "items.3"),
    ),
    get(CM + "?limit=9&resourceVersion={b.metadata.resourceVersion}", only=("items.1.metadata.name", "items.2")),
    get(
        CM + "?limit=9&resourceVersion={b.metadata.resourceVersion}&resourceVersionMatch=NotOlderThan",
        only=("items.3.metadata.name",),
    ),
    get(CM + "?resourceVersionMatch=Exact"),
    get(CM + "?resourceVersion=5&resourceVersionMatch=Sometimes"),
    get(CM + "?resourceVersion=0&resourceVersionMatch=Exact"),
    get(CM + "?labelSelector=app%3Da", only=("items.0.metadata.name", "items.1")),
    get(CM + "?labelSelector=tier%20in%20(x,z),app!%3Da", only=("items.0.metadata.name", "items.1")),
    get(CM + "?labelSelector=tier%20notin%20(x)", only=("items.0.metadata.name", "items.1.metadata.name", "items.2")),
    get(CM + "?labelSelector=!tier", only=("items.0.metadata.name", "items.1")),
    get(CM + "?labelSelector=tier", only=("items.2.metadata.name", "items.3")),
    get(CM + "?labelSelector=a%20b%20c", loose=True),
    get(CM + "?labelSelector=tier%3D", only=("items",)),
    get(CM + "?fieldSelector=metadata.name%3Da", only=("items.0.metadata.name", "items.1")),
    get(CM + "?fieldSelector=metadata.name!%3Da,metadata.namespace%3D{ns}", only=("items.2.metadata.name", "items.3")),
    get(CM + "?fieldSelector=data.n%3Da"),
    get(CM + "?fieldSelector=nonsense"),
    get(CM, accept=PARTIAL_LIST),
    get(
        CM + "?limit=1",
        accept=TABLE,
        only=("rows", "kind", "apiVersion", "columnDefinitions.0.name", "columnDefinitions.1.name"),
    ),
    get(CM + "/a?includeObject=None", accept=TABLE, only=("rows.0.cells.0", "rows.0.object")),
    get(CM + "/a", accept=TABLE, only=("rows.0.cells.0", "rows.0.object.kind", "metadata")),
    get("/api/v1/namespaces/contract-nowhere/configmaps", only=("items", "kind")),
    get("/api/v1/namespaces/contract-nowhere/configmaps/x"),
    post(_SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}),
    get(_SECRETS + "?fieldSelector=type%3DOpaque", only=("items.0.metadata.name",)),
    post(
        _EVENTS,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": "{ns}"},
            "reason": "Why",
            "type": "Warning",
        },
    ),
    get(
        _EVENTS + "?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod,reason%3DWhy",
        only=("items.0.metadata.name",),
    ),
    get(_EVENTS + "?fieldSelector=involvedObject.name%3Dq", only=("items",)),
)

_STREAMED = (
    "?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
)
_INITIAL = ("0.type", "0.object", "1.type", "2.type", "2.object.metadata.annotations", "2.object.kind", "3")
_WATCHES: Story = (
    *_THREE,
    patch(CM + "/a", {"data": {"n": "2"}}, save="changed", only=("kind",)),
    delete(CM + "/b"),
    get(CM + "?watch=1&timeoutSeconds=1&resourceVersion={b.metadata.resourceVersion}"),
    get(CM + "?watch=true&timeoutSeconds=1"),
    get(CM + "?watch=True&timeoutSeconds=1&resourceVersion=0&labelSelector=app%3Da"),
    patch(CM + "/a", {"metadata": {"labels": {"app": "other"}}}, only=("kind",)),
    patch(CM + "/a", {"metadata": {"labels": {"app": "a"}}}, only=("kind",)),
    get(CM + "?watch=1&timeoutSeconds=1&resourceVersion={changed.metadata.resourceVersion}&labelSelector=app%3Da"),
    get(CM + "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dc&resourceVersion={a.metadata.resourceVersion}"),
    get(
        CM + _STREAMED,
        only=_INITIAL,
    ),
    get(
        CM + _STREAMED + "&resourceVersion=0",
        accept=PARTIAL,
        only=_INITIAL,
    ),
    get(CM + "?watch=1&timeoutSeconds=1&sendInitialEvents=true"),
    get(CM + "?watch=1&timeoutSeconds=1&resourceVersionMatch=NotOlderThan"),
    get(CM + "?watch=1&timeoutSeconds=1&resourceVersion=abc"),
    get(CM + "?sendInitialEvents=true&resourceVersionMatch=NotOlderThan", loose=True),
    get(CM + "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dc", accept=PARTIAL),
    get(
        CM + "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dc",
        accept=TABLE,
        only=("0.type", "0.object.kind", "0.object.rows.0.cells.0", "0.object.rows.0.object.kind"),
    ),
    get(CM + "?watch=1&timeoutSeconds=1&fieldSelector=nonsense%3Dc"),
)

_NAMESPACES: Story = (
    get("/api/v1/namespaces/{ns}", only=("spec", "status", "metadata.labels")),
    post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Bad"}}),
    post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{ns}"}}),
    post(CM, cm("inside"), only=("kind",)),
    delete("/api/v1/namespaces"),
    Step(
        method="DELETE",
        path="/api/v1/namespaces/{ns}",
        only=("spec", "status.phase", "metadata.deletionGracePeriodSeconds"),
    ),
    post(CM, cm("late")),
    get(CM + "/inside", only=("kind",)),
    patch("/api/v1/namespaces/{ns}", {"metadata": {"labels": {"x": "y"}}}, only=("status.phase", "spec")),
    Step(method="DELETE", path="/api/v1/namespaces/{ns}", only=("status.phase",)),
    patch(CM + "/inside", {"data": {"x": "y"}}, MERGE, only=("data",)),
    Step(
        method="PUT",
        path="/api/v1/namespaces/{ns}/finalize",
        body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{ns}"}, "spec": {"finalizers": []}},
        only=("kind",),
    ),
    get("/api/v1/namespaces/{ns}"),
)

_DISCOVERY: Story = (
    get("/api/v1/namespaces/{ns}/nothing"),
    get("/api/v1/configmaps/x"),
    get("/api/v1/namespaces/{ns}/nodes"),
    get("/apis/nothing.example.com"),
    get("/apis/nothing.example.com/v1"),
    get("/apis/nothing.example.com/v1/things"),
    get("/apis/apps/v9/deployments"),
    get("/apis/apps/v1/nothings"),
    get("/nothing"),
    get("/apis/apps"),
    post("/api/v1", {}),
    Step(method="PUT", path=CM, body={}),
    Step(method="PATCH", path=CM, body={}, media=MERGE),
    Step(method="DELETE", path=DEPLOY + "/none"),
    get("/version", only=("major", "minor")),
    get("/version/", only=("major", "minor")),
    get("/healthz"),
    get("/readyz"),
    get("/livez"),
    post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
        },
        only=("status.allowed", "spec"),
    ),
    post(
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        only=("status.userInfo.username",),
    ),
)

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
_LEASE: JSONMap = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
_SPEC: JSONMap = {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}
_LEASES_STORY: Story = (
    post(_LEASES, {**_LEASE, "spec": {**_SPEC}}, save="l"),
    Step(method="PUT", path=_LEASES + "/l", body={**_LEASE, "spec": {"holderIdentity": "other"}}),
    Step(
        method="PUT",
        path=_LEASES + "/l",
        body={
            **_LEASE,
            "metadata": {"name": "l", "resourceVersion": "{l.metadata.resourceVersion}"},
            "spec": {**_SPEC, "holderIdentity": "other"},
        },
    ),
    Step(
        method="PUT",
        path=_LEASES + "/l",
        body={
            **_LEASE,
            "metadata": {"name": "l", "resourceVersion": "{l.metadata.resourceVersion}"},
            "spec": {**_SPEC},
        },
    ),
    get(_LEASES + "/l"),
    post(DEPLOY, deployment(), only=("metadata.generation", "status")),
    get(
        DEPLOY,
        accept=TABLE,
        only=(
            "rows.0.cells.1",
            "rows.0.cells.2",
            "rows.0.cells.3",
            "rows.0.cells.5",
            "rows.0.cells.6",
            "rows.0.cells.7",
        ),
    ),
)

STORIES: Mapping[str, Story] = {
    "lists": _LISTS,
    "watches": _WATCHES,
    "namespaces": _NAMESPACES,
    "discovery": _DISCOVERY,
    "leases": _LEASES_STORY,
}
