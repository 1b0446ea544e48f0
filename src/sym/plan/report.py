"""What the worker says of an AdvDeployment: its podSets, pods that are not ready, warnings, and one word for it all.

Source: semantics.md 5, contract.md 6.2.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvAggrStatus, AdvDeploymentStatus, ChildPodSet
from sym.model.appset import AppStatus, DeployType, PodSetStatus
from sym.model.conditions import find_condition, whole_second
from sym.model.kinds import ADVDEPLOYMENT
from sym.model.versions import union_versions
from sym.plan.deployers import DEPLOYERS
from sym.plan.evidence import count
from sym.plan.pods import not_ready, warnings
from sym.plan.service import foreign_service, service_status
from sym.plan.types import Emit, Owner
from sym.plan.verdict import Told, Verdict, settling, timeless
from sym.plan.views import AdvDeploymentView
from sym.plan.workloads import kind_of

FOREIGN = "ForeignOwner"
FOREIGN_SENTENCE = "podSet {}: a workload of this name exists and belongs to somebody else; rename the podSet"
ADOPT = ", or take the workload over with `sym adopt`"
NOT_SERVED = "DeployTypeNotAvailable"


def observe(view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
    """What is seen of a podSet."""
    deployer = DEPLOYERS.get(pod_set.pod_spec.deploy_type)
    if deployer is None:
        return PodSetStatus(name=pod_set.name, desired=pod_set.replicas, un_available=pod_set.replicas)
    seen = deployer.observe(view, owner, pod_set)
    behind = service_status(view, ()) is not None and seen.endpoints >= seen.available
    return replace(seen, endpoint_ready=behind)


def judge(
    view: AdvDeploymentView, owner: Owner, seen: tuple[PodSetStatus, ...], *, complete: bool, leaving: bool
) -> Verdict:
    """The verdict on an AdvDeployment that is served. `complete`: every podSet is proved to run; `leaving`: workloads
    of podSets that it no longer names are still there."""
    pod_sets = view.adv.spec.topology.pod_sets
    stuck = (_stuck(view, owner, pod_set, status) for pod_set, status in zip(pod_sets, seen, strict=True))
    foreign = foreign_service(view, owner)
    if trouble := next(filter(None, stuck), (FOREIGN, foreign) if foreign else None):
        reason, message = trouble
        installing = _before(view) is AppStatus.INSTALLING
        state = AppStatus.INSTALLING if installing else AppStatus.DEGRADED
        return Verdict(status=state, reason=reason, message=message, stalled=True)
    if complete and not leaving:
        return Verdict(
            status=AppStatus.RUNNING, reason="Running", message="everything runs as the spec asks", ready=True
        )
    state = AppStatus.MIGRATING if complete else _unfinished(view, seen)
    available, desired = sum(each.available for each in seen), _desired(view, seen)
    return Verdict(status=state, reason=state.value, message=f"{available} of {desired} pods are available")


def stalled(view: AdvDeploymentView, reason: str, message: str) -> Verdict:
    """The verdict on an AdvDeployment that cannot be served at all."""
    return Verdict(status=_before(view), reason=reason, message=message, stalled=True)


def tell(
    view: AdvDeploymentView, seen: tuple[PodSetStatus, ...], verdict: Verdict, now: datetime
) -> Told[AdvDeploymentStatus]:
    """The status as it shall stand: exactly the one that stands if nothing but times would differ."""
    adv, old = view.adv, view.adv.status
    generation = adv.metadata.generation
    counts = AdvAggrStatus(
        status=verdict.status,
        version=union_versions(each.version for each in seen),
        desired=_desired(view, seen),
        available=sum(each.available for each in seen),
        un_available=sum(each.un_available for each in seen),
        pod_sets=tuple(replace(each, cluster_name=view.cluster) for each in sorted(seen, key=lambda each: each.name)),
        pods=not_ready(view),
        warn_events=() if verdict.ready else warnings(view),
        service=service_status(view, seen),
        owner_resource=tuple(
            f"{kind_of(maker).name}:{maker.metadata.namespace}/{each.name}"
            for each in seen
            for maker in view.makers
            if each.have_deploy and maker.metadata.name == each.name
        ),
    )
    new = replace(
        old,
        observed_generation=generation,
        conditions=verdict.conditions(old.conditions, generation, now),
        current_revision=_only(each.revision for each in seen),
        update_revision=_only(each.revision for each in adv.spec.topology.pod_sets),
        replicas=sum(each.current for each in seen),
        selector=f"{names.APP}={adv.metadata.name}",
        aggr_status=counts,
    )
    if timeless(new) == timeless(old):
        return Told(status=old)
    if wait := settling(adv, old.observed_generation, verdict, now):
        return Told(status=old, requeue_after=wait)
    return Told(status=replace(new, last_update_time=whole_second(now)), events=tuple(_news(view, verdict)))


def event(view: AdvDeploymentView, type_: str, reason: str, note: str) -> Emit:
    """An Event about the AdvDeployment."""
    meta = view.adv.metadata
    return Emit(
        cluster=view.cluster,
        kind=ADVDEPLOYMENT,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        type_=type_,
        reason=reason,
        note=note,
        manager=names.WORKER,
    )


def _news(view: AdvDeploymentView, verdict: Verdict) -> Iterator[Emit]:
    """Events tell changes, not states."""
    before = find_condition(view.adv.status.conditions, names.STALLED)
    if verdict.stalled and not (before and before.true and before.reason == verdict.reason):
        yield event(view, "Warning", verdict.reason, verdict.message)


def _before(view: AdvDeploymentView) -> AppStatus:
    """The state that was told last; one that never told anything is being installed."""
    state = view.adv.status.aggr_status.status
    return state if state.known else AppStatus.INSTALLING


def _stuck(view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet, seen: PodSetStatus) -> tuple[str, str] | None:
    """Reason and sentence of what keeps a podSet from going on by itself."""
    kind = pod_set.pod_spec.deploy_type
    deployer = DEPLOYERS.get(kind)
    if deployer is None:
        served = ", ".join(DEPLOYERS)
        return NOT_SERVED, f"podSet {pod_set.name}: deployType {kind or 'empty'} is not served yet; use {served}"
    if deployer.taken(view, owner, pod_set):
        advice = "" if kind is DeployType.HELM else ADOPT
        return FOREIGN, FOREIGN_SENTENCE.format(pod_set.name) + advice
    return (seen.reason, f"podSet {pod_set.name}: {seen.message}") if seen.reason else None


def _unfinished(view: AdvDeploymentView, seen: tuple[PodSetStatus, ...]) -> AppStatus:
    """What is going on. A change once named keeps its name until it is done; Degraded is what no change explains."""
    before = _before(view)
    if before in {AppStatus.INSTALLING, AppStatus.UPDATING}:
        return before
    pod_sets = view.adv.spec.topology.pod_sets
    told = {each.name: each for each in view.adv.status.aggr_status.pod_sets}
    if any(_updates(pod_set, each, told.get(pod_set.name)) for pod_set, each in zip(pod_sets, seen, strict=True)):
        return AppStatus.UPDATING
    if before is AppStatus.SCALING or any(map(_scales, pod_sets, seen)):
        return AppStatus.SCALING
    return AppStatus.DEGRADED


def _updates(pod_set: ChildPodSet, seen: PodSetStatus, told: PodSetStatus | None) -> bool:
    """Whether pods of another revision are still there that no partition holds back, or new content came since the
    podSet was `told` of last: its own controller may not have counted the pods of that yet."""
    new = told is None or told.revision != pod_set.revision
    return new or seen.revision != pod_set.revision or seen.update + seen.held < seen.current


def _desired(view: AdvDeploymentView, seen: tuple[PodSetStatus, ...]) -> int:
    """Pods that the AdvDeployment shall have, as its spec and autoscalers say."""
    told = {each.name: each for each in seen}
    autoscaled = (count(each, told.get(each.name)) - each.replicas for each in view.adv.spec.topology.pod_sets)
    return view.adv.spec.replicas + sum(autoscaled)


def _scales(pod_set: ChildPodSet, seen: PodSetStatus) -> bool:
    return {seen.desired, seen.current} != {count(pod_set, seen)} or seen.observed_generation < seen.generation


def _only(revisions: Iterable[str]) -> str:
    """The one revision, or nothing if there are several."""
    found = set(revisions)
    return found.pop() if len(found) == 1 else ""
