"""What an AppSet may not be, beyond what the schema says. Every problem says what is wrong, where and what to do.

The API server refuses most of this already; what an older schema let in, and what no schema can say, shows as `Stalled`
with the problem's reason, and what runs keeps running. Whether counts add up needs the share arithmetic: the planner's
placement judges that (`ReplicasMismatch`), and here only what no arithmetic is needed for.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sym.model import names
from sym.model.appset import (
    AppSet,
    AppSetSpec,
    ClusterTopology,
    DeployType,
    PodManagementPolicy,
    PodSet,
    PodSpec,
    PodUpdatePolicy,
    UpdateStrategy,
    UpgradeType,
)
from sym.model.codec import dig_list, dig_str, encode
from sym.model.meta import Object
from sym.model.paths import PathError, parse_paths
from sym.model.problems import Problem
from sym.model.shapes import (
    CLUSTER_PATTERN,
    COUNT_OR_PERCENT_PATTERN,
    IMAGE_PATTERN,
    MAX_NAME,
    NAME_PATTERN,
    TAG_PATTERN,
)
from sym.model.validate_analysis import analysis_problems
from sym.model.validate_rollout import rollout_problems

NOT_SERVED = "DeployTypeNotAvailable"
REPLICAS_REQUIRED = "ReplicasRequired"
REPLICAS_MISMATCH = "ReplicasMismatch"
TOO_LARGE = "TooLarge"

SERVED = frozenset({DeployType.DEPLOYMENT, DeployType.STATEFUL_SET, DeployType.HELM})
"""The deployTypes that have a deployer."""

MAX_BYTES = 1024 * 1024
"""The largest spec that is planned: the API server's store takes 1.5 MiB, and children and status need room too."""

MAX_NAME_BY_TYPE: Mapping[DeployType, int] = {DeployType.HELM: 53, DeployType.STATEFUL_SET: 52}
"""Limits under 63: Helm's for release names, and room for the revision label that a StatefulSet's pods get."""

LABELS_FROM_META = (names.GROUP, names.LDC, names.ZONE, names.CLUSTER_INFO)
"""Keys of `meta` that become labels."""

_NAME = re.compile(NAME_PATTERN)
_CLUSTER = re.compile(CLUSTER_PATTERN)
_SERVICE = re.compile(r"[a-z][-a-z0-9]{0,61}[a-z0-9]")
_PERCENT = re.compile(COUNT_OR_PERCENT_PATTERN)
_IMAGE = re.compile(IMAGE_PATTERN)
_TAG = re.compile(TAG_PATTERN)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


class _Placed(NamedTuple):
    path: str
    cluster: str
    pod_set: PodSet


def validate_appset(app: AppSet) -> tuple[Problem, ...]:
    """All problems of an AppSet, in the order of its fields; empty means that it can be planned."""
    spec = app.spec
    pod_sets = tuple(_placed(spec.cluster_topology))
    return (
        *_size(app),
        *filter(None, [bad_paths(app)]),
        *_total(spec, pod_sets),
        *_pod_spec(spec.pod_spec),
        *_charts(spec.pod_spec, pod_sets),
        *_claims(spec.pod_spec),
        *_stateful(spec, pod_sets),
        *_governing(app),
        *_strategy(spec.update_strategy, spec.cluster_topology),
        *analysis_problems(spec.update_strategy.analysis, "spec.updateStrategy.analysis"),
        *_wave_analyses(spec.update_strategy),
        *rollout_problems(spec),
        *_clusters(spec.cluster_topology),
        *_pod_sets(pod_sets, MAX_NAME_BY_TYPE.get(spec.pod_spec.deploy_type, MAX_NAME)),
    )


def bad_paths(obj: Object) -> Problem | None:
    """What is wrong with the list of fields that are left to others, on an AppSet or its child."""
    try:
        parse_paths(obj.metadata.annotations.get(names.IGNORE_FIELDS, ""))
    except PathError as error:
        return Problem(path=f'metadata.annotations["{names.IGNORE_FIELDS}"]', message=str(error))
    return None


