"""What the schema cannot say, or an older schema let in: each problem names the field and what to do."""

import pytest
from msgspec.structs import replace

from sym.model.appset import (
    AppSet,
    AppSetSpec,
    Chart,
    ChartUrl,
    ClusterTopology,
    DeployType,
    PodManagementPolicy,
    PodSet,
    PodSpec,
    PodUpdatePolicy,
    StatefulSetStrategy,
    TopologyCluster,
    UpdateStrategy,
    UpgradeType,
)
from sym.model.codec import JSON, JSONMap
from sym.model.meta import ObjectMeta
from sym.model.problems import Problem
from sym.model.validate import validate_appset

TEMPLATE: JSONMap = {"spec": {"containers": [{"name": "bbcc", "image": "registry:5000/dmall/bbcc"}]}}
CHARTED = PodSpec(deploy_type=DeployType.HELM, chart=Chart(chart_url=ChartUrl(url="dmall/springBoot")))
DEPLOYMENT = PodSpec(deploy_type=DeployType.DEPLOYMENT, template=TEMPLATE)
SOME = (PodSet(name="some", replicas=0),)
ONE = "spec.clusterTopology.clusters[0].podSets[0]"


def app(*pod_sets: PodSet, spec: AppSetSpec | None = None, name: str = "bbcc") -> AppSet:
    """An AppSet of these podSets (of some where none is given) in cluster `one`."""
    base = spec or AppSetSpec(pod_spec=DEPLOYMENT, replicas=10)
    topology = ClusterTopology(clusters=(TopologyCluster(name="one", pod_sets=pod_sets or SOME),))
    return AppSet(metadata=ObjectMeta(name=name), spec=replace(base, cluster_topology=topology))


def only(problems: tuple[Problem, ...]) -> tuple[str, str, str]:
    """The one problem there is."""
    (problem,) = problems
    return problem.path, problem.reason, problem.message


def test_a_good_appset_has_no_problem() -> None:
    pod_sets = (
        PodSet(name="bbcc-gz01b-blue", replicas="50%", image="dmall/bbcc", version="v1", meta={"sym-group": "blue"}),
        PodSet(name="bbcc-gz01b-green", replicas=0),
        PodSet(name="bbcc-gz01b-canary"),
    )
    assert validate_appset(app(*pod_sets)) == ()


def test_without_a_total_there_is_nothing_to_share() -> None:
    path, reason, message = only(
        validate_appset(app(PodSet(name="a", replicas=1), PodSet(name="b"), spec=AppSetSpec(pod_spec=DEPLOYMENT)))
    )
    assert (path, reason) == ("spec.replicas", "ReplicasRequired")
    assert message == "podSet b of cluster one asks for a share of spec.replicas, which is not set: set spec.replicas"
    assert validate_appset(app(PodSet(name="a", replicas=1), spec=AppSetSpec(pod_spec=DEPLOYMENT))) == ()


def test_percentages_over_100_do_not_fit() -> None:
    problems = validate_appset(app(PodSet(name="a", replicas="60%"), PodSet(name="b", replicas="41%")))
    path, reason, message = only(problems)
    assert (path, reason) == ("spec.clusterTopology", "ReplicasMismatch")
    assert "101%" in message
    assert validate_appset(app(PodSet(name="a", replicas="60%"), PodSet(name="b", replicas="40%"))) == ()


def test_negative_totals_are_refused() -> None:
    assert only(validate_appset(app(spec=AppSetSpec(pod_spec=DEPLOYMENT, replicas=-1))))[0] == "spec.replicas"


@pytest.mark.parametrize(
    ("kind", "reason", "says"),
    [
        ("daemonset", "InvalidSpec", "daemonset is none of helm, InPlaceSet, StatefulSet, deployment"),
        (
            "InPlaceSet",
            "DeployTypeNotAvailable",
            "InPlaceSet is not served yet: use one of StatefulSet, deployment, helm",
        ),
        ("", "InvalidSpec", "none of"),
    ],
)
def test_a_deploy_type_that_cannot_be_served_is_refused(kind: str, reason: str, says: str) -> None:
    spec = AppSetSpec(pod_spec=replace(DEPLOYMENT, deploy_type=DeployType(kind)))
    path, found, message = only(validate_appset(app(spec=spec)))
    assert (path, found) == ("spec.podSpec.deployType", reason)
    assert says in message


