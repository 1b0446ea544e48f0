"""What Sym's accounts may do in a cluster: exactly the requests that the code sends, as data and as RBAC objects.

tests/cli/test_manifests.py compares the rules with the requests of a whole life of AppSets. Pure.
"""

from collections.abc import Iterator

from msgspec import Struct

from sym.model import names
from sym.model.codec import JSON, JSONMap
from sym.model.kinds import APPSET

API_VERSION = "rbac.authorization.k8s.io/v1"
_GROUP = "rbac.authorization.k8s.io"
_WORKLOAD, _DEVOPS = "workload.dmall.com", "devops.dmall.com"
_SEEN = ("list", "watch")
_READ = ("get", *_SEEN)


class Rule(Struct, frozen=True):
    """Verbs on resources of one API group. `names`: only on objects of these names."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str, name: str = "") -> bool:
        """Whether it allows the verb on `resource` (with its subresource, as `pods/log`). `name`: of the object."""
        named = not self.names or name in self.names
        return group == self.group and resource in self.resources and verb in self.verbs and named

    def to_json(self) -> JSONMap:
        """The rule of a Role."""
        rule: JSONMap = {
            "apiGroups": [self.group],
            "resources": list[JSON](self.resources),
            "verbs": list[JSON](self.verbs),
        }
        if self.names:
            rule["resourceNames"] = list[JSON](self.names)
        return rule


class Grant(Struct, frozen=True, kw_only=True):
    """What one part of Sym needs: `everywhere` in a cluster, and at `home`, the namespace of its locks and records."""

    name: str
    home: str
    everywhere: tuple[Rule, ...]
    at_home: tuple[Rule, ...] = ()

    def allows(self, verb: str, group: str, resource: str, *, namespace: str = "", name: str = "") -> bool:
        """Whether it allows a request; `namespace` is empty for all namespaces and for what has none."""
        rules = (*self.everywhere, *(self.at_home if namespace == self.home else ()))
        return any(rule.allows(verb, group, resource, name) for rule in rules)

    def roles(self) -> Iterator[JSONMap]:
        """Its ClusterRole, and its Role at home."""
        yield _role("ClusterRole", {"name": self.name}, self.everywhere)
        if self.at_home:
            yield _role("Role", {"name": self.name, "namespace": self.home}, self.at_home)

    def bindings(self, account: str, namespace: str) -> Iterator[JSONMap]:
        """What gives it to a ServiceAccount."""
        yield _binding("ClusterRole", self.name, {"name": _bound(self.name, account)}, account, namespace)
        if self.at_home:
            metadata: JSONMap = {"name": _bound(self.name, account), "namespace": self.home}
            yield _binding("Role", self.name, metadata, account, namespace)


_IDENTITY = Rule("", ("namespaces",), ("get",), ("kube-system",))
_EVENTS = Rule("", ("events",), ("create", "get", "patch"))


def _lock(name: str) -> tuple[Rule, ...]:
    """A Lease of that name; a create cannot be bound to a name."""
    group, leases = "coordination.k8s.io", ("leases",)
    return Rule(group, leases, ("create",)), Rule(group, leases, ("get", "update"), (name,))


META = Grant(
    name="sym-controller",
    home=names.META_NAMESPACE,
    everywhere=(
        Rule(_WORKLOAD, ("appsets",), (*_SEEN, "patch")),
        Rule(_WORKLOAD, ("appsets/status",), ("patch",)),
        Rule("apps", ("controllerrevisions",), (*_READ, "create", "patch", "delete")),
        Rule(_DEVOPS, ("clusters",), _SEEN),
        Rule(_DEVOPS, ("clusters/status",), ("patch",)),
        Rule("apiextensions.k8s.io", ("customresourcedefinitions",), ("get",), (f"{APPSET.plural}.{APPSET.group}",)),
        _EVENTS,
        _IDENTITY,
    ),
    at_home=(
        Rule("", ("secrets", "configmaps"), (*_SEEN, "patch")),
        Rule("", ("configmaps",), ("create",)),
        Rule("", ("configmaps",), ("get",), (names.FLEET_RECORD,)),
        *_lock(names.LEADER_LEASE),
    ),
)
"""The controller in the meta cluster: it reads registrations and notes which cluster each one is, reads AppSets and
writes their metadata and status."""

MASTER = Grant(
    name=names.MASTER,
    home=names.MEMBER_NAMESPACE,
    everywhere=(
        Rule(_WORKLOAD, ("advdeployments",), (*_READ, "create", "patch", "delete")),
        Rule("apps", ("deployments", "statefulsets"), ("list",)),
        Rule("", ("services",), ("list",)),
        Rule("", ("namespaces",), ("create",)),
        _IDENTITY,
    ),
)
"""The master in a member: AdvDeployments, a namespace for them where there is none, a live look at what is left."""

WORKER = Grant(
    name=names.WORKER,
    home=names.MEMBER_NAMESPACE,
    everywhere=(
        Rule(_WORKLOAD, ("advdeployments",), (*_READ, "patch")),
        Rule(_WORKLOAD, ("advdeployments/status",), ("patch",)),
        Rule("apps", ("deployments", "statefulsets"), (*_READ, "create", "patch", "delete")),
        Rule("apps", ("replicasets",), _SEEN),
        Rule("autoscaling", ("horizontalpodautoscalers",), _SEEN),
        Rule("", ("services",), (*_READ, "create", "patch", "delete")),
        Rule("", ("pods", "events"), _SEEN),
        Rule("discovery.k8s.io", ("endpointslices",), _SEEN),
        _EVENTS,
        _IDENTITY,
    ),
    at_home=_lock(names.WORKER_LEASE),
)
"""The worker of a member, wherever it runs: AdvDeployments into workloads and Services, and what became of them."""

_WRITE = (*_READ, "create", "update", "patch", "delete")
HELM = Grant(
    name=names.WORKER + "-helm",
    home=names.MEMBER_NAMESPACE,
    everywhere=(
        Rule("", ("secrets", "configmaps", "services", "serviceaccounts", "persistentvolumeclaims", "pods"), _WRITE),
        Rule("apps", ("deployments", "statefulsets", "daemonsets"), _WRITE),
        Rule("batch", ("jobs", "cronjobs"), _WRITE),
        Rule("networking.k8s.io", ("ingresses", "networkpolicies"), _WRITE),
        Rule("policy", ("poddisruptionbudgets",), _WRITE),
        Rule("autoscaling", ("horizontalpodautoscalers",), _WRITE),
    ),
)
"""What Helm needs in a member, for podSets of deployType helm: its records, which are Secrets, and every kind that a
chart may hold. Only where somebody switched it on."""

CONFIRMER = Grant(
    name="sym-rollout-confirmer",
    home=names.META_NAMESPACE,
    everywhere=(
        Rule(_WORKLOAD, ("appsets",), _READ),
        Rule(_WORKLOAD, ("appsets/status",), ("patch",)),
        Rule(
            "admissionregistration.k8s.io",
            ("validatingadmissionpolicybindings",),
            ("get",),
            (names.CONFIRMATIONS,),
        ),
    ),
)
"""People who may confirm rollouts but edit no AppSet: `sym rollout confirm`, `get` and `status`. Bound by whoever
installs it to whom they trust. It is as strong as the policy beside it (`sym manifests --confirmations`)."""

API_META = Grant(
    name="sym-api",
    home=names.META_NAMESPACE,
    everywhere=(Rule(_WORKLOAD, ("appsets",), _READ), Rule(_DEVOPS, ("clusters",), _READ)),
)
"""The API in the meta cluster: it reads. No Secrets."""

API_MEMBER = Grant(
    name="sym-api",
    home=names.MEMBER_NAMESPACE,
    everywhere=(
        Rule(_WORKLOAD, ("advdeployments",), _READ),
        Rule("", ("pods", "events", "endpoints", "services"), _READ),
        Rule("apps", ("deployments",), _READ),
    ),
)
"""The API in a member: it reads. No Secrets, no nodes, nothing inside of pods."""

API_EXEC = Grant(
    name="sym-api-exec",
    home=names.MEMBER_NAMESPACE,
    everywhere=(Rule("", ("pods/log",), ("get",)), Rule("", ("pods/exec",), ("create", "get"))),
)
"""Logs and commands in pods, only where somebody switched them on. Over WebSocket an exec is a GET."""


def account(name: str, namespace: str) -> JSONMap:
    """A ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def _role(kind: str, metadata: JSONMap, rules: tuple[Rule, ...]) -> JSONMap:
    listed: list[JSON] = [rule.to_json() for rule in rules]
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "rules": listed}


def _binding(kind: str, role: str, metadata: JSONMap, name: str, namespace: str) -> JSONMap:
    return {
        "apiVersion": API_VERSION,
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }


def _bound(role: str, name: str) -> str:
    return role if role == name else f"{name}-as-{role}"
