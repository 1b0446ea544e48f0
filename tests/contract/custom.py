"""Stories of custom resources: a CRD installed, its defaults, pruning, checks, list-maps, rules, versions, its end."""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap, dig_list, dig_map
from tests.contract.builders import ESTABLISHED, MISSING_UID, delete, get, patch, post, put
from tests.contract.steps import APPLY, JSON_PATCH, MERGE, STRATEGIC, TABLE, Step, Story

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_GROUP = "{ns}.example.com"
BASE = "/apis/{ns}.example.com/v1/namespaces/{ns}/boxes"
_TEXT: JSONMap = {"type": "string"}
_PART: JSONMap = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _TEXT, "weight": {"type": "integer", "default": 1}},
}
_SCHEMA: JSONMap = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10},
                "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
                "replicas": {"type": "integer"},
                "amount": {"x-kubernetes-int-or-string": True},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "labels": {"type": "object", "additionalProperties": _TEXT},
                "parts": {
                    "type": "array",
                    "maxItems": 5,
                    "items": _PART,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            },
            "x-kubernetes-validations": [
                {"rule": "!has(self.code) || self.code != 'bad'", "message": "code must not be bad"},
                {"rule": "self.size >= oldSelf.size", "message": "size never shrinks"},
            ],
        },
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "selector": _TEXT, "phase": _TEXT},
        },
    },
}