@pytest.mark.parametrize(
    ("template", "path", "says"),
    [
        ({}, "spec.podSpec.template.spec.containers", "at least one"),
        ({"spec": {"containers": [{"image": "a"}]}}, "spec.podSpec.template.spec.containers[0].name", "has no name"),
        (
            {"spec": {"containers": [{"name": "a"}]}},
            "spec.podSpec.template.spec.containers[0].image",
            "'' is not an image",
        ),
        (
            {"spec": {"containers": [{"name": "a", "image": "..."}]}},
            "spec.podSpec.template.spec.containers[0].image",
            "'...' is not an image reference",
        ),
        ({"spec": {"containers": ["a"]}}, "spec.podSpec.template.spec.containers[0].name", "has no name"),
    ],
)
def test_a_template_needs_containers_with_names_and_images(template: JSONMap, path: str, says: str) -> None:
    spec = AppSetSpec(pod_spec=replace(DEPLOYMENT, template=template))
    first = validate_appset(app(spec=spec))[0]
    assert first.path == path
    assert says in first.message


def test_a_chart_needs_no_template() -> None:
    assert validate_appset(app(PodSet(name="a", replicas=1), spec=AppSetSpec(pod_spec=CHARTED))) == ()


@pytest.mark.parametrize(
    ("chart", "path", "says"),
    [
        (Chart(), "spec.podSpec.chart", f"podSet a has no chart: give spec.podSpec.chart, or {ONE}.chart"),
        (
            Chart(raw_chart="eA==", chart_url=ChartUrl(url="dmall/a")),
            "spec.podSpec.chart",
            "both rawChart and chartUrl",
        ),
        (
            Chart(chart_url=ChartUrl(chart_version="1")),
            "spec.podSpec.chart.chartUrl.url",
            "a chartVersion without a url",
        ),
    ],
    ids=["none", "both", "version-alone"],
)
def test_every_release_needs_one_chart(chart: Chart, path: str, says: str) -> None:
    spec = AppSetSpec(pod_spec=replace(CHARTED, chart=chart))
    found, _, message = only(validate_appset(app(PodSet(name="a", replicas=1), spec=spec)))
    assert (found, says in message) == (path, True)
    own = PodSet(name="a", replicas=1, chart=CHARTED.chart)
    assert (validate_appset(app(own, spec=spec)) == ()) is chart.empty


def test_the_documents_list_of_choices_is_refused_with_the_choices_named() -> None:
    spec = AppSetSpec(
        pod_spec=DEPLOYMENT, update_strategy=UpdateStrategy(upgrade_type=UpgradeType("canary|blue|green"))
    )
    path, _, message = only(validate_appset(app(spec=spec)))
    assert path == "spec.updateStrategy.upgradeType"
    assert message == "canary|blue|green is none of canary, blue, green: choose one of them"


def test_canary_clusters_stand_in_the_topology() -> None:
    spec = AppSetSpec(pod_spec=DEPLOYMENT, update_strategy=UpdateStrategy(canary_clusters=("one", "two")))
    path, _, message = only(validate_appset(app(spec=spec)))
    assert path == "spec.updateStrategy.canaryClusters[1]"
    assert message.startswith("cluster two is not in spec.clusterTopology")


def test_there_must_be_a_cluster() -> None:
    path, _, message = only(validate_appset(AppSet(spec=AppSetSpec(pod_spec=DEPLOYMENT))))
    assert path == "spec.clusterTopology.clusters"
    assert message.startswith("there is no cluster:")
    assert "delete the AppSet" in message


def test_there_must_be_a_podset() -> None:
    """A schema of ours that is too old takes all of them out: that is no wish to end what runs."""
    topology = ClusterTopology(clusters=(TopologyCluster(name="one"), TopologyCluster(name="two")))
    problems = validate_appset(
        AppSet(metadata=ObjectMeta(name="a"), spec=AppSetSpec(pod_spec=DEPLOYMENT, cluster_topology=topology))
    )
    path, reason, message = only(problems)
    assert (path, reason) == ("spec.clusterTopology.clusters", "InvalidSpec")
    assert "no cluster has a podSet" in message


@pytest.mark.parametrize("name", ["", "One", "a" * 64, "a/b", "-a"])
def test_a_cluster_has_a_clusters_name(name: str) -> None:
    clusters = (TopologyCluster(name=name, pod_sets=SOME),)
    spec = AppSetSpec(pod_spec=DEPLOYMENT, cluster_topology=ClusterTopology(clusters=clusters))
    assert only(validate_appset(AppSet(spec=spec)))[0] == "spec.clusterTopology.clusters[0].name"


