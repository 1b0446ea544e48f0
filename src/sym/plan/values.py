"""What a chart is told of its podSet: names, image, version, labels, metadata of the cluster and environment.

The keys are those of the first implementation's charts (contract.md 5.1). Three layers: what Sym proposes, what the
podSet's rawValues say, what is as it is. All but the count of pods comes with the content and stays with it, as
injected values do (semantics.md 4).
"""

from collections.abc import Mapping

from msgspec import Struct

from sym.model import names
from sym.model.advdeployment import AdvUpdateStrategy, ChildPodSet, HelmValues
from sym.model.appset import Inject, NodeSelectorTerm, PodSet
from sym.model.codec import JSON, JSONMap, dig_map, to_map
from sym.plan.inject import ENV, affinity_map, facts, spread_list

_FIXED_ENV: Mapping[str, str] = {
    "SYM_ENABLE_SUBSTITUTE": "true",
    "MAX_PERM_SIZE": "256m",
    "RESERVED_SPACE": "50m",
}
_RESOURCES: JSONMap = {
    "limits": {"cpu": "1", "memory": "500Mi"},
    "requests": {"cpu": "100m", "memory": "500Mi"},
}
_LOGS: Mapping[str, str] = {
    "log-path": "/web/logs/app/logback/",
    "new-log-path": "/web/logs/app/aabb/",
    "jvm-path": "/web/logs/jvm/",
}


class AppFacts(Struct, frozen=True, kw_only=True):
    """What of an AppSet every chart is told."""

    name: str
    service_name: str = ""


def helm_values(app: AppFacts, pod_set: PodSet, meta: Mapping[str, str], inject: Inject) -> HelmValues:
    """The values of one podSet, without the count. `meta` is the metadata of cluster, topology and podSet, merged."""
    said = facts(app.name, pod_set.name, meta)
    image: JSONMap = {key: each for key, each in (("repository", pod_set.image), ("tag", pod_set.version)) if each}
    container: JSONMap = {
        "resources": _RESOURCES,
        "volumeMounts": [{"name": name, "mountPath": f"{path}{app.name}"} for name, path in _LOGS.items()],
    }
    if inject.env:
        container["env"] = _env(app.name, pod_set, said)
    labels: JSONMap = {
        "labels": _labels(said, names.GROUP, names.LDC),
        "clusterLabels": _labels(said, names.ZONE, names.CLUSTER_INFO),
    }
    if app.service_name:
        labels["lightningLabels"] = {names.SERVICE_DOMAIN: names.clean_label_value(app.service_name)}
    known: JSONMap = {"nameOverride": app.name, "fullnameOverride": pod_set.name, "sym": labels}
    if image:
        known["container"] = {"image": image}
    if required := _nodes(pod_set):
        known["affinity"] = {"nodeAffinity": required}
    proposed: JSONMap = {"service": {"enabled": names.BLUE in pod_set.name}, "container": container}
    return HelmValues(defaults=proposed | _places(app.name, pod_set.name, meta, inject), facts=known)


def layers(pod_set: ChildPodSet, strategy: AdvUpdateStrategy, replicas: int) -> tuple[JSONMap | str, ...]:
    """The layers of values in the order in which they are laid over each other, the last one with what may change
    without the content."""
    values = pod_set.values or HelmValues()
    counts: JSONMap = {"replicaCount": replicas}
    if strategy.min_ready_seconds:
        counts["minReadySeconds"] = strategy.min_ready_seconds
    bounds = {
        "maxSurge": first_given(pod_set.max_surge, strategy.max_surge),
        "maxUnavailable": first_given(pod_set.max_unavailable, strategy.max_unavailable),
    }
    if given := {key: each for key, each in bounds.items() if each is not None}:
        counts["strategy"] = {**given}
    written = (pod_set.raw_values,) if pod_set.raw_values.strip() else ()
    return (values.defaults, *written, {**values.facts, **counts})


def first_given(inner: int | str | None, outer: int | str | None) -> int | str | None:
    """The inner setting, or where there is none the outer one."""
    return outer if inner is None else inner


def _places(app: str, pod_set: str, meta: Mapping[str, str], inject: Inject) -> JSONMap:
    """Where the pods shall rather run, under the keys that `helm create` gives its charts. Which pods a constraint
    counts is the chart's to say: it knows their labels."""
    found: JSONMap = {}
    if inject.affinity and (affinity := affinity_map(meta)):
        found["affinity"] = affinity
    if inject.spread:
        spread = (dig_map(each) for each in spread_list(app, pod_set))
        found["topologySpreadConstraints"] = [
            {key: value for key, value in each.items() if key != "labelSelector"} for each in spread
        ]
    return found


def _nodes(pod_set: PodSet) -> JSONMap:
    """The nodes on which alone the pods may run; empty for all."""
    term = pod_set.node_selector_term
    if term is None or term == NodeSelectorTerm():
        return {}
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [to_map(term)]}}


def _labels(said: Mapping[str, str], *keys: str) -> JSONMap:
    return {key: names.clean_label_value(said[key]) for key in keys if key in said}


def _env(app: str, pod_set: PodSet, said: Mapping[str, str]) -> list[JSON]:
    env = {name: said[key] for name, key in ENV.items() if key in said}
    env |= {"AMP_APP_CODE": app, "AMP_PRO_CODE": app, **_FIXED_ENV}
    if pod_set.version:
        env["IMAGE_VERSION"] = pod_set.version
    return [{"name": name, "value": value} for name, value in env.items()]
