"""In which order groups of podSets change: a table by upgradeType. Source: semantics.md 6."""

from collections.abc import Mapping

from sym.model.appset import UpgradeType
from sym.plan.rollout.strategies import bluegreen, canary, rolling
from sym.plan.rollout.types import Strategy

STRATEGIES: Mapping[UpgradeType | None, Strategy] = {
    None: rolling.groups,
    UpgradeType.CANARY: canary.groups,
    UpgradeType.BLUE: bluegreen.blue_first,
    UpgradeType.GREEN: bluegreen.green_first,
}
"""In which order groups change, by upgradeType."""
