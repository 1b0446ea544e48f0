"""Schemas as the sandbox uses them: one memoised `Node` per place in an object, built-in kinds and CRDs alike.

A Node is made from OpenAPI v3 (facts.py) or from a CRD's structural schema; its children are made when first asked for,
because some schemas contain themselves. Pruning, defaulting, validation, strategic merge and server-side apply all walk
the same nodes. Nothing here changes a schema document after it was given.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox import facts

OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUANTITY: Final = [{"type": "string"}, {"type": "number"}]
_REF: Final = "#/components/schemas/"


_TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "ContainerStateRunning": ("startedAt",),
    "ContainerStateTerminated": ("finishedAt", "startedAt"),
    "CustomResourceDefinitionCondition": ("lastTransitionTime",),
    "DeploymentCondition": ("lastTransitionTime", "lastUpdateTime"),
    "Event": ("deprecatedFirstTimestamp", "deprecatedLastTimestamp", "eventTime", "firstTimestamp", "lastTimestamp"),
    "NamespaceCondition": ("lastTransitionTime",),
    "NodeCondition": ("lastHeartbeatTime", "lastTransitionTime"),
    "PodCondition": ("lastProbeTime", "lastTransitionTime"),
    "ReplicaSetCondition": ("lastTransitionTime",),
    "StatefulSetCondition": ("lastTransitionTime",),
}
"""Times that Go cannot leave out: null where they are not set. By the last part of the definition's name."""


class Shape(StrEnum):
    """What merges do with the value: by field, by item, or as a whole."""

    MAP = "map"
    LIST = "list"
    SCALAR = "scalar"
    ANY = "any"


class Relation(StrEnum):
    """How the items of a list, or the fields of a map, belong together (`x-kubernetes-list-type`, `-map-type`)."""

    ATOMIC = "atomic"
    SET = "set"
    KEYED = "map"
    GRANULAR = "granular"


