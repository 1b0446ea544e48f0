"""What the simulated controllers read of the objects in the store: partial structs, decoded from an entry's bytes."""

from msgspec import field

from sym.model.codec import JSONMap, dig_str
from sym.model.meta import Model, ObjectMeta


class LabelSelector(Model, frozen=True):
    """`spec.selector` of workloads, the part that Deployments and ReplicaSets are selected by."""

    match_labels: dict[str, str] = {}
    match_expressions: list[JSONMap] = []


class RollingUpdate(Model, frozen=True):
    """Bounds of a rolling update: counts or percents."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(Model, frozen=True):
    """How a Deployment replaces pods."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Model, frozen=True):
    """The spec of a Deployment."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}
    strategy: Strategy = Strategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool = False


class DeploymentStatus(Model, frozen=True):
    """The counts of a Deployment as last written."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    collision_count: int | None = None
    conditions: list[JSONMap] = []


class DeploymentView(Model, frozen=True):
    """A Deployment."""

    metadata: ObjectMeta = ObjectMeta()
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ReplicaSetSpec(Model, frozen=True):
    """The spec of a ReplicaSet."""

    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: JSONMap = {}
    min_ready_seconds: int = 0


class ReplicaSetStatus(Model, frozen=True):
    """The counts of a ReplicaSet as last written."""

    observed_generation: int = 0
    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: list[JSONMap] = []


class ReplicaSetView(Model, frozen=True):
    """A ReplicaSet."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


class JobSpec(Model, frozen=True):
    """The spec of a Job. `completions` None: any success ends it."""

    parallelism: int = 1
    completions: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    pod_replacement_policy: str = "TerminatingOrFailed"
    template: JSONMap = {}


class JobStatus(Model, frozen=True):
    """The counts of a Job as last written."""

    succeeded: int = 0
    failed: int = 0
    start_time: str = ""
    conditions: list[JSONMap] = []


class JobView(Model, frozen=True):
    """A Job."""

    metadata: ObjectMeta = ObjectMeta()
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    @property
    def restart_policy(self) -> str:
        """What its pods do when a container ends."""
        return dig_str(self.spec.template, "spec", "restartPolicy")


class PodCondition(Model, frozen=True):
    """One condition of a pod."""

    type: str = ""
    status: str = ""


class ContainerCount(Model, frozen=True):
    """How often a container was restarted."""

    restart_count: int = 0


class PodSpecView(Model, frozen=True):
    """Where a pod runs."""

    node_name: str = ""


class PodStatusView(Model, frozen=True):
    """How a pod is."""

    phase: str = "Pending"
    pod_ip: str = field(name="podIP", default="")
    conditions: list[PodCondition] = []
    container_statuses: list[ContainerCount] = []


class PodView(Model, frozen=True):
    """A pod, as far as its ReplicaSet and its Service ask."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpecView = PodSpecView()
    status: PodStatusView = PodStatusView()

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is True."""
        return any(condition.type == "Ready" and condition.status == "True" for condition in self.status.conditions)

    @property
    def finished(self) -> bool:
        """Whether it has ended by itself."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Whether it counts: neither finished nor going."""
        return not self.finished and self.metadata.deletion_timestamp is None

    @property
    def restarts(self) -> int:
        """The restarts of all containers together."""
        return sum(status.restart_count for status in self.status.container_statuses)
