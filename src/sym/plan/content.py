"""The content of podSets: what they run after overrides and before injection, and the hashes over it.

A hash stands for what a rollout has to bring into the pods. Counts, strategy, labels of the AppSet, and whatever comes
from outside the AppSet's spec do not belong to it. Source: semantics.md 4 and 6.
"""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from sym.model.appset import AppSetSpec, DeployType, NodeSelectorTerm, PodSet, PodSpec, TopologyCluster
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, dig_str, encode_sorted, to_map
from sym.model.images import Image

HASH_LENGTH = 16
"""Hex digits of a hash: 64 bits, against accidents, not against attackers."""


def content(spec: AppSetSpec, app: str, pod_set: PodSet) -> PodSpec:
    """The podSpec of one podSet: the AppSet's with the podSet's image, version, nodes and chart laid over it."""
    pod_spec = spec.pod_spec
    chart = pod_set.chart if not pod_set.chart.empty else pod_spec.chart
    template = as_map(without_nulls(pod_spec.template))
    if template:
        template = _with_nodes(_with_image(template, app, pod_set), pod_set.node_selector_term)
    return replace(pod_spec, template=template, chart=chart)


def stated_meta(place: TopologyCluster, pod_set: PodSet) -> dict[str, str]:
    """The metadata of a podSet as far as the AppSet's spec states it."""
    return {**place.meta, **pod_set.meta}


def revision(spec: AppSetSpec, app: str, place: TopologyCluster, pod_set: PodSet) -> str:
    """The hash of what one podSet runs at its place. Two podSets with equal content have the same revision."""
    return revision_of(spec, content(spec, app, pod_set), place, pod_set)


def revision_of(spec: AppSetSpec, pod_spec: PodSpec, place: TopologyCluster, pod_set: PodSet) -> str:
    """`revision` where the content is known already. What a template would hold of image and nodes, a chart is told."""
    told = {
        "image": pod_set.image,
        "version": pod_set.version,
        "nodes": pod_set.node_selector_term,
        "serviceName": spec.service_name,
    }
    return digest(
        {
            "podSpec": pod_spec,
            "rawValues": pod_set.raw_values,
            "meta": stated_meta(place, pod_set),
            "inject": pod_set.inject,
            **(told if pod_spec.deploy_type is DeployType.HELM else {}),
        }
    )


def content_hash(spec: AppSetSpec, app: str) -> str:
    """The hash of what all podSets run, wherever they run it."""
    placed = ((place, pod_set) for place in spec.cluster_topology.clusters for pod_set in place.pod_sets)
    return digest({pod_set.name: revision(spec, app, place, pod_set) for place, pod_set in placed})


def digest(value: Mapping[str, object]) -> str:
    """The hash of what `value` is as JSON, independent of the order of keys."""
    return hashlib.sha256(encode_sorted(value)).hexdigest()[:HASH_LENGTH]


def main_of(containers: Sequence[str], app: str) -> int:
    """The index of the container that runs the app itself: named like it, else beginning so, else the first."""
    if app in containers:
        return containers.index(app)
    return next((index for index, name in enumerate(containers) if name.startswith(app)), 0)


def main_container(template: JSONMap, app: str) -> int:
    """The index of the template's container that runs the app itself."""
    return main_of([dig_str(container, "name") for container in dig_list(template, "spec", "containers")], app)


def version_of(template: JSONMap, app: str) -> str:
    """The version that a template runs: its main container's tag."""
    return Image.parse(dig_str(template, "spec", "containers", main_container(template, app), "image")).version


def with_container(template: JSONMap, index: int, container: JSONMap) -> JSONMap:
    """`template` with another container at `index`."""
    containers = dig_list(template, "spec", "containers")
    return with_spec(template, containers=[*containers[:index], container, *containers[index + 1 :]])


def with_spec(template: JSONMap, **fields: JSON) -> JSONMap:
    """`template` with other fields in its pod spec."""
    return {**template, "spec": {**dig_map(template, "spec"), **fields}}


def _with_image(template: JSONMap, app: str, pod_set: PodSet) -> JSONMap:
    index = main_container(template, app)
    container = dig_map(template, "spec", "containers", index)
    image = Image.parse(dig_str(container, "image")).overridden(pod_set.image, pod_set.version)
    return with_container(template, index, container | {"image": str(image)})


def _with_nodes(template: JSONMap, term: NodeSelectorTerm | None) -> JSONMap:
    """The template's own terms are alternatives; the podSet's conditions are added to each of them."""
    if term is None or term == NodeSelectorTerm():
        return template
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    mine = to_map(term)
    own = dig_list(template, "spec", *path, "nodeSelectorTerms") or [{}]
    terms: list[JSON] = [
        {key: [*dig_list(each, key), *dig_list(mine, key)] for key in {*as_map(each), *mine}} for each in own
    ]
    affinity = dig_map(template, "spec", "affinity")
    node: JSONMap = {**dig_map(affinity, "nodeAffinity"), path[-1]: {"nodeSelectorTerms": terms}}
    return with_spec(template, affinity={**affinity, "nodeAffinity": node})


def without_nulls(value: JSON) -> JSON:
    """`value` without what is null, which means absent."""
    match value:
        case dict():
            return {key: without_nulls(each) for key, each in value.items() if each is not None}
        case list():
            return [without_nulls(each) for each in value]
        case _:
            return value