def test_a_cluster_stands_once() -> None:
    clusters = (TopologyCluster(name="one", pod_sets=SOME), TopologyCluster(name="one"))
    spec = AppSetSpec(pod_spec=DEPLOYMENT, cluster_topology=ClusterTopology(clusters=clusters))
    path, _, message = only(validate_appset(AppSet(spec=spec)))
    assert path == "spec.clusterTopology.clusters[1].name"
    assert "spec.clusterTopology.clusters[0]" in message


def test_a_podset_name_is_unique_over_all_clusters() -> None:
    clusters = tuple(TopologyCluster(name=name, pod_sets=(PodSet(name="same", replicas=1),)) for name in ("one", "two"))
    spec = AppSetSpec(pod_spec=DEPLOYMENT, cluster_topology=ClusterTopology(clusters=clusters))
    path, _, message = only(validate_appset(AppSet(spec=spec)))
    assert path == "spec.clusterTopology.clusters[1].podSets[0].name"
    assert "clusters[0].podSets[0] in cluster one" in message


@pytest.mark.parametrize(
    ("kind", "longest"), [(DeployType.HELM, 53), (DeployType.STATEFUL_SET, 52), (DeployType.DEPLOYMENT, 63)]
)
def test_how_long_a_podset_name_may_be_depends_on_what_bears_it(kind: DeployType, longest: int) -> None:
    spec = AppSetSpec(pod_spec=replace(DEPLOYMENT, deploy_type=kind, chart=CHARTED.chart))
    fits = validate_appset(app(PodSet(name="a" * longest, replicas=1), spec=spec))
    too_long = validate_appset(app(PodSet(name="a" * (longest + 1), replicas=1), spec=spec))
    (new,) = set(map(str, too_long)) - set(map(str, fits))
    assert new.startswith(f"{ONE}.name: ")
    assert f"at most {longest} characters" in new


@pytest.mark.parametrize(
    ("pod_set", "field"),
    [
        (PodSet(name="a.b", replicas=1), "name"),
        (PodSet(name="a", replicas=-1), "replicas"),
        (PodSet(name="a", replicas="half"), "replicas"),
        (PodSet(name="a", replicas="101%"), "replicas"),
        (PodSet(name="a", replicas=1, image="..."), "image"),
        (PodSet(name="a", replicas=1, version="v1/v2"), "version"),
        (PodSet(name="a", replicas=1, meta={"sym-group": "a b"}), "meta.sym-group"),
        (PodSet(name="a", replicas=1, meta={"sym-ldc": "x" * 64}), "meta.sym-ldc"),
        (PodSet(name="a", replicas=1, meta={"sym-available-zone": "-"}), "meta.sym-available-zone"),
    ],
)
def test_a_problem_of_a_podset_names_its_field(pod_set: PodSet, field: str) -> None:
    assert only(validate_appset(app(pod_set)))[0] == f"{ONE}.{field}"


def test_cluster_meta_becomes_labels() -> None:
    clusters = (TopologyCluster(name="one", pod_sets=SOME, meta={"sym-cluster-info": "a b", "free": "a b"}),)
    spec = AppSetSpec(pod_spec=DEPLOYMENT, cluster_topology=ClusterTopology(clusters=clusters))
    assert only(validate_appset(AppSet(spec=spec)))[0] == "spec.clusterTopology.clusters[0].meta.sym-cluster-info"


def test_an_appset_above_one_mebibyte_is_refused_with_its_size() -> None:
    chart = Chart(raw_chart="A" * 1_100_000)
    path, reason, message = only(validate_appset(app(spec=AppSetSpec(pod_spec=replace(DEPLOYMENT, chart=chart)))))
    assert (path, reason) == ("spec", "TooLarge")
    assert "bytes, the limit is 1048576" in message
    assert "the AppSet has 1100" in message


def test_the_name_becomes_a_label() -> None:
    assert only(validate_appset(app(name="a" * 64)))[0] == "metadata.name"


