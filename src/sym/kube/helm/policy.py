"""What a chart may put into a cluster: objects of allowed kinds in the application's own namespace.

Charts come from people who may write AppSets and are applied with our rights, so what is rendered is judged before
anything is written. The wall behind it is what RBAC grants to the worker's account; this is the sentence in front of
it. Source: reliability.md T8.
"""

from collections.abc import Iterable, Iterator

from sym import yaml
from sym.kube.helm.types import HelmError
from sym.model.codec import JSON, DecodeError, JSONMap, dig_str

KINDS: frozenset[str] = frozenset(
    (
        "ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Pod",
        "Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "CronJob.batch",
        "Ingress.networking.k8s.io", "NetworkPolicy.networking.k8s.io", "PodDisruptionBudget.policy",
        "HorizontalPodAutoscaler.autoscaling",
    )
)  # fmt: skip
"""The kinds that every chart may hold, as Kind.group: namespaced, and without say over rights."""
CLUSTER_SCOPED: frozenset[str] = frozenset(
    (
        "Namespace", "Node", "PersistentVolume", "ClusterRole.rbac.authorization.k8s.io",
        "ClusterRoleBinding.rbac.authorization.k8s.io", "CustomResourceDefinition.apiextensions.k8s.io",
        "StorageClass.storage.k8s.io", "CSIDriver.storage.k8s.io", "PriorityClass.scheduling.k8s.io",
        "IngressClass.networking.k8s.io", "RuntimeClass.node.k8s.io", "APIService.apiregistration.k8s.io",
        "MutatingWebhookConfiguration.admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    )
)  # fmt: skip
"""Kubernetes' own kinds that belong to no namespace."""
MOST = 1000
"""Objects that one release may have."""
BYTES = 4 << 20
"""Bytes that a chart may render."""


class Inadmissible(HelmError):
    """A chart that may not be installed as it renders. `reason` is CamelCase and stable."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def judge(rendered: str, namespace: str, extra: Iterable[str] = ()) -> None:
    """Raises Inadmissible where `rendered` holds what no chart of an application in `namespace` may hold. `extra` are
    more kinds that the operator allows, as Kind.group."""
    allowed = KINDS.union(extra)
    count = 0
    for document in _documents(rendered):
        for item in _items(document):
            count += 1
            if count > MOST:
                raise Inadmissible("ChartTooLarge", f"the chart renders more than {MOST} objects")
            _judge(item, namespace, allowed)


def _documents(rendered: str) -> Iterator[JSON]:
    if len(rendered.encode()) > BYTES:
        raise Inadmissible("ChartTooLarge", f"the chart renders more than {BYTES >> 20} MiB")
    try:
        yield from (each for each in yaml.load_all(rendered) if each is not None)
    except DecodeError as error:
        raise Inadmissible("ChartJunk", f"what the chart renders is no YAML: {error.message}") from None


def _items(document: JSON) -> Iterator[JSONMap]:
    """The objects of a document, those in a List among them."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(kind, str) or not kind or not dig_str(document, "apiVersion"):
        raise Inadmissible(
            "ChartJunk", "the chart renders something that is no object: it has no kind or no apiVersion"
        )
    if kind == "List" and isinstance(items := document.get("items"), list):
        for item in items:
            yield from _items(item)
    else:
        yield document


def _judge(item: JSONMap, namespace: str, allowed: frozenset[str]) -> None:
    group = dig_str(item, "apiVersion").rpartition("/")[0]
    kind = f"{dig_str(item, 'kind')}.{group}" if group else dig_str(item, "kind")
    name = dig_str(item, "metadata", "name")
    if kind in CLUSTER_SCOPED:
        raise Inadmissible(
            "ChartClusterScoped",
            f"the chart holds {kind} {name}, which belongs to no namespace: an application installs nothing for the"
            " whole cluster; take it out of the chart and let the cluster's operator install it",
        )
    if kind not in allowed:
        raise Inadmissible(
            "ChartKindNotAllowed",
            f"the chart holds {kind} {name}, a kind that charts may not install here; take it out of the chart, or let"
            f" Sym's operator allow it (--helm-kinds {kind})",
        )
    if (place := dig_str(item, "metadata", "namespace")) not in ("", namespace):
        raise Inadmissible(
            "ChartForeignNamespace",
            f"the chart puts {kind} {name} into namespace {place}; an application's objects stay in its own namespace"
            f" {namespace}: leave metadata.namespace out, or use .Release.Namespace",
        )
