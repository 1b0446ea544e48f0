"""Cluster: a member cluster's metadata and the infrastructure components that shall run in it.

Source: seed-design.md, contract.md section 1.4, semantics.md 4 and 8. It is not a registration: how to reach a cluster
stands in a Secret of the meta cluster, and `spec.kubeConfig` is refused.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import field

from sym.model.appset import HelmRelease
from sym.model.conditions import Condition
from sym.model.meta import Model, Object
from sym.model.shapes import Count, list_map, required, rule, rules, shape

Quantities = Mapping[str, str]
"""Amounts by resource name, as {"cpu": "16", "memory": "64Gi"}."""

Percent = Annotated[int, shape(minimum=0, format="int32")]

NOT_A_REGISTRATION = (
    "spec.kubeConfig does not register a cluster: remove it and run `sym cluster join NAME --kubeconfig FILE`, "
    "which stores the credentials in a Secret of namespace sym-admin"
)


class HelmSpec(Model, frozen=True):
    """How Helm is used in the cluster."""

    namespace: Annotated[str, shape(maxLength=63)] = ""
    """Namespace of Helm's own parts (Helm 2's Tiller; unused since)."""
    override_image_spec: Annotated[str, shape(maxLength=512)] = ""
    """Image of Tiller (Helm 2; unused since)."""
    max_history: Count = 0
    """How many old revisions of a release are kept. 0 means Helm's default of 10."""


class AlertSpec(Model, frozen=True):
    """Alerting of the cluster."""

    enable: bool = False
    """Whether Warning events are sent on."""


class ClusterApp(Model, frozen=True):
    """An infrastructure component: a Helm release."""

    name: Annotated[str, required(minLength=1, maxLength=53)] = ""
    """Name of the component and of its release."""
    namespace: Annotated[str, shape(maxLength=63)] = ""
    """Namespace of the release. Default: default."""
    repo: Annotated[str, shape(maxLength=253)] = ""
    """Alias of the chart repository. Default: dmall."""
    chart_name: Annotated[str, shape(maxLength=253)] = ""
    """Name of the chart. Default: the component's name."""
    chart_version: Annotated[str, shape(maxLength=128)] = ""
    """Version of the chart. Default: the newest."""
    app_version: Annotated[str, shape(maxLength=128)] = ""
    """Version of what the chart installs, where the chart lets one choose."""
    override_value: str = ""
    """Helm values as YAML text; where given, `values` is not used."""
    values: Mapping[str, str] = {}
    """Settings of the component by name."""
    raw_value_set: Mapping[str, str] = {}
    """Helm values by path, as `--set` takes them."""
    raw_values: str = ""
    """Helm values as YAML text, laid over the chart's."""
    raw_valus: str = ""
    """The first document's spelling of rawValues; used where rawValues is empty."""

    @property
    def values_text(self) -> str:
        """The YAML text of Helm values, under either spelling."""
        return self.raw_values or self.raw_valus


class ClusterSpec(Model, frozen=True):
    """What is known of the cluster and what shall be installed in it."""

    kube_config: str = ""
    """Not a registration: refused. Clusters are registered with `sym cluster join`."""
    sym_node_name: Annotated[str, shape(maxLength=253)] = ""
    """The node on which components run, apart from the applications."""
    loki_node_name: Annotated[str, shape(maxLength=253)] = ""
    """The node on which log storage runs."""
    meta: Mapping[str, str] = {}
    """Metadata of the cluster, as sym-available-zone."""
    additionals: Mapping[str, str] = {}
    """Metadata of the cluster: area, az, ldc and others. Overridden by meta."""
    display_name: Annotated[str, shape(maxLength=253)] = ""
    """Name for people."""
    description: Annotated[str, shape(maxLength=4096)] = ""
    """What the cluster is for."""
    helm_spec: HelmSpec = HelmSpec()
    """How Helm is used."""
    alert_spec: AlertSpec = AlertSpec()
    """Alerting."""
    apps: Annotated[tuple[ClusterApp, ...], list_map("name", limit=100)] = ()
    """The components."""
    pause: bool = False
    """Whether the components are left alone."""

    @property
    def merged_meta(self) -> dict[str, str]:
        """The cluster's metadata: additionals, overridden by meta."""
        return {**self.additionals, **self.meta}


class ClusterAppStatus(HelmRelease, frozen=True):
    """A component as it runs."""

    name: Annotated[str, required(maxLength=253)] = field(default_factory=str)
    """Name of the component."""
    rls_name: str = ""
    """Name of the release."""
    rls_status: str = ""
    """Status of the release, or the error that it met."""
    rls_version: int = 0
    """Revision of the release."""
    override_va: str = ""
    """The Helm values that the release was given, as YAML text."""
    resources: Annotated[tuple[str, ...], shape(maxItems=500)] = ()
    """The release's objects, as Kind:namespace/name."""