def _placed(topology: ClusterTopology) -> Iterator[_Placed]:
    for number, cluster in enumerate(topology.clusters):
        for position, pod_set in enumerate(cluster.pod_sets):
            yield _Placed(f"{_cluster_path(number)}.podSets[{position}]", cluster.name, pod_set)


def _cluster_path(number: int) -> str:
    return f"spec.clusterTopology.clusters[{number}]"


def _size(app: AppSet) -> Iterator[Problem]:
    length = len(app.metadata.name)
    if length > MAX_NAME:
        yield Problem(
            path="metadata.name",
            message=f"the name has {length} characters: it becomes a label's value, use at most {MAX_NAME}",
        )
    size = len(encode(app.spec))
    if size > MAX_BYTES:
        yield Problem(
            path="spec",
            message=f"the AppSet has {size} bytes, the limit is {MAX_BYTES}: put large charts into a chart repository "
            "and name them by chartUrl",
            reason=TOO_LARGE,
        )


def _total(spec: AppSetSpec, pod_sets: tuple[_Placed, ...]) -> Iterator[Problem]:
    if spec.replicas is not None and spec.replicas < 0:
        yield Problem(path="spec.replicas", message=f"{spec.replicas} is negative: use 0 or more")
    sharing = next((each for each in pod_sets if not isinstance(each.pod_set.replicas, int)), None)
    if spec.replicas is None and sharing:
        yield Problem(
            path="spec.replicas",
            message=f"podSet {sharing.pod_set.name} of cluster {sharing.cluster} asks for a share of spec.replicas, "
            "which is not set: set spec.replicas",
            reason=REPLICAS_REQUIRED,
        )
    percents = sum(_percent(each.pod_set.replicas) for each in pod_sets)
    if percents > 100:
        yield Problem(
            path="spec.clusterTopology",
            message=f"the percentages of the podSets' replicas add up to {percents}%: lower them to 100% at most",
            reason=REPLICAS_MISMATCH,
        )


def _percent(replicas: int | str | None) -> int:
    return int(replicas[:-1]) if isinstance(replicas, str) and _PERCENT.fullmatch(replicas) else 0


def _pod_spec(pod_spec: PodSpec) -> Iterator[Problem]:
    path = "spec.podSpec.deployType"
    kind = pod_spec.deploy_type
    if not kind.known:
        yield Problem(path=path, message=f"{kind!s} is none of {', '.join(DeployType)}: choose one of them")
    elif kind not in SERVED:
        served = ", ".join(sorted(SERVED))
        yield Problem(path=path, message=f"{kind!s} is not served yet: use one of {served}", reason=NOT_SERVED)
    if kind is DeployType.HELM:
        return
    containers = dig_list(pod_spec.template, "spec", "containers")
    if not containers:
        yield Problem(path="spec.podSpec.template.spec.containers", message="there is no container: give at least one")
    for number, container in enumerate(containers):
        at = f"spec.podSpec.template.spec.containers[{number}]"
        if not dig_str(container, "name"):
            yield Problem(path=f"{at}.name", message="the container has no name: give it one")
        image = dig_str(container, "image")
        if not _IMAGE.fullmatch(image):
            yield _bad_image(f"{at}.image", image)


def _charts(pod_spec: PodSpec, pod_sets: tuple[_Placed, ...]) -> Iterator[Problem]:
    """Every release needs a chart, and one that says from where."""
    if pod_spec.deploy_type is not DeployType.HELM:
        return
    places = (("spec.podSpec", pod_spec.chart), *((each.path, each.pod_set.chart) for each in pod_sets))
    for path, chart in places:
        if chart.raw_chart and chart.chart_url.url:
            yield Problem(
                path=f"{path}.chart",
                message="it has both rawChart and chartUrl: give one of them, the other is not read",
            )
        elif chart.chart_url.chart_version and not chart.chart_url.url:
            yield Problem(
                path=f"{path}.chart.chartUrl.url",
                message="there is a chartVersion without a url: name the chart too, as dmall/springBoot",
            )
    if pod_spec.chart.empty and (bare := next((each for each in pod_sets if each.pod_set.chart.empty), None)):
        yield Problem(
            path="spec.podSpec.chart",
            message=f"podSet {bare.pod_set.name} has no chart: give spec.podSpec.chart, or {bare.path}.chart",
        )