def _definition(**version: JSON) -> JSONMap:
    columns: list[JSON] = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    scale: JSONMap = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    served: JSONMap = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _SCHEMA},
        "subresources": {"status": {}, "scale": scale},
        "additionalPrinterColumns": columns,
        **version,
    }
    names: JSONMap = {"plural": "boxes", "kind": "Box", "shortNames": ["bx"], "categories": ["sym-contract"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boxes.{_GROUP}"},
        "spec": {"group": _GROUP, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def _box(name: str, **spec: JSON) -> JSONMap:
    return {"apiVersion": f"{_GROUP}/v1", "kind": "Box", "metadata": {"name": name}, "spec": {"size": 1, **spec}}


_SETTLED = Step(
    method="GET",
    path=_CRDS + f"/boxes.{_GROUP}",
    until=ESTABLISHED,
    only=("spec", "status.acceptedNames", "status.storedVersions", "metadata.generation", "metadata.finalizers"),
)
INSTALL: Story = (
    post(_CRDS, _definition(), only=("kind", "metadata.generation")),
    _SETTLED,
    Step(method="GET", path=BASE, until="200", only=("kind", "apiVersion", "items")),
)
REMOVE: Story = (Step(method="DELETE", path=_CRDS + f"/boxes.{_GROUP}", only=("kind",)),)

_CUSTOM: Story = (
    *INSTALL,
    post(BASE, _box("one", extra="pruned", free={"kept": 1}, parts=[{"name": "p"}]), save="one"),
    post(BASE + "?fieldValidation=Strict", _box("strict", extra="refused")),
    post(BASE, _box("bad", size=11, colour="green", code="TOO LONG", amount=1.5, labels={"a": 1})),
    post(BASE, _box("bad", size="1")),
    post(BASE, {**_box("bad"), "spec": {}}),
    post(BASE, _box("bad", parts=[{"name": "p"}, {"name": "p"}])),
    post(BASE, _box("bad", parts=[{"weight": 1}])),
    post(BASE, _box("bad", code="bad")),
    post(BASE, _box("null", colour=None)),
    post(BASE, {**_box("plain"), "metadata": {"name": "plain", "finalizers": ["nodomain"]}}),
    patch(BASE + "/one", {"spec": {"size": 3}}, save="three"),
    patch(BASE + "/one", {"spec": {"size": 2}}),
    patch(BASE + "/one", {"spec": {"size": 2}}, STRATEGIC),
    patch(BASE + "/one", {"status": {"phase": "ignored"}}),
    patch(
        BASE + "/one/status",
        {"spec": {"size": 9}, "status": {"phase": "Up", "replicas": 2, "selector": "app=one"}},
    ),
    patch(BASE + "/one/status?dryRun=All", {"metadata": {"labels": {"l": "x"}}}, only=("metadata.labels",)),
    get(BASE + "/one/scale"),
    get(BASE + "/one/nothing"),
    get(BASE + "/none/status"),
    patch(BASE + "/one/scale", {"spec": {"replicas": 4}}),
    get(BASE + "/one", only=("spec", "status", "metadata.generation")),
    put(BASE + "/one", _box("one", size=4)),
    put(
        BASE + "/one",
        {**_box("one", size=4), "metadata": {"name": "one", "resourceVersion": "{three.metadata.resourceVersion}"}},
    ),
    put(
        BASE + "/one",
        {
            **_box("one", size=4),
            "metadata": {"name": "one", "uid": MISSING_UID, "resourceVersion": "{three.metadata.resourceVersion}"},
        },
    ),
    patch(BASE + "/one", {"metadata": {"uid": MISSING_UID}}),
    patch(BASE + "/one", {"metadata": {"labels": {"a": "b"}}}, only=("metadata.generation",)),
    get(BASE, accept=TABLE, only=("columnDefinitions", "rows.0.cells.0", "rows.0.cells.1", "rows.0.cells.2")),
    get(BASE + "?fieldSelector=spec.size%3D3"),
    get(BASE + "?fieldSelector=metadata.name%3Done", only=("items.0.metadata.name",)),
    get(f"/apis/{_GROUP}/v1", only=("resources",)),
    get(f"/apis/{_GROUP}"),
    get(BASE + "?watch=1&timeoutSeconds=1", only=("0.type", "0.object.metadata.name", "1.type", "2.type")),
    delete(BASE + "/one", {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": MISSING_UID}}),
    delete(BASE + "/one"),
    patch(BASE + "/one", {"spec": {"size": 3}}),
    Step(method="POST", path=BASE, body={"metadata": {"name": "x"}}, loose=True),
    patch(BASE + "/plain", {"metadata": {"finalizers": None}}, only=("kind",)),
    *REMOVE,
)

_APPLIED: Story = (
    *INSTALL,
    patch(BASE + "/a?fieldManager=one", _box("a", parts=[{"name": "p", "weight": 2}, {"name": "q"}]), APPLY, save="a"),
    patch(BASE + "/a?fieldManager=two", _box("a", parts=[{"name": "p", "weight": 3}]), APPLY),
    patch(BASE + "/a?fieldManager=two", {**_box("a"), "spec": {"parts": [{"name": "r"}]}}, APPLY),
    patch(BASE + "/a?fieldManager=one", _box("a", parts=[{"name": "q"}]), APPLY),
    patch(BASE + "/a?fieldManager=one", {**_box("a"), "status": {"phase": "x"}}, APPLY),
    patch(BASE + "/a/status?fieldManager=three", {**_box("a"), "status": {"phase": "x"}}, APPLY),
    patch(BASE + "/a/status?fieldManager=four", {**_box("a"), "status": {"phase": "y"}}, APPLY),
    patch(BASE + "/a?fieldManager=one", _box("a", extra=1), APPLY),
    patch(BASE + "/a?fieldManager=one", _box("a", size="x"), APPLY),
    patch(BASE + "/a?fieldManager=one", _box("a", parts=[{"name": "p"}, {"name": "p"}]), APPLY),
    patch(BASE + "/a?fieldManager=one", {**_box("a"), "metadata": {"name": "a", "uid": MISSING_UID}}, APPLY),
    patch(BASE + "/gone?fieldManager=one", {**_box("gone"), "metadata": {"name": "gone", "uid": MISSING_UID}}, APPLY),
    patch(
        BASE + "/a?fieldManager=one",
        {**_box("a"), "metadata": {"name": "a", "resourceVersion": "{a.metadata.resourceVersion}"}},
        APPLY,
    ),
    patch(BASE + "/none/status?fieldManager=one", {**_box("none"), "status": {"phase": "y"}}, APPLY),
    *REMOVE,
)

_DEFINITIONS: Story = (
    post(_CRDS, {**_definition(), "metadata": {"name": "wrong.example.com"}}),
    post(_CRDS, _definition(schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {}}}})),
    post(_CRDS, _definition(schema={})),
    *INSTALL,
    post(BASE, {**_box("held"), "metadata": {"name": "held", "finalizers": ["example.com/hold"]}}, only=("kind",)),
    Step(method="DELETE", path=_CRDS + f"/boxes.{_GROUP}", only=("kind",)),
    Step(method="POST", path=BASE, body=_box("late"), until="terminating"),
    Step(method="GET", path=BASE + "/held", until="deletionTimestamp", only=("metadata.finalizers",)),
    patch(BASE + "/held", {"metadata": {"finalizers": None}}, MERGE, only=("kind",)),
    Step(method="GET", path=BASE, until="404"),
    Step(method="GET", path=_CRDS + f"/boxes.{_GROUP}", until="404"),
)

_TWO = _definition()
_OLD: JSONMap = {
    "name": "v1alpha1",
    "served": True,
    "storage": False,
    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
}
dig_list(_TWO, "spec", "versions").append(_OLD)
_ALPHA = BASE.replace("/v1/", "/v1alpha1/")

_VERSIONS: Story = (
    post(_CRDS, _TWO, only=("kind",)),
    _SETTLED,
    Step(method="GET", path=BASE, until="200", only=("kind", "apiVersion", "items")),
    Step(method="GET", path=_ALPHA, until="200", only=("kind", "apiVersion", "items")),
    post(
        _ALPHA, {**_box("old"), "apiVersion": f"{_GROUP}/v1alpha1"}, only=("apiVersion", "spec", "metadata.generation")
    ),
    get(BASE + "/old", only=("apiVersion", "spec", "metadata.managedFields")),
    get(BASE, only=("items.0.apiVersion",)),
    patch(BASE + "/old?fieldManager=new", _box("old", size=2), APPLY, only=("apiVersion", "spec")),
    patch(BASE + "/old?fieldManager=new&force=true", _box("old", size=2), APPLY, only=("apiVersion", "spec")),
    get(_ALPHA + "/old", only=("apiVersion", "spec", "metadata.managedFields")),
    get(_ALPHA + "?watch=1&timeoutSeconds=1", only=("0.type", "0.object.apiVersion")),
    get(BASE + "?watch=1&timeoutSeconds=1", only=("0.type", "0.object.apiVersion")),
    Step(method="POST", path=BASE, body={**_box("wrong"), "apiVersion": f"{_GROUP}/v1alpha1"}, loose=True),
    get(f"/apis/{_GROUP}"),
    patch(
        _CRDS + f"/boxes.{_GROUP}",
        [{"op": "replace", "path": "/spec/versions/1/served", "value": False}],
        JSON_PATCH,
        only=("metadata.generation",),
    ),
    Step(method="GET", path=_ALPHA, until="404"),
    get(BASE + "/old", only=("spec",)),
    *REMOVE,
)

_CLUSTERED: JSONMap = {**_definition()}
_CLUSTERED["spec"] = {**dig_map(_CLUSTERED, "spec"), "scope": "Cluster"}
_WIDE = "/apis/{ns}.example.com/v1/boxes"
_SCOPE: Story = (
    post(_CRDS, _CLUSTERED, only=("kind",)),
    _SETTLED,
    Step(method="GET", path=_WIDE, until="200", only=("kind", "items")),
    post(_WIDE, _box("one"), only=("metadata.namespace", "metadata.name")),
    post(_WIDE, {**_box("two"), "metadata": {"name": "two", "namespace": "default"}}),
    get(_WIDE + "/one", only=("spec",)),
    get(BASE + "/one"),
    *REMOVE,
)

STORIES: Mapping[str, Story] = {
    "versions": _VERSIONS,
    "scope": _SCOPE,
    "custom": _CUSTOM,
    "custom-applied": _APPLIED,
    "definitions": _DEFINITIONS,
}
