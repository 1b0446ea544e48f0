"""The stories of the contract, by name. Each is a few requests that show one thing a client relies on."""

from collections.abc import Mapping

from tests.contract import charts, custom, following, goclients, kubelets, ours, pods, reading, schemas, tables
from tests.contract.builders import CM, DEPLOY, MISSING_UID, cm, delete, deployment, get, patch, post, put
from tests.contract.steps import APPLY, JSON_PATCH, MERGE, PARTIAL, STRATEGIC, Step, Story

_CREATE: Story = (
    post(CM, cm("one", {"a": "1"}), save="one"),
    post(CM, cm("one", {"a": "1"})),
    post(CM, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
    post(CM, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad_Name"}}),
    post(CM, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "generated-"}}),
    Step(method="POST", path=CM, body={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}, loose=True),
    Step(method="POST", path=CM, body={"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "x"}}, loose=True),
    post(CM, cm("two", namespace="elsewhere")),
    post(CM, cm("two", resourceVersion="7")),
    post(CM, {"metadata": {"name": "nameless-kind"}}),
    Step(method="POST", path=CM, raw=b"{not json", loose=True),
    Step(
        method="POST",
        path=CM,
        raw=b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yam}\n",
        media="application/yaml",
    ),
    Step(method="POST", path=CM, raw=b"<a/>", media="application/xml", loose=True),
    post(CM, cm("labels", labels={"bad key!": "x", "ok": "bad value!"})),
    post(CM, {**cm("typed"), "data": {"a": 1}}),
    post(CM, {**cm("typed"), "data": "text"}),
    post("/api/v1/namespaces/contract-nowhere/configmaps", cm("x")),
    post(CM + "/one", cm("one")),
    get(CM + "/one"),
    get(CM + "/none"),
    get(CM + "/one", accept=PARTIAL),
    get(CM + "/one", accept="application/xml", loose=True),
)

_UNKNOWN_FIELDS: Story = (
    post(CM + "?fieldValidation=Strict", cm("a") | {"datta": {}, "immutable": False}),
    post(CM + "?fieldValidation=Warn", cm("a") | {"datta": {}}),
    post(CM + "?fieldValidation=Ignore", cm("b") | {"datta": {}}),
    post(CM + "?fieldValidation=Loud", cm("c")),
    post(DEPLOY + "?fieldValidation=Strict", deployment() | {"extra": 1}),
    Step(method="PATCH", path=CM + "/a?fieldValidation=Strict", body={"datta": {}}, media=MERGE, loose=True),
    patch(CM + "/a", {"datta": {}}),
    post(CM + "?dryRun=All", cm("dry", {"a": "b"})),
    get(CM + "/dry"),
    post(CM + "?dryRun=Some", cm("dry")),
    patch(CM + "/a?dryRun=All", {"data": {"x": "y"}}),
    get(CM + "/a"),
    delete(CM + "/a?dryRun=All"),
    get(CM + "/a"),
)

_UPDATE: Story = (
    post(CM, cm("one", {"a": "1"}), save="one"),
    put(CM + "/one", cm("one", {"a": "2"}), save="two"),
    put(CM + "/one", cm("one", {"a": "3"}, resourceVersion="{one.metadata.resourceVersion}")),
    put(CM + "/one", cm("one", {"a": "3"}, resourceVersion="{two.metadata.resourceVersion}")),
    put(CM + "/one", cm("one", {"a": "3"})),
    put(CM + "/one", cm("one", {"a": "4"}, uid=MISSING_UID)),
    put(CM + "/one", cm("other", {"a": "4"})),
    put(CM + "/none", cm("none", {"a": "4"})),
    put(CM + "/one", cm("one", {"a": "4"}, uid="{one.metadata.uid}")),
    patch(CM + "/one", {"metadata": {"resourceVersion": "{one.metadata.resourceVersion}"}, "data": {"b": "1"}}),
    patch(CM + "/one", {"metadata": {"uid": MISSING_UID}, "data": {"b": "1"}}),
    patch(CM + "/one", {"metadata": {"name": "other"}}),
    patch(CM + "/one", {"data": {"a": None, "b": "1"}}),
    patch(CM + "/none", {"data": {"a": None}}),
    put(CM + "/one", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
    put(CM, cm("one")),
    patch(CM + "/one", {"immutable": True}),
    patch(CM + "/one", {"data": {"b": "2"}}),
    patch(CM + "/one", {"metadata": {"annotations": {"n": "1"}, "labels": {"l": "1"}, "creationTimestamp": None}}),
)

_PATCHES: Story = (
    post(DEPLOY, deployment()),
    patch(DEPLOY + "/web", [{"op": "replace", "path": "/spec/replicas", "value": 2}], JSON_PATCH),
    patch(DEPLOY + "/web", [{"op": "test", "path": "/spec/replicas", "value": 9}], JSON_PATCH),
    patch(DEPLOY + "/web", [{"op": "remove", "path": "/spec/nothing"}], JSON_PATCH),
    patch(DEPLOY + "/web", {"op": "remove"}, JSON_PATCH),
    patch(DEPLOY + "/web", [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}], JSON_PATCH),
    patch(
        DEPLOY + "/web",
        {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "web", "image": "nginx:2"}, {"name": "side", "image": "s"}]}
                }
            }
        },
        STRATEGIC,
    ),
    patch(
        DEPLOY + "/web",
        {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}},
        STRATEGIC,
    ),
    patch(DEPLOY + "/web", {"spec": {"template": {"spec": {"containers": [{"name": "only", "image": "o"}]}}}}, MERGE),
    patch(DEPLOY + "/web", {"spec": {"replicas": -1}}, STRATEGIC),
    patch(DEPLOY + "/web", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}, STRATEGIC),
    patch(DEPLOY + "/web", {}, STRATEGIC),
    Step(method="PATCH", path=DEPLOY + "/web", raw=b"[1]", media=MERGE),
    Step(method="PATCH", path=DEPLOY + "/web", raw=b"nonsense", media=MERGE, loose=True),
    Step(method="PATCH", path=DEPLOY + "/web", raw=b"{}", media="application/json", loose=True),
)

