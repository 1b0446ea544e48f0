"""The CustomResourceDefinitions of Sym's kinds, generated from the structs. Source: semantics.md 2.

`sym crds` prints them, `charts/sym/crds/` holds them, the demo installs them. Deleting one would delete its objects, so
Helm is told to keep them.
"""

from functools import cache
from typing import NamedTuple

import msgspec

from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.cluster import Cluster
from sym.model.codec import JSON, JSONMap, as_map, encode, parse
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CLUSTER, CRD
from sym.model.meta import Kind
from sym.model.shapes import CLUSTER_PATTERN, MAX_NAME
from sym.model.structural import structural_schema

CATEGORY = "sym"
KEEP = {"helm.sh/resource-policy": "keep"}

API_VERSION_DOC = "The API group and version of this object."
KIND_DOC = "The kind of this object."


class Column(NamedTuple):
    """A column of `kubectl get`. Priority 1 shows only with `-o wide`."""

    name: str
    type: str
    path: str
    description: str
    priority: int = 0

    def to_map(self) -> JSONMap:
        """The column as a CRD has it."""
        wide: JSONMap = {"priority": self.priority} if self.priority else {}
        return {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description} | wide


class Definition(NamedTuple):
    """What a CRD says beyond the schema."""

    kind: Kind
    struct: type[msgspec.Struct]
    short: str
    columns: tuple[Column, ...]
    scale: bool


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


AGE = Column("Age", "date", ".metadata.creationTimestamp", "When it was created.")
COUNTS = (
    Column("Desired", "integer", ".status.aggrStatus.desired", "Pods that shall run."),
    Column("Available", "integer", ".status.aggrStatus.available", "Pods that are available."),
    Column("Unavailable", "integer", ".status.aggrStatus.unAvailable", "Pods that are missing or not available."),
    Column("Version", "string", ".status.aggrStatus.version", "Versions that run."),
    Column("Status", "string", ".status.aggrStatus.status", "State in one word."),
    AGE,
)
WIDE = (
    Column("Ready", "string", _ready("status"), "Whether it is as spec says.", 1),
    Column("Reason", "string", _ready("reason"), "Why it is not, in one word.", 1),
    Column("Message", "string", _ready("message"), "Why it is not, in a sentence.", 1),
)
GATE = Column("Gate", "string", ".status.rollout.gate", "The gate that waits for a confirmation.", 1)
CLUSTER_COLUMNS = (
    Column("Ready", "string", _ready("status"), "Whether the cluster can be reached and is healthy."),
    Column("Status", "string", _ready("reason"), "State in one word."),
    Column("Version", "string", ".status.version.gitVersion", "Version of Kubernetes."),
    AGE,
    Column("Message", "string", _ready("message"), "What is wrong.", 1),
)

DEFINITIONS = (
    Definition(APPSET, AppSet, "as", (*COUNTS, *WIDE, GATE), scale=True),
    Definition(ADVDEPLOYMENT, AdvDeployment, "ad", (*COUNTS, *WIDE), scale=True),
    Definition(CLUSTER, Cluster, "scl", CLUSTER_COLUMNS, scale=False),
)


def crds() -> list[JSONMap]:
    """The three CRDs as JSON objects, always the same, each call fresh copies."""
    return [as_map(parse(document)) for document in _documents()]


@cache
def _documents() -> tuple[bytes, ...]:
    return tuple(encode(_crd(definition)) for definition in DEFINITIONS)


def _crd(definition: Definition) -> JSONMap:
    kind = definition.kind
    columns: list[JSON] = [column.to_map() for column in definition.columns]
    version: JSONMap = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _root(definition.struct)},
        "subresources": _subresources(scale=definition.scale),
        "additionalPrinterColumns": columns,
    }
    names: JSONMap = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [definition.short],
        "categories": [CATEGORY],
    }
    return {
        "apiVersion": CRD.api_version,
        "kind": CRD.name,
        "metadata": {"name": kind.qualified, "annotations": dict(KEEP)},
        "spec": {"group": kind.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _root(struct: type[msgspec.Struct]) -> JSONMap:
    schema = structural_schema(struct, leave_out=frozenset({"metadata"}))
    properties = as_map(schema["properties"])
    name: JSONMap = {"type": "string", "maxLength": MAX_NAME, "pattern": CLUSTER_PATTERN}
    properties["metadata"] = {"type": "object", "properties": {"name": name}}
    as_map(properties["status"])["default"] = {"observedGeneration": -1}
    head: JSONMap = {
        "apiVersion": {"type": "string", "description": API_VERSION_DOC},
        "kind": {"type": "string", "description": KIND_DOC},
    }
    return {**schema, "properties": {**head, **properties}}


def _subresources(*, scale: bool) -> JSONMap:
    paths: JSONMap = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    status: JSONMap = {"status": {}}
    return {**status, "scale": paths} if scale else status
