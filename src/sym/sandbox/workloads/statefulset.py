"""The StatefulSet controller: numbered pods, started, updated and removed in order.

OrderedReady and Parallel, RollingUpdate with partition, OnDelete. Revisions are kept as ControllerRevisions. Volume
claims are not simulated: a StatefulSet that has templates for them gets a Warning and no pods, not pods without disks.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sym.model.codec import JSONMap, as_map, decode, dig_map, encode_sorted
from sym.model.kinds import POD, STATEFULSET
from sym.model.meta import Kind, Model, ObjectMeta
from sym.sandbox.store import Change, Entry
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import Note, normal, warning
from sym.sandbox.workloads.objects import digest, new_pod, owner_reference, same
from sym.sandbox.workloads.views import LabelSelector, PodView

REVISIONS = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
HASH = "controller-revision-hash"
_POD_NAME, _INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


class Rolling(Model, frozen=True):
    """`spec.updateStrategy.rollingUpdate`."""

    partition: int = 0


class Update(Model, frozen=True):
    """`spec.updateStrategy`."""

    type: str = "RollingUpdate"
    rolling_update: Rolling | None = None


class Ordinals(Model, frozen=True):
    """`spec.ordinals`."""

    start: int = 0


class StatefulSetSpec(Model, frozen=True):
    """The spec of a StatefulSet."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}
    service_name: str = ""
    pod_management_policy: str = "OrderedReady"
    update_strategy: Update = Update()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    volume_claim_templates: list[JSONMap] = []
    ordinals: Ordinals = Ordinals()


