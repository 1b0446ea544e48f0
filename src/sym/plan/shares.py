"""Sharing a whole number of replicas: by percents, or evenly. Integers only, so that no rounding mode can matter.

Both functions take their receivers in order; the order decides ties.
"""

from collections.abc import Sequence


def by_percent(total: int, percents: Sequence[int]) -> list[int]:
    """⌊total · Σpercents / 100⌋ replicas, shared by largest remainder; equal remainders go to the earlier one."""
    exact = [total * percent for percent in percents]  # in hundredths of a replica
    counts = [hundredths // 100 for hundredths in exact]
    missing = sum(exact) // 100 - sum(counts)
    by_remainder = sorted(range(len(exact)), key=lambda index: (-(exact[index] % 100), index))
    for index in by_remainder[:missing]:
        counts[index] += 1
    return counts


def evenly(total: int, receivers: int) -> list[int]:
    """`total` replicas over `receivers`; what does not divide goes one each to the first ones."""
    if not receivers:
        return []
    share, rest = divmod(total, receivers)
    return [share + (index < rest) for index in range(receivers)]
