"""OpenAPI v3: the built-in documents as they came from a real server, and one made for each group of CRDs.

kubectl reads them for `explain`, and looks in the paths for the query parameters and patch types that a server takes.
Relies on facts.py.
"""

import hashlib
from collections.abc import Iterable

from sym.model.codec import JSON, JSONMap, dig_map, encode
from sym.model.meta import Kind
from sym.sandbox import facts
from sym.sandbox.resources import Resource, Served

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_SHARED = "apis/coordination.k8s.io/v1"
_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
_ON_WRITES = ("dryRun", "fieldManager", "fieldValidation")


class OpenApi:
    """The documents of one cluster, encoded when first asked for and kept until its CRDs change."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._kept: dict[str, bytes] = {}
        self._generation = -1

    def index(self, generation: int) -> JSONMap:
        """The answer of /openapi/v3. `generation` is that of the CRDs."""
        paths: JSONMap = {}
        for place in self._places():
            digest = hashlib.sha256(f"{place}@{generation}".encode()).hexdigest().upper()
            paths[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={digest}"}
        return {"paths": paths}

    def document(self, place: str, generation: int) -> bytes | None:
        """The document of `api/v1` or `apis/GROUP/VERSION`; None where nothing is served there."""
        if generation != self._generation:
            self._kept = {}
            self._generation = generation
        if place not in self._kept:
            found = self._places().get(place)
            if found is None:
                return None
            custom = [resource for resource in found if resource.custom]
            self._kept[place] = encode(_document(custom) if custom else _builtin(place))
        return self._kept[place]

    def _places(self) -> dict[str, list[Resource]]:
        return {
            facts.place_of(group, version): resources
            for group, versions in self._served.groups().items()
            for version, resources in versions.items()
        }


def _builtin(place: str) -> JSONMap:
    return facts.openapi(place) if place in facts.PLACES else _document([])


def _document(resources: Iterable[Resource]) -> JSONMap:
    shared = dig_map(facts.openapi(_SHARED), "components", "schemas")
    schemas: JSONMap = {name: value for name, value in shared.items() if name.startswith("io.k8s.apimachinery")}
    paths: JSONMap = {}
    for resource in resources:
        name = schema_name(resource.kind)
        schemas[name] = _object(resource)
        schemas[f"{name}List"] = _list(resource, name)
        paths.update(_paths(resource, name))
    info: JSONMap = {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def schema_name(kind: Kind) -> str:
    """`com.dmall.workload.v1beta1.AppSet`."""
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.name])


def _object(resource: Resource) -> JSONMap:
    schema = {"type": "object", **resource.schema}
    properties = dict(dig_map(schema, "properties"))
    properties["apiVersion"] = {"type": "string", "description": "The version of the schema that the object keeps."}
    properties["kind"] = {"type": "string", "description": "The kind of the object."}
    properties["metadata"] = {"allOf": [{"$ref": f"#/components/schemas/{_META}"}], "description": "Object metadata."}
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [_gvk(resource.kind)]}


def _list(resource: Resource, name: str) -> JSONMap:
    gvk = _gvk(resource.kind) | {"kind": resource.list_name}
    items: JSONMap = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    text: JSONMap = {"type": "string"}
    properties: JSONMap = {"apiVersion": text, "kind": text, "items": items, "metadata": {"type": "object"}}
    return {"type": "object", "properties": properties, "x-kubernetes-group-version-kind": [gvk]}


def _gvk(kind: Kind) -> JSONMap:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _paths(resource: Resource, name: str) -> JSONMap:
    kind = resource.kind
    base = f"/apis/{kind.group}/{kind.version}"
    inner = f"{base}/namespaces/{{namespace}}" if kind.namespaced else base
    found: JSONMap = {} if not kind.namespaced else {f"{base}/{kind.plural}": _operations(resource, name, ("get",))}
    found[f"{inner}/{kind.plural}"] = _operations(resource, name, ("get", "post"))
    found[f"{inner}/{kind.plural}/{{name}}"] = _operations(resource, name, ("get", "put", "patch", "delete"))
    for subresource in resource.subresources:
        path = f"{inner}/{kind.plural}/{{name}}/{subresource}"
        found[path] = _operations(resource, name, ("get", "put", "patch"))
    return found


def _operations(resource: Resource, name: str, methods: tuple[str, ...]) -> JSONMap:
    return {method: _operation(resource, name, method) for method in methods}


def _operation(resource: Resource, name: str, method: str) -> JSONMap:
    ref: JSONMap = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    gvk = _gvk(resource.kind)
    found: JSONMap = {
        "x-kubernetes-action": method,
        "x-kubernetes-group-version-kind": gvk,
        "responses": {"200": {"description": "OK", "content": {"application/json": ref}}},
    }
    if method in ("post", "put", "patch"):
        names = (*_ON_WRITES, "force") if method == "patch" else _ON_WRITES
        found["parameters"] = [_parameter(parameter) for parameter in names]
        types = _PATCHES if method == "patch" else ("*/*",)
        found["requestBody"] = {"content": dict.fromkeys(types, ref), "required": True}
    return found


def _parameter(name: str) -> JSON:
    type_ = "boolean" if name == "force" else "string"
    return {"name": name, "in": "query", "schema": {"type": type_, "uniqueItems": True}}
