"""The ReplicaSets of a Deployment: which is new, which are old, their revision numbers, sizes and end.

The ReplicaSet whose template equals the Deployment's (without the hash label) is the new one; of several the oldest. A
name that is taken by another content raises `collisionCount`, which changes the hash.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sym.model.codec import JSONMap, as_map, decode, dig_list, dig_map, encode_sorted
from sym.model.kinds import DEPLOYMENT, REPLICASET
from sym.sandbox.store import Taken
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete
from sym.sandbox.workloads.events import normal
from sym.sandbox.workloads.objects import (
    condition,
    controller_of,
    digest,
    matches,
    owner_reference,
    with_condition,
)
from sym.sandbox.workloads.rolling import MAX_REPLICAS, bounds, new_replicas
from sym.sandbox.workloads.views import DeploymentView, ReplicaSetView

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
HISTORY = "deployment.kubernetes.io/revision-history"
_NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX_REPLICAS})


class Sets(NamedTuple):
    """A Deployment's ReplicaSets, each group oldest first."""

    wanted: int
    new: ReplicaSetView | None
    old: tuple[ReplicaSetView, ...]

    @property
    def all(self) -> tuple[ReplicaSetView, ...]:
        """All of them, the new one last."""
        return (*self.old, self.new) if self.new is not None else self.old

    @property
    def active(self) -> tuple[ReplicaSetView, ...]:
        """Those that want pods."""
        return tuple(rs for rs in self.all if rs.spec.replicas > 0)

    @property
    def old_active(self) -> tuple[ReplicaSetView, ...]:
        """The old ones that want pods."""
        return tuple(rs for rs in self.old if rs.spec.replicas > 0)

    @property
    def sole(self) -> ReplicaSetView | None:
        """The only one that a plain scaling concerns: the active one, or the latest where none is; None where several
        are active."""
        active = self.active
        if len(active) > 1 or not self.all:
            return None
        return active[0] if active else self.all[-1]


