"""What becomes of a Job, decided from its pods alone. Pure but for the times that are handed in.

`Tally` counts the pods of one turn, `Memory` is what a controller remembers between turns (back-off and when things
began, on the monotonic clock, because the times in a status have whole seconds), `Verdict` is how a Job ends.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sym.model.codec import JSONMap, dig_list
from sym.sandbox.workloads.events import Note, normal, warning
from sym.sandbox.workloads.objects import condition, find_condition
from sym.sandbox.workloads.views import JobStatus, JobView, PodView
from sym.settings import WorkloadSettings

_DECIDED = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
"""Which condition says beforehand that one of these will come."""


class Tally(NamedTuple):
    """The pods of a Job at one moment. `ended` are those that end here: counted now, then let go."""

    active: list[PodView]
    ended: list[PodView]
    succeeded: int
    failed: int
    new_failures: int
    new_successes: int
    terminating: int

    @classmethod
    def of(cls, view: JobView, pods: Iterable[PodView], tracking: str) -> "Tally":
        """Count; `tracking` is the finalizer of those that were not counted yet."""
        all_of_them = list(pods)
        tracked = [pod for pod in all_of_them if tracking in pod.metadata.finalizers]
        good = [pod for pod in tracked if pod.status.phase == "Succeeded"]
        bad = [pod for pod in tracked if _failed(view, pod)]
        going = [pod for pod in all_of_them if pod.metadata.deletion_timestamp is not None and not pod.finished]
        return cls(
            active=[pod for pod in all_of_them if pod.active],
            ended=[*good, *bad],
            succeeded=view.status.succeeded + len(good),
            failed=view.status.failed + len(bad),
            new_failures=len(bad),
            new_successes=len(good),
            terminating=len(going),
        )

    def with_active(self, active: list[PodView], *, going: int = 0, failed: int = 0) -> "Tally":
        """The tally once pods were made or deleted: `going` of them are still there, `failed` count as failures."""
        return self._replace(active=active, terminating=self.terminating + going, failed=self.failed + failed)

    def wanted(self, view: JobView) -> int:
        """How many pods should be active."""
        if view.spec.completions is None:
            return len(self.active) if self.succeeded else view.spec.parallelism
        return max(0, min(view.spec.parallelism, view.spec.completions - self.succeeded))


class Memory:
    """What the controller remembers of one Job."""

    def __init__(self, now: float) -> None:
        self.started = now
        self.ended = now
        self.failed_at = now
        self.suspended = False
        self.failures = 0
        """since the last success"""

    def count(self, tally: Tally, now: float) -> None:
        """Take a turn's new failures and successes into account."""
        if tally.new_successes:
            self.failures = 0
        elif tally.new_failures:
            self.failures += tally.new_failures
            self.failed_at = now

    def wait(self, settings: WorkloadSettings) -> float:
        """Seconds between the last failure and the next pod: doubled with each failure in a row."""
        if not self.failures:
            return 0.0
        return min(settings.job_backoff_cap_seconds, settings.job_backoff_seconds * 2.0 ** min(self.failures - 1, 20))

    def running_since(self, now: float, *, suspended: bool) -> float:
        """Since when it runs without a break."""
        if self.suspended or suspended:
            self.started = now
        self.suspended = suspended
        return self.started


class Verdict(NamedTuple):
    """How a Job ends: the type of its last condition, and why."""

    type: str
    reason: str
    message: str

    @property
    def failed(self) -> bool:
        """Whether it ends badly."""
        return self.type == "Failed"

    @property
    def note(self) -> Note:
        """What its Event says."""
        return warning(self.reason, self.message) if self.failed else normal("Completed", "Job completed")

    def decided(self, status: JSONMap, now: str) -> JSONMap:
        """The status with the condition that the end has been decided."""
        return _with(status, condition(_DECIDED[self.type], "True", self.reason, self.message), now)

    def done(self, status: JSONMap, now: str) -> JSONMap:
        """The status with the condition of the end."""
        ended = _with(status, condition(self.type, "True", self.reason, self.message), now)
        return ended if self.failed else {**ended, "completionTime": now}


