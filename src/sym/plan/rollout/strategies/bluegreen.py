"""`upgradeType: blue` and `green`: one of the two colours first, then the other, then all others, canary among them.

Both colours carry traffic all the time: this is an order, not a switch.
"""

from sym.model import names
from sym.plan.rollout.order import in_order
from sym.plan.rollout.types import Group


def blue_first(present: frozenset[str]) -> tuple[Group, ...]:
    """Blue, green, others."""
    return in_order((names.BLUE, names.GREEN), present)


def green_first(present: frozenset[str]) -> tuple[Group, ...]:
    """Green, blue, others."""
    return in_order((names.GREEN, names.BLUE), present)
