"""The namespace controller: a terminating namespace is emptied, then it ends."""

from collections.abc import Iterable

from sym.model.codec import as_map, dig_list
from sym.model.kinds import NAMESPACE
from sym.model.meta import Kind
from sym.sandbox.store import Change
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.objects import same


class NamespaceController:
    """Empties and ends terminating namespaces."""

    name = "namespace"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._going: dict[str, None] = {}

    def jobs(self, change: Change) -> Iterable[Job]:
        """A terminating namespace, and the one that an object has just left."""
        entry = change.entry
        if same(change.kind, NAMESPACE):
            if change.type.value == "DELETED":
                self._going.pop(entry.name, None)
            elif entry.deleting:
                self._going[entry.name] = None
                yield Job(self.name, "", entry.name)
        elif entry.namespace in self._going:
            yield Job(self.name, "", entry.namespace)

    def sync(self, job: Job) -> None:
        """Delete what is there; where nothing is left, take the namespace's own finalizer and end it."""
        store = self._c.store
        entry = store.get(NAMESPACE, "", job.name)
        if entry is None or not entry.deleting:
            return
        for group, plural, _ in store.kinds_in(job.name):
            kind = Kind(group, "", "", plural)
            for found in store.list(kind, job.name):
                delete(store, self._c.env, kind, found.namespace, found.name)
        if store.kinds_in(job.name):
            return
        obj = entry.object()
        if dig_list(obj, "metadata", "finalizers"):
            as_map(obj.setdefault("spec", {}))["finalizers"] = []
            store.update(NAMESPACE, obj)
        else:
            store.remove(NAMESPACE, "", job.name)
