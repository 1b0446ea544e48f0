"""The worker's decision about one AdvDeployment: make its workloads what it says, and tell what became of them.

An AdvDeployment is a record, not the authority over life: it takes its workloads along only if it bears the master's
tombstone. Without one they stay and keep running. Source: semantics.md 4 and 7.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sym.model import names
from sym.model.advdeployment import AdvDeployment, AdvDeploymentStatus, ChildPodSet
from sym.model.appset import AppStatus
from sym.model.kinds import ADVDEPLOYMENT
from sym.model.problems import INVALID
from sym.model.validate import bad_paths
from sym.plan.deployers import DEPLOYERS
from sym.plan.drift import made_by
from sym.plan.emptying import FRESH, RECHECK
from sym.plan.evidence import runs
from sym.plan.ownership import Tombstone, body_for, owner_of, without_ours
from sym.plan.releases import state, strays, unripe, waiting
from sym.plan.report import event, judge, observe, stalled, tell
from sym.plan.service import service_actions, service_leftovers
from sym.plan.types import Action, Apply, Finalize, HelmLook, Measure, Owner, Plan
from sym.plan.verdict import Verdict
from sym.plan.views import AdvDeploymentView

HELM_RECHECK = timedelta(minutes=1)
"""After how long to look again at a release that somebody else's Helm is at."""

LEFT = "its podSet is no longer part of the AppSet, and the rest is available"
ENDED = "its AppSet is being deleted or has left this cluster"


def plan_advdeployment(view: AdvDeploymentView, now: datetime) -> Plan[AdvDeploymentStatus]:
    """What to do about `view.adv` at `now`, and its status."""
    adv, owner = view.adv, owner_of(view.adv)
    if adv.deleting:
        return _retire(view, owner, now)
    if owner is None:
        message = f"it bears no owner record ({names.APP_ID}); Sym's master writes AdvDeployments, create an AppSet"
        told = tell(view, (), stalled(view, "NoOwner", message), now)
        return Plan(status=told.status, actions=told.events, reasons=(message,))
    if trouble := bad_paths(view.adv):
        told = tell(view, (), stalled(view, INVALID, str(trouble)), now)
        return Plan(status=told.status, actions=told.events, reasons=(str(trouble),))
    if names.FINALIZER not in adv.metadata.finalizers:
        body = body_for(ADVDEPLOYMENT, adv, finalizers=[names.FINALIZER])
        claim = Apply(cluster=view.cluster, kind=ADVDEPLOYMENT, body=body, manager=names.WORKER)
        return Plan(status=adv.status, actions=(claim,), reasons=("adding the finalizer before the first workload",))
    return _serve(view, owner, now)


def _serve(view: AdvDeploymentView, owner: Owner, now: datetime) -> Plan[AdvDeploymentStatus]:
    """Make every podSet's workload what it shall be; take away what is no podSet any more once all of them run."""
    pod_sets = view.adv.spec.topology.pod_sets
    brought = (action for pod_set in pod_sets for action in _bring(view, owner, pod_set))
    writes = (*service_actions(view, owner), *brought)
    if writes and all(isinstance(each, HelmLook) for each in writes):
        return Plan(status=view.adv.status, actions=writes, reasons=("reading Helm's records before anything is told",))
    seen = tuple(observe(view, owner, pod_set) for pod_set in pod_sets)
    complete = not writes and all(map(runs, pod_sets, seen))
    leftovers = tuple(_leftovers(view, owner, pod_sets, LEFT)) if _whole(view.adv) else ()
    verdict = judge(view, owner, seen, complete=complete, leaving=bool(leftovers) or strays(view, owner, pod_sets))
    told = tell(view, seen, verdict, now)
    return Plan(
        status=told.status,
        actions=(*writes, *(leftovers if complete else ()), *told.events),
        requeue_after=told.requeue_after or _later(view),
        reasons=(verdict.message,),
    )


