"""The master's decision about one AppSet: what to write where, and what to say of it.

The road: mark the AppSet (id, finalizer, clusters), write a child into each marked cluster that can be reached, prove
by the children's status that all runs, only then take away what the spec no longer names. Deletion is the same road
backwards. Each cluster is decided by itself: one that is away is a row in the status and holds up nothing but what
needs it. Relies on the view alone.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import AppSet, AppSetStatus, AppStatus
from sym.model.kinds import APPSET
from sym.model.meta import META
from sym.model.validate import validate_appset
from sym.plan.child import WantedChild
from sym.plan.content import content_hash
from sym.plan.emptying import RECHECK, Emptying, empty, unusable, without_tombstone
from sym.plan.judgement import judge, stand_still
from sym.plan.ownership import Mark, listed, owned, without_ours
from sym.plan.placement.fixed import ReplicasError
from sym.plan.rollout.record import note
from sym.plan.status import Shown, event, tell
from sym.plan.types import Action, Emit, Finalize, Owner, Plan
from sym.plan.verdict import Verdict
from sym.plan.views import AppSetView
from sym.plan.wanted import Wanted, wanted


def plan_appset(view: AppSetView, now: datetime) -> Plan[AppSetStatus]:
    """What to do about `view.app` at `now`, and its status."""
    app, mark = view.app, Mark.of(view.app)
    if app.deleting:
        return _delete(view, mark, now)
    if problems := validate_appset(app):
        return _stand_still(view, mark, problems[0].reason, str(problems[0]), now)
    if mark is None:
        return _mint(view)
    owner = _owner(view, mark)
    try:
        want = wanted(view, owner, mark, now)
    except ReplicasError as error:
        return _stand_still(view, mark, error.reason, error.message, now)
    return _serve(view, mark, owner, want, now)


def _mint(view: AppSetView) -> Plan[AppSetStatus]:
    """The first write for an AppSet, before any other: its id, our finalizer, the clusters that will be written to."""
    install_hash = content_hash(view.app.spec, view.app.metadata.name)
    mark = Mark(app_id=view.new_app_id, install_hash=install_hash, clusters=_reachable(view))
    return Plan(status=None, actions=(mark.write(view.app),), reasons=("marking the AppSet before its first child",))


def _serve(view: AppSetView, mark: Mark, owner: Owner, want: Wanted, now: datetime) -> Plan[AppSetStatus]:
    """Bring every reachable cluster to what is wanted, empty the dropped ones after that, and tell."""
    dropped = mark.clusters - want.occupied
    changes: tuple[Action, ...] = ()
    emptying, after = Emptying(), mark
    if not view.app.spec.update_strategy.paused or (want.rollout is not None and want.rollout.urgent):
        changes = tuple(action for child in want.children.values() for action in _bring(view, mark, child))
        emptying = empty(view, owner, dropped if want.settled and not want.leaving else (), now)
        after = replace(mark, clusters=(mark.clusters | _reachable(view)) - emptying.confirmed)
    counts = dict.fromkeys(view.app.spec.cluster_topology.names, 0) | want.counts
    clusters = counts | dict.fromkeys(sorted(dropped))
    verdict = judge(view, mark, want, emptying)
    noted = note(view, owner, want, now)
    shown = Shown(clusters=clusters, desired=want.desired, rollout=noted.status)
    told = tell(view, owner, shown, verdict, now)
    return Plan(
        status=told.status,
        actions=(*_marking(view, after), *noted.actions, *changes, *emptying.actions, *told.events),
        requeue_after=_soonest(RECHECK.total_seconds() if emptying.waiting else told.requeue_after, noted.wait),
        reasons=(verdict.message,),
    )


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


def _bring(view: AppSetView, mark: Mark, child: WantedChild) -> Iterator[Action]:
    """The write, at most one, that brings a cluster's child to what is wanted. The mark must name the cluster first."""
    if child.cluster not in mark.clusters or unusable(child.cluster, view.members.get(child.cluster)):
        return
    seen = view.children.get(child.cluster)
    if seen is None:
        yield child.create()
    elif seen.deleting or not owned(seen, child.owner):
        return
    elif names.TOMBSTONE in seen.metadata.annotations:
        yield without_tombstone(child.cluster, seen)
    elif not child.equals(seen):
        yield child.apply(seen)


def _delete(view: AppSetView, mark: Mark | None, now: datetime) -> Plan[AppSetStatus]:
    """Empty every cluster that was written to; our finalizer goes with the last one that confirms or is abandoned."""
    app = view.app
    kept = without_ours(app.metadata.finalizers)
    if kept == app.metadata.finalizers:
        return Plan(status=None, reasons=("being deleted, and not ours any more",))
    if mark is None:
        return Plan(status=None, actions=(_release(app, kept),), reasons=("nothing was ever written for it",))
    owner = _owner(view, mark)
    abandoned = mark.clusters & listed(app.metadata.annotations.get(names.ABANDON, ""))
    events = tuple(_abandoned(app, cluster) for cluster in sorted(abandoned))
    emptying = empty(view, owner, mark.clusters - abandoned, now)
    left = mark.clusters - abandoned - emptying.confirmed
    if not left:
        return Plan(status=None, actions=(_release(app, kept), *events), reasons=("every cluster has confirmed",))
    marking = (replace(mark, clusters=left).write(app),) if left != mark.clusters else ()
    message = "; ".join(emptying.waiting.values())
    verdict = Verdict(status=AppStatus.DELETING, reason="Deleting", message=message)
    told = tell(view, owner, Shown(clusters=dict.fromkeys(sorted(left))), verdict, now)
    return Plan(
        status=told.status,
        actions=(*marking, *emptying.actions, *events, *told.events),
        requeue_after=RECHECK.total_seconds(),
        reasons=tuple(emptying.waiting.values()),
    )


def _stand_still(view: AppSetView, mark: Mark | None, reason: str, message: str, now: datetime) -> Plan[AppSetStatus]:
    """What is asked for cannot be done as it is written. Nothing goes to the clusters; what runs keeps running."""
    shown = Shown(clusters=dict.fromkeys(sorted(mark.clusters if mark else ())))
    told = tell(view, _owner(view, mark), shown, stand_still(view, mark, reason, message), now)
    marking = _marking(view, mark) if mark else ()
    return Plan(status=told.status, actions=(*marking, *told.events), reasons=(message,))


def _marking(view: AppSetView, mark: Mark) -> tuple[Action, ...]:
    """The write that brings the mark onto the AppSet, if it does not stand there: first it, then the rest."""
    return () if mark.stands_on(view.app) else (mark.write(view.app),)


def _owner(view: AppSetView, mark: Mark | None) -> Owner:
    meta = view.app.metadata
    return Owner(fleet_id=view.fleet_id, app_id=mark.app_id if mark else "", namespace=meta.namespace, name=meta.name)


def _reachable(view: AppSetView) -> frozenset[str]:
    """The clusters with podSets that can be written to now."""
    places = (place.name for place in view.app.spec.cluster_topology.clusters if place.pod_sets)
    return frozenset(name for name in places if not unusable(name, view.members.get(name)))


def _release(app: AppSet, finalizers: tuple[str, ...]) -> Finalize:
    meta = app.metadata
    return Finalize(
        cluster=META,
        kind=APPSET,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        finalizers=finalizers,
        manager=names.MASTER,
    )


def _abandoned(app: AppSet, cluster: str) -> Emit:
    note = (
        f"cluster {cluster} was abandoned by annotation {names.ABANDON}: whatever of this AppSet is there stays there"
    )
    return event(app, "Warning", "ClusterAbandoned", note)
