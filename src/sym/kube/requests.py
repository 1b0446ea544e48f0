"""Requests to an API server and its answers, as plain data: no socket is opened here.

The HTTP client sends them, the sandbox answers them, the fault injector stands between the two.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from msgspec.structs import replace

from sym.model.codec import JSONMap, encode
from sym.model.meta import Kind

JSON_TYPE = "application/json"
APPLY_TYPE = "application/apply-patch+yaml"
MERGE_TYPE = "application/merge-patch+json"
JSON_PATCH_TYPE = "application/json-patch+json"
_PARTIAL = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"
FORCED, DRY = (("force", "true"),), (("dryRun", "All"),)
_SAFE = "/:@!$&'()*+,;=~-._"  # what may stand in a path as it is


def unconditional() -> None:
    """The permit of requests that may be sent at any time."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `path` is not yet escaped further, `query` holds the pairs in order. `permit` is called when
    there is nothing left to wait for and the request is about to leave: what it raises keeps it from leaving."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    permit: Callable[[], None] = unconditional

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def escaped(self) -> str:
        """`target` with the path percent-escaped, fit for a request line. Raises ValueError for `.` and `..` in it."""
        if any(part in (".", "..") for part in self.path.split("/")):
            raise ValueError(f"{self.path!r} is not the path of an object")
        path = quote(self.path, safe=_SAFE)
        return f"{path}?{urlencode(self.query)}" if self.query else path


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class ListOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a list or watch. Selectors in kubectl's syntax. `metadata_only`: nothing but the objects' metadata
    is asked for, so that what is in them (a Secret's data) never leaves the server."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False


def object_path(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of a collection (no name), an object or its subresource."""
    parts = ["apis", kind.group, kind.version] if kind.group else ["api", kind.version]
    if namespace and kind.namespaced:
        parts += ["namespaces", namespace]
    parts += [part for part in (kind.plural, name, subresource) if part]
    return "/" + "/".join(parts)


def get(kind: Kind, namespace: str, name: str) -> Request:
    """A live read of one object."""
    return Request(method="GET", path=object_path(kind, namespace, name))


def list_page(
    kind: Kind, options: ListOptions, *, limit: int, continue_: str = "", resource_version: str = ""
) -> Request:
    """One page of a list. `resource_version` "" asks for the newest state, another for one that is not older."""
    query = [("limit", str(limit))] if limit else []
    query += [("continue", continue_)] if continue_ else []
    if resource_version and not continue_:  # without the match a list with a limit would be of exactly that version
        query += [("resourceVersion", resource_version), ("resourceVersionMatch", "NotOlderThan")]
    path, headers = object_path(kind, options.namespace), _accept(options, "List")
    return Request(method="GET", path=path, query=(*query, *_selectors(options)), headers=headers)


def watch(kind: Kind, options: ListOptions, *, resource_version: str, timeout_seconds: int) -> Request:
    """A stream of changes after `resource_version`, with bookmarks, ended by the server after `timeout_seconds`."""
    query = (
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", resource_version),
        ("timeoutSeconds", str(timeout_seconds)),
    )
    path, headers = object_path(kind, options.namespace), _accept(options)
    return Request(method="GET", path=path, query=(*query, *_selectors(options)), headers=headers)


def watch_list(kind: Kind, options: ListOptions, *, resource_version: str, timeout_seconds: int) -> Request:
    """A watch that begins with all that there is, as a list would have it: state not older than `resource_version`
    ("": the newest), then a bookmark that says so, then changes."""
    begun = watch(kind, options, resource_version=resource_version, timeout_seconds=timeout_seconds)
    more = (("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"))
    return replace(begun, query=(*begun.query, *more))


def create(kind: Kind, body: JSONMap, *, namespace: str, manager: str) -> Request:
    """A create: 409 where the name is taken."""
    return Request(
        method="POST",
        path=object_path(kind, namespace),
        query=(("fieldManager", manager),),
        headers={"Content-Type": JSON_TYPE},
        body=encode(body),
    )


class Target(NamedTuple):
    """What a write is about: one object, or its subresource."""

    kind: Kind
    namespace: str
    name: str
    subresource: str = ""

    @property
    def path(self) -> str:
        """Its path."""
        return object_path(self.kind, self.namespace, self.name, self.subresource)


def patch(target: Target, body: JSONMap, manager: str, *, content_type: str = MERGE_TYPE) -> Request:
    """A patch of any type but apply."""
    return Request(
        method="PATCH",
        path=target.path,
        query=(("fieldManager", manager),),
        headers={"Content-Type": content_type},
        body=encode(body),
    )


def apply(target: Target, body: JSONMap, manager: str, *, force: bool, dry_run: bool = False) -> Request:
    """A server-side apply (JSON is YAML). `force` takes fields from other managers; `dry_run` changes nothing."""
    query = (("fieldManager", manager), *FORCED[:force], *DRY[:dry_run])
    return Request(
        method="PATCH", path=target.path, query=query, headers={"Content-Type": APPLY_TYPE}, body=encode(body)
    )


def update(target: Target, body: JSONMap, manager: str) -> Request:
    """A replacement of the whole object; the resourceVersion in `body` makes it a compare-and-swap."""
    return Request(
        method="PUT",
        path=target.path,
        query=(("fieldManager", manager),),
        headers={"Content-Type": JSON_TYPE},
        body=encode(body),
    )


def delete(kind: Kind, *, namespace: str, name: str, uid: str, resource_version: str) -> Request:
    """A delete that names exactly what it means. There is no delete without both preconditions."""
    options: JSONMap = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": uid, "resourceVersion": resource_version},
    }
    return Request(
        method="DELETE",
        path=object_path(kind, namespace, name),
        headers={"Content-Type": JSON_TYPE},
        body=encode(options),
    )


def _accept(options: ListOptions, of: str = "") -> Mapping[str, str]:
    return {"Accept": _PARTIAL.format(of)} if options.metadata_only else {}


def _selectors(options: ListOptions) -> tuple[tuple[str, str], ...]:
    pairs = (("labelSelector", options.label_selector), ("fieldSelector", options.field_selector))
    return tuple((name, value) for name, value in pairs if value)
