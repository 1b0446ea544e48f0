"""The ReplicaSet controller: as many pods as asked for, and how many of them are ready and available.

Pods that match and have no controller are adopted, own pods that match no longer are released. Which pods go first when
there are too many follows the order of the real controller.
"""

from collections.abc import Iterable

from sym.model.codec import JSON, JSONMap, as_map, decode, dig_list, dig_map
from sym.model.kinds import POD, REPLICASET
from sym.sandbox.store import Change, ChangeType, Entry, Taken
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import Note, normal
from sym.sandbox.workloads.objects import controller_of, matches, new_pod, owner_reference, same, suffix
from sym.sandbox.workloads.views import PodView, ReplicaSetStatus, ReplicaSetView

BURST = 500
"""Pods created or deleted in one turn, as the real controller has it."""
_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1}


class ReplicaSetController:
    """Keeps the pods of ReplicaSets."""

    name = "replicaset"

    def __init__(self, context: Context) -> None:
        self._c = context

    def jobs(self, change: Change) -> Iterable[Job]:
        """The ReplicaSet itself, the one that owns a pod, or all that might adopt a pod without owner."""
        entry = change.entry
        if same(change.kind, REPLICASET):
            yield Job(self.name, entry.namespace, entry.name)
        elif same(change.kind, POD):
            pod = self._c.pods.view(entry)
            for name in {owner.name for owner in pod.metadata.owner_references if owner.kind == REPLICASET.name}:
                yield Job(self.name, entry.namespace, name)
            if not controller_of(pod.metadata) and change.type is not ChangeType.DELETED:
                yield from (
                    Job(self.name, rs.namespace, rs.name) for rs in self._c.store.list(REPLICASET, entry.namespace)
                )

    def sync(self, job: Job) -> None:
        """Create or delete pods until their number is right, then write the counts."""
        entry = self._c.store.get(REPLICASET, job.namespace, job.name)
        if entry is None:
            return
        rs = decode(entry.body, ReplicaSetView)
        if not entry.deleting:
            self._claim(rs)
            self._scale(rs)
        self._report(rs, job)

    def _claim(self, rs: ReplicaSetView) -> None:
        meta = rs.metadata
        for entry in self._c.pods.orphans(meta.namespace):
            pod = self._c.pods.view(entry)
            if pod.active and matches(rs.spec.selector, pod.metadata.labels):
                self._own(
                    entry, [*dig_list(entry.object(), "metadata", "ownerReferences"), owner_reference(REPLICASET, meta)]
                )
        for entry in self._c.store.owned(POD, meta.uid):
            pod = self._c.pods.view(entry)
            if pod.active and not matches(rs.spec.selector, pod.metadata.labels):
                owners = dig_list(entry.object(), "metadata", "ownerReferences")
                self._own(entry, [owner for owner in owners if as_map(owner).get("uid") != meta.uid])

    def _own(self, pod: Entry, references: list[JSON]) -> None:
        obj = pod.object()
        as_map(obj["metadata"])["ownerReferences"] = references
        self._c.store.update(POD, obj)

    def _scale(self, rs: ReplicaSetView) -> None:
        active = [pod for pod in self._c.pods.owned(rs.metadata.uid) if pod.active]
        missing = rs.spec.replicas - len(active)
        for _ in range(min(missing, BURST)):
            name = self._create(rs)
            self._say(rs, normal("SuccessfulCreate", f"Created pod: {name}"))
        for pod in sorted(active, key=self._rank)[: min(-missing, BURST)] if missing < 0 else ():
            delete(self._c.store, self._c.env, POD, pod.metadata.namespace, pod.metadata.name)
            self._say(rs, normal("SuccessfulDelete", f"Deleted pod: {pod.metadata.name}"))

    def _create(self, rs: ReplicaSetView) -> str:
        meta = rs.metadata
        while True:
            name = f"{meta.name[:57]}-{suffix(self._c.env.random())}"
            owner = owner_reference(REPLICASET, meta)
            try:
                self._c.store.create(POD, new_pod(rs.spec.template, name, f"{meta.name}-", owner, meta.namespace))
            except Taken:
                continue
            return name

    def _rank(self, pod: PodView) -> tuple[int, int, int, int, float, int, float]:
        """What goes first: unscheduled, pending, unready, cheap, lately ready, often restarted, young."""
        created = pod.metadata.creation_timestamp
        return (
            1 if pod.spec.node_name else 0,
            _PHASES.get(pod.status.phase, 2),
            1 if pod.ready else 0,
            _cost(pod),
            self._c.pods.ready_for(pod.metadata.uid) or 0.0,
            -pod.restarts,
            -created.timestamp() if created else 0.0,
        )

    def _report(self, rs: ReplicaSetView, job: Job) -> None:
        pods = [pod for pod in self._c.pods.owned(rs.metadata.uid) if pod.active]
        labels = dig_map(rs.spec.template, "metadata", "labels")
        status = ReplicaSetStatus(
            observed_generation=rs.metadata.generation,
            replicas=len(pods),
            fully_labeled_replicas=sum(labels.items() <= dict(pod.metadata.labels).items() for pod in pods),
            ready_replicas=sum(pod.ready for pod in pods),
            available_replicas=sum(self._available(rs, pod, job) for pod in pods),
            conditions=rs.status.conditions,
        )
        if status != rs.status:
            self._c.store.mutate(REPLICASET, job.namespace, job.name, lambda obj: _write(obj, status))

    def _available(self, rs: ReplicaSetView, pod: PodView, job: Job) -> bool:
        ready = self._c.pods.ready_for(pod.metadata.uid)
        if ready is None:
            return False
        missing = self._c.engine.real(rs.spec.min_ready_seconds) - ready
        if missing <= 0:
            return True
        self._c.engine.after(missing * self._c.settings.speed, job)
        return False

    def _say(self, rs: ReplicaSetView, note: Note) -> None:
        self._c.recorder.write("replicaset-controller", REPLICASET, rs.metadata, note)


def _write(obj: JSONMap, status: ReplicaSetStatus) -> None:
    counts: JSONMap = {
        "replicas": status.replicas,
        "fullyLabeledReplicas": status.fully_labeled_replicas,
        "readyReplicas": status.ready_replicas,
        "availableReplicas": status.available_replicas,
        "observedGeneration": status.observed_generation,
    }
    shown = {key: value for key, value in counts.items() if value or key == "replicas"}
    obj["status"] = {**shown, **({"conditions": list(status.conditions)} if status.conditions else {})}


def _cost(pod: PodView) -> int:
    try:
        return int(pod.metadata.annotations.get(_COST, "0"))
    except ValueError:
        return 0
