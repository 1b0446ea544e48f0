"""The garbage collector: what is owned ends with its owners; owners that wait for it (foreground) end after it."""

from collections.abc import Iterable

from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_str
from sym.model.meta import Kind
from sym.sandbox.store import Change, ChangeType, Entry
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete, release
from sym.sandbox.workloads.engine import Job

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Collector:
    """Follows ownerReferences of every kind."""

    name = "garbage"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._gone: dict[str, None] = {}
        self._holding: dict[str, tuple[Kind, str, str]] = {}

    def jobs(self, change: Change) -> Iterable[Job]:
        """An owner that is gone or waits for its own; an owner that waits for the object that changed; an object whose
        owner is not there."""
        entry = change.entry
        if change.type is ChangeType.DELETED:
            self._holding.pop(entry.uid, None)
            yield Job(self.name, "gone", entry.uid)
        elif entry.deleting and _held(entry.object()):
            self._holding[entry.uid] = (change.kind, entry.namespace, entry.name)
            yield Job(self.name, "holding", entry.uid)
        for uid in entry.owners:
            if uid in self._holding:
                yield Job(self.name, "holding", uid)

    def sync(self, job: Job) -> None:
        """Collect what one owner leaves behind, or let go an owner whose own have gone."""
        if job.namespace == "gone":
            for group, plural, entry in self._c.store.dependents(job.name):
                self._collect(_kind(group, plural, entry), entry, job.name)
        elif job.name in self._holding:
            self._hold(*self._holding[job.name], job.name)

    def _collect(self, kind: Kind, entry: Entry, uid: str) -> None:
        obj = entry.object()
        left = [found for found in dig_list(obj, "metadata", "ownerReferences") if dig_str(found, "uid") != uid]
        if not left:
            delete(self._c.store, self._c.env, kind, entry.namespace, entry.name)
            return
        as_map(obj["metadata"])["ownerReferences"] = left
        self._c.store.update(kind, obj)

    def _hold(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        entry = self._c.store.get(kind, namespace, name)
        if entry is None or entry.uid != uid:
            self._holding.pop(uid, None)
            return
        finalizers = dig_list(entry.object(), "metadata", "finalizers")
        dependents = self._c.store.dependents(uid)
        if ORPHAN in finalizers:
            for group, plural, child in dependents:
                self._orphan(_kind(group, plural, child), child, uid)
            self._let_go(kind, entry, ORPHAN)
        elif FOREGROUND in finalizers:
            for group, plural, child in dependents:
                self._end(_kind(group, plural, child), child)
            if not any(_blocks(child, uid) for _, _, child in self._c.store.dependents(uid)):
                self._let_go(kind, entry, FOREGROUND)

    def _end(self, kind: Kind, child: Entry) -> None:
        """Delete a dependent; one that has dependents of its own waits for them in turn."""
        if not child.deleting and self._c.store.dependents(child.uid):
            obj = child.object()
            meta = as_map(obj["metadata"])
            meta["finalizers"] = [*dig_list(meta, "finalizers"), FOREGROUND]
            self._c.store.update(kind, obj)
        delete(self._c.store, self._c.env, kind, child.namespace, child.name)

    def _let_go(self, kind: Kind, entry: Entry, finalizer: str) -> None:
        self._holding.pop(entry.uid, None)
        release(self._c.store, kind, entry.namespace, entry.name, finalizer)

    def _orphan(self, kind: Kind, entry: Entry, uid: str) -> None:
        obj = entry.object()
        owners = dig_list(obj, "metadata", "ownerReferences")
        as_map(obj["metadata"])["ownerReferences"] = [owner for owner in owners if dig_str(owner, "uid") != uid]
        self._c.store.update(kind, obj)


def _held(obj: JSONMap) -> bool:
    finalizers = dig_list(obj, "metadata", "finalizers")
    return FOREGROUND in finalizers or ORPHAN in finalizers


def _blocks(child: Entry, uid: str) -> bool:
    owners = dig_list(child.object(), "metadata", "ownerReferences")
    return any(dig_str(owner, "uid") == uid and dig(owner, "blockOwnerDeletion") is True for owner in owners)


def _kind(group: str, plural: str, entry: Entry) -> Kind:
    """A Kind that is enough for the store, which asks for group and plural alone."""
    return Kind(group, "", "", plural, namespaced=bool(entry.namespace))
