"""What is seen of pods: whose they are, which versions run, which are not ready and why, what warnings say.

Relies on the labels that Sym puts on pod templates.
"""

from collections.abc import Iterable, Iterator, Sequence

from sym.model import names
from sym.model.appset import PodStatusInfo, WarnEvent
from sym.model.images import Image
from sym.model.shapes import MAX_EVENTS, MAX_PODS
from sym.model.versions import union_versions
from sym.model.workload import ContainerStatus, Event, Pod, Workload
from sym.plan.content import main_of, version_of
from sym.plan.views import AdvDeploymentView

_STARTING = ("ContainerCreating", "PodInitializing")


def pods_of(view: AdvDeploymentView, pod_set: str) -> tuple[Pod, ...]:
    """The pods of a podSet that nobody is deleting."""
    return tuple(pod for pod in view.pods if pod.metadata.labels.get(names.PODSET) == pod_set and not pod.deleting)


def versions(view: AdvDeploymentView, pod_set: str) -> str:
    """The union of the versions that a podSet's pods run; where none is seen, of those that its ReplicaSets keep."""
    app = view.adv.metadata.name
    running = [_version(pod, app) for pod in pods_of(view, pod_set) if pod.status.phase == "Running"]
    kept = (
        version_of(each.spec.template, app)
        for each in view.replica_sets
        if each.metadata.labels.get(names.PODSET) == pod_set and each.status.ready_replicas
    )
    return union_versions(running or kept)


def selected(view: AdvDeploymentView, found: Iterable[Workload]) -> tuple[Pod, ...]:
    """The pods that the workloads `found` select and that nobody is deleting."""
    selectors = [each.spec.selector.match_labels for each in found if each.spec.selector.match_labels]
    return tuple(
        pod
        for pod in view.pods
        if not pod.deleting and any(wanted.items() <= pod.metadata.labels.items() for wanted in selectors)
    )


def served(view: AdvDeploymentView, pods: Iterable[Pod]) -> int:
    """How many of the pods get traffic from the app's Service, each counted once however many addresses it has. As
    Kubernetes has it, an address of which nothing is known gets some."""
    behind = {
        endpoint.target_ref.name
        for each in view.slices
        for endpoint in each.endpoints or ()
        if endpoint.conditions.ready is not False and endpoint.target_ref and endpoint.target_ref.kind == "Pod"
    }
    return sum(pod.metadata.name in behind for pod in pods)


def versions_in(view: AdvDeploymentView, found: Sequence[Workload]) -> str:
    """The union of the versions that the pods of the workloads `found` run; where none is seen, of those that their
    templates ask for, if any pod is ready."""
    app = view.adv.metadata.name
    running = [_version(pod, app) for pod in selected(view, found) if pod.status.phase == "Running"]
    asked = (version_of(each.spec.template, app) for each in found if each.status.ready_replicas)
    return union_versions(running or asked)


def not_ready(view: AdvDeploymentView) -> tuple[PodStatusInfo, ...]:
    """The pods that are not ready, by name, as many as a status may hold."""
    pods = sorted((pod for pod in view.pods if not pod.ready and not pod.deleting), key=lambda pod: pod.metadata.name)
    return tuple(_info(pod, view.cluster) for pod in pods[:MAX_PODS])


def waits(pod: Pod) -> str:
    """Why a pod does not come up, in one word; empty for one that runs or is merely starting."""
    return next((reason for reason, _ in _reasons(pod) if reason not in _STARTING), "")


def warnings(view: AdvDeploymentView) -> tuple[WarnEvent, ...]:
    """The latest warnings about the app's objects, as many as a status may hold."""
    latest = sorted(view.events, key=lambda event: event.metadata.name)
    latest.sort(key=lambda event: event.last_seen.timestamp() if event.last_seen else 0.0, reverse=True)
    return tuple(_warning(event, view.cluster) for event in latest[:MAX_EVENTS])


def _version(pod: Pod, app: str) -> str:
    containers = pod.spec.containers
    index = main_of([container.name for container in containers], app)
    return Image.parse(containers[index].image).version if containers else ""


def _info(pod: Pod, cluster: str) -> PodStatusInfo:
    state, message = next(_reasons(pod), (pod.status.reason or pod.status.phase, pod.status.message))
    return PodStatusInfo(
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        state=state,
        pod_ip=pod.status.pod_ip,
        node_ip=pod.status.host_ip,
        node_name=pod.spec.node_name,
        cluster_name=cluster,
        start_time=pod.status.start_time,
        message=message,
    )


def _reasons(pod: Pod) -> Iterator[tuple[str, str]]:
    """Why containers wait or ended, the first one first."""
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        if not status.ready:
            yield from _reason(status)


def _reason(status: ContainerStatus) -> Iterator[tuple[str, str]]:
    waiting, ended = status.state.waiting, status.state.terminated
    if waiting and waiting.reason:
        yield waiting.reason, waiting.message
    elif ended and (ended.reason or ended.exit_code):
        yield ended.reason or "Error", ended.message


def _warning(event: Event, cluster: str) -> WarnEvent:
    about = event.involved_object
    return WarnEvent(
        message=event.message,
        source_component=event.source.component or event.reporting_component,
        name=event.metadata.name,
        object=f"{about.kind}/{about.name}",
        count=event.times,
        first_seen=event.first_timestamp or event.event_time,
        last_seen=event.last_seen,
        reason=event.reason,
        type=event.type,
        cluster_name=cluster,
    )
