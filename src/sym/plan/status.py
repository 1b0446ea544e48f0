"""What an AppSet's status says of its clusters: a row each, and the sums over those that can be seen now.

Numbers of a cluster that cannot be reached stay in its row with the time when they were true and count in no sum.
Source: semantics.md 5, contract.md 6.3.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AggrStatus, AppSet, AppSetStatus, AppStatus, ClusterStatus
from sym.model.conditions import Condition, find_condition, whole_second
from sym.model.kinds import APPSET
from sym.model.meta import META
from sym.model.rollout import Phase, RolloutStatus
from sym.model.shapes import MAX_EVENTS, MAX_PODS
from sym.model.versions import union_versions
from sym.plan.emptying import unusable
from sym.plan.evidence import observed
from sym.plan.ownership import own_child
from sym.plan.types import Emit, Health, MemberState, Owner
from sym.plan.verdict import Told, Verdict, settling, timeless
from sym.plan.views import AppSetView

NOT_REGISTERED = "NotRegistered"
FOREIGN = "ForeignOwner"


class Shown(Struct, frozen=True, kw_only=True):
    """What a status shall tell of: clusters in order with the pods that they shall have (None: as their workers say),
    the pods of all together, and how the rollout goes (None: as it was)."""

    clusters: Mapping[str, int | None]
    desired: int | None = None
    rollout: RolloutStatus | None = None


def row(view: AppSetView, owner: Owner, cluster: str, desired: int | None = None) -> ClusterStatus:
    """What is seen in one cluster. `desired` is what it shall have, where that is known better than by its worker."""
    before = next((each for each in view.app.status.aggr_status.clusters if each.name == cluster), None)
    member = view.members.get(cluster)
    if trouble := unusable(cluster, member):
        last = before or ClusterStatus(name=cluster)
        seen = member.seen if member and member.seen else None
        return replace(
            last,
            status=_state_of(member),
            desired=last.desired if desired is None else desired,
            observed_at=last.observed_at or (whole_second(seen) if seen else None),
            message=trouble,
        )
    child = own_child(view, owner, cluster)
    if child is None:
        state, message = "", ""
        if cluster in view.children:
            state, message = FOREIGN, foreign(cluster)
        return ClusterStatus(
            name=cluster, status=state, desired=desired or 0, un_available=desired or 0, message=message
        )
    counts = child.status.aggr_status
    return ClusterStatus(
        name=cluster,
        status=counts.status.value,
        version=counts.version,
        desired=counts.desired if desired is None else desired,
        available=counts.available,
        un_available=counts.un_available,
        pod_sets=counts.pod_sets,
        message=said.message if (said := stalled_in(child) or retrying_in(child)) else "",
    )


def _state_of(member: MemberState | None) -> str:
    if member is None:
        return NOT_REGISTERED
    return Health.CONNECTING if member.health is Health.READY else member.health


def foreign(cluster: str) -> str:
    """The sentence about a child that another AppSet made."""
    return (
        f"in cluster {cluster} an AdvDeployment of this name belongs to another AppSet (another app-id): "
        "take it over with `sym adopt`, or use another name"
    )


def stalled_in(child: AdvDeployment) -> Condition | None:
    """The worker's word that it cannot go on, if it says so of the child as it is."""
    condition = find_condition(child.status.conditions, names.STALLED) if observed(child) else None
    return condition if condition is not None and condition.true else None


def retrying_in(child: AdvDeployment) -> Condition | None:
    """The worker's word that something fails which it tries again, if it says so of the child as it is. What merely
    takes its time gives the state as its reason."""
    condition = find_condition(child.status.conditions, names.READY) if observed(child) else None
    failing = condition is not None and not condition.true and not AppStatus(condition.reason).known
    return condition if failing and not stalled_in(child) else None


