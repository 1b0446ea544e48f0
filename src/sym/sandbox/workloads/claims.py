"""What protects a PersistentVolumeClaim that a pod uses: it goes once no pod does. Nothing binds claims here."""

from collections.abc import Iterable

from sym.model.codec import JSONMap, dig_list, dig_str
from sym.model.kinds import CLAIM, POD
from sym.sandbox.builtin.claims import PROTECTION
from sym.sandbox.store import Change, ChangeType
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import release
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.objects import same


class ClaimProtection:
    """Lets go of claims that are to be deleted."""

    name = "claims"

    def __init__(self, context: Context) -> None:
        self._c = context

    def jobs(self, change: Change) -> Iterable[Job]:
        """A claim that is going; those that a pod used which is gone."""
        entry = change.entry
        if same(change.kind, CLAIM) and entry.deleting:
            yield Job(self.name, entry.namespace, entry.name)
        elif same(change.kind, POD) and change.type is ChangeType.DELETED:
            yield from (Job(self.name, entry.namespace, name) for name in _used(entry.object()))

    def sync(self, job: Job) -> None:
        """Take the finalizer off where nobody uses the claim."""
        entry = self._c.store.get(CLAIM, job.namespace, job.name)
        if entry is None or not entry.deleting:
            return
        pods = (pod for pod in self._c.store.list(POD, job.namespace) if not self._c.pods.view(pod).finished)
        if not any(job.name in _used(pod.object()) for pod in pods):
            release(self._c.store, CLAIM, job.namespace, job.name, PROTECTION)


def _used(pod: JSONMap) -> list[str]:
    names = (dig_str(volume, "persistentVolumeClaim", "claimName") for volume in dig_list(pod, "spec", "volumes"))
    return [name for name in names if name]