def test_problems_come_in_the_order_of_the_fields() -> None:
    broken: list[JSON] = ["no container"]
    spec = AppSetSpec(
        replicas=-1,
        pod_spec=PodSpec(deploy_type=DeployType("x"), template={"spec": {"containers": broken}}),
        update_strategy=UpdateStrategy(canary_clusters=("two",)),
    )
    paths = [each.path for each in validate_appset(app(PodSet(name="A", replicas=1), spec=spec))]
    assert paths == [
        "spec.replicas",
        "spec.podSpec.deployType",
        "spec.podSpec.template.spec.containers[0].name",
        "spec.podSpec.template.spec.containers[0].image",
        "spec.updateStrategy.canaryClusters[0]",
        f"{ONE}.name",
    ]


# --- StatefulSets

STATEFUL = PodSpec(deploy_type=DeployType.STATEFUL_SET, template=TEMPLATE)


def claims(*names: str) -> tuple[JSONMap, ...]:
    """Templates of claims of these names."""
    return tuple({"metadata": {"name": name}} for name in names)


def test_a_statefulset_with_claims_has_no_problem() -> None:
    pod_spec = replace(
        STATEFUL,
        volume_claim_templates=claims("data", "logs"),
        pod_management_policy=PodManagementPolicy.PARALLEL,
    )
    strategy = StatefulSetStrategy(
        partition=1, max_unavailable="10%", pod_update_policy=PodUpdatePolicy.IN_PLACE_IF_POSSIBLE
    )
    spec = AppSetSpec(pod_spec=pod_spec, update_strategy=UpdateStrategy(stateful_set_strategy=strategy))
    assert validate_appset(app(spec=spec)) == ()


@pytest.mark.parametrize(
    ("pod_spec", "path", "says"),
    [
        (replace(DEPLOYMENT, volume_claim_templates=claims("data")), "volumeClaimTemplates", "use StatefulSet"),
        (replace(STATEFUL, volume_claim_templates=claims("")), "volumeClaimTemplates[0].metadata.name", "'' cannot be"),
        (
            replace(STATEFUL, volume_claim_templates=claims("a" * 64)),
            "volumeClaimTemplates[0].metadata.name",
            "at most 63",
        ),
        (
            replace(STATEFUL, volume_claim_templates=claims("data", "data")),
            "volumeClaimTemplates[1].metadata.name",
            "data also stands at spec.podSpec.volumeClaimTemplates[0]: rename one",
        ),
        (
            replace(STATEFUL, pod_management_policy=PodManagementPolicy("Odd")),
            "podManagementPolicy",
            "Odd is none of OrderedReady, Parallel",
        ),
    ],
)
def test_claims_have_names_and_a_statefulset(pod_spec: PodSpec, path: str, says: str) -> None:
    found, reason, message = only(validate_appset(app(spec=AppSetSpec(pod_spec=pod_spec))))
    assert (found, reason) == (f"spec.podSpec.{path}", "InvalidSpec")
    assert says in message


@pytest.mark.parametrize(
    ("strategy", "path"),
    [
        (StatefulSetStrategy(pod_update_policy=PodUpdatePolicy.IN_PLACE_ONLY), "podUpdatePolicy"),
        (StatefulSetStrategy(max_unavailable=0), "maxUnavailable"),
        (StatefulSetStrategy(max_unavailable="0%"), "maxUnavailable"),
    ],
)
def test_what_a_statefulset_cannot_do_is_refused_wherever_it_stands(strategy: StatefulSetStrategy, path: str) -> None:
    outer = AppSetSpec(pod_spec=STATEFUL, update_strategy=UpdateStrategy(stateful_set_strategy=strategy))
    assert only(validate_appset(app(spec=outer)))[0] == f"spec.updateStrategy.statefulSetStrategy.{path}"
    inner = PodSet(name="a", replicas=0, stateful_set_strategy=strategy)
    assert (
        only(validate_appset(app(inner, spec=AppSetSpec(pod_spec=STATEFUL))))[0] == f"{ONE}.statefulSetStrategy.{path}"
    )
    assert validate_appset(app(inner)) == ()


@pytest.mark.parametrize(("name", "fits"), [("a" * 59, True), ("a" * 60, False), ("9000", False), ("a.b", False)])
def test_a_statefulset_needs_a_name_that_a_service_can_have(name: str, fits: bool) -> None:
    problems = validate_appset(app(name=name, spec=AppSetSpec(pod_spec=STATEFUL)))
    assert [each.path for each in problems] == ([] if fits else ["metadata.name"])
    assert fits or "at most 59" in problems[0].message
    assert validate_appset(app(name=name)) == ()
