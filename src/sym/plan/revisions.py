"""The contents of an AppSet that were or are rolled out, kept as ControllerRevisions beside it in the meta cluster.

One object for each content, named by its hash; its number is the highest when it was rolled out last; a mark says that
it ran everywhere. What a rollback or `undo` goes back to is read from here. They belong to the AppSet (ownerReference),
so the server takes them away with it. Pure. Source: issue 6, semantics.md 6.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from sym.model import defaults, names
from sym.model.appset import AppSet, AppSetSpec, ClusterTopology, PodSet, TopologyCluster
from sym.model.codec import JSON, DecodeError, JSONMap, convert, dig_map, to_json
from sym.model.conditions import whole_second
from sym.model.kinds import APPSET, CONTROLLER_REVISION
from sym.model.meta import META
from sym.model.workload import ControllerRevision
from sym.plan.ownership import body_for, body_of_new, record, recorded
from sym.plan.types import Apply, Create, Delete, Owner
from sym.plan.views import AppSetView

AT_ONCE = 3
"""How many revisions are taken away at a time: a lowered limit is no reason to burn a fuse."""
_MAX_NAME = 253
_SPEC = "spec"


def own(view: AppSetView, owner: Owner) -> tuple[ControllerRevision, ...]:
    """The AppSet's revisions, newest first; none while they are not all known."""
    mine = (each for each in view.revisions or () if _ours(each, owner))
    return tuple(sorted(mine, key=lambda each: (-each.revision, each.metadata.name)))


def hash_of(revision: ControllerRevision) -> str:
    """The content hash that a revision stands for."""
    return revision.metadata.annotations.get(names.REVISION, "")


def finished(revision: ControllerRevision) -> str:
    """When its content last ran everywhere; empty if it never did."""
    return revision.metadata.annotations.get(names.FINISHED, "")


def find(revisions: Iterable[ControllerRevision], hash_: str) -> ControllerRevision | None:
    """The revision of a content, or None."""
    return next((each for each in revisions if hash_of(each) == hash_), None)


def last_finished(revisions: Iterable[ControllerRevision]) -> ControllerRevision | None:
    """The one that ran everywhere last, or None."""
    done = (each for each in revisions if finished(each))
    return max(done, key=lambda each: (finished(each), each.revision), default=None)


def spec_of(revision: ControllerRevision) -> AppSetSpec | None:
    """The spec that a revision keeps; None where it cannot be read."""
    if not dig_map(revision.data, _SPEC):
        return None
    try:
        return convert(dig_map(revision.data, _SPEC), AppSetSpec)
    except DecodeError:
        return None


def number(revisions: tuple[ControllerRevision, ...], hash_: str) -> int:
    """The number of a content's revision: as it stands if it is the newest, else the one that `ensure` will give it."""
    mine, newest = find(revisions, hash_), max((each.revision for each in revisions), default=0)
    return mine.revision if mine is not None and mine.revision == newest else newest + 1


def ensure(
    app: AppSet, owner: Owner, revisions: tuple[ControllerRevision, ...], hash_: str, *, ran: datetime | None = None
) -> tuple[Create | Apply, ...]:
    """The write, at most one, by which the spec's content stands as the newest revision; `ran`: it runs everywhere."""
    mine = find(revisions, hash_)
    if mine is None:
        return (_create(app, owner, hash_, number(revisions, hash_), ran),)
    newest = max(each.revision for each in revisions)
    if mine.revision == newest and (ran is None or mine == last_finished(revisions)):
        return ()
    mark = _mark(ran) if ran is not None else {names.FINISHED: finished(mine)} if finished(mine) else {}
    metadata = _metadata(app, owner, hash_, mark)
    body = body_for(CONTROLLER_REVISION, mine, **metadata) | _content(mine.data, number(revisions, hash_))
    return (Apply(cluster=META, kind=CONTROLLER_REVISION, body=body, manager=names.MASTER),)


def prune(
    app: AppSet, owner: Owner, revisions: tuple[ControllerRevision, ...], keep: frozenset[str]
) -> tuple[Delete, ...]:
    """The deletions, a few at a time, of the oldest former contents beyond the limit; those in `keep` do not count."""
    limit = defaults.first(app.spec.revision_history_limit, default=defaults.REVISION_HISTORY_LIMIT)
    former = [each for each in revisions if hash_of(each) not in keep]
    surplus = list(reversed(former[limit:]))
    return tuple(
        Delete(
            cluster=META,
            kind=CONTROLLER_REVISION,
            namespace=owner.namespace,
            name=each.metadata.name,
            uid=each.metadata.uid,
            resource_version=each.metadata.resource_version,
            owner=owner,
            reason=f"more former contents than spec.revisionHistoryLimit, {limit}",
        )
        for each in surplus[:AT_ONCE]
    )


def restored(now: AppSetSpec, old: AppSetSpec) -> AppSetSpec:
    """`now` with the content of `old`: what the pods run. Counts, strategy, places and limits stay as they are, and so
    does what `old` does not know."""
    before = {place.name: place for place in old.cluster_topology.clusters}
    places = tuple(_place(place, before.get(place.name)) for place in now.cluster_topology.clusters)
    return replace(
        now, pod_spec=old.pod_spec, service_name=old.service_name, cluster_topology=ClusterTopology(clusters=places)
    )


def _place(now: TopologyCluster, old: TopologyCluster | None) -> TopologyCluster:
    if old is None:
        return now
    known = {each.name: each for each in old.pod_sets}
    return replace(now, meta=old.meta, pod_sets=tuple(_pod_set(each, known.get(each.name)) for each in now.pod_sets))


def _pod_set(now: PodSet, old: PodSet | None) -> PodSet:
    if old is None:
        return now
    return replace(
        now,
        image=old.image,
        version=old.version,
        chart=old.chart,
        raw_values=old.raw_values,
        meta=old.meta,
        inject=old.inject,
        node_selector_term=old.node_selector_term,
    )


def _ours(revision: ControllerRevision, owner: Owner) -> bool:
    return revision.metadata.labels.get(names.APPSET) == owner.name and recorded(revision, owner)


def _create(app: AppSet, owner: Owner, hash_: str, number_: int, ran: datetime | None) -> Create:
    name = f"{owner.name[: _MAX_NAME - len(hash_) - 1]}-{hash_}"
    metadata = _metadata(app, owner, hash_, _mark(ran) if ran is not None else {})
    new = body_of_new(CONTROLLER_REVISION, owner.namespace, name, **metadata)
    body = new | _content({_SPEC: to_json(app.spec)}, number_)
    return Create(cluster=META, kind=CONTROLLER_REVISION, body=body, manager=names.MASTER)


def _metadata(app: AppSet, owner: Owner, hash_: str, mark: dict[str, str]) -> JSONMap:
    reference: JSON = {
        "apiVersion": APPSET.api_version,
        "kind": APPSET.name,
        "name": app.metadata.name,
        "uid": app.metadata.uid,
        "controller": True,
    }
    return {
        "labels": {names.APPSET: owner.name},
        "annotations": to_json(record(owner) | {names.REVISION: hash_} | mark),
        "ownerReferences": [reference],
    }


def _content(data: JSONMap, number_: int) -> JSONMap:
    return {"data": data, "revision": number_}


def _mark(at: datetime) -> dict[str, str]:
    return {names.FINISHED: whole_second(at).isoformat()}