_APPLY: Story = (
    patch(CM + "/a?fieldManager=one", cm("a", {"x": "1", "y": "1"}), APPLY, save="a"),
    patch(CM + "/a?fieldManager=one", cm("a", {"x": "1", "y": "1"}), APPLY),
    patch(CM + "/a?fieldManager=two", cm("a", {"x": "2"}), APPLY),
    patch(CM + "/a?fieldManager=two", cm("a", {"x": "1", "z": "1"}), APPLY),
    patch(CM + "/a?fieldManager=one", cm("a", {"y": "2"}), APPLY),
    patch(CM + "/a?fieldManager=two&force=true", cm("a", {"x": "2", "y": "3"}), APPLY),
    patch(CM + "/a?fieldManager=one", cm("a", {"y": "2"}), APPLY),
    patch(CM + "/a", cm("a", {"y": "2"}), APPLY),
    patch(CM + "/b?fieldManager=one", cm("other", {"y": "2"}), APPLY),
    patch(CM + "/b?fieldManager=one", cm("b", {"y": "2"}, uid=MISSING_UID), APPLY),
    patch(CM + "/b?fieldManager=one", cm("b", {"y": "2"}, resourceVersion="1"), APPLY),
    patch(CM + "/a?fieldManager=one", cm("a", {"w": "2"}, uid=MISSING_UID), APPLY),
    patch(CM + "/a?fieldManager=one", cm("a", {"w": "2"}, resourceVersion="{a.metadata.resourceVersion}"), APPLY),
    patch(CM + "/a?fieldManager=one", cm("a", {"w": "2"}, uid="{a.metadata.uid}"), APPLY),
    patch(CM + "/a?fieldManager=one&fieldValidation=Strict", cm("a") | {"extra": 1}, APPLY),
    patch(CM + "/a?fieldManager=one", {"metadata": {"name": "a"}}, APPLY),
    patch(CM + "/a?fieldManager=one", cm("a") | {"kind": "Secret"}, APPLY),
    patch(CM + "/c?fieldManager=one&dryRun=All", cm("c", {"y": "2"}), APPLY),
    Step(
        method="PATCH",
        path=CM + "/d?fieldManager=one",
        raw=b"apiVersion: v1\nkind: ConfigMap\ndata: {on: 'yes'}\n",
        media=APPLY,
    ),
    patch(CM + "/a?fieldManager=three", {"data": {"x": "9"}}, MERGE),
    patch(CM + "/a?fieldManager=two", cm("a", {"x": "2", "y": "3"}), APPLY),
    get(CM + "/c"),
)

