"""What both controllers do the same way after planning: run the actions, say what failed, write the status, come back.

Relies on `clusters.fleet` for acting; decisions are `plan`'s.
"""

from typing import TypeVar

from msgspec import Struct

from sym.clusters.fleet import Fleet, StatusWrite
from sym.clusters.member import Tools
from sym.clusters.permit import Permit
from sym.controllers.runner import ActionsFailed, LookLater
from sym.controllers.status import Pace, only_progress, serious, with_failures
from sym.kube.errors import Conflict, NotFound, Unreachable
from sym.model.advdeployment import AdvDeployment, AdvDeploymentStatus
from sym.model.appset import AppSet, AppSetStatus
from sym.model.meta import Kind, Ref
from sym.plan.types import Emit, Failure, Measure, Plan

S = TypeVar("S", AppSetStatus, AdvDeploymentStatus)


class Subject(Struct, frozen=True, kw_only=True):
    """The object that a plan is about: where it is, how it was seen, and as whom its status is written."""

    kind: Kind
    ref: Ref
    seen: AppSet | AdvDeployment
    manager: str


class Effect:
    """Carries out plans of one controller."""

    def __init__(self, fleet: Fleet, tools: Tools) -> None:
        self._fleet = fleet
        self._tools = tools
        self._settings = tools.settings.controller
        self._pace = Pace(tools.env, self._settings)

    def early(self, ref: Ref) -> bool:
        """Whether the caches have yet to show our own last writes for `ref`: then nothing is decided."""
        return not self._fleet.expectations.met(ref)

    async def carry_out(self, subject: Subject, plan: Plan[S], before: S, permit: Permit) -> float | None:
        """Run the actions, write the status. Seconds until the next look. Raises ActionsFailed, LookLater."""
        actions = plan.actions
        if plan.status not in (None, before) and self._pace.wait(subject.kind, subject.ref) > 0:
            # An Event tells what the status tells, so it waits for the status; otherwise it would be told twice.
            actions = tuple(action for action in actions if not isinstance(action, Emit))
        failures = await self._fleet.run(actions, subject.ref, permit)
        wait = None
        if plan.status is not None:
            status = with_failures(plan.status, before, failures, self._tools.env.now())
            wait = self._put_off(subject, before, status) if not failures else None
            if wait is None:
                wait = await self._write(subject, before, status, permit)
        held = plan.status is not None and plan.status.observed_generation < subject.seen.metadata.generation
        self._raise(failures, plan.requeue_after if held and wait is None else wait)
        measured = any(isinstance(action, Measure) for action in plan.actions)
        waits = [each for each in (wait, plan.requeue_after, 0.0 if measured else None) if each is not None]
        return min(waits, default=None)

    def _put_off(self, subject: Subject, before: S, status: S) -> float | None:
        """Seconds until the next look, where `status` can wait for a cluster that has more important writes to do."""
        waits = status != before and not subject.seen.deleting and only_progress(status, before)
        if not waits or not self._fleet.loaded(subject.ref.cluster):
            return None
        left = self._pace.patience(subject.kind, subject.ref)
        return min(left, self._settings.progress_look) if left > 0 else None

    async def _write(self, subject: Subject, before: S, status: S, permit: Permit) -> float | None:
        """Write the status if it differs and its time has come; otherwise the seconds until then."""
        if status == before:
            return None
        if (wait := self._pace.wait(subject.kind, subject.ref)) > 0:
            return wait
        meta = subject.seen.metadata
        write = StatusWrite(
            uid=meta.uid, resource_version=meta.resource_version, old=before, new=status, manager=subject.manager
        )
        try:
            written = await self._fleet.patch_status(subject.kind, subject.ref, write, permit)
        except (Conflict, NotFound) as error:
            raise LookLater(str(error)) from error
        except TimeoutError as error:
            raise Unreachable(f"the status of {subject.ref} was not written in time") from error
        if written:
            self._pace.wrote(subject.kind, subject.ref)
        return None

    def _raise(self, failures: tuple[Failure, ...], owed: float | None) -> None:
        """`owed`: seconds until a status that was held back may be written, which waits for no retry: until then what
        failed is told of no generation, and nobody believes it."""
        troubles = serious(failures)
        if troubles:
            hopeless = not any(failure.retry for failure in troubles) and len(troubles) == len(failures)
            patience = self._settings.refused_retry if owed is None else owed
            raise ActionsFailed(troubles, after=patience if hopeless else None)
        if failures:
            raise LookLater(failures[0].message)