def aggregate(view: AppSetView, owner: Owner, rows: tuple[ClusterStatus, ...], desired: int | None) -> AggrStatus:
    """The sums over the rows that are fresh, and the lists of their children. The state is left to the caller."""
    fresh = [each for each in rows if not unusable(each.name, view.members.get(each.name))]
    children = [(each.name, child) for each in fresh if (child := own_child(view, owner, each.name))]
    pods = (replace(pod, cluster_name=name) for name, child in children for pod in child.status.aggr_status.pods)
    events = (
        replace(one, cluster_name=name) for name, child in children for one in child.status.aggr_status.warn_events
    )
    services = [found for _, child in children if (found := child.status.aggr_status.service) is not None]
    behind = sum(each.endpoints for each in services)
    return AggrStatus(
        service=replace(services[0], endpoints=behind) if services else None,
        version=union_versions(each.version for each in fresh),
        desired=sum(each.desired for each in rows) if desired is None else desired,
        available=sum(each.available for each in fresh),
        un_available=sum(each.un_available for each in fresh),
        clusters=rows,
        pod_sets=tuple(replace(pod_set, cluster_name=each.name) for each in fresh for pod_set in each.pod_sets),
        pods=tuple(islice(pods, MAX_PODS)),
        warn_events=tuple(islice(events, MAX_EVENTS)),
    )


def tell(view: AppSetView, owner: Owner, shown: Shown, verdict: Verdict, now: datetime) -> Told[AppSetStatus]:
    """The status as it shall stand: exactly the one that stands if nothing but the time would differ."""
    app, old = view.app, view.app.status
    generation = app.metadata.generation
    rows = tuple(row(view, owner, cluster, desired) for cluster, desired in shown.clusters.items())
    counts = aggregate(view, owner, rows, shown.desired)
    new = replace(
        old,
        observed_generation=generation,
        app_id=owner.app_id,
        conditions=verdict.conditions(old.conditions, generation, now),
        replicas=sum(pod_set.current for pod_set in counts.pod_sets),
        selector=f"{names.APP}={app.metadata.name}",
        aggr_status=replace(counts, status=verdict.status),
        rollout=old.rollout if shown.rollout is None else shown.rollout,
    )
    if timeless(new) == timeless(old) or _unsettled(view, shown):
        return Told(status=old)
    if wait := settling(app, old.observed_generation, verdict, now):
        return Told(status=_noted(old, owner, rows), requeue_after=wait)
    return Told(status=replace(new, last_update_time=whole_second(now)), events=tuple(_news(app, verdict, new.rollout)))


def _noted(old: AppSetStatus, owner: Owner, rows: tuple[ClusterStatus, ...]) -> AppSetStatus:
    """Even a status that is held back has, once, what a `kubectl replace` of the annotations must not lose: the id and
    the clusters."""
    if old.app_id == owner.app_id:
        return old
    return replace(old, app_id=owner.app_id, aggr_status=replace(old.aggr_status, clusters=rows))


def _unsettled(view: AppSetView, shown: Shown) -> bool:
    """Whether a cluster is just being connected to while the status already speaks of this generation: a restart of Sym
    alone changes no status."""
    members = [member for name in shown.clusters if (member := view.members.get(name))]
    connecting = any(each.health in {Health.CONNECTING, Health.READY} and not each.usable for each in members)
    return connecting and view.app.status.observed_generation == view.app.metadata.generation


_TOLD: Mapping[Phase | None, tuple[str, str]] = {
    Phase.WAITING: ("Normal", "WaitingForConfirm"),
    Phase.BLOCKED: ("Warning", "RolloutBlocked"),
    Phase.FAILED: ("Warning", "RolloutFailed"),
    Phase.ROLLED_BACK: ("Warning", "RolledBack"),
    Phase.ABORTED: ("Warning", "Aborted"),
}
"""The phases of a rollout that Events tell of: type and reason."""


def _news(app: AppSet, verdict: Verdict, rollout: RolloutStatus) -> Iterator[Emit]:
    """Events tell changes, not states."""
    old = app.status.rollout
    if rollout.phase in _TOLD and (rollout.hash, rollout.phase, rollout.gate) != (old.hash, old.phase, old.gate):
        type_, reason = _TOLD[rollout.phase]
        yield event(app, type_, reason, rollout.message)
    stalled = find_condition(app.status.conditions, names.STALLED)
    if verdict.status is AppStatus.RUNNING and app.status.aggr_status.status is not AppStatus.RUNNING:
        yield event(app, "Normal", "Running", "Status is Running.")
    if verdict.stalled and not (stalled and stalled.true and stalled.reason == verdict.reason):
        yield event(app, "Warning", verdict.reason, verdict.message)


def event(app: AppSet, type_: str, reason: str, note: str) -> Emit:
    """An Event about the AppSet."""
    meta = app.metadata
    return Emit(
        cluster=META,
        kind=APPSET,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        type_=type_,
        reason=reason,
        note=note,
        manager=names.MASTER,
    )