_APPLY_DEPLOYMENT: Story = (
    patch(DEPLOY + "/web?fieldManager=one", deployment(), APPLY),
    patch(DEPLOY + "/web/scale?fieldManager=scaler", {"spec": {"replicas": 5}}, MERGE),
    patch(DEPLOY + "/web?fieldManager=one", deployment(), APPLY),
    patch(DEPLOY + "/web?fieldManager=two", deployment(image="nginx:9"), APPLY),
    patch(
        DEPLOY + "/web/status?fieldManager=three",
        {"apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 3}},
        APPLY,
        only=("status", "spec.replicas", "metadata.generation"),
    ),
    get(DEPLOY + "/web/scale"),
)

_SUBRESOURCES: Story = (
    post(DEPLOY, deployment(), save="d"),
    put(DEPLOY + "/web/status", {**deployment(replicas=9), "status": {"replicas": 1, "observedGeneration": 1}}),
    patch(DEPLOY + "/web", {"spec": {"replicas": 2}, "status": {"replicas": 7}}),
    patch(
        DEPLOY + "/web/status",
        {"metadata": {"labels": {"x": "y"}, "annotations": {"a": "b"}}, "status": {"replicas": 2}},
    ),
    patch(DEPLOY + "/web", {"metadata": {"annotations": {"a": "c"}}}),
    patch(DEPLOY + "/web", {"metadata": {"labels": {"a": "c"}}}),
    get(DEPLOY + "/web/status"),
    get(DEPLOY + "/web/scale"),
    put(
        DEPLOY + "/web/scale",
        {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}},
    ),
    put(
        DEPLOY + "/web/scale",
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": "web", "resourceVersion": "{d.metadata.resourceVersion}"},
            "spec": {"replicas": 4},
        },
    ),
    patch(DEPLOY + "/web/scale", {"spec": {"replicas": -4}}),
    patch(DEPLOY + "/web/scale", {"spec": {"replicas": 0}}),
    get(DEPLOY + "/web", only=("spec.replicas", "metadata.generation")),
    get(DEPLOY + "/none/scale"),
    get(CM + "/x/status"),
    get(DEPLOY + "/web/nothing"),
)

_PROPAGATION: Story = (
    *(post(CM, cm(name), only=("kind",)) for name in ("fore", "orphan", "back", "query")),
    delete(CM + "/fore", {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}),
    delete(CM + "/orphan", {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"}),
    delete(CM + "/back", {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}),
    delete(CM + "/query?propagationPolicy=Foreground&dryRun=All"),
    delete(CM + "/query?propagationPolicy=Orphan"),
    patch(CM + "/fore", {"metadata": {"finalizers": []}}, only=("metadata.finalizers",)),
    get(CM + "/fore"),
    post(CM, cm("owned", ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}])),
    post(CM, cm("owned", annotations={"a b": "c"})),
    post(CM, cm("owned", annotations={"a": "c" * 300_000}), only=("kind",)),
)

_FINALIZERS: Story = (
    post(CM, cm("held", finalizers=["example.com/hold"]), save="held"),
    delete(CM + "/held"),
    delete(CM + "/held"),
    patch(CM + "/held", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}),
    patch(CM + "/held", {"data": {"still": "editable"}}),
    patch(CM + "/held", {"metadata": {"deletionTimestamp": None}}),
    post(CM, cm("held")),
    patch(CM + "/held", {"metadata": {"finalizers": None}}),
    get(CM + "/held"),
    post(CM, cm("plain"), save="plain"),
    delete(CM + "/plain", {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": MISSING_UID}}),
    delete(CM + "/plain", {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": "1"}}),
    delete(
        CM + "/plain", {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "{plain.metadata.uid}"}}
    ),
    delete(CM + "/plain"),
    post(CM, cm("fore"), save="fore"),
    delete(CM + "/fore", {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Sideways"}),
    post(CM, cm("bad", finalizers=["nodomain"])),
    post(CM, cm("l1", labels={"g": "1"})),
    post(CM, cm("l2", labels={"g": "2"})),
    delete(CM + "?labelSelector=g%3D1"),
    get(CM + "?labelSelector=g"),
)

STORIES: Mapping[str, Story] = {
    "create": _CREATE,
    "update": _UPDATE,
    "patches": _PATCHES,
    "apply": _APPLY,
    "apply-deployment": _APPLY_DEPLOYMENT,
    "subresources": _SUBRESOURCES,
    "finalizers": _FINALIZERS,
    "propagation": _PROPAGATION,
    "unknown-fields": _UNKNOWN_FIELDS,
    **reading.STORIES,
    **custom.STORIES,
    **ours.STORIES,
    **tables.STORIES,
    **following.STORIES,
    **schemas.STORIES,
    **kubelets.STORIES,
    **pods.STORIES,
    **goclients.STORIES,
    **charts.STORIES,
}
