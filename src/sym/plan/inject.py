"""What Sym adds to pods when content rolls out: labels, the version, environment variables SYM_*.

Some of it comes from outside the AppSet's spec (the cluster's metadata), so it is no content: it is stored in the child
together with the content and stays as it is until that changes. Source: semantics.md 1 and 4.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import Inject, PodSpec
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str
from sym.plan.content import version_of, with_spec

SCHEME = "1"
"""The number of this way of injecting, noted on each template."""

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
    annotations: JSONMap = {names.VERSION_TAG: version, names.INJECTED: SCHEME}
    old = dig_map(pod_spec.template, "metadata")
    metadata: JSONMap = {
        **old,
        "labels": dig_map(old, "labels") | labels,
        "annotations": dig_map(old, "annotations") | annotations,
    }
    template: JSONMap = {**pod_spec.template, "metadata": metadata}
    return replace(pod_spec, template=_with_env(template, values) if inject.env else template)


def facts(app: str, pod_set: str, meta: Mapping[str, str]) -> dict[str, str]:
    """What Sym says of a podSet in labels and environment variables, by the label's key."""
    said = {names.APP: app, names.PODSET: pod_set, names.GROUP: names.group_of(pod_set, meta)}
    return said | {key: meta[key] for key in META_LABELS if meta.get(key)}


def _with_env(template: JSONMap, values: Mapping[str, str]) -> JSONMap:
    env: list[JSON] = [{"name": name, "value": values[key]} for name, key in ENV.items() if key in values]
    containers = [_extended(container, env) for container in dig_list(template, "spec", "containers")]
    return with_spec(template, containers=containers)


def _extended(container: JSON, env: list[JSON]) -> JSON:
    """What the container's author wrote counts more than what Sym would add."""
    own = dig_list(container, "env")
    taken = {dig_str(each, "name") for each in own}
    added = [each for each in env if dig_str(each, "name") not in taken]
    return {**dig_map(container), "env": [*own, *added]}
