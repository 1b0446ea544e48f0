"""Stories of schemas: OpenAPI and discovery of a CRD, kinds of lists, selectable fields, and what rules may cost."""

from collections.abc import Mapping

from sym.model.codec import JSON, JSONMap
from tests.contract.builders import ESTABLISHED, get, patch, post
from tests.contract.steps import APPLY, MERGE, Step, Story

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_GROUP = "{ns}.example.com"
_BASE = f"/apis/{_GROUP}/v1/namespaces/{{ns}}/crates"
_TEXT: JSONMap = {"type": "string"}
_TEXTS: JSONMap = {"type": "array", "items": _TEXT}
_PAIR: JSONMap = {"type": "object", "required": ["k"], "properties": {"k": _TEXT, "v": _TEXT}}


def _crate(spec: JSONMap, **version: JSON) -> JSONMap:
    """A CRD whose objects have this spec."""
    schema: JSONMap = {"type": "object", "properties": {"spec": {"type": "object", **spec}}}
    served: JSONMap = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    names: JSONMap = {"plural": "crates", "kind": "Crate", "listKind": "CrateList", "singular": "crate"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"crates.{_GROUP}"},
        "spec": {"group": _GROUP, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def _ruled(rule: str, field: JSONMap, **more: JSON) -> Step:
    """An attempt to install a CRD whose only field has a rule."""
    rules: list[JSON] = [{"rule": rule, **more}]
    made = _crate({"properties": {"f": {**field, "x-kubernetes-validations": rules}}})
    return post(_CRDS + "?dryRun=All", made, only=("kind",))


def _one(name: str, **spec: JSON) -> JSONMap:
    return {"apiVersion": f"{_GROUP}/v1", "kind": "Crate", "metadata": {"name": name}, "spec": spec}


_SETTLED = Step(method="GET", path=f"{_CRDS}/crates.{_GROUP}", until=ESTABLISHED, only=("kind",))
_SERVED = Step(method="GET", path=_BASE, until="200", only=("kind", "apiVersion", "items"))
_GONE = Step(method="DELETE", path=f"{_CRDS}/crates.{_GROUP}", only=("kind",))

_SPEC: JSONMap = {
    "properties": {
        "colour": _TEXT,
        "size": {"type": "integer"},
        "open": {"type": "boolean"},
        "set": {**_TEXTS, "x-kubernetes-list-type": "set"},
        "atomic": {**_TEXTS, "x-kubernetes-list-type": "atomic"},
        "map": {
            "type": "array",
            "items": _PAIR,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
        "struct": {"type": "object", "properties": {"a": _TEXT, "b": _TEXT}, "x-kubernetes-map-type": "atomic"},
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object"}},
        },
    }
}
_FIELDS: list[JSON] = [{"jsonPath": ".spec.colour"}, {"jsonPath": ".spec.size"}, {"jsonPath": ".spec.open"}]
_WATCH = "?watch=1&timeoutSeconds=1&resourceVersion={b.metadata.resourceVersion}"
_SELECTED: Story = (
    post(_CRDS, _crate(_SPEC, selectableFields=_FIELDS), only=("spec.versions.0.selectableFields",)),
    _SETTLED,
    _SERVED,
    post(_BASE, _one("a", colour="red", size=1, open=True), save="a", only=("kind",)),
    post(_BASE, _one("b", colour="blue", size=2), save="b", only=("kind",)),
    get(_BASE + "?fieldSelector=spec.colour%3Dred", only=("items.0.metadata.name", "items.1")),
    get(_BASE + "?fieldSelector=spec.colour!%3Dred", only=("items.0.metadata.name", "items.1")),
    get(_BASE + "?fieldSelector=spec.size%3D2,metadata.namespace%3D{ns}", only=("items.0.metadata.name", "items.1")),
    get(_BASE + "?fieldSelector=spec.open%3Dtrue", only=("items.0.metadata.name", "items.1")),
    get(_BASE + "?fieldSelector=spec.atomic%3Dtrue"),
    patch(_BASE + "/a", {"spec": {"colour": "blue"}}, MERGE, only=("spec.colour",)),
    get(
        _BASE
        + "?watch=1&timeoutSeconds=1&fieldSelector=spec.colour%3Dred&resourceVersion={b.metadata.resourceVersion}",
        only=("0.type", "0.object.metadata.name", "1"),
    ),
    _GONE,
)

_LISTS: Story = (
    post(_CRDS, _crate(_SPEC), only=("kind",)),
    _SETTLED,
    _SERVED,
    post(_BASE, _one("twice", set=["a", "a"])),
    post(_BASE, _one("twice", map=[{"k": "a"}, {"k": "a"}])),
    patch(
        _BASE + "/a?fieldManager=one",
        _one("a", set=["x", "y"], atomic=["x", "y"], map=[{"k": "p", "v": "1"}], struct={"a": "1"}),
        APPLY,
    ),
    patch(_BASE + "/a?fieldManager=two", _one("a", set=["y", "z"], map=[{"k": "q"}]), APPLY),
    patch(_BASE + "/a?fieldManager=two", _one("a", set=["z"], atomic=["x"]), APPLY),
    patch(_BASE + "/a?fieldManager=two", _one("a", struct={"b": "2"}), APPLY),
    patch(_BASE + "/a?fieldManager=two&force=true", _one("a", struct={"b": "2"}, atomic=["z"]), APPLY),
    patch(_BASE + "/a?fieldManager=one", _one("a", set=["y"]), APPLY),
    patch(_BASE + "/a?fieldManager=one", _one("a", embedded={"spec": {}}), APPLY),
    patch(
        _BASE + "/a?fieldManager=one",
        _one("a", embedded={"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "odd": 1}),
        APPLY,
    ),
    patch(_BASE + "/a?fieldManager=one", _one("a", map=[{"v": "no key"}]), APPLY),
    _GONE,
)

_OPENAPI: Story = (
    post(_CRDS, _crate(_SPEC, subresources={"status": {}}), only=("kind",)),
    _SETTLED,
    _SERVED,
    Step(method="GET", path="/openapi/v3", until=f"apis/{_GROUP}/v1", only=("paths.nothing",)),
    Step(
        method="GET",
        path=f"/openapi/v3/apis/{_GROUP}/v1",
        until="Crate",
        only=("openapi", "info", "components.securitySchemes"),
    ),
    get(f"/openapi/v3/apis/{_GROUP}/v9", loose=True),
    get("/openapi/v3/apis/nothing.example.com/v1", loose=True),
    get(f"/apis/{_GROUP}/v1"),
    get(f"/apis/{_GROUP}"),
    get(f"/apis/{_GROUP}/v9"),
    get("/apis/apps/v1", only=("kind", "groupVersion", "resources.0.name")),
    get("/api", only=("kind", "versions")),
    get("/apis", only=("kind", "apiVersion")),
    _GONE,
)

_BIG: JSONMap = {"type": "array", "items": {"type": "string"}}
_SMALL: JSONMap = {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 20}}
_NESTED: JSONMap = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}
_COST: Story = (
    _ruled("self > 3", {"type": "integer"}),
    _ruled("self.startsWith('a')", _TEXT),
    _ruled("self.matches('^[a-z]+$')", _TEXT),
    _ruled("self.all(x, x.startsWith('a'))", _SMALL),
    _ruled("self.all(x, x.startsWith('a'))", _BIG),
    _ruled("self.all(x, self.exists_one(y, x == y))", _SMALL),
)
_TOO_DEAR: Story = (
    _ruled("self.all(x, self.exists_one(y, x == y))", _BIG),
    _ruled("self.all(x, x.all(y, y.matches('^[a-z]+$')))", _NESTED),
    _ruled("self.map(x, x.matches('^[a-z]+$')).size() > 0", {**_BIG, "maxItems": 1000}),
)

STORIES: Mapping[str, Story] = {
    "selectable-fields": _SELECTED,
    "list-types": _LISTS,
    "openapi": _OPENAPI,
    "rule-cost": _COST,
    "rule-cost-exceeded": _TOO_DEAR,
}