class Component(Model, frozen=True):
    """A part of the cluster's control plane."""

    name: Annotated[str, required(maxLength=253)] = field(default_factory=str)
    """Name of the part."""
    conditions: Annotated[tuple[Condition, ...], list_map("type", limit=32)] = ()
    """Its state."""


class MonitoringStatus(Model, frozen=True):
    """Where the cluster's monitoring is reached."""

    grafana_endpoint: str = ""
    """URL of Grafana."""
    alert_manager_endpoint: str = ""
    """URL of Alertmanager."""
    prometheus_endpoint: str = ""
    """URL of Prometheus."""


class VersionInfo(Model, frozen=True):
    """The version that the cluster's API server tells."""

    major: str = ""
    """Major version."""
    minor: str = ""
    """Minor version."""
    git_version: str = ""
    """Full version, as v1.34.2."""
    git_commit: str = ""
    """Commit."""
    git_tree_state: str = ""
    """Whether the source was clean."""
    build_date: str = ""
    """When it was built."""
    go_version: str = ""
    """Version of Go."""
    compiler: str = ""
    """Compiler of Go."""
    platform: str = ""
    """Operating system and processor."""


class ResourceUse(Model, frozen=True):
    """Amounts of resources."""

    capacity: Quantities = {}
    """What there is."""
    allocatable: Quantities = {}
    """What pods may use."""
    requested: Quantities = {}
    """The sum of the pods' requests."""
    limits: Quantities = {}
    """The sum of the pods' limits."""
    cpu_usage_percent: Percent = 0
    """Requested processors in percent of the allocatable ones."""
    pod_usage_percent: Percent = 0
    """Pods in percent of the allocatable ones."""
    storage_usage_percent: Percent = 0
    """Requested storage in percent of the allocatable."""
    memory_usage_percent: Percent = 0
    """Requested memory in percent of the allocatable."""


class NodeStatusInfo(ResourceUse, frozen=True):
    """One node."""

    node_name: Annotated[str, required(maxLength=253)] = field(default_factory=str)
    """Name of the node."""
    etcd: bool = False
    """Whether it runs etcd."""
    control_plane: bool = False
    """Whether it runs the control plane."""
    worker: bool = False
    """Whether it runs applications."""
    ready: str = ""
    """Its condition Ready: True, False or Unknown."""
    kernel_deadlock: str = ""
    """Its condition KernelDeadlock."""
    network_unavailable: str = ""
    """Its condition NetworkUnavailable."""
    out_of_disk: str = ""
    """Its condition OutOfDisk."""
    memory_pressure: str = ""
    """Its condition MemoryPressure."""
    disk_pressure: str = ""
    """Its condition DiskPressure."""
    pid_pressure: str = ""
    """Its condition PIDPressure."""


class NodeDetail(ResourceUse, frozen=True):
    """The nodes of the cluster and their sums."""

    node_status: Annotated[tuple[NodeStatusInfo, ...], list_map("nodeName", limit=5000)] = ()
    """The nodes."""


class ClusterStatus(Model, frozen=True):
    """What is seen of the cluster. Fleet health writes conditions, the cluster controller the rest."""

    observed_generation: Annotated[int, shape(format="int64", minimum=-1)] = -1
    """The metadata.generation that was last worked on; -1 until it first was."""
    conditions: Annotated[tuple[Condition, ...], list_map("type", limit=32)] = ()
    """Ready (reachable and healthy) and others."""
    apps: Annotated[tuple[ClusterAppStatus, ...], list_map("name", limit=200)] = ()
    """The components as they run."""
    components: Annotated[tuple[Component, ...], list_map("name", limit=100)] = ()
    """Parts of the control plane."""
    version: VersionInfo | None = None
    """The version of Kubernetes."""
    monitoring_status: MonitoringStatus | None = None
    """Where monitoring is reached."""
    node_detail: NodeDetail | None = None
    """The nodes."""


class Cluster(Object, frozen=True):
    """A member cluster: its metadata and the infrastructure components that shall run in it."""

    spec: Annotated[
        ClusterSpec,
        required(
            **rules(rule("!has(self.kubeConfig)", NOT_A_REGISTRATION, ".kubeConfig", reason="FieldValueForbidden"))
        ),
    ] = ClusterSpec()
    """What is known of the cluster and what shall be installed in it."""
    status: ClusterStatus = ClusterStatus()
    """What is seen of the cluster."""