def _claims(pod_spec: PodSpec) -> Iterator[Problem]:
    """What only stateful workloads have."""
    path = "spec.podSpec.volumeClaimTemplates"
    policy, kind = pod_spec.pod_management_policy, pod_spec.deploy_type
    if policy is not None and not policy.known:
        choices = ", ".join(PodManagementPolicy)
        message = f"{policy!s} is none of {choices}: choose one of them"
        yield Problem(path="spec.podSpec.podManagementPolicy", message=message)
    if pod_spec.volume_claim_templates and kind in {DeployType.DEPLOYMENT, DeployType.HELM}:
        yield Problem(path=path, message=f"deployType {kind} claims no volumes: use StatefulSet, or take them out")
    first: dict[str, int] = {}
    for number, claim in enumerate(pod_spec.volume_claim_templates):
        name = dig_str(claim, "metadata", "name")
        if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
            message = f"{name!r} cannot be the name of a claim's template: {_name_rule(MAX_NAME)}"
            yield Problem(path=f"{path}[{number}].metadata.name", message=message)
        elif first.setdefault(name, number) != number:
            message = f"{name} also stands at {path}[{first[name]}]: rename one"
            yield Problem(path=f"{path}[{number}].metadata.name", message=message)


def _stateful(spec: AppSetSpec, pod_sets: tuple[_Placed, ...]) -> Iterator[Problem]:
    """What a StatefulSet cannot do."""
    if spec.pod_spec.deploy_type is not DeployType.STATEFUL_SET:
        return
    stated = [("spec.updateStrategy", spec.update_strategy.stateful_set_strategy)]
    stated += [(each.path, each.pod_set.stateful_set_strategy) for each in pod_sets]
    for path, strategy in stated:
        if strategy is None:
            continue
        if strategy.pod_update_policy is PodUpdatePolicy.IN_PLACE_ONLY:
            message = "a StatefulSet always makes new pods, it changes none in place: use ReCreate or InPlaceIfPossible"
            yield Problem(path=f"{path}.statefulSetStrategy.podUpdatePolicy", message=message)
        if strategy.max_unavailable in {0, "0%"}:
            message = "with no pod that may be unavailable a StatefulSet could change none: use 1 or more"
            yield Problem(path=f"{path}.statefulSetStrategy.maxUnavailable", message=message)


def _governing(app: AppSet) -> Iterator[Problem]:
    """A StatefulSet needs a Service, whose name servers take only if it is one of DNS."""
    service = names.service_of(app.metadata.name)
    if app.spec.pod_spec.deploy_type is DeployType.STATEFUL_SET and not _SERVICE.fullmatch(service):
        yield Problem(
            path="metadata.name",
            message=f"{service!r} cannot be the name of the Service that a StatefulSet needs: begin the AppSet's name "
            "with a small letter, go on with small letters, digits and '-', at most "
            f"{MAX_NAME - len(names.service_of(''))} characters",
        )


def _bad_image(path: str, image: str) -> Problem:
    wanted = (
        "give a repository as HOST:PORT/TEAM/NAME or TEAM/NAME in small letters, and after it a :TAG or @sha256:DIGEST"
    )
    return Problem(path=path, message=f"{image!r} is not an image reference: {wanted}")


def _strategy(strategy: UpdateStrategy, topology: ClusterTopology) -> Iterator[Problem]:
    upgrade = strategy.upgrade_type
    if upgrade is not None and not upgrade.known:
        yield Problem(
            path="spec.updateStrategy.upgradeType",
            message=f"{upgrade!s} is none of {', '.join(UpgradeType)}: choose one of them",
        )
    listed = {cluster.name for cluster in topology.clusters}
    for number, name in enumerate(strategy.canary_clusters):
        if name not in listed:
            yield Problem(
                path=f"spec.updateStrategy.canaryClusters[{number}]",
                message=f"cluster {name} is not in spec.clusterTopology: correct its name or add it there",
            )


