"""AdvDeployment: the part of an AppSet that runs in one cluster, and what that cluster's worker sees of it.

Source: contract.md section 1.3, semantics.md 4. The master writes metadata and spec, the worker status. Every podSet is
complete: with its own resolved podSpec and revision, so that one podSet can be held while another changes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import field

from sym.model.appset import Chart, Counts, Inject, NodeSelectorTerm, PodSpec, StatefulSetStrategy, Strategy
from sym.model.codec import JSONMap
from sym.model.conditions import Condition
from sym.model.meta import Model, Object
from sym.model.shapes import MAX_POD_SETS, Count, CountOrPercent, PodSetName, free, list_map, required, shape


class HelmValues(Model, frozen=True):
    """What Sym tells a chart beside the podSet's own rawValues. It stays as it came with the content."""

    defaults: Annotated[JSONMap, free()] = {}
    """Values under rawValues: what is written there counts more."""
    facts: Annotated[JSONMap, free()] = {}
    """Values over rawValues: names, image and version are as the podSet says, whatever is written there."""


class ChildPodSet(Model, frozen=True):
    """A complete podSet: nothing outside it is needed to make its workload."""

    name: PodSetName = ""
    """Name of the podSet, the workload and the Helm release."""
    replicas: Annotated[Count, required()] = field(default_factory=int)
    """The resolved count of pods."""
    revision: Annotated[str, shape(maxLength=128)] = ""
    """Hash over the content before injection, without replicas."""
    pod_spec: PodSpec = PodSpec()
    """The resolved template or chart: after overrides and injection."""
    image: Annotated[str, shape(maxLength=512)] = ""
    """The override of the image's repository that podSpec already contains."""
    version: Annotated[str, shape(maxLength=128)] = ""
    """The version asked for: the image's tag."""
    chart: Chart = Chart()
    """The override of the chart that podSpec already contains."""
    raw_values: str = ""
    """Helm values as YAML text, laid over the chart's."""
    values: HelmValues | None = None
    """What Sym tells the chart, where deployType is helm."""
    meta: Mapping[str, str] = {}
    """Metadata of cluster, topology and podSet, merged: sym-group, sym-ldc, sym-available-zone and others."""
    node_selector_term: NodeSelectorTerm | None = None
    """The nodes on which the pods may run."""
    inject: Inject = Inject()
    """What was injected."""
    stateful_set_strategy: StatefulSetStrategy | None = None
    """How a StatefulSet or InPlaceSet is updated."""
    max_surge: CountOrPercent | None = None
    """Pods over the wanted count that the workload may have while it changes."""
    max_unavailable: CountOrPercent | None = None
    """Pods under the wanted count that the workload may have while it changes."""


class Topology(Model, frozen=True):
    """What of the application runs in this cluster."""

    pod_sets: Annotated[tuple[ChildPodSet, ...], list_map("name", limit=2 * MAX_POD_SETS)] = ()
    """The sets of pods, complete."""


class AdvUpdateStrategy(Strategy, frozen=True):
    """How fast the podSets of this cluster change."""

    meta: Mapping[str, str] = {}
    """Metadata for the order of the podSets."""


class AdvDeploymentSpec(Model, frozen=True):
    """What of the application shall run in this cluster."""

    replicas: Count = field(default_factory=int)
    """The sum of the podSets' replicas."""
    service_name: Annotated[str, shape(maxLength=253)] = ""
    """The domain of the application's service."""
    pod_spec: PodSpec | None = None
    """Unused: every podSet has its own. Kept because the first implementation wrote it."""
    update_strategy: AdvUpdateStrategy = AdvUpdateStrategy()
    """How fast the podSets change."""
    topology: Topology = Topology()
    """The podSets."""
    revision_history_limit: Count | None = None
    """How many old revisions each workload keeps for rollback. Default 10."""
    charts: Mapping[str, Annotated[str, shape(format="byte")]] = {}
    """Chart archives in base64 by digest: each distinct one once; podSets refer to them."""


class AdvAggrStatus(Counts, frozen=True):
    """The state of the application in this cluster."""

    owner_resource: Annotated[tuple[str, ...], shape(maxItems=500)] = ()
    """The workloads, as Kind:namespace/name."""


class AdvDeploymentStatus(Model, frozen=True):
    """What the worker sees of the application in this cluster."""

    observed_generation: Annotated[int, shape(format="int64", minimum=-1)] = -1
    """The metadata.generation that the worker last planned; -1 until it first did."""
    conditions: Annotated[tuple[Condition, ...], list_map("type", limit=32)] = ()
    """Ready, Reconciling, Stalled and others."""
    current_revision: str = ""
    """The revision that all podSets run, if it is one."""
    update_revision: str = ""
    """The revision that the podSets shall run, if it is one."""
    last_update_time: datetime | None = None
    """When the status last changed in anything but a time."""
    collision_count: Count | None = None
    """How often a name was found taken."""
    replicas: Count = field(default_factory=int)
    """All pods that exist (for the scale subresource)."""
    selector: str = ""
    """The pods' label selector as text (for the scale subresource)."""
    aggr_status: AdvAggrStatus = AdvAggrStatus()
    """The state of the application in this cluster."""


class AdvDeployment(Object, frozen=True):
    """The part of an AppSet that runs in one cluster."""

    spec: Annotated[AdvDeploymentSpec, required()] = AdvDeploymentSpec()
    """What of the application shall run in this cluster."""
    status: AdvDeploymentStatus = AdvDeploymentStatus()
    """What the worker sees of it."""