class Node:
    """One place of a schema. `raw` is the schema there, its references resolved; `title` its definition, if named."""

    def __init__(self, raw: JSONMap, schemas: "Schemas", title: str = "") -> None:
        self.raw = raw
        self.title = title
        self._schemas = schemas
        self.type = dig_str(raw, "type")
        self.builtin = schemas.builtin
        self.preserve = raw.get("x-kubernetes-preserve-unknown-fields") is True
        self.embedded = raw.get("x-kubernetes-embedded-resource") is True
        self.int_or_string = raw.get("x-kubernetes-int-or-string") is True or raw.get("format") == "int-or-string"
        self.nullable = raw.get("nullable") is True
        self.quantity = schemas.builtin and raw.get("oneOf") == _QUANTITY
        self.has_default = "default" in raw
        self.default = raw.get("default")
        self.required = tuple(name for name in dig_list(raw, "required") if isinstance(name, str))
        self.keys = tuple(key for key in dig_list(raw, "x-kubernetes-list-map-keys") if isinstance(key, str))
        self.merge_key = dig_str(raw, "x-kubernetes-patch-merge-key")
        self.strategies = frozenset(dig_str(raw, "x-kubernetes-patch-strategy").split(",")) - {""}
        self.shape = self._shape()
        self.relation = self._relation()

    @cached_property
    def properties(self) -> Mapping[str, "Node"]:
        """The named fields."""
        return {name: self._schemas.node(raw) for name, raw in self._fields().items() if isinstance(raw, dict)}

    @cached_property
    def values(self) -> "Node | None":
        """The schema of fields that have no name of their own: `additionalProperties`."""
        raw = self.raw.get("additionalProperties")
        if raw is True:
            return self._schemas.open
        return self._schemas.node(raw) if isinstance(raw, dict) else None

    @cached_property
    def items(self) -> "Node":
        """The schema of a list's items."""
        raw = self.raw.get("items")
        return self._schemas.node(raw) if isinstance(raw, dict) else self._schemas.open

    @cached_property
    def own_metadata(self) -> "Node | None":
        """What a CRD itself says of `metadata`, beside the fields that every object has."""
        raw = dig(self.raw, "properties", "metadata")
        return self._schemas.node(raw) if isinstance(raw, dict) and self.embedded else None

    def field(self, name: str) -> "Node | None":
        """The schema of the field `name`, or None where the schema does not know it."""
        return self.properties.get(name) or self.values

    def child(self, name: str) -> "Node":
        """The schema of the field `name`; the open schema where nothing is known of it."""
        return self.properties.get(name) or self.values or self._schemas.open

    def branches(self, word: str) -> tuple["Node", ...]:
        """The schemas under `allOf`, `anyOf`, `oneOf` or `not`."""
        return self._branches.get(word, ())

    @cached_property
    def _branches(self) -> Mapping[str, tuple["Node", ...]]:
        found = {word: dig_list(self.raw, word) for word in ("allOf", "anyOf", "oneOf")}
        found["not"] = [self.raw["not"]] if "not" in self.raw else []
        nodes = {
            word: [self._schemas.node(one) for one in many if isinstance(one, dict)] for word, many in found.items()
        }
        return {word: tuple(many) for word, many in nodes.items() if many}

    @cached_property
    def has_rules(self) -> bool:
        """Whether a CEL rule stands here or anywhere below."""
        return _mentions(self.raw, "x-kubernetes-validations")

    @cached_property
    def known(self) -> bool:
        """Whether fields that the schema does not name are unknown fields (rather than anybody's)."""
        return not self.preserve and bool(self.properties) and self.values is None

    @cached_property
    def loose(self) -> bool:
        """Whether values of no stated type stand here or below."""
        return not self.builtin and (
            self.shape is Shape.ANY or _mentions(self.raw, "x-kubernetes-preserve-unknown-fields")
        )

    @cached_property
    def times(self) -> tuple[str, ...]:
        """The times of a built-in struct that are null where they are not set."""
        names = _TIMES.get(self.title.rpartition(".")[2], ()) if self.builtin else ()
        return tuple(name for name in names if name in self.properties)

    @cached_property
    def zero(self) -> JSON:
        """What Go writes for a built-in kind's empty struct: the live object that a create is compared with."""
        found: JSONMap = dict.fromkeys(self.times)
        for name, node in self.properties.items():
            if node.has_default and not node.default:
                found[name] = node.zero if node.default == {} else node.default
            elif name in self.required and (node.shape is not Shape.SCALAR):
                found[name] = None
        return found

    def _fields(self) -> JSONMap:
        fields = dig_map(self.raw, "properties")
        if not self.embedded:
            return fields
        text: JSONMap = {"type": "string"}
        known: JSONMap = {"apiVersion": text, "kind": text, "metadata": {"$ref": _REF + OBJECT_META}}
        return fields | known

    def _shape(self) -> Shape:
        if self.int_or_string or self.type in {"string", "integer", "number", "boolean"}:
            return Shape.SCALAR
        if self.type == "array":
            return Shape.LIST
        if self.type == "object" or self.raw.get("properties") or self.raw.get("additionalProperties"):
            opaque = self.builtin and "properties" not in self.raw and "additionalProperties" not in self.raw
            return Shape.ANY if opaque else Shape.MAP
        return Shape.SCALAR if "oneOf" in self.raw and self.builtin else Shape.ANY

    def _relation(self) -> Relation:
        if self.shape is Shape.MAP:
            return Relation.ATOMIC if self.raw.get("x-kubernetes-map-type") == "atomic" else Relation.GRANULAR
        if self.shape is Shape.ANY:
            return Relation.ATOMIC if self.builtin else Relation.GRANULAR
        stated = dig_str(self.raw, "x-kubernetes-list-type")
        if stated in {"set", "map", "atomic"}:
            return Relation(stated)
        if self.builtin and self.shape is Shape.LIST and "merge" in self.strategies:
            self.keys = self.keys or ((self.merge_key,) if self.merge_key else ())
            return Relation.KEYED if self.keys else Relation.SET
        return Relation.ATOMIC


class Schemas:
    """The nodes of one document: memoised, so that all objects of a kind walk the same ones."""

    def __init__(self, definitions: Mapping[str, JSON], *, builtin: bool) -> None:
        self.builtin = builtin
        self._definitions = definitions
        self._named: dict[str, Node] = {}
        self.open = Node({"x-kubernetes-preserve-unknown-fields": True}, self) if not builtin else Node({}, self)

    def named(self, name: str) -> Node:
        """The node of a named definition."""
        found = self._named.get(name)
        if found is None:
            if name == OBJECT_META and name not in self._definitions:
                found = _builtins("api/v1").named(name)
            else:
                found = Node(dig_map(self._definitions, name), self, name)
            self._named[name] = found
        return found

    def node(self, raw: JSONMap) -> Node:
        """The node of a schema found inside another."""
        ref = raw.get("$ref")
        if isinstance(ref, str):
            return self.named(ref.rpartition("/")[2])
        wrapped = dig_list(raw, "allOf")
        if self.builtin and len(wrapped) == 1 and isinstance(wrapped[0], dict) and "$ref" in wrapped[0]:
            name = dig_str(wrapped[0], "$ref").rpartition("/")[2]
            own = {key: value for key, value in raw.items() if key != "allOf"}
            return Node(self.named(name).raw | own, self, name) if own else self.named(name)
        return Node(raw, self)


