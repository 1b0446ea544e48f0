"""What strategies share: named groups first, the rest last, as one."""

from collections.abc import Sequence

from sym.plan.rollout.types import Group

OTHERS = "others"


def in_order(first: Sequence[str], present: frozenset[str]) -> tuple[Group, ...]:
    """The groups of `first` in that order, then all others together."""
    rest = present - frozenset(first)
    return (*((each, frozenset({each})) for each in first), (OTHERS, rest))