def _wave_analyses(strategy: UpdateStrategy) -> Iterator[Problem]:
    for number, wave in enumerate(strategy.waves):
        yield from analysis_problems(wave.analysis, f"spec.updateStrategy.waves[{number}].analysis")


def _clusters(topology: ClusterTopology) -> Iterator[Problem]:
    if not topology.clusters:
        yield Problem(
            path="spec.clusterTopology.clusters",
            message="there is no cluster: name at least one; to stop the application delete the AppSet or scale to 0",
        )
    elif not any(cluster.pod_sets for cluster in topology.clusters):
        yield Problem(
            path="spec.clusterTopology.clusters",
            message="no cluster has a podSet: name one; to stop the application delete the AppSet or scale to 0",
        )
    first: dict[str, int] = {}
    for number, cluster in enumerate(topology.clusters):
        path = _cluster_path(number)
        if not _CLUSTER.fullmatch(cluster.name) or len(cluster.name) > MAX_NAME:
            yield Problem(
                path=f"{path}.name", message=f"{cluster.name!r} cannot be a cluster's name: {_name_rule(MAX_NAME)}"
            )
        elif first.setdefault(cluster.name, number) != number:
            yield Problem(
                path=f"{path}.name",
                message=f"cluster {cluster.name} also stands at {_cluster_path(first[cluster.name])}: merge the two",
            )
        yield from _labels(f"{path}.meta", cluster.meta)


def _pod_sets(pod_sets: tuple[_Placed, ...], longest: int) -> Iterator[Problem]:
    first: dict[str, _Placed] = {}
    for placed in pod_sets:
        name = placed.pod_set.name
        if first.setdefault(name, placed) is not placed:
            yield Problem(
                path=f"{placed.path}.name",
                message=f"podSet {name} also stands at {first[name].path} in cluster {first[name].cluster}: "
                "names are unique over the AppSet, rename one",
            )
        yield from _pod_set(placed.path, placed.pod_set, longest)


def _pod_set(path: str, pod_set: PodSet, longest: int) -> Iterator[Problem]:
    if not _NAME.fullmatch(pod_set.name) or len(pod_set.name) > longest:
        yield Problem(path=f"{path}.name", message=f"{pod_set.name!r} cannot be a podSet's name: {_name_rule(longest)}")
    replicas = pod_set.replicas
    if isinstance(replicas, int) and replicas < 0:
        yield Problem(path=f"{path}.replicas", message=f"{replicas} is negative: use 0 or more")
    if isinstance(replicas, str) and not _PERCENT.fullmatch(replicas):
        message = f"{replicas!r} is neither a count nor a percentage from 0% to 100%: use one of these"
        yield Problem(path=f"{path}.replicas", message=message)
    if pod_set.image and not _IMAGE.fullmatch(pod_set.image):
        yield _bad_image(f"{path}.image", pod_set.image)
    if pod_set.version and not _TAG.fullmatch(pod_set.version):
        yield Problem(
            path=f"{path}.version",
            message=f"{pod_set.version!r} cannot be an image's tag: use letters, digits, '_', '.' and '-', at most 128",
        )
    yield from _labels(f"{path}.meta", pod_set.meta)


def _name_rule(longest: int) -> str:
    return f"use small letters, digits and '-', begin and end with a letter or digit, at most {longest} characters"


def _labels(path: str, meta: Mapping[str, str]) -> Iterator[Problem]:
    for key in LABELS_FROM_META:
        value = meta.get(key, "")
        if not _LABEL_VALUE.fullmatch(value):
            yield Problem(
                path=f"{path}.{key}",
                message=f"{value!r} becomes a label's value: use letters, digits, '_', '.' and '-', at most {MAX_NAME} "
                "characters, a letter or digit at both ends",
            )
