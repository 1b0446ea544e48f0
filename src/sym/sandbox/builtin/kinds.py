"""The table of built-in kinds, and what the API asks of them: `complete` an object, `admit` it, `check` it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sym.kube.errors import Cause
from sym.model.codec import JSONMap
from sym.sandbox import naming
from sym.sandbox.builtin import (
    access,
    autoscaling,
    batch,
    claims,
    core,
    corechecks,
    crds,
    eventchecks,
    networking,
    podchecks,
    pods,
    workloads,
)
from sym.sandbox.builtin.settle import settle
from sym.sandbox.crdcheck import check_crd
from sym.sandbox.metacheck import NameCheck, finalizer_causes, validate_metadata, validate_metadata_update
from sym.sandbox.schema import Node


def _nothing(_document: JSONMap) -> None:
    """A kind without defaults of its own."""


def _nothing_more(_document: JSONMap, _old: JSONMap | None) -> None:
    """A kind to which admission adds nothing."""


def _no_causes(_document: JSONMap, _old: JSONMap | None) -> list[Cause]:
    """A kind without checks of its own."""
    return []


class Rules(NamedTuple):
    """What a kind adds: its defaults, what admission and strategy write, its checks, the rule for its names."""

    default: Callable[[JSONMap], None] = _nothing
    admit: Callable[[JSONMap, JSONMap | None], None] = _nothing_more
    check: Callable[[JSONMap, JSONMap | None], list[Cause]] = _no_causes
    name: NameCheck = naming.subdomain


KINDS: Mapping[tuple[str, str], Rules] = {
    ("", "ConfigMap"): Rules(check=corechecks.check_config_map),
    ("", "Endpoints"): Rules(core.default_endpoints, check=corechecks.check_endpoints),
    ("", "Event"): Rules(admit=core.admit_event, check=eventchecks.check_event),
    ("", "Namespace"): Rules(core.default_namespace, core.admit_namespace, name=corechecks.namespace_name),
    ("", "Node"): Rules(admit=core.admit_node),
    ("", "PersistentVolumeClaim"): Rules(claims.default_claim, claims.admit_claim, claims.check_claim),
    ("", "Pod"): Rules(pods.default_pod, pods.admit_pod, podchecks.check_pod),
    ("", "Secret"): Rules(core.default_secret, check=corechecks.check_secret),
    ("", "Service"): Rules(core.default_service, core.admit_service, corechecks.check_service, naming.label_1035),
    ("", "ServiceAccount"): Rules(),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Rules(crds.default_crd, crds.admit_crd, check_crd),
    ("apps", "ControllerRevision"): Rules(check=workloads.check_revision),
    ("apps", "Deployment"): Rules(workloads.default_deployment, check=workloads.check_deployment),
    ("apps", "ReplicaSet"): Rules(workloads.default_replica_set, check=workloads.check_replica_set),
    ("apps", "StatefulSet"): Rules(
        workloads.default_stateful_set, check=workloads.check_stateful_set, name=naming.label_1123
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): Rules(
        autoscaling.default_autoscaler, autoscaling.admit_autoscaler, autoscaling.check_autoscaler
    ),
    ("batch", "CronJob"): Rules(batch.default_cron_job, batch.admit_cron_job, batch.check_cron_job),
    ("batch", "Job"): Rules(batch.default_job, batch.admit_job, batch.check_job),
    ("coordination.k8s.io", "Lease"): Rules(check=corechecks.check_lease),
    ("discovery.k8s.io", "EndpointSlice"): Rules(core.default_endpoint_slice, check=corechecks.check_endpoint_slice),
    ("events.k8s.io", "Event"): Rules(check=eventchecks.check_newer_event),
    ("networking.k8s.io", "Ingress"): Rules(admit=networking.admit_ingress, check=networking.check_ingress),
    ("networking.k8s.io", "IngressClass"): Rules(
        networking.default_ingress_class, check=networking.check_ingress_class
    ),
    ("networking.k8s.io", "NetworkPolicy"): Rules(
        networking.default_network_policy, check=networking.check_network_policy
    ),
    ("policy", "PodDisruptionBudget"): Rules(
        admit=networking.admit_budget, check=networking.check_budget, name=access.path_segment
    ),
    (access.GROUP, "ClusterRole"): Rules(
        admit=access.admit_role, check=access.check_cluster_role, name=access.path_segment
    ),
    (access.GROUP, "ClusterRoleBinding"): Rules(
        access.default_binding, check=access.check_cluster_binding, name=access.path_segment
    ),
    (access.GROUP, "Role"): Rules(admit=access.admit_role, check=access.check_role, name=access.path_segment),
    (access.GROUP, "RoleBinding"): Rules(access.default_binding, check=access.check_binding, name=access.path_segment),
}
"""By group and kind."""


def complete(group: str, kind: str, node: Node, document: JSONMap) -> JSONMap:
    """A built-in object as the server would keep it: settled by its schema, then the kind's defaults."""
    settled = settle(node, document)
    KINDS.get((group, kind), Rules()).default(settled)
    return settled


def admit(group: str, kind: str, document: JSONMap, old: JSONMap | None = None) -> None:
    """Write into a completed object what the server's admission and strategy write.

    Changes `document` itself. Servers do it after they noted who owns which field, so these fields belong to nobody.
    """
    KINDS.get((group, kind), Rules()).admit(document, old)


def check(group: str, kind: str, document: JSONMap, old: JSONMap | None = None) -> list[Cause]:
    """What a server refuses of a completed object; `old` is the one that an update replaces."""
    rules = KINDS.get((group, kind), Rules())
    if (group, kind) == ("", "Event") and (causes := rules.check(document, old)):
        return causes  # the only kind whose metadata is looked at last
    causes = validate_metadata(document, name=rules.name)
    causes += validate_metadata_update(document, old) if old is not None else []
    return causes + finalizer_causes(document) + rules.check(document, old)
