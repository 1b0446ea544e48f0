"""Conditions as metav1 and kstatus mean them, and the one way to set them.

`kubectl wait` and `helm --wait` read `Ready`, `Reconciling` and `Stalled`; all are always written, each with the
generation that it is about.
"""

from datetime import datetime
from typing import Annotated

from msgspec import field
from msgspec.structs import replace

from sym.model.meta import Model
from sym.model.shapes import required, shape

TRUE = "True"
FALSE = "False"
UNKNOWN = "Unknown"


class Condition(Model, frozen=True):
    """One aspect of an object's state."""

    type: Annotated[str, required(minLength=1, maxLength=316)]
    """Which aspect, in CamelCase."""
    status: Annotated[str, required(enum=[TRUE, FALSE, UNKNOWN])]
    """Whether the aspect holds."""
    observed_generation: Annotated[int, shape(format="int64", minimum=-1)] = 0
    """The metadata.generation that this condition is about."""
    last_transition_time: Annotated[datetime | None, required()] = None
    """When `status` last changed."""
    reason: Annotated[str, required(maxLength=1024)] = field(default_factory=str)
    """Why, in one stable CamelCase word, for programs."""
    message: Annotated[str, required(maxLength=32768)] = field(default_factory=str)
    """Why, in a sentence, for people: what is wrong, where, what to do."""

    @property
    def true(self) -> bool:
        """Whether the aspect holds."""
        return self.status == TRUE


def whole_second(at: datetime) -> datetime:
    """`at` cut to the second: Kubernetes' times have no fraction, and a fraction alone must not make a write."""
    return at.replace(microsecond=0)


def find_condition(conditions: tuple[Condition, ...], type_: str) -> Condition | None:
    """The condition of this type, or None."""
    return next((each for each in conditions if each.type == type_), None)


def set_condition(conditions: tuple[Condition, ...], condition: Condition, now: datetime) -> tuple[Condition, ...]:
    """`conditions` with `condition` in its place (or at the end); lastTransitionTime moves only if the status did."""
    before = find_condition(conditions, condition.type)
    since = before.last_transition_time if before and before.status == condition.status else None
    after = replace(condition, last_transition_time=since or whole_second(now))
    if before is None:
        return (*conditions, after)
    return tuple(after if each.type == condition.type else each for each in conditions)
