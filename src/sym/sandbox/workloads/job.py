"""The Job controller: pods until enough of them succeeded or too many failed, and what became of them.

A pod carries a finalizer until it is counted, as the real controller's do, so none is lost and none is counted twice.
Conditions come in two steps, also as there: what is decided (`SuccessCriteriaMet`, `FailureTarget`), and once no pod
is going any more, that it is done (`Complete`, `Failed`). Indexed Jobs and the policies of pod failure and success are
not simulated.
"""

from collections.abc import Iterable

from sym.model.codec import JSONMap, as_map, decode
from sym.model.kinds import JOB, POD
from sym.sandbox.store import Change, ChangeType, Taken
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.deletion import delete, release
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import Note, normal
from sym.sandbox.workloads.jobstatus import Memory, Tally, conclude, counted, finished, suspension
from sym.sandbox.workloads.objects import new_pod, owner_reference, same, suffix
from sym.sandbox.workloads.views import JobView, PodView

TRACKING = "batch.kubernetes.io/job-tracking"
BURST = 500
"""Pods created or deleted in one turn, as the real controller has it."""
_POD = "/"
"""Begins a job's name that means a pod: no Job's name does."""


class JobController:
    """Runs Jobs to their end."""

    name = "job"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._memories: dict[str, Memory] = {}

    def jobs(self, change: Change) -> Iterable[Job]:
        """The Job itself or the one that owns a pod; what a Job leaves behind must not be held by our finalizer."""
        entry = change.entry
        if same(change.kind, JOB):
            yield Job(self.name, entry.namespace, entry.name)
            if change.type is ChangeType.DELETED:
                self._memories.pop(entry.uid, None)
                for pod in self._c.store.owned(POD, entry.uid):
                    yield Job(self.name, pod.namespace, _POD + pod.name)
        elif same(change.kind, POD):
            meta = self._c.pods.view(entry).metadata
            owners = [owner.name for owner in meta.owner_references if owner.kind == JOB.name]
            yield from (Job(self.name, entry.namespace, name) for name in owners)
            if TRACKING in meta.finalizers and not owners and change.type is not ChangeType.DELETED:
                yield Job(self.name, entry.namespace, _POD + entry.name)

    def sync(self, job: Job) -> None:
        """Count, create or delete pods, conclude, write the status."""
        if job.name.startswith(_POD):
            release(self._c.store, POD, job.namespace, job.name.removeprefix(_POD), TRACKING)
            return
        entry = self._c.store.get(JOB, job.namespace, job.name)
        if entry is None:
            return
        view = decode(entry.body, JobView)
        memory = self._memories.setdefault(entry.uid, Memory(self._c.env.monotonic()))
        if finished(view.status):
            self._expire(view, memory, job)
            return
        self._work(view, memory, job, deleting=entry.deleting)

    def _work(self, view: JobView, memory: Memory, job: Job, *, deleting: bool) -> None:
        tally = Tally.of(view, self._c.pods.owned(view.metadata.uid), TRACKING)
        memory.count(tally, self._c.env.monotonic())
        verdict = conclude(view, tally, past_deadline=self._past_deadline(view, memory, job))
        if verdict is not None and verdict.failed:
            tally = self._delete(view, tally, tally.active, fails=True)
        elif verdict is None and not deleting:
            tally = self._manage(view, memory, tally, job)
            verdict = conclude(view, tally, past_deadline=False)
        status = counted(view, tally, self._c.store.now())
        if verdict is None:
            status, note = suspension(view, status, self._c.store.now())
            self._say(view, note)
        for pod in tally.ended:
            release(self._c.store, POD, pod.metadata.namespace, pod.metadata.name, TRACKING)
        if verdict is not None:
            status = verdict.decided(status, self._c.store.now())
            if not tally.terminating:
                self._write(job, status)
                status = verdict.done(status, self._c.store.now())
                memory.ended = self._c.env.monotonic()
                self._say(view, verdict.note)
        self._write(job, status)

    def _past_deadline(self, view: JobView, memory: Memory, job: Job) -> bool:
        allowed, now = view.spec.active_deadline_seconds, self._c.env.monotonic()
        since = memory.running_since(now, suspended=view.spec.suspend)
        if allowed is None or view.spec.suspend:
            return False
        left = since + self._c.engine.real(allowed) - now
        if left > 0:
            self._c.engine.after(left * self._c.settings.speed, job)
        return left <= 0

    def _manage(self, view: JobView, memory: Memory, tally: Tally, job: Job) -> Tally:
        """As many active pods as there should be; the tally after it."""
        if view.spec.suspend:
            return self._delete(view, tally, tally.active, fails=False)
        wanted = tally.wanted(view)
        if len(tally.active) > wanted:
            spare = sorted(tally.active, key=lambda pod: (pod.status.phase != "Pending", pod.metadata.name))
            return self._delete(view, tally, spare[: len(tally.active) - wanted][:BURST], fails=False)
        missing = wanted - len(tally.active)
        if view.spec.pod_replacement_policy == "Failed":
            missing -= tally.terminating
        wait = memory.wait(self._c.settings) - (self._c.env.monotonic() - memory.failed_at) * self._c.settings.speed
        if missing > 0 and wait > 0:
            self._c.engine.after(wait, job)
            return tally
        made = [self._create(view) for _ in range(min(missing, BURST))]
        return tally.with_active([*tally.active, *made])

    def _create(self, view: JobView) -> PodView:
        meta = view.metadata
        while True:
            name = f"{meta.name[:57]}-{suffix(self._c.env.random())}"
            pod = new_pod(view.spec.template, name, f"{meta.name}-", owner_reference(JOB, meta), meta.namespace)
            as_map(pod["metadata"])["finalizers"] = [TRACKING]
            try:
                made = self._c.store.create(POD, pod)
            except Taken:
                continue
            self._say(view, normal("SuccessfulCreate", f"Created pod: {name}"))
            return self._c.pods.view(made)

    def _delete(self, view: JobView, tally: Tally, pods: list[PodView], *, fails: bool) -> Tally:
        """End active pods. A failed Job counts them among the failed ones; others let them go uncounted."""
        left = [pod for pod in tally.active if pod not in pods]
        for pod in pods:
            meta = pod.metadata
            release(self._c.store, POD, meta.namespace, meta.name, TRACKING)
            delete(self._c.store, self._c.env, POD, meta.namespace, meta.name)
            self._say(view, normal("SuccessfulDelete", f"Deleted pod: {meta.name}"))
        going = sum(self._c.store.get(POD, pod.metadata.namespace, pod.metadata.name) is not None for pod in pods)
        return tally.with_active(left, going=going, failed=len(pods) if fails else 0)

    def _expire(self, view: JobView, memory: Memory, job: Job) -> None:
        """Take away a Job that has been done for as long as it wanted to be seen."""
        seconds = view.spec.ttl_seconds_after_finished
        if seconds is None:
            return
        left = memory.ended + self._c.engine.real(seconds) - self._c.env.monotonic()
        if left > 0:
            self._c.engine.after(left * self._c.settings.speed, job)
        else:
            delete(self._c.store, self._c.env, JOB, job.namespace, job.name)

    def _write(self, job: Job, status: JSONMap) -> None:
        self._c.store.mutate(JOB, job.namespace, job.name, lambda obj: obj.update(status=status))

    def _say(self, view: JobView, note: Note | None) -> None:
        if note is not None:
            self._c.recorder.write("job-controller", JOB, view.metadata, note)
