"""What a Deployment says about itself: counts, and the conditions Available and Progressing.

Reasons and messages are those of the real controller: `kubectl rollout status` and Helm's `--wait` read them. The
progress deadline runs on the monotonic clock, from the moment the Progressing condition last changed.
"""

from typing import NamedTuple

from msgspec.structs import replace

from sym.model.codec import JSON, JSONMap, as_map, decode, dig_str
from sym.model.kinds import DEPLOYMENT
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.objects import condition, find_condition, with_condition
from sym.sandbox.workloads.revisions import Sets
from sym.sandbox.workloads.rolling import bounds
from sym.sandbox.workloads.views import DeploymentStatus, DeploymentView

DONE = "NewReplicaSetAvailable"
EXPIRED = "ProgressDeadlineExceeded"
_PAUSED, _RESUMED = "DeploymentPaused", "DeploymentResumed"


class _Mark(NamedTuple):
    """When a Progressing condition was first seen as it is."""

    said: tuple[JSON, JSON]
    since: float


class StatusWriter:
    """Writes the status of one cluster's Deployments."""

    def __init__(self, context: Context) -> None:
        self._c = context
        self._marks: dict[Job, _Mark] = {}

    def forget(self, job: Job) -> None:
        """Drop what is known of a Deployment that is gone."""
        self._marks.pop(job, None)

    def complete(self, deployment: DeploymentView, sets: Sets) -> bool:
        """Whether everything runs at the newest revision and nothing else does."""
        return _complete(deployment, _counts(deployment, sets))

    def pause(self, deployment: DeploymentView) -> DeploymentView:
        """Say in Progressing that the Deployment was paused or resumed. Returns it as it is then."""
        if deployment.spec.progress_deadline_seconds is None:
            return deployment
        known = find_condition(deployment.status.conditions, "Progressing")
        reason = dig_str(known, "reason")
        if reason == EXPIRED or deployment.spec.paused == (reason == _PAUSED):
            return deployment
        new = (
            condition("Progressing", "Unknown", _PAUSED, "Deployment is paused")
            if deployment.spec.paused
            else condition("Progressing", "Unknown", _RESUMED, "Deployment is resumed")
        )
        conditions = with_condition(deployment.status.conditions, new, self._c.store.now(), update_time=True)

        def change(obj: JSONMap) -> None:
            as_map(obj.setdefault("status", {}))["conditions"] = list(conditions)

        meta = deployment.metadata
        entry = self._c.store.mutate(DEPLOYMENT, meta.namespace, meta.name, change)
        return decode(entry.body, DeploymentView) if entry else deployment

    def plain(self, deployment: DeploymentView, sets: Sets) -> None:
        """Write counts and availability, without a word on progress: while paused, scaled or deleted."""
        fresh = self._fresh(deployment)
        self._write(fresh, self._available(fresh, _counts(fresh, sets)))

    def progress(self, deployment: DeploymentView, sets: Sets) -> None:
        """Write counts, availability, and how the rollout goes."""
        fresh = self._fresh(deployment)
        counts = self._available(fresh, _counts(fresh, sets))
        conditions = counts.conditions
        if fresh.spec.progress_deadline_seconds is None:
            conditions = [found for found in conditions if found.get("type") != "Progressing"]
        elif (word := self._word(fresh, counts, sets)) is not None:
            conditions = self._refreshed(conditions, word)
        self._write(fresh, _replaced(counts, conditions))

    def _fresh(self, deployment: DeploymentView) -> DeploymentView:
        """The Deployment with what this turn has already written to it."""
        entry = self._c.store.get(DEPLOYMENT, deployment.metadata.namespace, deployment.metadata.name)
        return decode(entry.body, DeploymentView) if entry else deployment

    def _word(self, deployment: DeploymentView, counts: DeploymentStatus, sets: Sets) -> JSONMap | None:
        known = find_condition(counts.conditions, "Progressing")
        reason = dig_str(known, "reason")
        if reason == DONE and counts.replicas == counts.updated_replicas:
            return None
        who = f'ReplicaSet "{sets.new.metadata.name}"' if sets.new else f'Deployment "{deployment.metadata.name}"'
        if _complete(deployment, counts):
            return condition("Progressing", "True", DONE, f"{who} has successfully progressed.")
        if _progressing(deployment.status, counts):
            return condition("Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.")
        if self._expired(deployment, known):
            return condition("Progressing", "False", EXPIRED, f"{who} has timed out progressing.")
        return None

    def _expired(self, deployment: DeploymentView, known: JSONMap | None) -> bool:
        deadline = deployment.spec.progress_deadline_seconds
        if known is None or deadline is None or known.get("reason") == DONE:
            return False
        if known.get("reason") == EXPIRED:
            return True
        job = Job("deployment", deployment.metadata.namespace, deployment.metadata.name)
        said, now = (known.get("reason"), known.get("lastUpdateTime")), self._c.env.monotonic()
        mark = self._marks.get(job)
        if mark is None or mark.said != said:
            mark = self._marks[job] = _Mark(said, now)
        left = self._c.engine.real(deadline) - (now - mark.since)
        if left > 0:
            self._c.engine.after(left * self._c.settings.speed, job)
        return left <= 0

    def _refreshed(self, conditions: list[JSONMap], word: JSONMap) -> list[JSONMap]:
        """`word` with a new lastUpdateTime even where it says the same as before: it means that something moved."""
        now = self._c.store.now()
        known = find_condition(conditions, "Progressing")
        if known is None or word["reason"] != "ReplicaSetUpdated":
            return with_condition(conditions, word, now, update_time=True)
        since = known.get("lastTransitionTime") if known.get("status") == word["status"] else now
        full: JSONMap = {**word, "lastUpdateTime": now, "lastTransitionTime": since}
        return [*(found for found in conditions if found is not known), full]

    def _available(self, deployment: DeploymentView, counts: DeploymentStatus) -> DeploymentStatus:
        enough = counts.available_replicas >= deployment.spec.replicas - bounds(deployment).unavailable
        word = (
            condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else condition(
                "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
            )
        )
        return _replaced(counts, with_condition(counts.conditions, word, self._c.store.now(), update_time=True))

    def _write(self, deployment: DeploymentView, status: DeploymentStatus) -> None:
        if status != deployment.status:
            meta = deployment.metadata
            self._c.store.mutate(DEPLOYMENT, meta.namespace, meta.name, lambda obj: _put(obj, status))


