"""The cache of one kind in one cluster: what its watch has told so far, with secondary indexes.

One writer (the reflector's events go through `handle`), many readers. Objects are frozen and never mutated. A key never
goes back in time: servers promise resourceVersions that can be compared as numbers within one kind, so an event older
than what is known is dropped; where they are no numbers only equality counts. Pure: no I/O, no clock.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from sym.model.meta import Object, Ref

T = TypeVar("T", bound=Object)
Index: TypeAlias = Callable[[T], Iterable[str]]


class Replaced(Struct, Generic[T], frozen=True, kw_only=True):
    """A whole list at one instant. `kept`: (namespace, name) of listed objects that could not be read, so that what is
    known of them stays. `rewound`: the server's history went back (a restored backup), so older versions count."""

    items: tuple[T, ...]
    resource_version: str
    kept: frozenset[tuple[str, str]] = frozenset()
    rewound: bool = False


class Applied(Struct, Generic[T], frozen=True, kw_only=True):
    """An object was added or modified."""

    item: T

    @property
    def resource_version(self) -> str:
        """The version that the watch has reached with this event."""
        return self.item.metadata.resource_version


class Deleted(Struct, frozen=True, kw_only=True):
    """An object is gone, or no longer matches the selector."""

    namespace: str
    name: str
    resource_version: str


class Bookmark(Struct, frozen=True, kw_only=True):
    """Nothing happened up to this version. `complete`: all that was there at first has been sent before it."""

    resource_version: str
    complete: bool = False


Event: TypeAlias = Replaced[T] | Applied[T] | Deleted | Bookmark


class Change(Struct, Generic[T], frozen=True):
    """What an event changed for one key. `old` None: new here; `new` None: gone; never both. A
    name that was deleted and made again unseen is one change whose uids differ."""

    ref: Ref
    old: T | None
    new: T | None


class Store(Generic[T]):
    """`indexes`: name -> function giving the keys under which an object is found with `by`."""

    def __init__(self, cluster: str, indexes: Mapping[str, Index[T]] | None = None) -> None:
        self._cluster = cluster
        self._functions = dict(indexes or {})
        self._objects: dict[Ref, T] = {}
        self._indexes: dict[str, dict[str, set[Ref]]] = {name: {} for name in self._functions}
        self._version = ""
        self._floor = ""  # the version of the last list or deletion: what is absent was so then
        self._synced = False
        self.view: Mapping[Ref, T] = MappingProxyType(self._objects)
        """All objects, live and read-only; a reader that does not await sees one instant."""

    @property
    def synced(self) -> bool:
        """Whether a whole list has been taken in at least once. Until then an absent object means nothing."""
        return self._synced

    @property
    def resource_version(self) -> str:
        """How far the watch has come, bookmarks included; "" before the first list."""
        return self._version

    def by(self, index: str, key: str) -> tuple[T, ...]:
        """The objects that `index` files under `key`, in the order of their refs. Raises KeyError for no such index."""
        return tuple(self._objects[ref] for ref in sorted(self._indexes[index].get(key, ())))

    def reached(self, resource_version: str) -> bool:
        """Whether the cache has passed `resource_version` (of an own write, say). Versions that are no numbers: only
        when equal."""
        if _comparable(self._version, resource_version):
            return int(self._version) >= int(resource_version)
        return self._version == resource_version

    def handle(self, event: Event[T]) -> list[Change[T]]:
        """Take one event in; what it changed: what is gone first, then what is, each in the order of refs. Empty for
        what was known already or is older."""
        if isinstance(event, Replaced):
            return self._replace(event)
        self._advance(event.resource_version)
        match event:
            case Applied():
                return self._apply(event.item)
            case Deleted():
                return self._delete(event)
            case Bookmark():
                return []

    def _advance(self, version: str) -> None:
        if version and not _older(version, self._version):
            self._version = version

    def _replace(self, event: Replaced[T]) -> list[Change[T]]:
        listed = {item.ref(self._cluster): item for item in event.items}
        kept = {Ref(self._cluster, namespace, name) for namespace, name in event.kept}
        # an object younger than the list was made after it: absence says nothing about it
        absent = self._objects.keys() - listed.keys() - kept
        gone = [ref for ref in sorted(absent) if event.rewound or not self._is_younger(ref, event.resource_version)]
        stale = _older(event.resource_version, self._floor)
        news = [ref for ref in sorted(listed) if event.rewound or self._is_news(ref, listed[ref], echo=stale)]
        changes = [self._put(ref, None) for ref in gone] + [self._put(ref, listed[ref]) for ref in news]
        if event.rewound:
            self._version = self._floor = ""
        self._advance(event.resource_version)
        self._raise_floor(event.resource_version)
        self._synced = True
        return changes

    def _apply(self, item: T) -> list[Change[T]]:
        ref = item.ref(self._cluster)
        return [self._put(ref, item)] if self._is_news(ref, item, echo=self._synced) else []

    def _delete(self, event: Deleted) -> list[Change[T]]:
        ref = Ref(self._cluster, event.namespace, event.name)
        self._raise_floor(event.resource_version)
        known = self._objects.get(ref)
        if known is None or _older(event.resource_version, known.metadata.resource_version):
            return []
        return [self._put(ref, None)]

    def _is_younger(self, ref: Ref, version: str) -> bool:
        return _older(version, self._objects[ref].metadata.resource_version)

    def _is_news(self, ref: Ref, item: T, *, echo: bool) -> bool:
        """Whether `item` is younger than what is known. `echo`: it may come from a time before the last deletion."""
        version = item.metadata.resource_version
        if (known := self._objects.get(ref)) is not None:
            return version != known.metadata.resource_version and not _older(version, known.metadata.resource_version)
        # an absent key was absent at the floor, so what is not younger than that has been deleted since
        return not echo or _older(self._floor, version) or not _comparable(self._floor, version)

    def _raise_floor(self, version: str) -> None:
        if not _older(version, self._floor):
            self._floor = version

    def _put(self, ref: Ref, new: T | None) -> Change[T]:
        old = self._objects.pop(ref, None)
        if old is not None:
            self._file(ref, old, add=False)
        if new is not None:
            self._objects[ref] = new
            self._file(ref, new, add=True)
        return Change(ref, old, new)

    def _file(self, ref: Ref, item: T, *, add: bool) -> None:
        for name, function in self._functions.items():
            index = self._indexes[name]
            for key in function(item):
                if add:
                    index.setdefault(key, set()).add(ref)
                elif (refs := index.get(key)) is not None:
                    refs.discard(ref)
                    if not refs:
                        del index[key]


def older(version: str, other: str) -> bool:
    """Whether `version` is certainly older than `other`: both are numbers, and it is the smaller one."""
    return _older(version, other)


def _comparable(one: str, other: str) -> bool:
    return one.isascii() and one.isdigit() and other.isascii() and other.isdigit()


def _older(version: str, other: str) -> bool:
    return _comparable(version, other) and int(version) < int(other)
