"""Kubernetes' own kinds, as far as Sym reads them: partial, frozen, unknown fields ignored.

Never send one of these back: what Sym writes is built field by field and applied. Nulls that Kubernetes' Go encoders
write for empty times are allowed for. Times are aware datetimes.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from msgspec import field
from msgspec.structs import force_setattr

from sym.model import names
from sym.model.codec import JSONMap
from sym.model.meta import Model, Object, ObjectMeta
from sym.model.selectors import LabelSelector


class WorkloadCondition(Model, frozen=True):
    """A condition of one of Kubernetes' own kinds."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class RollingUpdate(Model, frozen=True):
    """Bounds of a rolling update. `partition` is a StatefulSet's."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    partition: int | None = None


class WorkloadStrategy(Model, frozen=True):
    """How a workload changes its pods."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Model, frozen=True):
    """What a Deployment shall run."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}
    strategy: WorkloadStrategy = WorkloadStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool = False


class ControllerRevision(Object, frozen=True):
    """A content of an AppSet that was or is rolled out. `data` is its spec, `revision` grows with every rollout."""

    data: JSONMap = {}
    revision: int = 0


class DeploymentStatus(Model, frozen=True):
    """What a Deployment runs."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    conditions: tuple[WorkloadCondition, ...] = ()


class ManagedFields(Model, frozen=True):
    """The fields that one manager owns, in the API server's notation. Those of our own worker and those of statuses are
    not kept: what Sym asks is whether somebody else owns a field that Sym would write."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fields_v1: JSONMap = {}

    def __post_init__(self) -> None:
        if self.manager == names.WORKER or self.subresource == "status":
            force_setattr(self, "fields_v1", {})


class WorkloadMeta(ObjectMeta, frozen=True):
    """The metadata of what Sym writes, with who owns what of it."""

    managed_fields: tuple[ManagedFields, ...] = ()


class Managed(Object, frozen=True):
    """What Sym writes field by field: it knows who owns what of it."""

    metadata: WorkloadMeta = WorkloadMeta()


class Deployment(Managed, frozen=True):
    """apps/v1 Deployment."""

    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ReleaseStatus(StrEnum):
    """How a revision of a Helm release stands, as Helm says it."""

    DEPLOYED = "deployed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    UNINSTALLING = "uninstalling"
    UNINSTALLED = "uninstalled"
    PENDING_INSTALL = "pending-install"
    PENDING_UPGRADE = "pending-upgrade"
    PENDING_ROLLBACK = "pending-rollback"


PENDING = frozenset((ReleaseStatus.PENDING_INSTALL, ReleaseStatus.PENDING_UPGRADE, ReleaseStatus.PENDING_ROLLBACK))
"""Somebody's Helm is at it, or was killed while it was."""


class ReleaseRecord(Object, frozen=True):
    """One revision of a Helm release: the metadata of the Secret in which Helm keeps it, never its data."""

    @property
    def release(self) -> str:
        """The release's name."""
        return self.metadata.labels.get(names.RELEASE, "")

    @property
    def number(self) -> int:
        """Which revision it is, counted by Helm from 1; 0 if it does not say."""
        text = self.metadata.labels.get(names.RELEASE_NUMBER, "")
        return int(text) if text.isdecimal() else 0

    @property
    def status(self) -> str:
        """How it stands: a `ReleaseStatus`, or a word of a Helm that we do not know."""
        return self.metadata.labels.get(names.RELEASE_STATUS, "")

    @property
    def changed(self) -> int:
        """When Helm wrote it last, in seconds since 1970; 0 if it does not say."""
        texts = (self.metadata.labels.get(key, "") for key in names.RELEASE_CHANGED)
        return next((int(text) for text in texts if text.isdecimal()), 0)


class ReplicaSetSpec(Model, frozen=True):
    """What a ReplicaSet shall run."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}


class ReplicaSetStatus(Model, frozen=True):
    """What a ReplicaSet runs."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0


class ReplicaSet(Object, frozen=True):
    """apps/v1 ReplicaSet."""

    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


class ScaleTarget(Model, frozen=True):
    """The object that an autoscaler scales."""

    api_version: str = ""
    kind: str = ""
    name: str = ""


class AutoscalerSpec(Model, frozen=True):
    """What an autoscaler scales."""

    scale_target_ref: ScaleTarget = ScaleTarget()


class Autoscaler(Object, frozen=True):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    spec: AutoscalerSpec = AutoscalerSpec()


class StatefulSetSpec(Model, frozen=True):
    """What a StatefulSet shall run."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}
    service_name: str = ""
    pod_management_policy: str = ""
    volume_claim_templates: tuple[JSONMap, ...] = ()
    update_strategy: WorkloadStrategy = WorkloadStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None


class StatefulSetStatus(Model, frozen=True):
    """What a StatefulSet runs."""

    observed_generation: int = 0
    replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    conditions: tuple[WorkloadCondition, ...] = ()

    @property
    def unavailable_replicas(self) -> int:
        """Pods that are there and not available, as a Deployment's status has them."""
        return max(self.replicas - self.available_replicas, 0)


class StatefulSet(Managed, frozen=True):
    """apps/v1 StatefulSet."""

    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()


Workload: TypeAlias = Deployment | StatefulSet
"""What makes pods of a podSet."""