def _counts(deployment: DeploymentView, sets: Sets) -> DeploymentStatus:
    total = sum(rs.status.replicas for rs in sets.all)
    available = sum(rs.status.available_replicas for rs in sets.all)
    return DeploymentStatus(
        observed_generation=deployment.metadata.generation,
        replicas=total,
        updated_replicas=sets.new.status.replicas if sets.new else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in sets.all),
        available_replicas=available,
        unavailable_replicas=max(0, total - available),
        collision_count=deployment.status.collision_count,
        conditions=deployment.status.conditions,
    )


def _replaced(status: DeploymentStatus, conditions: list[JSONMap]) -> DeploymentStatus:
    return replace(status, conditions=conditions)


def _complete(deployment: DeploymentView, counts: DeploymentStatus) -> bool:
    wanted = deployment.spec.replicas
    return counts.updated_replicas == counts.replicas == counts.available_replicas == wanted


def _progressing(before: DeploymentStatus, after: DeploymentStatus) -> bool:
    old_before, old_after = before.replicas - before.updated_replicas, after.replicas - after.updated_replicas
    return (
        after.updated_replicas > before.updated_replicas
        or old_after < old_before
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
    )


def _put(obj: JSONMap, status: DeploymentStatus) -> None:
    counts: JSONMap = {
        "observedGeneration": status.observed_generation,
        "replicas": status.replicas,
        "updatedReplicas": status.updated_replicas,
        "readyReplicas": status.ready_replicas,
        "availableReplicas": status.available_replicas,
        "unavailableReplicas": status.unavailable_replicas,
    }
    shown: JSONMap = {key: value for key, value in counts.items() if value}
    if status.collision_count:
        shown["collisionCount"] = status.collision_count
    obj["status"] = {**shown, "conditions": list(status.conditions)}
