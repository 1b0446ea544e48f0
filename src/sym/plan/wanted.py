"""What an AppSet wants in each cluster at this moment: its spec, less what has to wait.

Content waits at a gate that nobody can open yet; podSets that the spec no longer names stay until everything else runs
(make before break); counts never wait. Source: semantics.md 3, 4 and 6.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import AppSet, PodSet, TopologyCluster
from sym.plan.child import WantedChild, entry, held, refreshed, wanted_child
from sym.plan.content import content_hash, revision, stated_meta
from sym.plan.evidence import count, proves, told
from sym.plan.ownership import Mark, owned
from sym.plan.placement import POLICIES, PolicyName
from sym.plan.types import Owner
from sym.plan.views import AppSetView

Entries = Mapping[str, ChildPodSet]
"""PodSets by name."""


class Wanted(Struct, frozen=True, kw_only=True):
    """The children wanted now, by cluster; none without a podSet, which a worker could not tell from a record that lost
    them. `occupied` are the clusters that hold podSets or shall: what was written to any other is emptied like one that
    the topology no longer names. `counts` are the pods that each child shall have, `desired` those that the spec asks
    for, both as autoscalers say where there are any; `withheld` are podSets whose content waits at a gate; `leaving`
    those that still run though the spec no longer names them; `settled`: all that the spec asks for is proved to run.
    """

    children: Mapping[str, WantedChild]
    occupied: frozenset[str]
    counts: dict[str, int]
    desired: int
    withheld: tuple[str, ...]
    leaving: tuple[str, ...]
    settled: bool


def wanted(view: AppSetView, owner: Owner, mark: Mark) -> Wanted:
    """What `view.app` wants now. Raises ReplicasError where its counts contradict each other."""
    running = {cluster: _running(view, owner, cluster) for cluster in view.app.spec.cluster_topology.names}
    asked = _asked(view, running)
    passed = _passed(running) if waits_at_gate(view.app, mark) else None
    admitted = {
        cluster: {name: admit(each, running[cluster].get(name), passed) for name, each in entries.items()}
        for cluster, entries in asked.items()
    }
    staying = {
        cluster: tuple(each for each in entries.values() if each is not None) for cluster, entries in admitted.items()
    }
    withheld = tuple(
        name
        for cluster, entries in admitted.items()
        for name, each in entries.items()
        if each is None or each.revision != asked[cluster][name].revision
    )
    settled = not withheld and all(_proved(view, owner, cluster, entries) for cluster, entries in staying.items())
    leaving = {
        cluster: () if settled else tuple(each for name, each in running[cluster].items() if name not in entries)
        for cluster, entries in asked.items()
    }
    holding = {cluster: pod_sets for cluster in asked if (pod_sets := staying[cluster] + leaving[cluster])}
    return Wanted(
        children={
            name: wanted_child(view.app, owner, name, pod_sets, own_child(view, owner, name))
            for name, pod_sets in holding.items()
        },
        occupied=frozenset(cluster for cluster, entries in asked.items() if entries or cluster in holding),
        counts={name: _count(view, owner, name, pod_sets) for name, pod_sets in holding.items()},
        desired=sum(_count(view, owner, name, entries.values()) for name, entries in asked.items()),
        withheld=withheld,
        leaving=tuple(each.name for entries in leaving.values() for each in entries),
        settled=settled,
    )


def first_installation(app: AppSet, mark: Mark) -> bool:
    """Whether `app` still has the content with which it was first installed, and has never run everywhere yet."""
    return not app.status.rollout.finished and mark.install_hash == content_hash(app.spec, app.metadata.name)


def waits_at_gate(app: AppSet, mark: Mark) -> bool:
    """Whether content shall change in an order or after a consent, which only a rollout can do: unless it is being
    installed for the first time, or is what ran everywhere last."""
    strategy = app.spec.update_strategy
    if not (strategy.canary_clusters or strategy.need_waiting_for_confirm or strategy.upgrade_type):
        return False
    finished = app.status.rollout.finished == content_hash(app.spec, app.metadata.name)
    return not finished and not first_installation(app, mark)


def admit(
    wanted: ChildPodSet, running: ChildPodSet | None, passed: frozenset[tuple[str, str]] | None
) -> ChildPodSet | None:
    """The entry that may be written now for a podSet, None for nothing. `passed` are the groups' revisions that run
    already, None if no gate is asked for."""
    if running is not None and running.revision == wanted.revision:
        return refreshed(running, wanted)
    if passed is None or (running is None and _kin(wanted) in passed):
        return wanted
    return held(running, wanted) if running is not None else None


def own_child(view: AppSetView, owner: Owner, cluster: str) -> AdvDeployment | None:
    """The child in `cluster`, if there is one and it is ours."""
    child = view.children.get(cluster)
    return child if child is not None and owned(child, owner) else None


def _asked(view: AppSetView, running: Mapping[str, Entries]) -> Mapping[str, Entries]:
    """The complete podSets that the spec asks for, by cluster."""
    counts = POLICIES[PolicyName.FIXED](view.app.spec, view.members)

    def complete(place: TopologyCluster, pod_set: PodSet) -> ChildPodSet:
        made = entry(view.app, place, pod_set, counts[pod_set.name], _meta(view, place.name))
        seen = running[place.name].get(pod_set.name)
        if seen is None or not _runs_as_before(view.app, place, pod_set, seen):
            return made
        return replace(made, revision=seen.revision)

    return {
        place.name: {each.name: complete(place, each) for each in place.pod_sets}
        for place in view.app.spec.cluster_topology.clusters
    }


def _runs_as_before(app: AppSet, place: TopologyCluster, pod_set: PodSet, seen: ChildPodSet) -> bool:
    """Whether `seen` is what is asked for, under a revision that leaves out the place's meta, as those of Sym before
    the first release did: it is the same content, and a new Sym alone must neither restart it nor ask for a consent."""
    if not place.meta or not stated_meta(place, pod_set).items() <= seen.meta.items():
        return False
    return seen.revision == revision(app.spec, app.metadata.name, TopologyCluster(), pod_set)


def _meta(view: AppSetView, cluster: str) -> Mapping[str, str]:
    member = view.members.get(cluster)
    return {names.CLUSTER_INFO: cluster, **(member.meta if member else {})}


def _running(view: AppSetView, owner: Owner, cluster: str) -> Entries:
    child = own_child(view, owner, cluster)
    return {each.name: each for each in child.spec.topology.pod_sets} if child else {}


def _count(view: AppSetView, owner: Owner, cluster: str, pod_sets: Iterable[ChildPodSet]) -> int:
    """Pods that these podSets shall have together."""
    seen = told(own_child(view, owner, cluster))
    return sum(count(each, seen.get(each.name)) for each in pod_sets)


def _passed(running: Mapping[str, Entries]) -> frozenset[tuple[str, str]]:
    return frozenset(_kin(each) for entries in running.values() for each in entries.values())


def _kin(pod_set: ChildPodSet) -> tuple[str, str]:
    return names.group_of(pod_set.name, pod_set.meta), pod_set.revision


def _proved(view: AppSetView, owner: Owner, cluster: str, entries: tuple[ChildPodSet, ...]) -> bool:
    member, child = view.members.get(cluster), own_child(view, owner, cluster)
    if member is None or not member.usable:
        return False
    return not entries or (child is not None and not child.deleting and proves(child, entries))
