"""AppSet: one application over many clusters, and all that its status tells.

Source: seed-design.md, contract.md sections 1.1 and 1.2, semantics.md 1 to 7. The docstring under a field is its
description in the CRD, hence in `kubectl explain`. Limits are schema-only facts, see `shapes.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import field

from sym.model.codec import JSONMap
from sym.model.conditions import Condition
from sym.model.meta import Model, Object
from sym.model.rollout import Analysis, AutoRollback, RolloutStatus, Wave
from sym.model.selectors import LabelSelector
from sym.model.shapes import (
    IMAGE_PATTERN,
    MAX_ANALYSES,
    MAX_CLUSTERS,
    MAX_EVENTS,
    MAX_POD_SETS,
    MAX_PODS,
    MAX_VOLUME_CLAIMS,
    MAX_WAVES,
    TAG_PATTERN,
    Choice,
    ClusterName,
    Count,
    CountOrPercent,
    PodSetName,
    Replicas,
    free,
    list_map,
    required,
    rule,
    rules,
    shape,
)

TEMPLATE_NEEDED = rule(
    "self.deployType == 'helm' || has(self.template)",
    "a pod template is needed where deployType is not helm: give spec.podSpec.template, a PodTemplateSpec",
    reason="FieldValueRequired",
)
CANARY_IN_TOPOLOGY = rule(
    "!has(self.updateStrategy) || !has(self.updateStrategy.canaryClusters) || self.updateStrategy.canaryClusters.all("
    "canary, has(self.clusterTopology.clusters) && self.clusterTopology.clusters.exists(each, each.name == canary))",
    "every canary cluster must be a cluster of spec.clusterTopology: correct its name or add the cluster there",
    ".updateStrategy.canaryClusters",
)


class DeployType(Choice):
    """How the pods of an application come to be."""

    HELM = "helm"
    IN_PLACE_SET = "InPlaceSet"
    STATEFUL_SET = "StatefulSet"
    DEPLOYMENT = "deployment"


class UpgradeType(Choice):
    """Which group of podSets changes first. It is an order, not a traffic switch."""

    CANARY = "canary"
    BLUE = "blue"
    GREEN = "green"


class PodUpdatePolicy(Choice):
    """How a stateful workload brings a pod to a new revision."""

    RE_CREATE = "ReCreate"
    IN_PLACE_IF_POSSIBLE = "InPlaceIfPossible"
    IN_PLACE_ONLY = "InPlaceOnly"


class PodManagementPolicy(Choice):
    """In which order a StatefulSet starts and ends its pods."""

    ORDERED_READY = "OrderedReady"
    PARALLEL = "Parallel"


class AppStatus(Choice):
    """The state of an application in one word. Where several fit, the first of semantics.md 5 counts."""

    INSTALLING = "Installing"
    RUNNING = "Running"
    UPDATING = "Updating"
    SCALING = "Scaling"
    MIGRATING = "Migrating"
    WORK_RATIOING = "WorkRatioing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"
    DELETING = "Deleting"


# --- spec ---------------------------------------------------------------------------------------------------------


class NodeRequirement(Model, frozen=True):
    """One condition on a node."""

    key: Annotated[str, required(maxLength=317)] = ""
    """The label (or field) of the node."""
    operator: Annotated[str, required(enum=["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])] = ""
    """How the node's value is compared with `values`."""
    values: tuple[str, ...] = ()
    """The values to compare with; exactly one integer for Gt and Lt."""


class NodeSelectorTerm(Model, frozen=True):
    """The nodes on which pods may run: all conditions must hold."""

    match_expressions: tuple[NodeRequirement, ...] = ()
    """Conditions on the node's labels."""
    match_fields: tuple[NodeRequirement, ...] = ()
    """Conditions on the node's fields, such as metadata.name."""


class ChartUrl(Model, frozen=True):
    """A chart in a chart repository."""

    url: Annotated[str, shape(maxLength=2048)] = ""
    """Repository alias and chart, as `dmall/springBoot`."""
    chart_version: Annotated[str, shape(maxLength=128)] = ""
    """The version of the chart, as `0.0.1`."""


