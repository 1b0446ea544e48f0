"""The way back: to the content that last ran everywhere, in reverse order, without gates, a wave at a time.

It never edits the spec. A cluster that is away holds up no other: it gets its old content when it returns. Source:
semantics.md 6.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from sym.model.advdeployment import ChildPodSet
from sym.model.rollout import AutoRollback, WaveStatus
from sym.plan.rollout.types import Ground
from sym.plan.rollout.walk import begun

BACK = "runs again what last ran everywhere"
GOING = "going back to what last ran everywhere"


def targeted(
    ground: Ground, waves: tuple[WaveStatus, ...], failed: str, extent: AutoRollback | None
) -> tuple[WaveStatus, ...]:
    """`waves` with the old content as the target of those that go back: the one that failed, or all that have begun."""
    if ground.finished in {None, ground.hash}:
        return waves
    goes = {wave.name for wave in waves if begun(ground, wave) and (extent is AutoRollback.ALL or wave.name == failed)}
    return tuple(replace(wave, target=ground.finished) if wave.name in goes else wave for wave in waves)


def way_back(ground: Ground) -> tuple[tuple[WaveStatus, ...], Mapping[str, ChildPodSet]]:
    """The recorded waves with what is to be said of them, and the old entries that may be written now."""
    told: list[WaveStatus] = []
    entries: dict[str, ChildPodSet] = {}
    going = True
    for wave in reversed(ground.record.waves):
        if wave.target == ground.hash or not going:
            told.append(wave)
            continue
        olds = {name: ground.back[name] for name in wave.pod_sets if name in ground.asked and name in ground.back}
        entries |= olds
        going = all(ground.cluster(name) in ground.away or ground.proves(name, old) for name, old in olds.items())
        told.append(replace(wave, message=BACK if going else GOING))
    return tuple(reversed(told)), entries
