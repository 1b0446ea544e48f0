"""The Deployment controller: ReplicaSets for every revision, moved within the bounds of the strategy.

`revisions` finds and makes ReplicaSets, `rolling` says how far they may move, `deployment_status` writes what came of
it; this module only decides which of the ways is taken: paused, scaled, Recreate or RollingUpdate.
"""

from collections.abc import Iterable

from sym.model.codec import decode
from sym.model.kinds import DEPLOYMENT, POD, REPLICASET
from sym.sandbox.store import Change
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deployment_status import StatusWriter
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import warning
from sym.sandbox.workloads.objects import same
from sym.sandbox.workloads.revisions import DESIRED, Revisions, Sets
from sym.sandbox.workloads.rolling import new_replicas, share, shrink_old
from sym.sandbox.workloads.views import DeploymentView, ReplicaSetView


class DeploymentController:
    """Keeps the ReplicaSets of Deployments."""

    name = "deployment"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._revisions = Revisions(context)
        self._status = StatusWriter(context)

    def jobs(self, change: Change) -> Iterable[Job]:
        """The Deployment itself, the owner of a ReplicaSet, or (Recreate waits for it) that of a pod that is gone."""
        entry = change.entry
        if same(change.kind, DEPLOYMENT):
            yield Job(self.name, entry.namespace, entry.name)
        elif same(change.kind, REPLICASET):
            rs = decode(entry.body, ReplicaSetView)
            yield from (
                Job(self.name, entry.namespace, owner.name)
                for owner in rs.metadata.owner_references
                if owner.kind == DEPLOYMENT.name
            )
        elif same(change.kind, POD) and change.type.value == "DELETED":
            yield from self._of_pod(change)

    def _of_pod(self, change: Change) -> Iterable[Job]:
        for owner in self._c.pods.view(change.entry).metadata.owner_references:
            rs = self._c.store.get(REPLICASET, change.entry.namespace, owner.name)
            for above in decode(rs.body, ReplicaSetView).metadata.owner_references if rs else ():
                yield Job(self.name, change.entry.namespace, above.name)

    def sync(self, job: Job) -> None:
        """One step of the Deployment's rollout, and its status."""
        entry = self._c.store.get(DEPLOYMENT, job.namespace, job.name)
        if entry is None:
            self._status.forget(job)
            return
        deployment = decode(entry.body, DeploymentView)
        selector = deployment.spec.selector
        if not selector.match_labels and not selector.match_expressions:
            words = "This deployment is selecting all pods. A non-empty selector is required."
            self._c.recorder.write(
                "deployment-controller", DEPLOYMENT, deployment.metadata, warning("SelectingAll", words)
            )
            return
        self._revisions.adopt(deployment)
        if entry.deleting:
            self._status.plain(deployment, self._sets(deployment))
            return
        deployment = self._status.pause(deployment)
        if deployment.spec.paused or self._scaled(self._sets(deployment)):
            self._scale(deployment)
        elif deployment.spec.strategy.type == "Recreate":
            self._recreate(deployment)
        else:
            self._roll(deployment)

    def _sets(self, deployment: DeploymentView) -> Sets:
        return self._revisions.find(deployment)

    def _scaled(self, sets: Sets) -> bool:
        """Whether the Deployment's replicas changed since its active ReplicaSets were last sized."""
        wanted = str(sets.wanted)
        return any(rs.metadata.annotations.get(DESIRED, wanted) != wanted for rs in sets.active)

    def _scale(self, deployment: DeploymentView) -> None:
        sets = self._revisions.number(deployment, self._sets(deployment), create=False)
        wanted = deployment.spec.replicas
        sole = sets.sole
        if sole is not None:
            self._revisions.resize(deployment, sole, wanted)
        elif sets.new is not None and sets.new.spec.replicas == wanted == sets.new.status.available_replicas:
            self._resize_all(deployment, dict.fromkeys((rs.metadata.name for rs in sets.old_active), 0))
        elif deployment.spec.strategy.type == "RollingUpdate":
            self._resize_all(deployment, share(deployment, sets.active))
        if deployment.spec.paused:
            self._revisions.clean(deployment, self._sets(deployment))
        self._status.plain(deployment, self._sets(deployment))

    def _resize_all(self, deployment: DeploymentView, sizes: dict[str, int]) -> None:
        for rs in self._sets(deployment).active:
            if rs.metadata.name in sizes:
                self._revisions.resize(deployment, rs, sizes[rs.metadata.name])

    def _roll(self, deployment: DeploymentView) -> None:
        sets = self._revisions.number(deployment, self._sets(deployment), create=True)
        new = sets.new
        if new is None:
            return
        size = new_replicas(deployment, new.spec.replicas, sum(rs.spec.replicas for rs in sets.all))
        if size != new.spec.replicas:
            self._revisions.resize(deployment, new, size)
        else:
            self._resize_all(deployment, shrink_old(deployment, new, sets.old_active))
        self._finish(deployment)

    def _recreate(self, deployment: DeploymentView) -> None:
        sets = self._revisions.number(deployment, self._sets(deployment), create=False)
        if sets.old_active:
            self._resize_all(deployment, dict.fromkeys((rs.metadata.name for rs in sets.old_active), 0))
        elif not self._old_pods_run(sets):
            sets = self._revisions.number(deployment, sets, create=True)
            if sets.new is not None:
                self._revisions.resize(deployment, sets.new, deployment.spec.replicas)
        self._finish(deployment)

    def _old_pods_run(self, sets: Sets) -> bool:
        return any(not pod.finished for rs in sets.old for pod in self._c.pods.owned(rs.metadata.uid))

    def _finish(self, deployment: DeploymentView) -> None:
        sets = self._sets(deployment)
        if self._status.complete(deployment, sets):
            self._revisions.clean(deployment, sets)
        self._status.progress(deployment, self._sets(deployment))