class StatefulSetStatus(Model, frozen=True):
    """What was last written of it."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: int = 0


class StatefulSetView(Model, frozen=True):
    """A StatefulSet."""

    metadata: ObjectMeta = ObjectMeta()
    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()

    @property
    def partition(self) -> int:
        """Pods from this ordinal on take a new revision."""
        return self.spec.update_strategy.rolling_update.partition if self.spec.update_strategy.rolling_update else 0


class Member(NamedTuple):
    """A numbered pod that is there."""

    ordinal: int
    pod: PodView

    @property
    def revision(self) -> str:
        """The revision it was made from."""
        return self.pod.metadata.labels.get(HASH, "")

    @property
    def going(self) -> bool:
        """Whether somebody is deleting it."""
        return self.pod.metadata.deletion_timestamp is not None


class StatefulSetController:
    """Keeps the pods of StatefulSets."""

    name = "statefulset"

    def __init__(self, context: Context) -> None:
        self._c = context

    def jobs(self, change: Change) -> Iterable[Job]:
        """The StatefulSet itself, or the owner of a pod."""
        entry = change.entry
        if same(change.kind, STATEFULSET):
            yield Job(self.name, entry.namespace, entry.name)
        elif same(change.kind, POD):
            for owner in self._c.pods.view(entry).metadata.owner_references:
                if owner.kind == STATEFULSET.name:
                    yield Job(self.name, entry.namespace, owner.name)

    def sync(self, job: Job) -> None:
        """One step: at most one pod at a time where order matters."""
        entry = self._c.store.get(STATEFULSET, job.namespace, job.name)
        if entry is None:
            return
        stateful = decode(entry.body, StatefulSetView)
        update = self._revision(stateful)
        current = stateful.status.current_revision or update
        if not entry.deleting and self._can_run(stateful):
            self._step(stateful, current, update, job)
        self._report(stateful, current, update, job)

    def _can_run(self, stateful: StatefulSetView) -> bool:
        if not stateful.spec.volume_claim_templates:
            return True
        words = "volumeClaimTemplates are not served by the sandbox; remove them, or use a real cluster"
        self._say(stateful, warning("FailedCreate", words))
        return False

    def _revision(self, stateful: StatefulSetView) -> str:
        """The name of the newest revision, which is made here where it is new, or made newest again."""
        hash_ = digest(encode_sorted(stateful.spec.template))
        name = f"{stateful.metadata.name}-{hash_}"
        known = {entry.name: entry.object() for entry in self._c.store.owned(REVISIONS, stateful.metadata.uid)}
        highest = max((_number(revision) for revision in known.values()), default=0)
        if name not in known:
            body: JSONMap = {
                "apiVersion": REVISIONS.api_version,
                "kind": REVISIONS.name,
                "metadata": {
                    "name": name,
                    "namespace": stateful.metadata.namespace,
                    "labels": {
                        **dig_map(stateful.spec.template, "metadata", "labels"),
                        "controller.kubernetes.io/hash": hash_,
                    },
                    "ownerReferences": [owner_reference(STATEFULSET, stateful.metadata)],
                },
                "data": {"spec": {"template": {**stateful.spec.template, "$patch": "replace"}}},
                "revision": highest + 1,
            }
            self._c.store.create(REVISIONS, body)
        elif _number(known[name]) < highest:
            self._c.store.update(REVISIONS, {**known[name], "revision": highest + 1})
        return name

    def _members(self, stateful: StatefulSetView) -> list[Member]:
        prefix = f"{stateful.metadata.name}-"
        numbered = (
            (pod.metadata.name.removeprefix(prefix), pod)
            for pod in self._c.pods.owned(stateful.metadata.uid)
            if pod.metadata.name.startswith(prefix)
        )
        return sorted(Member(int(number), pod) for number, pod in numbered if number.isdecimal())

    def _step(self, stateful: StatefulSetView, current: str, update: str, job: Job) -> None:
        members = {member.ordinal: member for member in self._members(stateful)}
        start = stateful.spec.ordinals.start
        wanted = range(start, start + stateful.spec.replicas)
        ordered = stateful.spec.pod_management_policy != "Parallel"
        for ordinal in wanted:
            member = members.get(ordinal)
            if member is None:
                new = ordinal - start >= stateful.partition or current == update
                self._create(stateful, ordinal, update if new else current)
            elif member.pod.finished:
                self._delete(stateful, member)
            if ordered and (member is None or not self._settled(stateful, member, job)):
                return
        for ordinal in sorted(set(members) - set(wanted), reverse=True):
            if not members[ordinal].going:
                self._delete(stateful, members[ordinal])
            if ordered:
                return
        self._update(stateful, [members[ordinal] for ordinal in wanted if ordinal in members], update, job)

    def _update(self, stateful: StatefulSetView, members: list[Member], update: str, job: Job) -> None:
        """Replace the last pod that has an old revision, once all after it are well again."""
        if stateful.spec.update_strategy.type != "RollingUpdate":
            return
        first = stateful.spec.ordinals.start + stateful.partition
        for member in sorted(members, reverse=True):
            if member.ordinal < first:
                return
            if member.revision != update and not member.going:
                self._delete(stateful, member)
                return
            if not self._settled(stateful, member, job):
                return

    def _settled(self, stateful: StatefulSetView, member: Member, job: Job) -> bool:
        return not member.going and self._available(stateful, member, job)

    def _available(self, stateful: StatefulSetView, member: Member, job: Job) -> bool:
        ready = self._c.pods.ready_for(member.pod.metadata.uid)
        if ready is None:
            return False
        missing = self._c.engine.real(stateful.spec.min_ready_seconds) - ready
        if missing > 0:
            self._c.engine.after(missing * self._c.settings.speed, job)
        return missing <= 0

    def _create(self, stateful: StatefulSetView, ordinal: int, revision: str) -> None:
        name, owner = f"{stateful.metadata.name}-{ordinal}", owner_reference(STATEFULSET, stateful.metadata)
        template, prefix = self._template(stateful, revision), f"{stateful.metadata.name}-"
        pod = new_pod(template, name, prefix, owner, stateful.metadata.namespace)
        as_map(as_map(pod["metadata"])["labels"]).update({HASH: revision, _POD_NAME: name, _INDEX: str(ordinal)})
        spec = as_map(pod["spec"])
        spec["hostname"] = name
        if stateful.spec.service_name:
            spec["subdomain"] = stateful.spec.service_name
        self._c.store.create(POD, pod)
        who = stateful.metadata.name
        self._say(stateful, normal("SuccessfulCreate", f"create Pod {name} in StatefulSet {who} successful"))

    def _template(self, stateful: StatefulSetView, revision: str) -> JSONMap:
        entry = self._c.store.get(REVISIONS, stateful.metadata.namespace, revision)
        kept = dict(dig_map(entry.object(), "data", "spec", "template")) if entry else stateful.spec.template
        return {key: value for key, value in kept.items() if key != "$patch"}

    def _delete(self, stateful: StatefulSetView, member: Member) -> None:
        name = member.pod.metadata.name
        delete(self._c.store, self._c.env, POD, member.pod.metadata.namespace, name)
        who = stateful.metadata.name
        self._say(stateful, normal("SuccessfulDelete", f"delete Pod {name} in StatefulSet {who} successful"))

    def _report(self, stateful: StatefulSetView, current: str, update: str, job: Job) -> None:
        members = self._members(stateful)
        alive = [member for member in members if not member.going]
        updated = sum(member.revision == update for member in alive)
        if updated == len(members) == stateful.spec.replicas and all(member.pod.ready for member in alive):
            current = update
            self._forget(stateful, update)
        status = StatefulSetStatus(
            observed_generation=stateful.metadata.generation,
            replicas=len(members),
            ready_replicas=sum(member.pod.ready for member in alive),
            current_replicas=sum(member.revision == current for member in alive),
            updated_replicas=updated,
            available_replicas=sum(self._available(stateful, member, job) for member in alive),
            current_revision=current,
            update_revision=update,
            collision_count=stateful.status.collision_count,
        )
        if status != stateful.status:
            self._c.store.mutate(STATEFULSET, job.namespace, job.name, lambda obj: _write(obj, status))

    def _forget(self, stateful: StatefulSetView, update: str) -> None:
        """Remove the oldest revisions beyond the history limit; nothing runs at any of them."""
        old = [entry for entry in self._c.store.owned(REVISIONS, stateful.metadata.uid) if entry.name != update]
        for entry in sorted(old, key=_age)[: max(0, len(old) - stateful.spec.revision_history_limit)]:
            self._c.store.remove(REVISIONS, entry.namespace, entry.name)

    def _say(self, stateful: StatefulSetView, note: Note) -> None:
        self._c.recorder.write("statefulset-controller", STATEFULSET, stateful.metadata, note)


def _write(obj: JSONMap, status: StatefulSetStatus) -> None:
    obj["status"] = {
        "observedGeneration": status.observed_generation,
        "replicas": status.replicas,
        "readyReplicas": status.ready_replicas,
        "currentReplicas": status.current_replicas,
        "updatedReplicas": status.updated_replicas,
        "availableReplicas": status.available_replicas,
        "currentRevision": status.current_revision,
        "updateRevision": status.update_revision,
        "collisionCount": status.collision_count,
    }


def _number(revision: JSONMap) -> int:
    number = revision.get("revision")
    return number if isinstance(number, int) else 0


def _age(entry: Entry) -> int:
    return _number(entry.object())
