"""What planners look at: everything that was read, frozen at one instant.

A view is built from caches in one plain function, so that no await lies between its parts. What a cache does not hold
is unknown, not absent: whether "not there" may be believed is the member's `usable`.
"""

from collections.abc import Mapping

from msgspec import Struct

from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.workload import (
    Autoscaler,
    ConfigMap,
    ControllerRevision,
    Deployment,
    EndpointSlice,
    Event,
    Pod,
    ReleaseRecord,
    ReplicaSet,
    Service,
    StatefulSet,
    Workload,
)
from sym.plan.types import Answer, Gone, HelmState, MemberState


class AppSetView(Struct, frozen=True, kw_only=True):
    """All that the master reads for one AppSet. Every mapping goes by the cluster's name and holds those clusters that
    the AppSet names, was written to, or tells of.

    `children` holds what the caches know, also of members that cannot be reached at present. `gone` holds the answers
    to `Measure`, `answers` the newest ones to `Query`, by key. `revisions` are the AppSet's ControllerRevisions in any
    order; None while they are not all known. `new_app_id` is a fresh random id, used only if the AppSet has none.
    """

    app: AppSet
    members: Mapping[str, MemberState]
    children: Mapping[str, AdvDeployment]
    gone: Mapping[str, Gone] = {}
    revisions: tuple[ControllerRevision, ...] | None = ()
    answers: Mapping[str, Answer] = {}
    fleet_id: str
    new_app_id: str


class AdvDeploymentView(Struct, frozen=True, kw_only=True):
    """All that the worker reads in one cluster for one AdvDeployment.

    `workloads` are the Deployments of its namespace that bear its app label or one of its podSets' names, and
    `stateful_sets` the StatefulSets; pods and ReplicaSets are those with its app label; `services` are the one that has
    its Service's name and those that bear that as their app label, and `slices` the endpoints behind these that bear
    it; `events` are Warnings about workloads and pods. `highest_epoch`
    is the highest epoch of the master that this worker has seen. `autoscalers` are the HorizontalPodAutoscalers of its
    namespace that scale one of its podSets; None where they cannot be read. `releases` are all records of the Helm
    releases that bear one of its podSets' names or its own app label, `helm` what else is known of them, by name;
    `config_maps` are those that Helm made for them; both are None where they cannot be read.
    """

    adv: AdvDeployment
    cluster: str
    workloads: tuple[Deployment, ...] = ()
    stateful_sets: tuple[StatefulSet, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    pods: tuple[Pod, ...] = ()
    replica_sets: tuple[ReplicaSet, ...] = ()
    events: tuple[Event, ...] = ()
    autoscalers: tuple[Autoscaler, ...] | None = ()
    config_maps: tuple[ConfigMap, ...] | None = ()
    releases: tuple[ReleaseRecord, ...] | None = ()
    helm: Mapping[str, HelmState] = {}
    gone: Gone | None = None
    highest_epoch: int = 0

    @property
    def makers(self) -> tuple[Workload, ...]:
        """Whatever makes pods."""
        return (*self.workloads, *self.stateful_sets)
