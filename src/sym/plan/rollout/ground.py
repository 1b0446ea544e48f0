"""From what was read to what a rollout's decision rests on.

The content that last ran everywhere comes from the AppSet's ControllerRevisions: the status says which one it was, or,
where the status was lost, the mark on the revision itself.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import ChildPodSet
from sym.model.appset import AppSet, AppSetSpec, PodSetStatus, TopologyCluster
from sym.model.conditions import find_condition
from sym.model.rollout import Wave
from sym.model.validate import REPLICAS_MISMATCH, REPLICAS_REQUIRED
from sym.model.waves import Candidate, holders
from sym.model.workload import ControllerRevision
from sym.plan.child import entry, refreshed
from sym.plan.content import content_hash, stated_meta
from sym.plan.emptying import unusable
from sym.plan.evidence import proves, told
from sym.plan.ownership import own_child
from sym.plan.revisions import find, last_finished, own, spec_of
from sym.plan.rollout.types import Entries, Ground
from sym.plan.types import Owner
from sym.plan.views import AppSetView

STANDS_STILL = frozenset({REPLICAS_MISMATCH, REPLICAS_REQUIRED})


class Read(Struct, frozen=True, kw_only=True):
    """What the spec asks for and what the children hold, by cluster and podSet; and the metadata of the clusters,
    without what the AppSet says of it."""

    asked: Mapping[str, Entries]
    running: Mapping[str, Entries]
    metas: Mapping[str, Mapping[str, str]]


def ground(view: AppSetView, owner: Owner, read: Read, now: datetime) -> Ground:
    """All that a rollout of `view.app` is decided by."""
    app = view.app
    hash_ = content_hash(app.spec, app.metadata.name)
    revisions = own(view, owner)
    mine = find(revisions, hash_)
    before, spec = _finished(app, revisions)
    where = {name: cluster for cluster, entries in read.asked.items() for name in entries}
    away = {name: why for name in read.asked if (why := unusable(name, view.members.get(name)))}
    return Ground(
        app=app,
        hash=hash_,
        now=now,
        record=app.status.rollout,
        members=tuple(_members(app, read)),
        where=where,
        metas={place.name: {**read.metas[place.name], **place.meta} for place in app.spec.cluster_topology.clusters},
        asked={name: each for entries in read.asked.values() for name, each in entries.items()},
        running={
            name: each
            for cluster, entries in read.asked.items()
            for name in entries
            if (each := read.running[cluster].get(name)) is not None
        },
        back=dict(_back(app, spec, read)) if spec is not None else {},
        finished=before,
        away=away,
        proves=lambda name, each: _proves(view, owner, where[name], read.running[where[name]].get(name), each),
        told=dict(_told(view, owner, read)),
        answers=view.answers,
        known=view.revisions is not None and mine is not None,
        former=mine is not None and names.FINISHED in mine.metadata.annotations,
        held=app.spec.update_strategy.paused,
        resumed=_stood_still(app) and not app.spec.update_strategy.paused,
    )


def bounded(spec: AppSetSpec, place: TopologyCluster, each: ChildPodSet) -> ChildPodSet:
    """`each` with the bounds of its explicit wave, which take the place of its own."""
    member = _member(place, each)
    waves = spec.update_strategy.waves
    wave = next((waves[number] for number in holders(waves, member)), Wave())
    surge = each.max_surge if wave.max_surge is None else wave.max_surge
    unavailable = each.max_unavailable if wave.max_unavailable is None else wave.max_unavailable
    return replace(each, max_surge=surge, max_unavailable=unavailable)


def _finished(app: AppSet, revisions: tuple[ControllerRevision, ...]) -> tuple[str | None, AppSetSpec | None]:
    """The content that last ran everywhere: its hash and its spec; neither where it is not known."""
    said = app.status.rollout.finished
    revision = find(revisions, said) if said else last_finished(revisions)
    spec = spec_of(revision) if revision is not None else None
    if revision is None or spec is None:
        return None, None
    return revision.metadata.annotations.get(names.REVISION), spec


def _stood_still(app: AppSet) -> bool:
    """Whether nothing was to change when the status was last written."""
    paused = find_condition(app.status.conditions, names.PAUSED)
    stalled = find_condition(app.status.conditions, names.STALLED)
    stood = stalled is not None and stalled.true and stalled.reason in STANDS_STILL
    return stood or (paused is not None and paused.true)


def _members(app: AppSet, read: Read) -> Iterator[Candidate]:
    for place in app.spec.cluster_topology.clusters:
        for each in read.asked[place.name].values():
            yield _member(place, each)


def _member(place: TopologyCluster, each: ChildPodSet) -> Candidate:
    pod_set = next(one for one in place.pod_sets if one.name == each.name)
    return Candidate(
        name=each.name,
        cluster=place.name,
        group=names.group_of(each.name, each.meta),
        unit=names.unit_of(each.meta),
        labels=stated_meta(place, pod_set),
    )


def _back(app: AppSet, spec: AppSetSpec, read: Read) -> Iterator[tuple[str, ChildPodSet]]:
    """The entries of the podSets as `spec` has them, with the counts and bounds that are wanted now."""
    old = replace(app, spec=spec)
    for place in spec.cluster_topology.clusters:
        for pod_set in place.pod_sets:
            now = read.asked.get(place.name, {}).get(pod_set.name)
            if now is not None:
                made = entry(old, place, pod_set, now.replicas, read.metas[place.name])
                yield pod_set.name, refreshed(made, now)


def _proves(view: AppSetView, owner: Owner, cluster: str, runs: ChildPodSet | None, each: ChildPodSet) -> bool:
    """Whether a podSet is proved to run an entry, injected values as they came with the content."""
    member, child = view.members.get(cluster), own_child(view, owner, cluster)
    if member is None or not member.usable or child is None or child.deleting:
        return False
    return runs is not None and runs.revision == each.revision and proves(child, [refreshed(runs, each)])


def _told(view: AppSetView, owner: Owner, read: Read) -> Iterator[tuple[str, PodSetStatus]]:
    for cluster, entries in read.asked.items():
        seen = told(own_child(view, owner, cluster))
        yield from ((name, seen[name]) for name in entries if name in seen)
