"""Writing a status: what failed is said in it, not more often than once a second, and never because a time moved.

Pure but for the little memory of when each object's status was last written.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec.structs import replace

from sym.aio.env import Env
from sym.clusters.refusals import LOOK_AGAIN
from sym.model import names
from sym.model.advdeployment import AdvDeploymentStatus
from sym.model.appset import AppSetStatus
from sym.model.conditions import FALSE, TRUE, Condition, find_condition, set_condition
from sym.model.meta import Kind, Ref
from sym.model.rollout import RolloutStatus
from sym.plan.rollout.walk import PROGRESSING
from sym.plan.types import Failure
from sym.settings import ControllerSettings

S = TypeVar("S", AppSetStatus, AdvDeploymentStatus)
_KEEP = 4096
_NO_WAIT = 1e-6
"""Seconds: less is the rounding of floats, and a clock that is asked to move by so little may never get past it."""


class Conditioned(Protocol):
    """A status with conditions."""

    @property
    def observed_generation(self) -> int:
        """The generation that it is about."""
        ...

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Its conditions."""
        ...


def serious(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Those that mean trouble: not merely that the world moved on."""
    return tuple(failure for failure in failures if failure.reason != LOOK_AGAIN)


def with_failures(status: S, before: Conditioned, failures: tuple[Failure, ...], now: datetime) -> S:
    """`status` that says what failed; `before` is the status as it stands, so that nothing flips back and forth."""
    conditions = _conflicts(status, failures, now)
    troubles = serious(failures)
    if not troubles:
        return status if conditions == status.conditions else replace(status, conditions=conditions)
    worst = min(troubles, key=lambda failure: (failure.retry, failure.action.cluster, failure.message))
    stuck = not any(failure.retry for failure in troubles)
    told = {names.READY: False, names.RECONCILING: not stuck, names.STALLED: stuck}
    for type_, holds in told.items():
        says = worst.message if holds or type_ == names.READY else ""
        condition = Condition(
            type=type_,
            status=TRUE if holds else FALSE,
            observed_generation=status.observed_generation,
            reason=worst.reason,
            message=says,
        )
        conditions = set_condition(conditions, condition, now)
    return replace(status, conditions=tuple(_since(each, before.conditions) for each in conditions))


def _conflicts(status: Conditioned, failures: tuple[Failure, ...], now: datetime) -> tuple[Condition, ...]:
    """The conditions with FieldConflict as long as another manager owns a field that we would write: until all that was
    to be written was."""
    found = sorted({failure.message for failure in failures if failure.reason == names.FIELD_CONFLICT})
    if found:
        condition = Condition(
            type=names.FIELD_CONFLICT,
            status=TRUE,
            observed_generation=status.observed_generation,
            reason=names.FIELD_CONFLICT,
            message="; ".join(found),
        )
        return set_condition(status.conditions, condition, now)
    if failures:
        return status.conditions
    return tuple(each for each in status.conditions if each.type != names.FIELD_CONFLICT)


def _since(condition: Condition, before: tuple[Condition, ...]) -> Condition:
    old = find_condition(before, condition.type)
    if old is None or old.status != condition.status:
        return condition
    return replace(condition, last_transition_time=old.last_transition_time)


def only_progress(status: AppSetStatus | AdvDeploymentStatus, before: Conditioned) -> bool:
    """Whether `status` says no more than that things go on: nothing is wrong or waits for somebody, and nobody was told
    that it was done or stuck."""
    now = find_condition(status.conditions, names.RECONCILING)
    going = now is not None and now.true and now.reason in {status.aggr_status.status.value, PROGRESSING}
    if isinstance(status, AppSetStatus) and isinstance(before, AppSetStatus) and _moved(status, before):
        return False
    ended = (find_condition(before.conditions, type_) for type_ in (names.READY, names.STALLED))
    return going and not any(condition is not None and condition.true for condition in ended)


def _moved(status: AppSetStatus, before: AppSetStatus) -> bool:
    """Whether a rollout has come to another point: then people wait for it, and what comes next may rest on it."""
    return _course(status.rollout) != _course(before.rollout)


def _course(rollout: RolloutStatus) -> RolloutStatus:
    """A rollout without what only tells of pods in a wave."""
    waves = tuple(replace(wave, updated=0, progressed=None, message="") for wave in rollout.waves)
    return replace(rollout, waves=waves, message="")


class Pace:
    """At most one status write per object and interval, and not for ever none."""

    def __init__(self, env: Env, settings: ControllerSettings) -> None:
        self._env = env
        self._seconds = settings.status_seconds
        self._patience = settings.progress_seconds
        self._written: dict[tuple[Kind, Ref], float] = {}
        self._owed: dict[tuple[Kind, Ref], float] = {}

    def wait(self, kind: Kind, ref: Ref) -> float:
        """Seconds until `ref` may be written; 0 or less: now."""
        last = self._written.get((kind, ref))
        return 0.0 if last is None else _left(last + self._seconds - self._env.monotonic())

    def patience(self, kind: Kind, ref: Ref) -> float:
        """Seconds for which a status of `ref` that is due may still be put off; 0 or less: none."""
        now = self._env.monotonic()
        if len(self._owed) >= _KEEP:
            self._owed = {key: at for key, at in self._owed.items() if now - at < self._patience}
        return _left(self._owed.setdefault((kind, ref), now) + self._patience - now)

    def wrote(self, kind: Kind, ref: Ref) -> None:
        """The status of `ref` was written just now."""
        now = self._env.monotonic()
        self._owed.pop((kind, ref), None)
        if len(self._written) >= _KEEP:
            self._written = {key: at for key, at in self._written.items() if now - at < self._seconds}
        self._written[kind, ref] = now


def _left(seconds: float) -> float:
    return seconds if seconds > _NO_WAIT else 0.0