class Chart(Model, frozen=True):
    """A Helm chart: from a repository, or as an archive. Used only if deployType is helm."""

    raw_chart: Annotated[str, shape(format="byte")] = ""
    """The chart's .tgz archive in base64, where there is no chart repository."""
    chart_url: ChartUrl = ChartUrl()
    """The chart in a chart repository."""
    digest: Annotated[str, shape(maxLength=128)] = ""
    """Written by Sym in AdvDeployments: the key of spec.charts that holds the archive."""

    @property
    def empty(self) -> bool:
        """Whether nothing of the chart is given, so that an outer chart counts."""
        return not (self.raw_chart or self.digest or self.chart_url.url or self.chart_url.chart_version)


class Inject(Model, frozen=True):
    """What Sym adds to pods when content rolls out. Unset means the outer setting, at last Sym's default."""

    env: bool | None = None
    """Environment variables SYM_* (zone, cluster, group, unit). Default: on, unless the workload was adopted."""
    affinity: bool | None = None
    """Preference for nodes of the application's zone (meta sym-available-zone). Default: off."""
    spread: bool | None = None
    """Spread of the pods over zones and nodes, as even as it goes. Default: off."""


class PodSpec(Model, frozen=True):
    """How the application's pods are made."""

    deploy_type: Annotated[DeployType, required()] = DeployType("")
    """What makes the pods: helm, InPlaceSet, StatefulSet or deployment. Served now: all but InPlaceSet."""
    selector: LabelSelector | None = None
    """Labels of the application's pods. Workloads that Sym creates always select app and sym.dmall.com/podset."""
    template: Annotated[JSONMap, free()] = {}
    """The pod template, a full PodTemplateSpec of Kubernetes, where deployType is not helm."""
    pod_management_policy: Annotated[PodManagementPolicy | None, shape()] = None
    """Whether a StatefulSet starts its pods one after another (OrderedReady, the default) or all at once (Parallel).
    Kubernetes never changes it in a StatefulSet that exists."""
    volume_claim_templates: Annotated[
        tuple[Annotated[JSONMap, shape(**{"x-kubernetes-preserve-unknown-fields": True})], ...],
        shape(maxItems=MAX_VOLUME_CLAIMS, **{"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """The PersistentVolumeClaims that each pod of a StatefulSet gets: templates of Kubernetes, which never changes them
    in a StatefulSet that exists. Sym never deletes a claim."""
    chart: Chart = Chart()
    """The chart, where deployType is helm."""
    inject: Inject = Inject()
    """What Sym adds to the pods."""


class StatefulSetStrategy(Model, frozen=True):
    """How StatefulSets and InPlaceSets are updated."""

    partition: Count | None = None
    """Pods with an ordinal of at least this change; the others keep their revision."""
    max_unavailable: CountOrPercent | None = None
    """How many pods may be unavailable at a time. Default 1; servers without the feature MaxUnavailableStatefulSet
    leave it at that."""
    pod_update_policy: Annotated[PodUpdatePolicy | None, shape()] = None
    """ReCreate makes new pods; InPlaceIfPossible and InPlaceOnly change the image inside the running pod. A StatefulSet
    always makes new pods, so InPlaceOnly is refused there."""


class OrderPriority(Model, frozen=True):
    """Order of clusters by a number at the end of one of their metadata values."""

    ordered_key: Annotated[str, required(minLength=1, maxLength=317)] = ""
    """The key of the cluster metadata; the higher its value's trailing integer, the earlier the cluster."""


class WeightPriority(Model, frozen=True):
    """Order of clusters by weights."""

    weight: Annotated[int, required(minimum=1, maximum=100, format="int32")] = 0
    """Added to a cluster's sum if matchSelector fits its metadata; the higher the sum, the earlier the cluster."""
    match_selector: LabelSelector = LabelSelector()
    """Which clusters get the weight, by their metadata."""


class PriorityStrategy(Model, frozen=True):
    """The order in which the clusters of a group change. Without it: the order of the topology."""

    order_priority: Annotated[tuple[OrderPriority, ...], shape(maxItems=16)] = ()
    """By a number in the cluster metadata."""
    weight_priority: Annotated[tuple[WeightPriority, ...], shape(maxItems=100)] = ()
    """By the sum of weights."""


class Strategy(Model, frozen=True):
    """What AppSet's and AdvDeployment's update strategies have in common."""

    upgrade_type: Annotated[UpgradeType | None, shape()] = None
    """Which group changes first: canary (then blue, green, others), blue or green. Absent: one group of all podSets."""
    min_ready_seconds: Count = 0
    """Seconds that a pod must be ready before it counts as available."""
    priority_strategy: PriorityStrategy = PriorityStrategy()
    """The order of clusters within a group."""
    paused: bool = False
    """Stops every change of content, counts and place. Status and repair of what already runs go on."""
    need_waiting_for_confirm: bool = False
    """Waits for a person after the canary clusters and after each group but the last."""
    progress_deadline_seconds: Annotated[Count | None, shape()] = None
    """Seconds without progress after which a rollout has failed. Default 600."""
    stateful_set_strategy: StatefulSetStrategy | None = None
    """How StatefulSets and InPlaceSets are updated."""
    max_surge: CountOrPercent | None = None
    """Pods over the wanted count that a workload may have while it changes. Default 25%."""
    max_unavailable: CountOrPercent | None = None
    """Pods under the wanted count that a workload may have while it changes. Default 25%."""


class UpdateStrategy(Strategy, frozen=True):
    """In which order and how fast an application changes."""

    canary_clusters: Annotated[
        tuple[ClusterName, ...], shape(maxItems=MAX_CLUSTERS, **{"x-kubernetes-list-type": "set"})
    ] = ()
    """The clusters that change first in every group, all together."""
    unit_by_unit: bool = False
    """Units (sym-ldc) change one after another instead of in one wave."""
    waves: Annotated[tuple[Wave, ...], list_map("name", limit=MAX_WAVES)] = ()
    """The waves of a rollout in their order, in place of those that follow from upgradeType, canaryClusters,
    unitByUnit, priorityStrategy and needWaitingForConfirm, which cannot be given beside them."""
    auto_rollback: Annotated[AutoRollback | None, shape()] = None
    """What goes back by itself to the content that last ran everywhere when a wave fails: that wave, or all that has
    changed. Absent: a rollout that failed stands where it is."""
    analysis: Annotated[tuple[Analysis, ...], list_map("name", limit=MAX_ANALYSES)] = ()
    """Measurements after each wave, which must hold before the rollout goes on. A wave's own take their place."""


class PodSet(Model, frozen=True):
    """A set of equal pods of one group in one cluster: one workload (or Helm release) of the same name."""

    name: PodSetName = ""
    """Name of the podSet, the workload and the Helm release; unique over the AppSet. `app-gz01b-blue` by convention."""
    node_selector_term: NodeSelectorTerm | None = None
    """The nodes on which the pods may run."""
    replicas: Annotated[Replicas | None, shape()] = None
    """A fixed count, a percentage of spec.replicas, or empty for an even share of what is left."""
    image: Annotated[str, shape(maxLength=512, pattern=f"{IMAGE_PATTERN}|^$")] = ""
    """Overrides the image's repository; the tag comes from version."""
    version: Annotated[str, shape(maxLength=128, pattern=f"{TAG_PATTERN}|^$")] = ""
    """Overrides the image's tag."""
    chart: Chart = Chart()
    """Overrides podSpec.chart, where deployType is helm."""
    raw_values: str = ""
    """Helm values as YAML text, laid over the chart's, where deployType is helm."""
    meta: Mapping[str, str] = {}
    """Metadata: sym-group (blue, green, canary, gray, svc) and sym-ldc (the unit) among others."""
    inject: Inject = Inject()
    """Overrides podSpec.inject."""
    stateful_set_strategy: StatefulSetStrategy | None = None
    """Overrides updateStrategy.statefulSetStrategy."""
    max_surge: CountOrPercent | None = None
    """Overrides updateStrategy.maxSurge."""
    max_unavailable: CountOrPercent | None = None
    """Overrides updateStrategy.maxUnavailable."""


class TopologyCluster(Model, frozen=True):
    """What of the application runs in one cluster."""

    name: Annotated[ClusterName, required()] = ""
    """The name under which the cluster is registered (`sym cluster join`)."""
    meta: Mapping[str, str] = {}
    """Overrides the metadata of the registered cluster, as sym-available-zone and sym-cluster-info."""
    pod_sets: Annotated[tuple[PodSet, ...], list_map("name", limit=MAX_POD_SETS)] = ()
    """The sets of pods in this cluster: blue, green, canary and others."""


class ClusterTopology(Model, frozen=True):
    """Where the application runs."""

    clusters: Annotated[tuple[TopologyCluster, ...], list_map("name", limit=MAX_CLUSTERS)] = ()
    """The clusters, in the order in which they change."""

    @property
    def names(self) -> tuple[str, ...]:
        """The clusters' names, in that order."""
        return tuple(cluster.name for cluster in self.clusters)


class AppSetSpec(Model, frozen=True):
    """What the application shall be."""

    labels: Mapping[str, str] = {}
    """Labels for the application's objects."""
    meta: Mapping[str, str] = {}
    """Metadata of the application."""
    revision_history_limit: Annotated[Count | None, shape()] = None
    """How many former contents are kept to go back to, beside those that still run somewhere. Default 10."""
    replicas: Count | None = None
    """All replicas over all clusters. Needed where podSets have percentages or no replicas; else the podSets' sum."""
    service_name: Annotated[str, shape(maxLength=253)] = ""
    """The domain of the application's service, as inner.bbcc.dmall.com."""
    pod_spec: Annotated[PodSpec, required(**rules(TEMPLATE_NEEDED))] = PodSpec()
    """How the pods are made."""
    update_strategy: UpdateStrategy = UpdateStrategy()
    """In which order and how fast changes roll out."""
    cluster_topology: Annotated[ClusterTopology, required()] = ClusterTopology()
    """Where the application runs."""


# --- status -------------------------------------------------------------------------------------------------------


class HelmRelease(Model, frozen=True):
    """Facts of a Helm release, copied from its record."""

    release: str = ""
    """The release's name."""
    chart: str = ""
    """The chart's name."""
    chart_version: str = ""
    """The chart's version."""
    app_version: str = ""
    """The version of what the chart installs."""
    revision: int = 0
    """The release's revision, counted by Helm."""
    status: str = ""
    """Helm's status: deployed, failed, pending-install and others."""
    description: str = ""
    """Helm's description of the last action."""
    first_deployed: datetime | None = None
    """When the release was first installed."""
    last_deployed: datetime | None = None
    """When the release last changed."""


class PodSetStatus(Model, frozen=True):
    """What is seen of one podSet."""

    name: Annotated[str, required(maxLength=253)] = field(default_factory=str)
    """Name of the podSet."""
    desired: Count = field(default_factory=int)
    """Pods that the workload shall have."""
    available: Count = field(default_factory=int)
    """Pods that have been ready for minReadySeconds."""
    un_available: Count = field(default_factory=int)
    """Pods that are missing or not available."""
    version: str = ""
    """Tags of the running pods' images, joined by `/`."""
    cluster_name: str = ""
    """The cluster of the podSet (in an AppSet's status)."""
    have_deploy: bool = False
    """Whether the workload exists."""
    ready: Count = 0
    """Pods that are ready."""
    update: Count = 0
    """Pods at the newest revision."""
    current: Count = 0
    """All pods of the workload."""
    running: Count = 0
    """Pods in phase Running."""
    warn_event: bool = False
    """Whether there are warning events about it."""
    held: Count = 0
    """Pods that a StatefulSet's partition keeps at their revision: these count as updated."""
    endpoints: Count = 0
    """Pods that the application's service sends traffic to."""
    endpoint_ready: bool = False
    """Whether the application has a service and every available pod is an endpoint of it."""
    revision: str = ""
    """The content revision that the workload carries."""
    generation: int = 0
    """The workload's metadata.generation."""
    observed_generation: int = 0
    """The generation that the workload's own controller has seen."""
    reason: str = ""
    """Why the podSet is not as it shall be, in one CamelCase word."""
    message: str = ""
    """Why, in a sentence."""
    autoscaler: str = ""
    """What sets the count of pods in place of Sym, as HorizontalPodAutoscaler/NAME; `desired` is then its count."""
    release: HelmRelease | None = None
    """The Helm release, where deployType is helm."""


class ClusterStatus(Model, frozen=True):
    """What is seen of the application in one cluster."""

    name: Annotated[str, required(maxLength=253)] = field(default_factory=str)
    """Name of the cluster."""
    status: str = ""
    """State of the application there, or of the cluster itself: NotRegistered, Unreachable, Maintaining and others."""
    version: str = ""
    """Running versions there, joined by `/`."""
    desired: Count = field(default_factory=int)
    """Pods that the cluster shall have."""
    available: Count = field(default_factory=int)
    """Available pods."""
    un_available: Count = field(default_factory=int)
    """Pods that are missing or not available."""
    observed_at: datetime | None = None
    """For a cluster that cannot be reached: when these numbers were last true. Absent where they are fresh."""
    message: str = ""
    """What is wrong and what to do, for a cluster in trouble."""
    pod_sets: Annotated[tuple[PodSetStatus, ...], shape(maxItems=500)] = ()
    """The podSets there."""


class PodStatusInfo(Model, frozen=True):
    """A pod that is not ready."""

    name: str = ""
    """Name of the pod."""
    namespace: str = ""
    """Namespace of the pod."""
    state: str = ""
    """Its phase, or the reason why it waits, as ImagePullBackOff."""
    pod_ip: str = ""
    """Address of the pod."""
    node_ip: str = ""
    """Address of its node."""
    node_name: str = ""
    """Name of its node."""
    cluster_name: str = ""
    """Name of its cluster."""
    start_time: datetime | None = None
    """When the node took it."""
    message: str = ""
    """Why it is not ready."""


class WarnEvent(Model, frozen=True):
    """A Warning event about one of the application's objects."""

    message: str = ""
    """What happened."""
    source_component: str = ""
    """Who reports it."""
    name: str = ""
    """Name of the event."""
    object: str = ""
    """What it is about, as `Pod/bbcc-blue-x2k`."""
    count: int = 0
    """How often it happened."""
    first_seen: datetime | None = None
    """When it first happened."""
    last_seen: datetime | None = None
    """When it last happened."""
    reason: str = ""
    """Why, in one CamelCase word."""
    type: str = ""
    """Warning."""
    cluster_name: str = ""
    """The cluster where it happened."""


class EndpointPort(Model, frozen=True):
    """A port of the service."""

    name: str = ""
    """Name of the port."""
    port: int = 0
    """Port of the service."""
    protocol: str = ""
    """TCP, UDP or SCTP."""
    target_port: Annotated[int | str | None, shape(**{"x-kubernetes-int-or-string": True})] = None
    """Port of the pods, by number or name."""


class InternalEndpoint(Model, frozen=True):
    """Where the service is reached inside a cluster."""

    host: str = ""
    """Host name."""
    ports: Annotated[tuple[EndpointPort, ...], shape(maxItems=100)] = ()
    """Ports."""


class ServiceStatus(Model, frozen=True):
    """The application's service."""

    internal_endpoint: InternalEndpoint | None = None
    """Where it is reached inside a cluster."""
    labels: Mapping[str, str] = {}
    """Labels of the service."""
    selector: Mapping[str, str] = {}
    """Labels of the pods behind it."""
    type: str = ""
    """ClusterIP, NodePort or LoadBalancer."""
    cluster_ip: str = field(name="clusterIP", default="")
    """Address inside the cluster, or None for a headless service."""
    domain: str = ""
    """The domain of spec.serviceName."""
    endpoints: Count = 0
    """Pods that it sends traffic to: in an AppSet's status those of all clusters together, while the rest of this tells
    of the service in the first cluster of the topology that has one."""


class Counts(Model, frozen=True):
    """The numbers and lists that AppSet's and AdvDeployment's aggregated status have in common."""

    status: Annotated[AppStatus, shape()] = AppStatus("")
    """State of the application in one word."""
    version: str = ""
    """Running versions, naturally sorted, joined by `/`: two of them while a change is under way."""
    desired: Count = field(default_factory=int)
    """Pods that shall run: the sum of the resolved replicas."""
    available: Count = field(default_factory=int)
    """Pods that have been ready for minReadySeconds."""
    un_available: Count = field(default_factory=int)
    """Pods that are missing or not available."""
    pod_sets: Annotated[tuple[PodSetStatus, ...], shape(maxItems=MAX_CLUSTERS * MAX_POD_SETS)] = ()
    """The podSets."""
    pods: Annotated[tuple[PodStatusInfo, ...], shape(maxItems=MAX_PODS)] = ()
    """Pods that are not ready, at most 50."""
    warn_events: Annotated[tuple[WarnEvent, ...], shape(maxItems=MAX_EVENTS)] = ()
    """The latest Warning events, at most 20."""
    service: ServiceStatus | None = None
    """The application's service."""


class AggrStatus(Counts, frozen=True):
    """The state of the application over all clusters."""

    clusters: Annotated[tuple[ClusterStatus, ...], list_map("name", limit=1000)] = ()
    """The clusters, in the order of the topology; dropped ones that still run pods follow."""


class Migration(Model, frozen=True):
    """Replicas that run in another cluster than spec says, because their own is in trouble or drained."""

    id: Annotated[str, required(minLength=1, maxLength=128)] = ""
    """Id of the migration."""
    pod_set: str = ""
    """The podSet that moves."""
    from_: str = field(name="from", default="")
    """The cluster that spec says."""
    to: str = ""
    """The cluster where the replicas run."""
    replicas: Count = 0
    """How many."""
    revision: str = ""
    """The content revision that they run."""
    reason: str = ""
    """Why they moved."""
    phase: str = ""
    """How far the move has come."""
    since: datetime | None = None
    """When it began."""


class AppSetStatus(Model, frozen=True):
    """What is seen of the application. Written by the master alone, except rollout.confirmations."""

    observed_generation: Annotated[int, shape(format="int64", minimum=-1)] = -1
    """The metadata.generation that the planner last planned; -1 until it first did."""
    app_id: str = field(name="appID", default="")
    """The id by which objects in member clusters belong to this AppSet; minted once."""
    last_update_time: datetime | None = None
    """When the status last changed in anything but a time."""
    conditions: Annotated[tuple[Condition, ...], list_map("type", limit=32)] = ()
    """Ready, Reconciling, Stalled, Paused and others."""
    replicas: Count = field(default_factory=int)
    """All pods that exist, over all clusters (for the scale subresource)."""
    selector: str = ""
    """The pods' label selector as text (for the scale subresource)."""
    aggr_status: AggrStatus = AggrStatus()
    """The state of the application over all clusters."""
    rollout: RolloutStatus = RolloutStatus()
    """How far the change to the newest content has come."""
    migrations: Annotated[tuple[Migration, ...], list_map("id", limit=1000)] = ()
    """Replicas that run elsewhere than spec says."""


class AppSet(Object, frozen=True):
    """One application over many clusters: what shall run where, and what does."""

    spec: Annotated[AppSetSpec, required(**rules(CANARY_IN_TOPOLOGY))] = AppSetSpec()
    """What the application shall be."""
    status: AppSetStatus = AppSetStatus()
    """What is seen of the application."""