_BUILTINS: dict[str, Schemas] = {}


def _builtins(place: str) -> Schemas:
    if place not in _BUILTINS:
        document = facts.openapi(place)
        _BUILTINS[place] = Schemas(dig_map(document, "components", "schemas"), builtin=True)
    return _BUILTINS[place]


def builtin(group: str, version: str, kind: str) -> Node | None:
    """The node of a built-in kind, or None where the sandbox does not serve it."""
    place = facts.place_of(group, version)
    if place not in facts.PLACES:
        return None
    name = facts.schema_names(place).get(kind)
    return _builtins(place).named(name) if name else None


def custom(schema: JSONMap) -> Node:
    """The node of a custom resource, from the `openAPIV3Schema` of its CRD's version."""
    raw: JSONMap = {"type": "object", **schema, "x-kubernetes-embedded-resource": True}
    return Schemas({}, builtin=False).node(raw)


def fragment(schema: JSONMap) -> Node:
    """The node of a part of a CRD's schema, on its own."""
    return Schemas({}, builtin=False).node(schema)


def prune(node: Node, value: JSON) -> JSON:
    """`value` without the fields that the schema does not know. Shares what it does not change."""
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        return {name: prune(node.child(name), item) for name, item in value.items() if _kept(node, name)}
    if isinstance(value, list) and node.shape is Shape.LIST:
        return [prune(node.items, item) for item in value]
    return value


def unknown_fields(node: Node, value: JSON, path: str = "") -> list[str]:
    """The paths of the fields that `prune` would drop, in the order and form of the server's warnings."""
    found: list[str] = []
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        for name in sorted(value):
            where = f"{path}.{name}" if path else name
            found += unknown_fields(node.child(name), value[name], where) if _kept(node, name) else [where]
    elif isinstance(value, list) and node.shape is Shape.LIST:
        for index, item in enumerate(value):
            found += unknown_fields(node.items, item, f"{path}[{index}]")
    return found


def default(node: Node, value: JSON) -> JSON:
    """`value` with the defaults of a CRD's schema. A null that may not be one counts as absent where a default is."""
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        return _default_map(node, value)
    if isinstance(value, list) and node.shape is Shape.LIST:
        return [default(node.items, item) for item in value]
    return value


def without_nulls(node: Node, value: JSON) -> JSON:
    """`value` of a request without the nulls that the schema neither allows nor has a default for."""
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        kept = {name: item for name, item in value.items() if item is not None or not _drops_null(node.field(name))}
        return {name: without_nulls(node.child(name), item) for name, item in kept.items()}
    if isinstance(value, list) and node.shape is Shape.LIST:
        return [without_nulls(node.items, item) for item in value]
    return value


def _drops_null(node: Node | None) -> bool:
    return node is not None and not (node.nullable or node.has_default or node.preserve)


def _default_map(node: Node, value: JSONMap) -> JSONMap:
    found = dict(value)
    for name, child in _with_defaults(node):
        absent = name not in found or (found[name] is None and not child.nullable)
        if absent:
            found[name] = child.default
    for name, item in found.items():
        if isinstance(item, dict | list):
            found[name] = default(node.child(name), item)
    return found


def _with_defaults(node: Node) -> Iterable[tuple[str, Node]]:
    return ((name, child) for name, child in node.properties.items() if child.has_default)


def _mentions(raw: JSON, word: str) -> bool:
    if isinstance(raw, dict):
        return word in raw or any(_mentions(item, word) for item in raw.values())
    return isinstance(raw, list) and any(_mentions(item, word) for item in raw)


def _kept(node: Node, name: str) -> bool:
    if node.shape is Shape.ANY or node.preserve:
        return True
    return name in node.properties or node.values is not None