class Revisions:
    """Finds, makes, sizes and removes the ReplicaSets of one cluster's Deployments."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def adopt(self, deployment: DeploymentView) -> None:
        """Own the ReplicaSets that match and have no controller."""
        if deployment.metadata.deletion_timestamp is not None:
            return
        for entry in self._c.store.list(REPLICASET, deployment.metadata.namespace):
            if not entry.owners and not entry.deleting and matches(deployment.spec.selector, entry.labels):
                obj = entry.object()
                as_map(obj["metadata"])["ownerReferences"] = [owner_reference(DEPLOYMENT, deployment.metadata)]
                self._c.store.update(REPLICASET, obj)

    def find(self, deployment: DeploymentView) -> Sets:
        """The ReplicaSets that the Deployment owns, as they are now."""
        uid = deployment.metadata.uid
        owned = [decode(entry.body, ReplicaSetView) for entry in self._c.store.owned(REPLICASET, uid)]
        mine = sorted((rs for rs in owned if controller_of(rs.metadata) == uid), key=_age)
        bare = _bare(deployment.spec.template)
        new = next((rs for rs in mine if _bare(rs.spec.template) == bare), None)
        return Sets(deployment.spec.replicas, new, tuple(rs for rs in mine if rs is not new))

    def number(self, deployment: DeploymentView, sets: Sets, *, create: bool) -> Sets:
        """Make sure that the new ReplicaSet (made here where `create`) has the highest revision number and the
        Deployment's annotations, and the Deployment its number."""
        revision = max((_revision(rs) for rs in sets.old), default=0) + 1
        if sets.new is None:
            if not create:
                return sets
            self._make(deployment, sets, revision)
        else:
            revision = max(revision, _revision(sets.new))
            self._annotate(deployment, sets.new, revision)
        self._stamp(deployment, revision)
        return self.find(deployment)

    def resize(self, deployment: DeploymentView, rs: ReplicaSetView, size: int) -> None:
        """Give a ReplicaSet `size` replicas, and note for which Deployment size that was right."""
        wanted, surge = deployment.spec.replicas, bounds(deployment).surge
        notes = {DESIRED: str(wanted), MAX_REPLICAS: str(wanted + surge)}
        noted = all(rs.metadata.annotations.get(key) == value for key, value in notes.items())
        before = rs.spec.replicas
        if size == before and noted:
            return

        def change(obj: JSONMap) -> None:
            as_map(obj["spec"])["replicas"] = size
            as_map(as_map(obj["metadata"]).setdefault("annotations", {})).update(notes)

        self._c.store.mutate(REPLICASET, rs.metadata.namespace, rs.metadata.name, change)
        if size != before:
            self._scaled(deployment, rs.metadata.name, before, size)

    def clean(self, deployment: DeploymentView, sets: Sets) -> None:
        """Remove the oldest ReplicaSets that nothing runs in, beyond the history limit."""
        limit = deployment.spec.revision_history_limit
        if limit is None:
            return
        alive = [rs for rs in sets.old if rs.metadata.deletion_timestamp is None]
        for rs in sorted(alive, key=_revision)[: max(0, len(alive) - limit)]:
            settled = rs.status.observed_generation >= rs.metadata.generation
            if settled and rs.spec.replicas == 0 and rs.status.replicas == 0:
                delete(self._c.store, self._c.env, REPLICASET, rs.metadata.namespace, rs.metadata.name)

    def _make(self, deployment: DeploymentView, sets: Sets, revision: int) -> None:
        body = self._body(deployment, sets, revision)
        name = str(as_map(body["metadata"])["name"])
        replicas = as_map(body["spec"])["replicas"]
        try:
            self._c.store.create(REPLICASET, body)
        except Taken:
            self._collide(deployment)
            return
        self._progress(deployment, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        if isinstance(replicas, int) and replicas > 0:
            self._scaled(deployment, name, 0, replicas)

    def _body(self, deployment: DeploymentView, sets: Sets, revision: int) -> JSONMap:
        meta, spec = deployment.metadata, deployment.spec
        collisions = deployment.status.collision_count or 0
        hash_ = digest(encode_sorted(_bare(spec.template)) + (str(collisions).encode() if collisions else b""))
        labels: JSONMap = {**dig_map(spec.template, "metadata", "labels"), HASH: hash_}
        replicas = new_replicas(deployment, 0, sum(rs.spec.replicas for rs in sets.old))
        selector: JSONMap = {"matchLabels": {**spec.selector.match_labels, HASH: hash_}}
        if spec.selector.match_expressions:
            selector["matchExpressions"] = list(spec.selector.match_expressions)
        template: JSONMap = {**spec.template, "metadata": {**dig_map(spec.template, "metadata"), "labels": labels}}
        body: JSONMap = {
            "replicas": replicas,
            "selector": selector,
            "template": template,
        }
        if spec.min_ready_seconds:
            body["minReadySeconds"] = spec.min_ready_seconds
        notes = {DESIRED: str(spec.replicas), MAX_REPLICAS: str(spec.replicas + bounds(deployment).surge)}
        return {
            "apiVersion": REPLICASET.api_version,
            "kind": REPLICASET.name,
            "metadata": {
                "name": f"{meta.name}-{hash_}",
                "namespace": meta.namespace,
                "generation": 1,
                "labels": labels,
                "annotations": {**_copied(meta.annotations), **notes, REVISION: str(revision)},
                "ownerReferences": [owner_reference(DEPLOYMENT, meta)],
            },
            "spec": body,
            "status": {"replicas": 0},
        }

    def _annotate(self, deployment: DeploymentView, rs: ReplicaSetView, revision: int) -> None:
        wanted: dict[str, str] = {**_copied(deployment.metadata.annotations), REVISION: str(revision)}
        before = rs.metadata.annotations
        if (old := before.get(REVISION)) and old != str(revision):
            wanted[HISTORY] = ",".join(part for part in (before.get(HISTORY, ""), old) if part)
        seconds = deployment.spec.min_ready_seconds
        if wanted.items() <= dict(before).items() and rs.spec.min_ready_seconds == seconds:
            return

        def change(obj: JSONMap) -> None:
            as_map(as_map(obj["metadata"]).setdefault("annotations", {})).update(wanted)
            if rs.spec.min_ready_seconds != seconds:
                as_map(obj["spec"])["minReadySeconds"] = seconds

        self._c.store.mutate(REPLICASET, rs.metadata.namespace, rs.metadata.name, change)
        self._progress(deployment, "FoundNewReplicaSet", f'Found new replica set "{rs.metadata.name}"', first=True)

    def _stamp(self, deployment: DeploymentView, revision: int) -> None:
        if deployment.metadata.annotations.get(REVISION) == str(revision):
            return

        def change(obj: JSONMap) -> None:
            as_map(as_map(obj["metadata"]).setdefault("annotations", {}))[REVISION] = str(revision)

        self._c.store.mutate(DEPLOYMENT, deployment.metadata.namespace, deployment.metadata.name, change)

    def _collide(self, deployment: DeploymentView) -> None:
        count = (deployment.status.collision_count or 0) + 1

        def change(obj: JSONMap) -> None:
            as_map(obj.setdefault("status", {}))["collisionCount"] = count

        self._c.store.mutate(DEPLOYMENT, deployment.metadata.namespace, deployment.metadata.name, change)

    def _progress(self, deployment: DeploymentView, reason: str, message: str, *, first: bool = False) -> None:
        if deployment.spec.progress_deadline_seconds is None:
            return
        now = self._c.store.now()

        def change(obj: JSONMap) -> None:
            known = [as_map(found) for found in dig_list(obj, "status", "conditions")]
            if first and any(found.get("type") == "Progressing" for found in known):
                return
            new = condition("Progressing", "True", reason, message)
            as_map(obj.setdefault("status", {}))["conditions"] = list(with_condition(known, new, now, update_time=True))

        self._c.store.mutate(DEPLOYMENT, deployment.metadata.namespace, deployment.metadata.name, change)

    def _scaled(self, deployment: DeploymentView, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        note = normal("ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {after}")
        self._c.recorder.write("deployment-controller", DEPLOYMENT, deployment.metadata, note)


def _bare(template: JSONMap) -> JSONMap:
    """A pod template without the hash label: what makes two revisions the same."""
    meta = dict(dig_map(template, "metadata"))
    labels = {key: value for key, value in dig_map(meta, "labels").items() if key != HASH}
    return {**template, "metadata": {**meta, "labels": labels}}


def _copied(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def _revision(rs: ReplicaSetView) -> int:
    number = rs.metadata.annotations.get(REVISION, "0")
    return int(number) if number.isdecimal() else 0


def _age(rs: ReplicaSetView) -> tuple[float, int, str]:
    created = rs.metadata.creation_timestamp
    return (created.timestamp() if created else 0.0, _revision(rs), rs.metadata.name)
