"""Which waves there are, and after which of them a person is waited for.

A wave is the podSets of one group (and unit) in one cluster, or in all canaryClusters together. Only podSets that take
part in the rollout are given, so a wave in which nothing changes does not exist. Source: semantics.md 6.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from sym.model.appset import PriorityStrategy, UpdateStrategy
from sym.model.rollout import Wave
from sym.model.selectors import matches
from sym.model.waves import Candidate, holders
from sym.plan.rollout.strategies import STRATEGIES
from sym.plan.rollout.types import Planned

SKIPPED = "skipped"
_TRAILING = re.compile(r"(\d+)$", re.ASCII)


def cut(
    strategy: UpdateStrategy, members: Sequence[Candidate], metas: Mapping[str, Mapping[str, str]]
) -> tuple[Planned, ...]:
    """The waves of `members` (in the topology's order), gates included. `metas` is the clusters' metadata."""
    if strategy.waves:
        return _without_last_gate(tuple(_explicit(strategy, members)))
    return gated(strategy, tuple(_by_groups(strategy, members, metas)))


def gated(strategy: UpdateStrategy, waves: tuple[Planned, ...]) -> tuple[Planned, ...]:
    """`waves` with the gates of needWaitingForConfirm: after the last canary wave of the first group, and after the
    last wave of each group; a gate that a wave has already stays."""
    if strategy.waves or not strategy.need_waiting_for_confirm:
        return _without_last_gate(waves)
    first = waves[0].group if waves else ""
    canaries = [number for number, each in enumerate(waves) if each.group == first and each.canary]
    ends = {number for number in range(len(waves) - 1) if waves[number].group != waves[number + 1].group}
    ends |= set(canaries[-1:])
    return _without_last_gate(
        tuple(replace(each, gate=each.gate or number in ends) for number, each in enumerate(waves))
    )


def skipped(cluster: str, members: Iterable[Candidate]) -> Planned:
    """The wave in which a cluster that was gone past gets the content when it is back."""
    return Planned(name=f"{SKIPPED}@{cluster}", group=SKIPPED, members=tuple(each.name for each in members))


def _without_last_gate(waves: tuple[Planned, ...]) -> tuple[Planned, ...]:
    """A gate guards what comes after it: after the last wave there is none."""
    return (*waves[:-1], replace(waves[-1], gate=False)) if waves else ()


def _explicit(strategy: UpdateStrategy, members: Sequence[Candidate]) -> Iterator[Planned]:
    own = {each.name: holders(strategy.waves, each)[:1] for each in members}
    for number, wave in enumerate(strategy.waves):
        if mine := tuple(each.name for each in members if own[each.name] == [number]):
            yield Planned(name=wave.name, group=wave.name, members=mine, gate=wave.require_confirm, options=wave)


def _by_groups(
    strategy: UpdateStrategy, members: Sequence[Candidate], metas: Mapping[str, Mapping[str, str]]
) -> Iterator[Planned]:
    present = frozenset(each.group for each in members)
    for group, contained in STRATEGIES[strategy.upgrade_type](present):
        mine = [each for each in members if each.group in contained]
        clusters = tuple(dict.fromkeys(each.cluster for each in mine))
        canaries = frozenset(strategy.canary_clusters) & frozenset(clusters)
        if canaries:
            yield from _units(strategy, group, [each for each in mine if each.cluster in canaries], canary=True)
        rest = [each for each in clusters if each not in canaries]
        for cluster in ranked(rest, strategy.priority_strategy, metas):
            yield from _units(strategy, group, [each for each in mine if each.cluster == cluster])


def _units(
    strategy: UpdateStrategy, group: str, members: list[Candidate], *, canary: bool = False
) -> Iterator[Planned]:
    """One wave, or one for each unit in the order in which the topology names them."""
    units = tuple(dict.fromkeys(each.unit for each in members)) if strategy.unit_by_unit else (None,)
    for unit in units:
        mine = [each for each in members if unit is None or each.unit == unit]
        where = "+".join(sorted({each.cluster for each in mine}))
        what = f"{group}/{unit}" if unit else group
        yield Planned(name=f"{what}@{where}", group=group, members=tuple(each.name for each in mine), canary=canary)


def ranked(
    clusters: Sequence[str], priority: PriorityStrategy, metas: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...]:
    """`clusters`, which come in the topology's order, by weights, then by numbers, the higher the earlier."""

    def rank(cluster: str) -> tuple[int, ...]:
        meta = metas.get(cluster, {})
        weight = sum(each.weight for each in priority.weight_priority if matches(each.match_selector, meta))
        numbers = (_number(meta.get(each.ordered_key, "")) for each in priority.order_priority)
        return (-weight, *(-number for number in numbers))

    return tuple(sorted(clusters, key=rank))


def _number(text: str) -> int:
    """The integer at the end of a value; before all others comes what has one."""
    found = _TRAILING.search(text)
    return int(found.group(1)) if found else -1


def options_of(strategy: UpdateStrategy, name: str) -> Wave:
    """The settings of a wave: an explicit one's own; for any other those of the strategy."""
    own = next((wave for wave in strategy.waves if wave.name == name), Wave())
    return own if own.analysis else replace(own, analysis=strategy.analysis)
