"""`upgradeType: canary`: the canary group first, then blue, then green, then the others."""

from sym.model import names
from sym.plan.rollout.order import in_order
from sym.plan.rollout.types import Group


def groups(present: frozenset[str]) -> tuple[Group, ...]:
    """The groups in the order in which they change."""
    return in_order((names.CANARY, names.BLUE, names.GREEN), present)
