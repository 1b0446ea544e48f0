"""The words of rollouts: what may change together, in which order, and on what a decision about it rests."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from sym.model.advdeployment import ChildPodSet
from sym.model.appset import AppSet, PodSetStatus
from sym.model.rollout import RolloutStatus, Wave
from sym.model.waves import Candidate
from sym.plan.types import Answer

Entries: TypeAlias = Mapping[str, ChildPodSet]
"""PodSets by name, which is unique over the AppSet."""


class Planned(Struct, frozen=True, kw_only=True):
    """A wave that the spec asks for. `canary`: it is of the canaryClusters. `gate`: a person is waited for after it.
    `options` are those of an explicit wave."""

    name: str
    group: str
    members: tuple[str, ...]
    canary: bool = False
    gate: bool = False
    options: Wave = Wave()


Group: TypeAlias = tuple[str, frozenset[str]]
"""The name under which podSets change together, and the groups of podSets that it holds."""

Strategy: TypeAlias = Callable[[frozenset[str]], tuple[Group, ...]]
"""From the groups that there are to those that change one after another, in order."""


class Ground(Struct, frozen=True, kw_only=True):
    """What a rollout's decision rests on, at one instant.

    `hash` is the content that the spec asks for, `record` what the status says of its rollout. `members` are all
    podSets of the topology, in its order, `where` their clusters, `metas` the clusters' metadata. Of each podSet:
    `asked` is its entry as the spec asks for it, `running` the one in its cluster's child, `back` the one that it had
    when everything last ran; `finished` is the hash of that content, None where it is not known or cannot be read.
    `away` says of a cluster why it cannot be reached. `proves` tells whether a podSet is proved to run an entry, `told`
    what its worker said last. `known`: the revisions that were made are all known, and the content's own is among
    them; `former`: it ran everywhere before. `held`: nothing is changed at present, as while paused, and no deadline
    passes; `resumed`: it was so until now, and deadlines begin anew.
    """

    app: AppSet
    hash: str
    now: datetime
    record: RolloutStatus
    members: tuple[Candidate, ...]
    where: Mapping[str, str]
    metas: Mapping[str, Mapping[str, str]]
    asked: Entries
    running: Entries
    back: Entries
    finished: str | None
    away: Mapping[str, str]
    proves: Callable[[str, ChildPodSet], bool]
    told: Mapping[str, PodSetStatus]
    answers: Mapping[str, Answer]
    known: bool
    former: bool
    held: bool
    resumed: bool

    def cluster(self, name: str) -> str:
        """The cluster of a podSet that the topology names; empty for any other."""
        return self.where.get(name, "")

    def carries(self, name: str) -> bool:
        """Whether the podSet's child asks for the content that the spec asks for."""
        running = self.running.get(name)
        return running is not None and running.revision == self.asked[name].revision
