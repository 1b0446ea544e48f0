"""What an AppSet wants in each cluster at this moment: its spec, less what has to wait.

Content waits for its wave; podSets that the spec no longer names stay until everything else runs (make before break);
counts never wait. Source: semantics.md 3, 4 and 6.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import ChildPodSet
from sym.model.appset import AppSet, PodSet, TopologyCluster
from sym.model.rollout import Phase
from sym.plan.child import WantedChild, entry, refreshed, wanted_child
from sym.plan.content import content_hash, revision, stated_meta
from sym.plan.evidence import count, proves, told
from sym.plan.ownership import Mark, own_child
from sym.plan.placement import POLICIES, PolicyName
from sym.plan.revisions import own
from sym.plan.rollout.course import Course, course
from sym.plan.rollout.ground import Read, bounded, ground
from sym.plan.rollout.types import Entries
from sym.plan.types import Owner
from sym.plan.views import AppSetView


class Wanted(Struct, frozen=True, kw_only=True):
    """The children wanted now, by cluster; none without a podSet, which a worker could not tell from a record that lost
    them. `occupied` are the clusters that hold podSets or shall: what was written to any other is emptied like one that
    the topology no longer names. `counts` are the pods that each child shall have, `desired` those that the spec asks
    for, both as autoscalers say where there are any; `withheld` are podSets whose content waits for its wave; `leaving`
    those that still run though the spec no longer names them; `settled`: all that the spec asks for is proved to run.
    `hash` is the content that the spec asks for; `rollout` how the change to it goes, None for a first installation
    and where it runs everywhere.
    """

    children: Mapping[str, WantedChild]
    occupied: frozenset[str]
    counts: dict[str, int]
    desired: int
    withheld: tuple[str, ...]
    leaving: tuple[str, ...]
    settled: bool
    hash: str
    rollout: Course | None = None


def wanted(view: AppSetView, owner: Owner, mark: Mark, now: datetime) -> Wanted:
    """What `view.app` wants now. Raises ReplicasError where its counts contradict each other."""
    running = {cluster: _running(view, owner, cluster) for cluster in view.app.spec.cluster_topology.names}
    metas = {place.name: _meta(view, place) for place in view.app.spec.cluster_topology.clusters}
    asked = _asked(view, running, metas)
    hash_ = content_hash(view.app.spec, view.app.metadata.name)
    rollout = None
    if not (first_installation(view, owner, mark) or runs_everywhere(view.app, hash_)):
        rollout = course(ground(view, owner, Read(asked=asked, running=running, metas=metas), now))
    admitted = {
        cluster: {name: _admitted(each, running[cluster].get(name), rollout) for name, each in entries.items()}
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
    free = rollout is None or rollout.free
    proved = all(_proved(view, owner, cluster, entries) for cluster, entries in staying.items())
    settled = free and proved and not withheld
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
        hash=hash_,
        rollout=rollout,
    )


def first_installation(view: AppSetView, owner: Owner, mark: Mark) -> bool:
    """Whether the AppSet still has the content with which it was first installed, and nothing has ever run everywhere.
    Where the revisions are not known that cannot be said."""
    app = view.app
    never = not app.status.rollout.finished and view.revisions is not None and not own(view, owner)
    return never and mark.install_hash == content_hash(app.spec, app.metadata.name)


def runs_everywhere(app: AppSet, hash_: str) -> bool:
    """Whether the content `hash_` was rolled out everywhere, and nothing else since: what is missing of it is made good
    at once."""
    record = app.status.rollout
    return record.phase is Phase.COMPLETED and record.hash == record.finished == hash_


def _admitted(asked: ChildPodSet, running: ChildPodSet | None, rollout: Course | None) -> ChildPodSet | None:
    """The entry that may be written now for a podSet, None for nothing."""
    if rollout is not None:
        return rollout.entries[asked.name]
    return refreshed(running, asked) if running is not None and running.revision == asked.revision else asked


def _asked(
    view: AppSetView, running: Mapping[str, Entries], metas: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Entries]:
    """The complete podSets that the spec asks for, by cluster."""
    counts = POLICIES[PolicyName.FIXED](view.app.spec, view.members)

    def complete(place: TopologyCluster, pod_set: PodSet) -> ChildPodSet:
        made = entry(view.app, place, pod_set, counts[pod_set.name], metas[place.name])
        made = bounded(view.app.spec, place, made) if view.app.spec.update_strategy.waves else made
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


def _meta(view: AppSetView, place: TopologyCluster) -> Mapping[str, str]:
    """The metadata of a cluster, without what the AppSet says of it."""
    member = view.members.get(place.name)
    return {names.CLUSTER_INFO: place.name, **(member.meta if member else {})}


def _running(view: AppSetView, owner: Owner, cluster: str) -> Entries:
    child = own_child(view, owner, cluster)
    return {each.name: each for each in child.spec.topology.pod_sets} if child else {}


def _count(view: AppSetView, owner: Owner, cluster: str, pod_sets: Iterable[ChildPodSet]) -> int:
    """Pods that these podSets shall have together."""
    seen = told(own_child(view, owner, cluster))
    return sum(count(each, seen.get(each.name)) for each in pod_sets)


def _proved(view: AppSetView, owner: Owner, cluster: str, entries: tuple[ChildPodSet, ...]) -> bool:
    member, child = view.members.get(cluster), own_child(view, owner, cluster)
    if member is None or not member.usable:
        return False
    return not entries or (child is not None and not child.deleting and proves(child, entries))
