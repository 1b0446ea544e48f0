"""CustomResourceDefinitions at work: what they define is served from the write on, and goes with them.

Watches the store. A CRD that is going deletes its objects first and leaves when the last of them has left.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from sym.aio.env import Env
from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.kinds import CRD
from sym.model.meta import Kind
from sym.sandbox import managed, schema
from sym.sandbox.deletes import CRD_FINALIZER
from sym.sandbox.managed import Writer
from sym.sandbox.resources import Column, Resource, Served, replace_all
from sym.sandbox.store import Change, ChangeType, Store
from sym.sandbox.strategies import established
from sym.sandbox.workloads.deletion import delete, release


class Definitions:
    """Keeps `served` in step with the CRDs in the store."""

    def __init__(self, store: Store, served: Served, env: Env) -> None:
        self._store = store
        self._served = served
        self._env = env
        self._going: set[str] = set()
        self.generation = 0
        """Grows with every change, for caches of discovery and OpenAPI"""
        store.subscribe(self._changed, CRD)
        store.subscribe(self._left)

    @property
    def groups(self) -> frozenset[str]:
        """The groups in which custom resources are served."""
        return frozenset(resource.kind.group for resource in self._served if resource.custom)

    def terminating(self, kind: Kind) -> bool:
        """Whether a kind takes no new objects because its CRD is going."""
        return kind.qualified in self._going

    def _changed(self, change: Change) -> None:
        self.generation += 1
        obj = change.entry.object()
        group, plural = dig_str(obj, "spec", "group"), dig_str(obj, "spec", "names", "plural")
        if change.type is ChangeType.DELETED:
            self._going.discard(change.entry.name)
            self._served.drop(group, plural)
            return
        replace_all(self._served, group, plural, resources_of(obj))
        if dig(obj, "status", "acceptedNames") != dig(obj, "spec", "names"):
            _soon(partial(self._accept, change.entry.name))
        if change.entry.deleting and change.entry.name not in self._going:
            self._going.add(change.entry.name)
            _soon(self._sweep)

    def _accept(self, name: str) -> None:
        """Take the names of a CRD, as the controllers in a real server do right after the write."""
        entry = self._store.get(CRD, "", name)
        node = schema.builtin(CRD.group, CRD.version, CRD.name)
        if entry is None or node is None:
            return
        old, new = entry.object(), entry.object()
        status = as_map(new.setdefault("status", {}))
        status["acceptedNames"] = dict(dig_map(new, "spec", "names"))
        status["conditions"] = dig_list(status, "conditions") or established(self._store.now())
        writer = Writer(
            manager="kube-apiserver", api_version=CRD.api_version, node=node, now=self._env.now(), subresource="status"
        )
        self._store.update(CRD, managed.track(old, new, writer))

    def _left(self, change: Change) -> None:
        if change.type is ChangeType.DELETED and change.kind.qualified in self._going:
            _soon(self._sweep)

    def _sweep(self) -> None:
        for name in sorted(self._going):
            entry = self._store.get(CRD, "", name)
            if entry is None:
                continue
            plural, _, group = name.partition(".")
            kind = Kind(group, "", "", plural)
            for found in self._store.list(kind):
                delete(self._store, self._env, kind, found.namespace, found.name)
            if not self._store.list(kind):
                release(self._store, CRD, "", name, CRD_FINALIZER)


def resources_of(definition: JSONMap) -> list[Resource]:
    """The served versions of a CRD, as resources."""
    versions = [version for version in dig_list(definition, "spec", "versions") if isinstance(version, dict)]
    kept = next((version for version in versions if version.get("storage") is True), JSONMap())
    schema = dig_map(kept, "schema", "openAPIV3Schema")
    return [
        _resource(definition, version, {} if version is kept else schema)
        for version in versions
        if version.get("served") is True
    ]


def _resource(definition: JSONMap, version: JSONMap, storage: JSONMap) -> Resource:
    names = dig_map(definition, "spec", "names")
    namespaced = dig_str(definition, "spec", "scope") == "Namespaced"
    group = dig_str(definition, "spec", "group")
    scale = dig(version, "subresources", "scale")
    return Resource(
        kind=Kind(group, dig_str(version, "name"), dig_str(names, "kind"), dig_str(names, "plural"), namespaced),
        singular=dig_str(names, "singular") or dig_str(names, "kind").lower(),
        short_names=_texts(names, "shortNames"),
        categories=_texts(names, "categories"),
        status=isinstance(dig(version, "subresources", "status"), dict),
        scale=_scale(as_map(scale)) if scale is not None else None,
        list_kind=dig_str(names, "listKind"),
        custom=True,
        columns=tuple(
            _column(item) for item in dig_list(version, "additionalPrinterColumns") if isinstance(item, dict)
        ),
        schema=dig_map(version, "schema", "openAPIV3Schema"),
        storage_schema=storage,
        selectable=tuple(dig_str(item, "jsonPath").removeprefix(".") for item in dig_list(version, "selectableFields")),
        several=len(dig_list(definition, "spec", "versions")) > 1,
    )


def _scale(stated: JSONMap) -> tuple[str, str, str]:
    return (
        dig_str(stated, "specReplicasPath"),
        dig_str(stated, "statusReplicasPath"),
        dig_str(stated, "labelSelectorPath"),
    )


def _column(item: JSONMap) -> Column:
    priority = item.get("priority")
    return Column(
        name=dig_str(item, "name"),
        path=dig_str(item, "jsonPath"),
        type=dig_str(item, "type"),
        format=dig_str(item, "format"),
        description=dig_str(item, "description")
        or f"Custom resource definition column (in JSONPath format): {dig_str(item, 'jsonPath')}",
        priority=priority if isinstance(priority, int) else 0,
    )


def _texts(row: JSONMap, name: str) -> tuple[str, ...]:
    return tuple(item for item in dig_list(row, name) if isinstance(item, str))


def _soon(step: Callable[[], None]) -> None:
    """Run `step` after the write that called us; at once where no loop runs (single-threaded set-up code)."""
    asyncio.get_running_loop().call_soon(step)
