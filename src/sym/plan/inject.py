"""What Sym adds to pods when content rolls out: labels, the version, and where it is asked for environment variables
SYM_*, affinity for the app's zone and spread over zones and nodes.

Some of it comes from outside the AppSet's spec (the cluster's metadata), so it is no content: it is stored in the child
together with the content and stays as it is until that changes. `env_list`, `affinity_map` and `spread_list` give it
without a template, for charts. Source: semantics.md 1 and 4.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import Inject, PodSpec
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str
from sym.plan.content import version_of, with_spec

SCHEME, PLACED = "1", "2"
"""The number of the way of injecting, noted on each template. What is made of `affinity` and `spread` came with 2.
Where neither is asked for the pods are those of 1 and say so: a child that is lost and made anew restarts none."""

ZONE_KEY, HOST_KEY = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

META_LABELS = (names.LDC, names.ZONE, names.CLUSTER_INFO)
ENV: Mapping[str, str] = {
    "SYM_AVAILABLE_ZONE": names.ZONE,
    "SYM_CLUSTER_INFO": names.CLUSTER_INFO,
    "SYM_GROUP": names.GROUP,
    "SYM_LDC": names.LDC,
}


def injected(pod_spec: PodSpec, app: str, pod_set: str, meta: Mapping[str, str], inject: Inject) -> PodSpec:
    """`pod_spec` with all that Sym adds. `meta` is the metadata of cluster, topology and podSet, merged."""
    if not pod_spec.template:
        return pod_spec
    version = version_of(pod_spec.template, app)
    values = facts(app, pod_set, meta) | {names.VERSION: version}
    labels: JSONMap = {key: names.clean_label_value(value) for key, value in values.items()}
    scheme = PLACED if inject.affinity or inject.spread else SCHEME
    annotations: JSONMap = {names.VERSION_TAG: version, names.INJECTED: scheme}
    old = dig_map(pod_spec.template, "metadata")
    metadata: JSONMap = {
        **old,
        "labels": dig_map(old, "labels") | labels,
        "annotations": dig_map(old, "annotations") | annotations,
    }
    template: JSONMap = {**pod_spec.template, "metadata": metadata}
    if inject.env:
        template = _with_env(template, values)
    if inject.affinity:
        template = _with_affinity(template, meta)
    return replace(pod_spec, template=_with_spread(template, app, pod_set) if inject.spread else template)


def facts(app: str, pod_set: str, meta: Mapping[str, str]) -> dict[str, str]:
    """What Sym says of a podSet in labels and environment variables, by the label's key."""
    said = {names.APP: app, names.PODSET: pod_set, names.GROUP: names.group_of(pod_set, meta)}
    return said | {key: meta[key] for key in META_LABELS if meta.get(key)}


def env_list(said: Mapping[str, str]) -> list[JSON]:
    """The environment variables that tell a container what Sym says of its podSet (`facts`)."""
    return [{"name": name, "value": said[key]} for name, key in ENV.items() if key in said]


def affinity_map(meta: Mapping[str, str]) -> JSONMap:
    """Affinity for nodes of the app's zone, which other nodes do not make impossible; empty where none is known."""
    zone = meta.get(names.ZONE)
    if not zone:
        return {}
    here: JSONMap = {"matchExpressions": [{"key": ZONE_KEY, "operator": "In", "values": [zone]}]}
    return {"nodeAffinity": {_PREFERRED: [{"weight": 100, "preference": here}]}}


def spread_list(app: str, pod_set: str) -> list[JSON]:
    """Spread of a podSet's pods over zones and nodes, as even as it goes: no pod waits for a better place."""
    pods: JSONMap = {"matchLabels": {names.APP: app, names.PODSET: pod_set}}
    return [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": pods}
        for key in (ZONE_KEY, HOST_KEY)
    ]


def _with_affinity(template: JSONMap, meta: Mapping[str, str]) -> JSONMap:
    """Ours is one more preference: whatever the template asks for itself stays."""
    ours = dig_list(affinity_map(meta), "nodeAffinity", _PREFERRED)
    if not ours:
        return template
    affinity = dig_map(template, "spec", "affinity")
    node = dig_map(affinity, "nodeAffinity")
    preferred: list[JSON] = [*dig_list(node, _PREFERRED), *ours]
    return with_spec(template, affinity={**affinity, "nodeAffinity": {**node, _PREFERRED: preferred}})


def _with_spread(template: JSONMap, app: str, pod_set: str) -> JSONMap:
    """A constraint that the template has for the same key counts in place of ours."""
    own = dig_list(template, "spec", "topologySpreadConstraints")
    taken = {dig_str(each, "topologyKey") for each in own}
    ours = [each for each in spread_list(app, pod_set) if dig_str(each, "topologyKey") not in taken]
    return with_spec(template, topologySpreadConstraints=[*own, *ours])


def _with_env(template: JSONMap, values: Mapping[str, str]) -> JSONMap:
    env = env_list(values)
    containers = [_extended(container, env) for container in dig_list(template, "spec", "containers")]
    return with_spec(template, containers=containers)


def _extended(container: JSON, env: list[JSON]) -> JSON:
    """What the container's author wrote counts more than what Sym would add."""
    own = dig_list(container, "env")
    taken = {dig_str(each, "name") for each in own}
    added = [each for each in env if dig_str(each, "name") not in taken]
    return {**dig_map(container), "env": [*own, *added]}