def conclude(view: JobView, tally: Tally, *, past_deadline: bool) -> Verdict | None:
    """Whether, and how, a Job ends. What was decided before stays."""
    for type_, before in _DECIDED.items():
        known = find_condition(view.status.conditions, before)
        if known is not None:
            return Verdict(type_, str(known.get("reason")), str(known.get("message")))
    if tally.failed > view.spec.backoff_limit or _restarted_too_often(view, tally):
        return Verdict("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if past_deadline:
        return Verdict("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    enough = tally.succeeded >= (1 if view.spec.completions is None else view.spec.completions)
    if enough and not tally.active:
        return Verdict("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
    return None


def finished(status: JobStatus) -> bool:
    """Whether it has ended."""
    return any(found.get("type") in _DECIDED and found.get("status") == "True" for found in status.conditions)


def counted(view: JobView, tally: Tally, now: str) -> JSONMap:
    """The status with this turn's counts."""
    started = view.status.start_time or ("" if view.spec.suspend else now)
    shown: JSONMap = {
        **({"conditions": [*view.status.conditions]} if view.status.conditions else {}),
        **({"startTime": started} if started else {}),
        **({"active": len(tally.active)} if tally.active else {}),
        **({"succeeded": tally.succeeded} if tally.succeeded else {}),
        **({"failed": tally.failed} if tally.failed else {}),
    }
    ready = sum(pod.ready for pod in tally.active)
    return {**shown, "terminating": tally.terminating, "uncountedTerminatedPods": {}, "ready": ready}


def suspension(view: JobView, status: JSONMap, now: str) -> tuple[JSONMap, Note | None]:
    """The status with what it says of being suspended, and the Event where that turned."""
    known = find_condition(view.status.conditions, "Suspended")
    before = known is not None and known.get("status") == "True"
    if before == view.spec.suspend:
        return status, None
    if view.spec.suspend:
        told = condition("Suspended", "True", "JobSuspended", "Job suspended")
        return _with(status, told, now), normal("Suspended", "Job suspended")
    told = condition("Suspended", "False", "JobResumed", "Job resumed")
    return {**_with(status, told, now), "startTime": now}, normal("Resumed", "Job resumed")


def _with(status: JSONMap, new: JSONMap, now: str) -> JSONMap:
    conditions = [found for found in dig_list(status, "conditions") if isinstance(found, dict)]
    if find_condition(conditions, str(new["type"])) == {**new, **_times(conditions, new)}:
        return status
    full: JSONMap = {"type": new["type"], "status": new["status"], "lastProbeTime": now, "lastTransitionTime": now}
    full |= {"reason": new["reason"], "message": new["message"]}
    if find_condition(conditions, str(new["type"])) is None:
        return {**status, "conditions": [*conditions, full]}
    return {**status, "conditions": [full if one.get("type") == new["type"] else one for one in conditions]}


def _times(conditions: list[JSONMap], new: JSONMap) -> JSONMap:
    known = find_condition(conditions, str(new["type"])) or {}
    return {name: known[name] for name in ("lastProbeTime", "lastTransitionTime") if name in known}


def _failed(view: JobView, pod: PodView) -> bool:
    if pod.status.phase == "Failed":
        return True
    going = pod.metadata.deletion_timestamp is not None and pod.status.phase != "Succeeded"
    return going and view.spec.pod_replacement_policy != "Failed"


def _restarted_too_often(view: JobView, tally: Tally) -> bool:
    """Of a Job whose pods are restarted in place."""
    if view.restart_policy != "OnFailure":
        return False
    restarts = sum(pod.restarts for pod in tally.active)
    return restarts >= max(1, view.spec.backoff_limit)
