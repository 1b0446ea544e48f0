"""What a simulated cluster serves: the built-in resources and, beside them, those that CRDs define.

A `Resource` is one resource in one version, with all that routing and discovery ask. Built-in ones are the table
made from facts.py (what kube-apiserver 1.34 says in discovery). `Served` is the live set of one cluster. What a
real server has and this one has not stands in `ABSENT`, so that it is refused by name and never mistaken for a typing
error.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from sym.model.codec import JSONMap, dig_list, dig_str
from sym.model.meta import Kind
from sym.sandbox import facts
from sym.sandbox.events import kept_kind

STANDARD_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


class Column(Struct, frozen=True, kw_only=True):
    """One column of a Table: a CRD's printer column. `path` is a simple JSONPath such as `.status.replicas`."""

    name: str
    path: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


class Resource(Struct, frozen=True, kw_only=True):
    """One resource in one version. `kind` names group, version, kind, plural and scope."""

    kind: Kind
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = STANDARD_VERBS
    status: bool = False
    """whether /status exists and the main path keeps its hands off it"""
    scale: tuple[str, str, str] | None = None
    """paths of spec replicas, status replicas and the selector string, where /scale exists"""
    others: tuple[str, ...] = ()
    """further subresources"""
    list_kind: str = ""
    stored: bool = True
    """False for kinds that are only ever posted (reviews)"""
    custom: bool = False
    columns: tuple[Column, ...] = ()
    schema: JSONMap = {}
    """the CRD's openAPIV3Schema of this version"""

    storage_schema: JSONMap = {}
    """the schema of the version that objects are kept in, where that is another one"""
    selectable: tuple[str, ...] = ()
    """fields (`spec.colour`) that a CRD lets select by, beside name and namespace"""
    several: bool = False
    """whether objects of it are also served, and may be kept, in other versions"""

    @property
    def printed(self) -> tuple[Column, ...]:
        """The columns of its Table after the name; only the age where a CRD states none."""
        return self.columns or (Column(name="Age", path=".metadata.creationTimestamp", type="date"),)

    @property
    def subresources(self) -> tuple[str, ...]:
        """All subresources, status and scale included."""
        return (*(("status",) if self.status else ()), *(("scale",) if self.scale else ()), *self.others)

    @property
    def list_name(self) -> str:
        """The kind of its lists."""
        return self.list_kind or f"{self.kind.name}List"


_REPLICAS = (".spec.replicas", ".status.replicas", ".spec.selector")
_UNSERVED = frozenset({"pods/eviction"})


def _builtin(place: str) -> Iterator[Resource]:
    group, _, version = place.partition("/")[2].rpartition("/")
    rows = facts.resources(place)
    subresources: dict[str, list[str]] = {}
    for name in (dig_str(row, "name") for row in rows):
        plural, _, subresource = name.partition("/")
        if name not in _UNSERVED:
            subresources.setdefault(plural, []).append(subresource)
    for row in rows:
        if "/" not in (plural := dig_str(row, "name")):
            yield _resource(
                row,
                Kind(group, version, dig_str(row, "kind"), plural, row.get("namespaced") is True),
                subresources[plural],
            )


def _resource(row: JSONMap, kind: Kind, subresources: list[str]) -> Resource:
    return Resource(
        kind=kind,
        singular=dig_str(row, "singularName"),
        short_names=_texts(row, "shortNames"),
        categories=_texts(row, "categories"),
        verbs=_texts(row, "verbs"),
        status="status" in subresources,
        scale=_REPLICAS if "scale" in subresources else None,
        others=tuple(name for name in subresources if name not in ("", "status", "scale")),
        stored="get" in _texts(row, "verbs"),
        several=kept_kind(kind) is not kind,
    )


def _texts(row: JSONMap, name: str) -> tuple[str, ...]:
    return tuple(item for item in dig_list(row, name) if isinstance(item, str))


_WHOAMI = Resource(
    kind=Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False),
    singular="selfsubjectreview",
    verbs=("create",),
    stored=False,
)
BUILTIN: tuple[Resource, ...] = (
    *(found for place in facts.PLACES for found in _builtin(place)),
    _WHOAMI,
)

ABSENT: Mapping[str, tuple[str, ...]] = {
    "apps": ("daemonsets",),
    "": (
        "bindings",
        "componentstatuses",
        "limitranges",
        "persistentvolumes",
        "podtemplates",
        "replicationcontrollers",
        "resourcequotas",
    ),
    "admissionregistration.k8s.io": (),
    "apiregistration.k8s.io": (),
    "authentication.k8s.io": ("tokenreviews",),
    "authorization.k8s.io": ("localsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"),
    "certificates.k8s.io": (),
    "flowcontrol.apiserver.k8s.io": (),
    "networking.k8s.io": ("ipaddresses", "servicecidrs"),
    "node.k8s.io": (),
    "resource.k8s.io": (),
    "scheduling.k8s.io": (),
    "storage.k8s.io": (),
}
"""Resources of a real server that the sandbox lacks, by group; a group without names lacks as a whole."""

ABSENT_SUBRESOURCES: Mapping[str, tuple[str, ...]] = {
    "pods": ("attach", "ephemeralcontainers", "eviction", "portforward", "proxy", "resize"),
    "serviceaccounts": ("token",),
    "nodes": ("proxy",),
    "services": ("proxy",),
}


def absent(group: str, plural: str, subresource: str = "") -> str:
    """The name of what a real server has here and the sandbox has not; empty where a real server has nothing either."""
    where = f"{plural}.{group}" if group else plural
    if subresource:
        return f"{where}/{subresource}" if not group and subresource in ABSENT_SUBRESOURCES.get(plural, ()) else ""
    if group not in ABSENT:
        return ""
    return where if plural in ABSENT[group] or not ABSENT[group] else ""


class Served:
    """The resources of one cluster at this moment, in the order of discovery."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Resource] = {}
        for resource in BUILTIN:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve a resource (again)."""
        kind = resource.kind
        self._found[kind.group, kind.version, kind.plural] = resource

    def drop(self, group: str, plural: str) -> None:
        """Serve a resource no longer, in no version."""
        for key in [key for key in self._found if key[0] == group and key[2] == plural]:
            del self._found[key]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path."""
        return self._found.get((group, version, plural))

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """group -> version -> resources; the core group first, newest versions as they were added."""
        found: dict[str, dict[str, list[Resource]]] = {}
        for resource in self._found.values():
            found.setdefault(resource.kind.group, {}).setdefault(resource.kind.version, []).append(resource)
        return found

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._found.values()))


def replace_all(served: Served, group: str, plural: str, resources: Iterable[Resource]) -> None:
    """Put the versions of one custom resource in the place of those served until now."""
    served.drop(group, plural)
    for resource in resources:
        served.add(resource)