def _later(view: AdvDeploymentView) -> float | None:
    """Seconds until a look is due although nobody tells of anything."""
    ripen = [unripe(view, each, made_by(view, each)) for each in view.helm if state(view, each).ready_for is not None]
    due = [each for each in (*ripen, HELM_RECHECK.total_seconds() if waiting(view) else 0.0) if each]
    return min(due, default=None)


def _whole(adv: AdvDeployment) -> bool:
    """Whether the record holds all its podSets: there are some, and their counts make up its own. One that a foreign or
    old CRD pruned says nothing of what is left over, and the master writes none without a podSet: it buries it."""
    pod_sets = adv.spec.topology.pod_sets
    return bool(pod_sets) and sum(pod_set.replicas for pod_set in pod_sets) == adv.spec.replicas


def _bring(view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> Iterable[Action]:
    deployer = DEPLOYERS.get(pod_set.pod_spec.deploy_type)
    return deployer.actions(view, owner, pod_set) if deployer else ()


def _leftovers(view: AdvDeploymentView, owner: Owner, kept: tuple[ChildPodSet, ...], reason: str) -> Iterator[Action]:
    """Of each deployer, what belongs to none of its own podSets: one whose deployType changed leaves the workload of
    the old type behind."""
    for type_, deployer in DEPLOYERS.items():
        own = [pod_set for pod_set in kept if pod_set.pod_spec.deploy_type is type_]
        yield from deployer.leftovers(view, owner, own, reason)
    yield from service_leftovers(view, owner, kept, reason)


def _retire(view: AdvDeploymentView, owner: Owner | None, now: datetime) -> Plan[AdvDeploymentStatus]:
    """The record ends. With the master's tombstone its workloads end first; without one they are left alone."""
    adv = view.adv
    if without_ours(adv.metadata.finalizers) == adv.metadata.finalizers:
        return Plan(status=adv.status, reasons=("being deleted, and not ours any more",))
    stone = Tombstone.on(adv)
    if owner is None or stone is None or not stone.valid(adv, owner.app_id, view.highest_epoch):
        note = "the AdvDeployment is deleted without the master's tombstone: its workloads stay and keep running"
        orphaned = event(view, "Warning", "OrphanedNotDeleted", note)
        return Plan(status=adv.status, actions=(_release(view), orphaned), reasons=(note,))
    if deletes := tuple(_leftovers(view, owner, (), ENDED)):
        return _retiring(view, owner, deletes, now)
    if strays(view, owner, ()):
        return _retiring(view, owner, (), now)
    gone = view.gone
    if gone is None or gone.owner != owner or now - gone.at > (RECHECK if gone.workloads else FRESH):
        return _retiring(view, owner, (Measure(cluster=view.cluster, owner=owner),), now)
    if gone.workloads:
        return _retiring(view, owner, (), now)
    return Plan(status=adv.status, actions=(_release(view),), reasons=("nothing is left of it",))


def _retiring(
    view: AdvDeploymentView, owner: Owner, actions: tuple[Action, ...], now: datetime
) -> Plan[AdvDeploymentStatus]:
    message = "ending the workloads, as its tombstone says"
    verdict = Verdict(status=AppStatus.DELETING, reason="Deleting", message=message)
    seen = tuple(observe(view, owner, pod_set) for pod_set in view.adv.spec.topology.pod_sets)
    told = tell(view, seen, verdict, now)
    once = view.adv.status if view.adv.status.aggr_status.status is AppStatus.DELETING else told.status
    return Plan(status=once, actions=actions, requeue_after=RECHECK.total_seconds(), reasons=(message,))


def _release(view: AdvDeploymentView) -> Finalize:
    meta = view.adv.metadata
    return Finalize(
        cluster=view.cluster,
        kind=ADVDEPLOYMENT,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        finalizers=without_ours(meta.finalizers),
        manager=names.WORKER,
    )