class Container(Model, frozen=True):
    """A container as it shall run."""

    name: str = ""
    image: str = ""


class PodSpec(Model, frozen=True):
    """What a pod shall run, and where."""

    node_name: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()


class Waiting(Model, frozen=True):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class Running(Model, frozen=True):
    """Since when a container runs."""

    started_at: datetime | None = None


class Terminated(Model, frozen=True):
    """How a container ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = field(name="containerID", default="")


class ContainerState(Model, frozen=True):
    """The state of a container: one of the three, or nothing known."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Model, frozen=True):
    """A container as it runs."""

    name: str = ""
    image: str = ""
    ready: bool = False
    restart_count: int = 0
    container_id: str = field(name="containerID", default="")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(Model, frozen=True):
    """A pod as it runs."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = field(name="podIP", default="")
    host_ip: str = field(name="hostIP", default="")
    start_time: datetime | None = None
    conditions: tuple[WorkloadCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Object, frozen=True):
    """v1 Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ready(self) -> bool:
        """Whether its condition Ready is True and nobody is deleting it."""
        return not self.deleting and any(
            each.type == "Ready" and each.status == "True" for each in self.status.conditions
        )


class ServicePort(Model, frozen=True):
    """A port of a Service."""

    name: str = ""
    port: int = 0
    protocol: str = ""
    target_port: int | str | None = None
    node_port: int = 0


class ServiceSpec(Model, frozen=True):
    """What a Service serves."""

    type: str = ""
    cluster_ip: str = field(name="clusterIP", default="")
    selector: Mapping[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    publish_not_ready_addresses: bool = False


class Service(Managed, frozen=True):
    """v1 Service."""

    spec: ServiceSpec = ServiceSpec()


class EndpointTarget(Model, frozen=True):
    """The object that stands behind an address."""

    kind: str = ""
    name: str = ""


class EndpointConditions(Model, frozen=True):
    """Whether an address gets traffic. Unset means yes, as Kubernetes has it."""

    ready: bool | None = None


class Endpoint(Model, frozen=True):
    """Addresses of one backend of a Service. The addresses themselves are of no interest here."""

    conditions: EndpointConditions = EndpointConditions()
    target_ref: EndpointTarget | None = None


class EndpointSlice(Object, frozen=True):
    """discovery.k8s.io/v1 EndpointSlice. `endpoints` is null where there are none."""

    endpoints: tuple[Endpoint, ...] | None = ()


class ObjectReference(Model, frozen=True):
    """The object that an Event is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class EventSource(Model, frozen=True):
    """Who wrote an Event."""

    component: str = ""
    host: str = ""


class EventSeries(Model, frozen=True):
    """How often an Event happened."""

    count: int = 0
    last_observed_time: datetime | None = None


class Event(Object, frozen=True):
    """v1 Event."""

    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: EventSeries | None = None
    source: EventSource = EventSource()
    reporting_component: str = ""

    @property
    def last_seen(self) -> datetime | None:
        """When it last happened, whichever way its writer tells the time."""
        in_series = self.series.last_observed_time if self.series else None
        return in_series or self.last_timestamp or self.event_time or self.metadata.creation_timestamp

    @property
    def times(self) -> int:
        """How often it happened, at least 1."""
        return max(self.series.count if self.series else 0, self.count or 0, 1)


class Secret(Object, frozen=True):
    """v1 Secret. Its text form never shows the data."""

    type: str = ""
    data: Mapping[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Secret({self.metadata.namespace}/{self.metadata.name}, {len(self.data)} keys)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """What rich may show of it: nothing."""
        return []


class ConfigMap(Object, frozen=True):
    """v1 ConfigMap. It may hold a kubeconfig, so its text form never shows the data."""

    data: Mapping[str, str] = {}
    binary_data: Mapping[str, bytes] = {}

    def __repr__(self) -> str:
        return f"ConfigMap({self.metadata.namespace}/{self.metadata.name}, {len(self.data)} keys)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        """What rich may show of it: nothing."""
        return []


class LeaseSpec(Model, frozen=True):
    """Who holds a Lease, until when."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int | None = None


class Lease(Object, frozen=True):
    """coordination.k8s.io/v1 Lease."""

    spec: LeaseSpec = LeaseSpec()


class NamespaceStatus(Model, frozen=True):
    """Whether a Namespace is Active or Terminating."""

    phase: str = ""


class Namespace(Object, frozen=True):
    """v1 Namespace."""

    status: NamespaceStatus = NamespaceStatus()


class Taint(Model, frozen=True):
    """What keeps pods off a node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Model, frozen=True):
    """How a node shall be used."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeAddress(Model, frozen=True):
    """An address of a node."""

    type: str = ""
    address: str = ""


class NodeInfo(Model, frozen=True):
    """Versions on a node."""

    kubelet_version: str = ""
    kernel_version: str = ""
    os_image: str = ""
    architecture: str = ""
    container_runtime_version: str = ""


class NodeStatus(Model, frozen=True):
    """What a node has and how it is."""

    addresses: tuple[NodeAddress, ...] = ()
    capacity: Mapping[str, str] = {}
    allocatable: Mapping[str, str] = {}
    conditions: tuple[WorkloadCondition, ...] = ()
    node_info: NodeInfo = NodeInfo()


class Node(Object, frozen=True):
    """v1 Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
