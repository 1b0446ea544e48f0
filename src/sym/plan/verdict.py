"""What is said of an object in a word, a sentence and four conditions that `kubectl wait` and `helm --wait` read.

kstatus: an object is done when Ready is True; in progress while Reconciling is True; failed when Stalled is True.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeploymentStatus
from sym.model.appset import AppSetStatus, AppStatus
from sym.model.conditions import FALSE, TRUE, Condition, set_condition
from sym.model.meta import Object
from sym.plan.types import Emit

S = TypeVar("S", AppSetStatus, AdvDeploymentStatus)

PRECEDENCE = (
    AppStatus.DELETING,
    AppStatus.UNKNOWN,
    AppStatus.PAUSED,
    AppStatus.DEGRADED,
    AppStatus.INSTALLING,
    AppStatus.MIGRATING,
    AppStatus.UPDATING,
    AppStatus.WORK_RATIOING,
    AppStatus.SCALING,
    AppStatus.RUNNING,
)
"""Where several states fit, the first of these counts (semantics.md 5)."""


SETTLE = timedelta(seconds=5)
"""How long an object that was just created may be without a status while all goes well: most are done by then, and one
status is told instead of a series. Until then observedGeneration -1 says truly that nothing has been told yet."""


class Verdict(Struct, frozen=True, kw_only=True):
    """The state and why. `reason` is a stable CamelCase word, `message` a sentence that says what to do, if any."""

    status: AppStatus
    reason: str
    message: str = ""
    ready: bool = False
    stalled: bool = False
    paused: bool = False

    @property
    def reconciling(self) -> bool:
        """Whether Sym is at it: neither done, nor stuck, nor told to stand still."""
        return not (self.ready or self.stalled or self.paused)

    def conditions(self, before: tuple[Condition, ...], generation: int, now: datetime) -> tuple[Condition, ...]:
        """`before` with the four conditions as they are now."""
        told = {
            names.READY: self.ready,
            names.RECONCILING: self.reconciling,
            names.STALLED: self.stalled,
            names.PAUSED: self.paused,
        }
        for type_, holds in told.items():
            says = self.message if holds or type_ == names.READY else ""
            condition = Condition(
                type=type_,
                status=TRUE if holds else FALSE,
                observed_generation=generation,
                reason=self.reason,
                message=says,
            )
            before = set_condition(before, condition, now)
        return before


class Told(Struct, Generic[S], frozen=True, kw_only=True):
    """A status to stand, the Events that go with it, and after how many seconds a status held back becomes due."""

    status: S
    events: tuple[Emit, ...] = ()
    requeue_after: float | None = None


def first(states: Iterable[AppStatus]) -> AppStatus:
    """The state that counts among several; Running if there is none."""
    return min(states, key=PRECEDENCE.index, default=AppStatus.RUNNING)


def settling(obj: Object, observed_generation: int, verdict: Verdict, now: datetime) -> float | None:
    """Seconds for which the first status of a new object may still be held back; None if it is owed now, and where the
    server's clock is so far ahead of ours that nobody can tell."""
    created = obj.metadata.creation_timestamp
    if observed_generation >= 0 or not verdict.reconciling or created is None:
        return None
    left = (created + SETTLE - now).total_seconds()
    return left if 0 < left <= SETTLE.total_seconds() else None


def timeless(status: S) -> S:
    """`status` without the times that move by themselves: what a write must differ in."""
    counts = status.aggr_status
    events = tuple(replace(event, last_seen=None) for event in counts.warn_events)
    return replace(status, aggr_status=replace(counts, warn_events=events), last_update_time=None)
