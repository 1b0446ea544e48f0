"""The kubelets of one cluster: pods that have a node are started, kept running and ended.

What a pod does is kept here by uid (`PodRun`); the object in the store is only told. Every turn of a pod ends with at
most one status write. Relies on `containers` for what happens inside and `podstatus` for how it is said.
"""

from collections.abc import Iterable, Iterator

from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import NODE, POD
from sym.model.meta import ObjectMeta
from sym.sandbox.store import Change, Entry
from sym.sandbox.workloads.containers import Container, Place
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import Note
from sym.sandbox.workloads.objects import same
from sym.sandbox.workloads.podstatus import Host, pod_status
from sym.sandbox.workloads.scheduler import address_of


class PodRun:
    """What a kubelet knows of one pod."""

    def __init__(self, uid: str, host: Host, inits: list[Container], mains: list[Container]) -> None:
        self.uid = uid
        self.host = host
        self.inits = inits
        self.mains = mains
        self.stop_at: float | None = None

    @property
    def all(self) -> list[Container]:
        """Every container."""
        return [*self.inits, *self.mains]

    def advance(self) -> Iterator[Note]:
        """Let everything happen that is due; the main containers wait for the init containers."""
        for init in self.inits:
            yield from init.advance()
            if not (init.done and not init.failed) and not (init.sidecar and init.ready):
                return
        for container in self.mains:
            yield from container.advance()
        if self.mains and all(container.done for container in self.mains):
            for sidecar in self.inits:
                sidecar.kill()

    def next_due(self) -> float | None:
        """When something will happen next, on the monotonic clock."""
        times = [container.due for container in self.all if container.due is not None]
        return min(times, default=None)


class Kubelet:
    """Runs the pods of one cluster."""

    name = "kubelet"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._runs: dict[str, PodRun] = {}
        self._pulled: dict[str, set[str]] = {}
        self._addresses = 0

    def run_of(self, uid: str) -> PodRun | None:
        """What runs for the pod with this uid, if anything."""
        return self._runs.get(uid)

    def jobs(self, change: Change) -> Iterable[Job]:
        """Every pod that has a node."""
        if not same(change.kind, POD):
            return
        if change.type.value == "DELETED":
            self._kill(self._runs.pop(change.entry.uid, None))
        elif change.entry.fields.get("spec.nodeName"):
            yield Job(self.name, change.entry.namespace, change.entry.name)

    def _kill(self, run: PodRun | None) -> None:
        """The pod is gone from the store, perhaps by force: so is everything in it."""
        for container in run.all if run else ():
            container.kill()

    def sync(self, job: Job) -> None:
        """One turn of a pod."""
        entry = self._c.store.get(POD, job.namespace, job.name)
        if entry is None or not entry.fields.get("spec.nodeName"):
            return
        pod = entry.object()
        run = self._runs.get(entry.uid)
        if run is None:
            if entry.fields.get("status.phase") in ("Succeeded", "Failed"):
                return
            run = self._runs[entry.uid] = self._begin(entry, pod)
        if entry.deleting:
            self._stop(job, entry, pod, run)
            return
        notes = [*self._swap(pod, run), *run.advance()]
        self._tell(entry, pod, run, notes)
        self._wake(job, run.next_due())

    def _begin(self, entry: Entry, pod: JSONMap) -> PodRun:
        node = dig_str(pod, "spec", "nodeName")
        found = self._c.store.get(NODE, "", node)
        self._addresses += 1
        number = self._addresses
        address = f"10.{(number >> 16) % 256}.{(number >> 8) % 256}.{number % 256}"
        host = Host(node, address_of(found.object() if found else {}), address, self._c.store.now())
        policy = dig_str(pod, "spec", "restartPolicy") or "Always"
        place = Place(entry.name, entry.namespace, entry.uid, policy)
        pulled = self._pulled.setdefault(node, set())
        inits = [
            Container(self._c, place._replace(init=True), as_map(spec), pulled)
            for spec in dig_list(pod, "spec", "initContainers")
        ]
        mains = [Container(self._c, place, as_map(spec), pulled) for spec in dig_list(pod, "spec", "containers")]
        return PodRun(entry.uid, host, inits, mains)

    def _swap(self, pod: JSONMap, run: PodRun) -> Iterator[Note]:
        """Containers whose image was changed in place."""
        specs = {dig_str(spec, "name"): as_map(spec) for spec in dig_list(pod, "spec", "containers")}
        for container in run.mains:
            spec = specs.get(container.name, container.spec)
            if dig_str(spec, "image") != container.image:
                yield from container.swap(spec)

    def _stop(self, job: Job, entry: Entry, pod: JSONMap, run: PodRun) -> None:
        now = self._c.env.monotonic()
        notes: list[Note] = []
        if run.stop_at is None:
            grace = dig(pod, "metadata", "deletionGracePeriodSeconds")
            seconds = min(self._c.settings.stop_seconds, grace if isinstance(grace, int) else 0)
            run.stop_at = now + self._c.engine.real(seconds)
            notes = [note for container in run.all for note in container.stop()]
        self._say(self._c.pods.view(entry).metadata, run, notes)
        if run.stop_at > now:
            self._wake(job, run.stop_at)
            return
        for container in run.all:
            container.kill()
        if not dig_list(pod, "metadata", "finalizers"):
            self._c.store.remove(POD, job.namespace, job.name)
            return
        as_map(pod["metadata"])["deletionGracePeriodSeconds"] = 0
        self._tell(entry, pod, run, [])

    def _tell(self, entry: Entry, pod: JSONMap, run: PodRun, notes: list[Note]) -> None:
        meta = self._c.pods.view(entry).metadata
        status = pod_status(pod, run.host, run.inits, run.mains, self._c.store.now())
        pod["status"] = {**as_map(pod.get("status") or {}), **status}
        self._c.store.update(POD, pod)
        self._say(meta, run, notes)

    def _say(self, meta: ObjectMeta, run: PodRun, notes: Iterable[Note]) -> None:
        for note in notes:
            self._c.recorder.write("kubelet", POD, meta, note, host=run.host.node)

    def _wake(self, job: Job, due: float | None) -> None:
        if due is not None:
            self._c.engine.after((due - self._c.env.monotonic()) * self._c.settings.speed, job)
