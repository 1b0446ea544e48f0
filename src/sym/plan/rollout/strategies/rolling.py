"""No `upgradeType`: all podSets are one group, and only clusters change one after another."""

from sym.plan.rollout.types import Group

ALL = "all"


def groups(present: frozenset[str]) -> tuple[Group, ...]:
    """The one group."""
    return ((ALL, present),)
