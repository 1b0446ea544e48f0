"""The judgement of an AppSet: which word fits it, and whether it is ready, under way, stuck or told to stand still.

Source: semantics.md 5. `Running` is claimed only if all is proved; what is not known is `Unknown`, never guessed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sym.model import names
from sym.model.advdeployment import AdvDeployment, AdvDeploymentSpec
from sym.model.appset import AppSet, AppStatus
from sym.model.validate import REPLICAS_MISMATCH, REPLICAS_REQUIRED
from sym.plan.child import WantedChild
from sym.plan.emptying import Emptying, unusable
from sym.plan.evidence import count, observed, told
from sym.plan.ownership import Mark, owned
from sym.plan.rollout.course import STUCK
from sym.plan.rollout.walk import BLOCKED, CONFIRM
from sym.plan.status import foreign, retrying_in, stalled_in
from sym.plan.verdict import Verdict, first
from sym.plan.views import AppSetView
from sym.plan.wanted import Wanted

FOREIGN = "ForeignOwner"
PAUSED_SENTENCE = "paused by spec.updateStrategy.paused: nothing is changed until that is false"
COUNTS = (REPLICAS_MISMATCH, REPLICAS_REQUIRED)
UNREGISTERED = "ClusterNotRegistered"
UNREACHABLE = "ClusterUnreachable"


def judge(view: AppSetView, mark: Mark, want: Wanted, emptying: Emptying) -> Verdict:
    """The verdict on an AppSet that is served."""
    app, change = view.app, _change(view.app, want)
    state = first(_states(view, mark, want))
    if state is AppStatus.RUNNING and not want.settled:
        state = change
    complete = state is AppStatus.RUNNING
    stuck = next(_stuck(view, want), None)
    if app.spec.update_strategy.paused:
        message = f"{PAUSED_SENTENCE}; {stuck[1]}" if stuck else PAUSED_SENTENCE
        state = first((state, AppStatus.PAUSED))
        return Verdict(
            status=state, reason="Paused", message=message, ready=complete, stalled=stuck is not None, paused=True
        )
    if stuck is not None:
        return Verdict(status=state, reason=stuck[0], message=stuck[1], stalled=True)
    if complete:
        return Verdict(status=state, reason="Running", message="everything runs as the spec asks", ready=True)
    reason, message = _unfinished(view, want, emptying, state)
    return Verdict(status=state, reason=reason, message=message)


def _unfinished(view: AppSetView, want: Wanted, emptying: Emptying, state: AppStatus) -> tuple[str, str]:
    """Why an AppSet that goes on is not done: reason and sentences."""
    stop = want.rollout.stop if want.rollout is not None else None
    told = [stop.message] if stop is not None else []
    away = _away(view, view.app.spec.cluster_topology.names)
    if stop is None or stop.reason != BLOCKED:
        told += away.values()
    if stop is not None and stop.reason == CONFIRM:
        return CONFIRM, "; ".join(told)
    retrying = tuple(_retrying(view, want))
    failing = [message for _, message in retrying]
    if away:
        reason = UNREACHABLE if any(name in view.members for name in away) else UNREGISTERED
        return reason, "; ".join((*told, *failing))
    if retrying:
        return retrying[0][0], "; ".join(failing)
    if stop is not None:
        return stop.reason, stop.message
    message = "; ".join(emptying.waiting.values()) or "waiting until the clusters run what the spec asks"
    return state.value, message


def stand_still(view: AppSetView, mark: Mark | None, reason: str, message: str) -> Verdict:
    """The verdict on an AppSet whose spec cannot be followed: what runs keeps running."""
    change = AppStatus.SCALING if view.app.status.rollout.finished and reason in COUNTS else _change(view.app)
    written = sorted(mark.clusters) if mark else []
    unknown = [AppStatus.UNKNOWN] if _away(view, written) else []
    seen = [view.children[name].status.aggr_status.status for name in written if name in view.children]
    state = first((change, *unknown, *(each for each in seen if each.known)))
    return Verdict(
        status=state, reason=reason, message=message, stalled=True, paused=view.app.spec.update_strategy.paused
    )


def _change(app: AppSet, want: Wanted | None = None) -> AppStatus:
    """What a change of content is called: the first one is the installation."""
    record = want.rollout.status if want is not None and want.rollout is not None else app.status.rollout
    return AppStatus.UPDATING if record.finished else AppStatus.INSTALLING


def _away(view: AppSetView, clusters: Iterable[str]) -> Mapping[str, str]:
    return {name: trouble for name in clusters if (trouble := unusable(name, view.members.get(name)))}


def _states(view: AppSetView, mark: Mark, want: Wanted) -> Iterator[AppStatus]:
    change, dropped = _change(view.app, want), mark.clusters - want.occupied
    for name in view.app.spec.cluster_topology.names:
        if unusable(name, view.members.get(name)):
            yield AppStatus.UNKNOWN if name in mark.clusters else change
        elif child := want.children.get(name):
            yield _state(view.children.get(name), child, change)
    if want.leaving or dropped - _away(view, dropped).keys():
        yield AppStatus.MIGRATING
    if _shifts(view, want):
        yield AppStatus.WORK_RATIOING
    if want.rollout is not None and want.rollout.status.phase in STUCK:
        yield AppStatus.DEGRADED
    if want.withheld:
        yield change


def _state(seen: AdvDeployment | None, want: WantedChild, change: AppStatus) -> AppStatus:
    """The state of the app in one reachable cluster."""
    if seen is None or seen.deleting or not owned(seen, want.owner):
        return change
    if not want.equals(seen) or not observed(seen):
        scaling = change is AppStatus.UPDATING and _revisions(want.spec) == _revisions(seen.spec) == _carried(seen)
        return AppStatus.SCALING if scaling else change
    state = seen.status.aggr_status.status
    return state if state.known else change


def _shifts(view: AppSetView, want: Wanted) -> bool:
    """Whether pods go from one group to another: one has more than it shall have, another less."""
    missing: Counter[str] = Counter()
    for name, child in want.children.items():
        seen = told(view.children.get(name))
        for pod_set in child.spec.topology.pod_sets:
            if each := seen.get(pod_set.name):
                missing[names.group_of(pod_set.name, pod_set.meta)] += count(pod_set, each) - each.current
    return min(missing.values(), default=0) < 0 < max(missing.values(), default=0)


def _revisions(spec: AdvDeploymentSpec) -> Mapping[str, str]:
    return {pod_set.name: pod_set.revision for pod_set in spec.topology.pod_sets}


def _carried(seen: AdvDeployment) -> Mapping[str, str]:
    """The revision that each podSet last ran whole: what was asked for since is no mere change of counts."""
    return {
        each.name: each.revision for each in seen.status.aggr_status.pod_sets if each.update + each.held >= each.current
    }


def _stuck(view: AppSetView, want: Wanted) -> Iterator[tuple[str, str]]:
    """Reasons and sentences of what does not go on by itself."""
    if want.rollout is not None and want.rollout.status.phase in STUCK and want.rollout.stop is not None:
        yield want.rollout.stop.reason, want.rollout.stop.message
    for cluster, child in want.children.items():
        seen = view.children.get(cluster)
        if seen is None or unusable(cluster, view.members.get(cluster)):
            continue
        if not owned(seen, child.owner):
            yield FOREIGN, foreign(cluster)
        elif stalled := stalled_in(seen):
            yield stalled.reason, _in(cluster, stalled.message)


def _retrying(view: AppSetView, want: Wanted) -> Iterator[tuple[str, str]]:
    """Reasons and sentences of what fails in a cluster and is tried again there, one for each cluster."""
    for cluster, child in want.children.items():
        seen = view.children.get(cluster)
        if seen is None or unusable(cluster, view.members.get(cluster)) or not owned(seen, child.owner):
            continue
        if failing := retrying_in(seen):
            yield failing.reason, _in(cluster, failing.message)


def _in(cluster: str, message: str) -> str:
    """The message of a child, which a worker outside of the cluster has told with the cluster's name already."""
    return message if message.startswith(f"cluster {cluster!r}") else f"cluster {cluster}: {message}"
