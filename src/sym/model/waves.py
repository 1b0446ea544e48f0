"""Which podSets belong to an explicit wave. Pure; validation and planning ask the same question."""

from collections.abc import Mapping

from msgspec import Struct

from sym.model.rollout import Wave, WaveSelector
from sym.model.selectors import LabelSelector, matches


class Candidate(Struct, frozen=True, kw_only=True):
    """A podSet as waves select it. `labels`: the metadata that the spec states for it."""

    name: str
    cluster: str
    group: str
    unit: str = ""
    labels: Mapping[str, str] = {}


def holders(waves: tuple[Wave, ...], one: Candidate) -> list[int]:
    """The numbers of the waves that hold a podSet: those that select it, else those that select nothing of their own
    and so take all that is left. Where there is not exactly one the waves are wrong."""
    rest = [number for number, wave in enumerate(waves) if wave.select == WaveSelector()]
    chosen = [number for number, wave in enumerate(waves) if number not in rest and selects(wave.select, one)]
    return chosen or rest


def selects(selector: WaveSelector, one: Candidate) -> bool:
    """Whether everything that is given holds for a podSet."""
    stated = (
        (selector.clusters, one.cluster),
        (selector.pod_sets, one.name),
        (selector.groups, one.group),
        (selector.units, one.unit),
    )
    fits = all(not allowed or value in allowed for allowed, value in stated)
    return fits and matches(selector.labels or LabelSelector(), one.labels)
