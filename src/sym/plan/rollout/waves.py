"""The waves of the rollout under way: as they were recorded, as far as they have begun; as the spec says, for the rest.

Who takes part is measured against what last ran everywhere, so that a change of mind in the middle leaves no podSet and
no gate out. Where that is not known, or the status was lost, everybody takes part and every gate stands.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import ChildPodSet
from sym.model.rollout import WavePhase, WaveStatus
from sym.model.waves import Candidate
from sym.plan.rollout.cut import cut, gated, skipped
from sym.plan.rollout.types import Ground, Planned
from sym.plan.rollout.walk import begun, made_up, skipped_clusters


def kin(entry: ChildPodSet) -> tuple[str, str]:
    """What makes podSets equal: their group and content."""
    return names.group_of(entry.name, entry.meta), entry.revision


def taking_part(ground: Ground) -> frozenset[str]:
    """The podSets that the rollout is about."""
    everybody = frozenset(each.name for each in ground.members)
    if ground.finished is None or not ground.record.hash:
        return everybody
    settled = frozenset(kin(each) for each in ground.back.values())
    return frozenset(name for name in everybody if _changes(ground, name, settled))


def _changes(ground: Ground, name: str, settled: frozenset[tuple[str, str]]) -> bool:
    asked, before = ground.asked[name], ground.back.get(name)
    if before is None:
        added = name not in ground.running or ground.carries(name)
        return not (added and kin(asked) in settled)  # what is added with content that ran everywhere waits for nobody
    return before.revision != asked.revision or not ground.carries(name)


def current(ground: Ground) -> tuple[WaveStatus, ...]:
    """The waves of the rollout to `ground.hash`, each with what is recorded of it."""
    recorded = ground.record.waves if ground.record.hash == ground.hash else ()
    named = {name for wave in recorded for name in wave.pod_sets}
    part = taking_part(ground) | named
    members = tuple(each for each in ground.members if each.name in part)
    strategy = ground.app.spec.update_strategy
    planned = cut(strategy, members, ground.metas)
    regular = [wave for wave in recorded if not made_up(wave)]
    if [(wave.name, wave.pod_sets) for wave in regular] != [(wave.name, wave.members) for wave in planned]:
        kept = [wave for wave in regular if begun(ground, wave)]
        taken = {name for wave in kept for name in wave.pod_sets}
        rest = cut(strategy, tuple(each for each in members if each.name not in taken), ground.metas)
        planned = gated(strategy, (*map(_planned, kept), *_renamed(kept, rest)))
    waves = (*planned, *_skipped(ground, members))
    return tuple(_recorded(ground, each, recorded) for each in waves)


def same(one: tuple[WaveStatus, ...], other: tuple[WaveStatus, ...]) -> bool:
    """Whether two lists name the same waves, with the same podSets and gates."""
    return [(each.name, each.pod_sets, each.gate) for each in one] == [
        (each.name, each.pod_sets, each.gate) for each in other
    ]


def _planned(wave: WaveStatus) -> Planned:
    return Planned(name=wave.name, group=wave.group, members=wave.pod_sets, gate=wave.gate)


def _renamed(kept: list[WaveStatus], rest: tuple[Planned, ...]) -> Iterator[Planned]:
    """`rest` under names that no wave has yet: a gate's name means one gate."""
    taken = {each.name for each in kept}
    for wave in rest:
        yield replace(wave, name=f"{wave.name}~{len(taken)}") if wave.name in taken else wave


def _skipped(ground: Ground, members: tuple[Candidate, ...]) -> Iterator[Planned]:
    for cluster in sorted(skipped_clusters(ground)):
        if mine := [each for each in members if each.cluster == cluster]:
            yield skipped(cluster, mine)


def _recorded(ground: Ground, planned: Planned, recorded: tuple[WaveStatus, ...]) -> WaveStatus:
    known = next((each for each in recorded if (each.name, each.pod_sets) == (planned.name, planned.members)), None)
    if known is None:
        return WaveStatus(
            name=planned.name,
            phase=WavePhase.PENDING,
            group=planned.group,
            pod_sets=planned.members,
            gate=planned.gate,
            target=ground.hash,
        )
    return replace(known, gate=planned.gate or (known.gate and begun(ground, known)))
