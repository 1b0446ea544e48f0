"""The objects of one simulated cluster: immutable entries that hold bytes, one counter, one bounded event log.

Everything of the sandbox reads and writes here: the API core for outside clients, the workload controllers directly.
Nothing here is asynchronous and nothing knows HTTP: a write happens in one step, and its subscribers are called before
it returns, so they must only note what happened (put a key into a queue) and never write in turn.
A state of the past is the present with the log undone, so paging needs no copies and ends (410) exactly where the log
ends. Relies on msgspec for bytes and on Env for time and ids.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import msgspec

from sym.aio.env import Env
from sym.model.codec import (
    JSONMap,
    as_map,
    dig,
    dig_list,
    dig_map,
    dig_str,
    encode,
    parse_map,
)
from sym.model.meta import Kind
from sym.sandbox.events import kept_kind

_INTERNED = 8192
_NOTHING: Mapping[str, str] = MappingProxyType({})

SELECTABLE: Mapping[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "jobs.batch": ("status.successful",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
}
"""Fields that a field selector may name, beside metadata.name and metadata.namespace, by qualified resource."""


class StoreError(Exception):
    """What a store refuses. The message names the object."""


class Missing(StoreError):
    """The object is not there."""


class Taken(StoreError):
    """The name is in use."""


class Stale(StoreError):
    """The object has another resourceVersion or uid than the writer believed."""


class Compacted(StoreError):
    """That resourceVersion is older than the log."""


class ChangeType(Enum):
    """What a watch calls a change."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One object at one resourceVersion. `body` is its JSON as a server gives it out; the rest is what selection,
    garbage collection and preconditions ask for without parsing."""

    namespace: str
    name: str
    uid: str
    version: int
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    owners: tuple[str, ...]
    deleting: bool
    body: bytes

    def object(self) -> JSONMap:
        """A fresh, mutable copy of the object."""
        return parse_map(self.body)


class Change:
    """One write. `entry` is the new state (of a deletion: the last one, at the deletion's resourceVersion)."""

    __slots__ = ("_frame", "entry", "kind", "old", "type")

    def __init__(self, kind: Kind, type_: ChangeType, old: Entry | None, entry: Entry) -> None:
        self.kind = kind
        self.type = type_
        self.old = old
        self.entry = entry
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The watch line of this change, made once and shared by all watchers."""
        if self._frame is None:
            self._frame = frame(self.type.value, self.entry.body)
        return self._frame


Subscriber: TypeAlias = Callable[[Change], None]
Subscribers: TypeAlias = list[Subscriber]
Entries: TypeAlias = list[Entry]
Changes: TypeAlias = list[Change]


class _Collection:
    """The objects of one resource, by namespace and name."""

    def __init__(self) -> None:
        self.spaces: dict[str, dict[str, Entry]] = {}
        self._sorted: tuple[tuple[str, str], ...] | None = None

    def get(self, namespace: str, name: str) -> Entry | None:
        return self.spaces.get(namespace, {}).get(name)

    def put(self, entry: Entry) -> None:
        space = self.spaces.setdefault(entry.namespace, {})
        if entry.name not in space:
            self._sorted = None
        space[entry.name] = entry

    def drop(self, entry: Entry) -> None:
        space = self.spaces[entry.namespace]
        del space[entry.name]
        if not space:
            del self.spaces[entry.namespace]
        self._sorted = None

    def entries(self, namespace: str) -> list[Entry]:
        if namespace:
            space = self.spaces.get(namespace, {})
            return [space[name] for name in sorted(space)]
        if self._sorted is None:
            self._sorted = tuple(sorted((space, name) for space, names in self.spaces.items() for name in names))
        return [self.spaces[space][name] for space, name in self._sorted]


class _Key(NamedTuple):
    group: str
    plural: str


class Store:
    """One cluster's objects. All kinds share one resourceVersion counter, as in etcd."""

    def __init__(self, env: Env, log: int = 4096) -> None:
        self._env = env
        self._collections: dict[_Key, _Collection] = {}
        self._version = 1
        self._floor = 1
        self._log: deque[Change] = deque()
        self._log_size = log
        self._subscribers: dict[_Key | None, Subscribers] = {}
        self._owned: dict[str, dict[tuple[_Key, str, str], None]] = {}
        self._interned: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    # reading

    @property
    def version(self) -> int:
        """The resourceVersion of the last write."""
        return self._version

    @property
    def floor(self) -> int:
        """The oldest resourceVersion that `since` and `at` still know."""
        return self._floor

    def now(self) -> str:
        """The time of this cluster's clock as Kubernetes writes it, in whole seconds."""
        return timestamp(self._env.now())

    def get(self, kind: Kind, namespace: str, name: str) -> Entry | None:
        """The object, or None. `namespace` is empty for cluster-scoped kinds."""
        found = self._collections.get(_key(kind))
        return found.get(namespace if kind.namespaced else "", name) if found else None

    def list(self, kind: Kind, namespace: str = "") -> Entries:
        """All objects of a kind (of one namespace where given), in the order of namespace and name."""
        found = self._collections.get(_key(kind))
        return found.entries(namespace) if found else []

    def owned(self, kind: Kind, uid: str) -> Entries:
        """The objects of a kind whose ownerReferences name `uid`."""
        key = _key(kind)
        return [entry for found, entry in self._dependents(uid) if found == key]

    def dependents(self, uid: str) -> tuple[tuple[str, str, Entry], ...]:
        """All objects, of any kind, whose ownerReferences name `uid`: (group, plural, entry)."""
        return tuple((key.group, key.plural, entry) for key, entry in self._dependents(uid))

    def kinds_in(self, namespace: str) -> tuple[tuple[str, str, int], ...]:
        """(group, plural, number of objects) of every resource that has objects in `namespace`."""
        counts = ((key, len(found.spaces.get(namespace, ()))) for key, found in self._collections.items())
        return tuple((key.group, key.plural, count) for key, count in counts if count)

    def at(self, kind: Kind, version: int, namespace: str = "") -> Entries:
        """All objects of a kind as they were at `version`. Raises Compacted where the log no longer reaches back."""
        self._reachable(version)
        state = {(entry.namespace, entry.name): entry for entry in self.list(kind, namespace)}
        key = _key(kind)
        for change in reversed(self._log):
            if change.entry.version <= version:
                break
            if _key(change.kind) != key or (namespace and change.entry.namespace != namespace):
                continue
            where = (change.entry.namespace, change.entry.name)
            if change.old is None:
                state.pop(where, None)
            else:
                state[where] = change.old
        return [state[where] for where in sorted(state)]

    def since(self, kind: Kind, version: int) -> Changes:
        """The changes of a kind after `version`, oldest first. Raises Compacted."""
        self._reachable(version)
        key = _key(kind)
        return [change for change in self._log if change.entry.version > version and _key(change.kind) == key]

    # writing

    def create(self, kind: Kind, obj: JSONMap) -> Entry:
        """Store a new object and give it uid (unless it has one), creationTimestamp and resourceVersion. `obj` is
        changed in place. Raises Taken."""
        meta = as_map(obj.setdefault("metadata", {}))
        name, namespace = dig_str(meta, "name"), dig_str(meta, "namespace")
        found = self._collections.setdefault(_key(kind), _Collection())
        if found.get(namespace, name) is not None:
            raise Taken(f'{kind.qualified} "{name}" already exists')
        meta["uid"] = dig_str(meta, "uid") or self.new_uid()
        meta["creationTimestamp"] = self.now()
        entry = self._entry(kind, obj, self._next())
        found.put(entry)
        self._commit(Change(kind, ChangeType.ADDED, None, entry))
        return entry

    def update(self, kind: Kind, obj: JSONMap, *, expected: int | None = None) -> Entry:
        """Replace an object; uid and creationTimestamp stay. `expected` is the resourceVersion that must still stand.
        An object that does not change keeps its resourceVersion and makes no event. Raises Missing, Stale."""
        meta = as_map(obj.get("metadata", {}))
        name, namespace = dig_str(meta, "name"), dig_str(meta, "namespace")
        old = self.get(kind, namespace, name)
        if old is None:
            raise Missing(f'{kind.qualified} "{name}" not found')
        if expected is not None and expected != old.version:
            raise Stale(f'{kind.qualified} "{name}" is at resourceVersion {old.version}, not {expected}')
        if dig_str(meta, "uid") not in ("", old.uid):
            raise Stale(f'{kind.qualified} "{name}" has another uid')
        meta["uid"] = old.uid
        meta["resourceVersion"] = str(old.version)
        if self._same(old, obj):
            return old
        entry = self._entry(kind, obj, self._next())
        self._collections[_key(kind)].put(entry)
        self._commit(Change(kind, ChangeType.MODIFIED, old, entry))
        return entry

    def mutate(self, kind: Kind, namespace: str, name: str, change: Callable[[JSONMap], None]) -> Entry | None:
        """Read, change in place, write. The generation grows where more than metadata and status changed.
        None where the object is not there."""
        old = self.get(kind, namespace, name)
        if old is None:
            return None
        obj = old.object()
        change(obj)
        before = old.object()
        if content(before) != content(obj) and isinstance(generation := dig(before, "metadata", "generation"), int):
            as_map(obj["metadata"])["generation"] = generation + 1
        return self.update(kind, obj)

    def remove(self, kind: Kind, namespace: str, name: str) -> Entry:
        """Take an object away at once, whatever its finalizers. Returns its last state. Raises Missing."""
        old = self.get(kind, namespace, name)
        if old is None:
            raise Missing(f'{kind.qualified} "{name}" not found')
        entry = self._entry(kind, old.object(), self._next())
        self._collections[_key(kind)].drop(old)
        self._commit(Change(kind, ChangeType.DELETED, old, entry))
        return entry

    def compact(self) -> None:
        """Forget the log: every resourceVersion before the present one is answered with 410 from now on."""
        self._log.clear()
        self._floor = self._version

    def new_uid(self) -> str:
        """A fresh uid in the usual spelling."""
        raw = self._env.new_id()
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

    # being told

    def subscribe(self, subscriber: Subscriber, kind: Kind | None = None) -> Callable[[], None]:
        """Call `subscriber` within every later write (of one kind where given). Returns the way out."""
        key = None if kind is None else _key(kind)
        self._subscribers.setdefault(key, []).append(subscriber)

        def leave() -> None:
            mine = self._subscribers.get(key, [])
            if subscriber in mine:
                mine.remove(subscriber)

        return leave

    def listeners(self, kind: Kind) -> int:
        """How many subscribers hear of changes of this kind alone: one for each open watch."""
        return len(self._subscribers.get(_key(kind), ()))

    # inside

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _commit(self, change: Change) -> None:
        self._relate(change)
        self._log.append(change)
        while len(self._log) > self._log_size:
            self._floor = self._log.popleft().entry.version
        key = _key(change.kind)
        for subscriber in (
            *self._subscribers.get(key, ()),
            *self._subscribers.get(None, ()),
        ):
            subscriber(change)

    def _relate(self, change: Change) -> None:
        entry, old = change.entry, change.old
        where = (_key(change.kind), entry.namespace, entry.name)
        for uid in old.owners if old else ():
            owned = self._owned.get(uid, {})
            owned.pop(where, None)
            if not owned:
                self._owned.pop(uid, None)
        for uid in entry.owners if change.type is not ChangeType.DELETED else ():
            self._owned.setdefault(uid, {})[where] = None

    def _dependents(self, uid: str) -> Iterator[tuple[_Key, Entry]]:
        for key, namespace, name in tuple(self._owned.get(uid, ())):
            entry = self._collections[key].get(namespace, name)
            if entry is not None:
                yield key, entry

    def _reachable(self, version: int) -> None:
        if version < self._floor:
            raise Compacted(f"too old resource version: {version} ({self._floor})")

    def _same(self, old: Entry, obj: JSONMap) -> bool:
        fresh = encode(obj)
        return fresh == old.body or (len(fresh) == len(old.body) and parse_map(fresh) == old.object())

    def _entry(self, kind: Kind, obj: JSONMap, version: int) -> Entry:
        meta = as_map(obj["metadata"])
        meta["resourceVersion"] = str(version)
        if next(iter(obj)) != "kind":  # all bodies begin alike, so that lists can leave the head out
            obj = {"kind": obj.get("kind"), "apiVersion": obj.get("apiVersion"), **obj}
        labels = {key: value for key, value in dig_map(meta, "labels").items() if isinstance(value, str)}
        fields = {path: field_text(obj, path) for path in SELECTABLE.get(kept_kind(kind).qualified, ())}
        return Entry(
            namespace=dig_str(meta, "namespace"),
            name=dig_str(meta, "name"),
            uid=dig_str(meta, "uid"),
            version=version,
            labels=self._intern(labels),
            fields=self._intern(fields),
            owners=tuple(dig_str(owner, "uid") for owner in dig_list(meta, "ownerReferences")),
            deleting="deletionTimestamp" in meta,
            body=bytes(memoryview(encode(obj))),  # the encoder over-allocates; a copy holds what it needs
        )

    def _intern(self, pairs: Mapping[str, str]) -> Mapping[str, str]:
        if not pairs:
            return _NOTHING
        key = tuple(sorted(pairs.items()))
        if len(self._interned) > _INTERNED:
            self._interned.clear()
        return self._interned.setdefault(key, MappingProxyType(dict(pairs)))


def frame(type_: str, body: bytes) -> bytes:
    """One line of a watch."""
    return b'{"type":"%s","object":%s}\n' % (type_.encode(), body)


def content(obj: JSONMap) -> JSONMap:
    """What an object says beside metadata and status: the part whose change makes a new generation."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def timestamp(moment: datetime) -> str:
    """A moment as Kubernetes writes it: UTC, whole seconds, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def field_text(obj: JSONMap, path: str) -> str:
    """A field as selectors compare it; empty where it is not there."""
    value = dig(obj, *path.split("."))
    if path == "status.successful":  # what a Job's succeeded is called here
        return str(dig(obj, "status", "succeeded") or 0)
    if path == "source":
        return dig_str(value, "component")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _key(kind: Kind) -> _Key:
    kept = kept_kind(kind)
    return _Key(kept.group, kept.plural)
