"""What a podSet runs, and which changes give it another revision."""

import pytest
from msgspec.structs import replace

from sym.model.appset import (
    AppSet,
    AppSetSpec,
    Chart,
    ChartUrl,
    DeployType,
    Inject,
    NodeRequirement,
    NodeSelectorTerm,
    PodSet,
    PodSpec,
    StatefulSetStrategy,
    TopologyCluster,
)
from sym.model.codec import JSONMap, convert, dig, dig_list, dig_str
from sym.plan.content import content, content_hash, main_of, revision, version_of
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters

APP = convert(two_clusters(), AppSet)
BLUE = APP.spec.cluster_topology.clusters[0].pod_sets[0]


def with_template(template: JSONMap) -> AppSet:
    """The AppSet with another template."""
    spec = APP.spec
    return replace(APP, spec=replace(spec, pod_spec=replace(spec.pod_spec, template=template)))


def rendered(app: AppSet, one: PodSet) -> JSONMap:
    """The template of a podSet."""
    return content(app.spec, "bbcc", one).template


@pytest.mark.parametrize(
    ("image", "version", "expected"),
    [
        ("", "", "dmall/bbcc"),
        ("", "v2", "dmall/bbcc:v2"),
        ("other/bbcc", "v2", "other/bbcc:v2"),
        ("registry:5000/bbcc", "", "registry:5000/bbcc"),
    ],
)
def test_image_and_version_override_the_app_container(image: str, version: str, expected: str) -> None:
    template = rendered(APP, PodSet(name="x", image=image, version=version))
    assert dig_str(template, "spec", "containers", 0, "image") == expected


@pytest.mark.parametrize(
    ("containers", "index"),
    [(["side", "bbcc"], 1), (["side", "bbcc-web"], 1), (["side", "web"], 0), ([], 0), (["bbcc-x", "bbcc"], 1)],
)
def test_the_app_container_is_named_like_the_app(containers: list[str], index: int) -> None:
    assert main_of(containers, "bbcc") == index


def test_the_other_containers_keep_their_image() -> None:
    containers: JSONMap = {"spec": {"containers": [{"name": "side", "image": "s:1"}, {"name": "bbcc", "image": "b"}]}}
    template = rendered(with_template(containers), PodSet(name="x", version="v2"))
    assert [dig_str(each, "image") for each in dig_list(template, "spec", "containers")] == ["s:1", "b:v2"]
    assert version_of(template, "bbcc") == "v2"


def test_nulls_mean_absent() -> None:
    template = rendered(
        with_template({"metadata": None, "spec": {"a": [{"b": None}], "containers": []}}), PodSet(name="x")
    )
    assert "metadata" not in template
    assert dig(template, "spec", "a") == [{}]


def test_an_empty_template_stays_empty() -> None:
    assert rendered(with_template({}), PodSet(name="x", version="v2")) == {}


def test_the_nodes_of_a_podset_narrow_every_alternative_of_the_template() -> None:
    zone = NodeSelectorTerm(match_expressions=(NodeRequirement(key="zone", operator="In", values=("a",)),))
    terms = ("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    asked: JSONMap = {"key": "zone", "operator": "In", "values": ["a"]}
    assert dig(rendered(APP, PodSet(name="x", node_selector_term=zone)), *terms) == [{"matchExpressions": [asked]}]
    own: JSONMap = {"key": "gpu", "operator": "Exists"}
    required: JSONMap = {"nodeSelectorTerms": [{"matchExpressions": [own]}, {"matchFields": [own]}]}
    affinity: JSONMap = {"nodeAffinity": {terms[3]: required}, "podAffinity": {}}
    app = with_template({"spec": {"containers": [{"name": "bbcc"}], "affinity": affinity}})
    template = rendered(app, PodSet(name="x", node_selector_term=zone))
    assert dig(template, *terms) == [
        {"matchExpressions": [own, asked]},
        {"matchExpressions": [asked], "matchFields": [own]},
    ]
    assert dig(template, "spec", "affinity", "podAffinity") == {}
    assert rendered(APP, PodSet(name="x", node_selector_term=NodeSelectorTerm())) == rendered(APP, PodSet(name="x"))


def test_the_podsets_chart_counts_before_the_apps() -> None:
    chart = Chart(chart_url=ChartUrl(url="a/b"))
    assert content(APP.spec, "bbcc", PodSet(name="x", chart=chart)).chart == chart


ONE = TopologyCluster(name="one")
CHANGES: dict[str, PodSet] = {
    "version": replace(BLUE, version="v9"),
    "image": replace(BLUE, image="other"),
    "values": replace(BLUE, raw_values="a: 1"),
    "meta": replace(BLUE, meta={"sym-ldc": "gz02"}),
    "inject": replace(BLUE, inject=Inject(env=False)),
}
SAME: dict[str, PodSet] = {
    "name": replace(BLUE, name="other"),
    "replicas": replace(BLUE, replicas=9),
    "surge": replace(BLUE, max_surge=1, max_unavailable=0),
    "partition": replace(BLUE, stateful_set_strategy=StatefulSetStrategy(partition=1)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_content_gives_another_revision(what: str) -> None:
    assert revision(APP.spec, "bbcc", ONE, CHANGES[what]) != revision(APP.spec, "bbcc", ONE, BLUE)


@pytest.mark.parametrize("what", SAME)
def test_counts_names_and_strategy_give_the_same_revision(what: str) -> None:
    assert revision(APP.spec, "bbcc", ONE, SAME[what]) == revision(APP.spec, "bbcc", ONE, BLUE)


def test_the_meta_of_the_topology_entry_is_content_as_far_as_it_counts() -> None:
    """It comes from the AppSet's spec and is merged into the entry."""

    def at(pod_set: PodSet = BLUE, **meta: str) -> str:
        return revision(APP.spec, "bbcc", replace(ONE, meta=meta), pod_set)

    mine = replace(BLUE, meta={"zone": "a"})
    assert at(zone="a") == at(mine) == at(mine, zone="b") != at()
    assert at(zone="a") == revision(APP.spec, "bbcc", TopologyCluster(name="two", meta={"zone": "a"}), BLUE)


def test_the_hash_of_all_podsets_follows_content_only() -> None:
    same = [
        two_clusters(replicas=7),
        two_clusters(strategy={"paused": True, "minReadySeconds": 9, "upgradeType": "blue"}),
        appset({BJ5: [pod_set("bbcc-gz01a-blue")], BJ4: [pod_set("bbcc-gz01b-blue")]}),
        appset({BJ5: [pod_set("bbcc-gz01a-blue"), pod_set("bbcc-gz01b-blue")]}, labels={"a": "b"}, replicas=4),
    ]
    other = [two_clusters("v2"), appset({BJ4: [pod_set("bbcc-gz01b-blue")]})]

    def hashed(body: JSONMap) -> str:
        return content_hash(convert(body, AppSet).spec, "bbcc")

    assert {hashed(body) for body in same} == {content_hash(APP.spec, "bbcc")}
    assert content_hash(APP.spec, "bbcc") not in {hashed(body) for body in other}


SERVED_BY_CHART = PodSet(name="a", version="v1")


@pytest.mark.parametrize(
    "other",
    [
        replace(SERVED_BY_CHART, image="dmall/other"),
        replace(SERVED_BY_CHART, version="v9"),
        replace(SERVED_BY_CHART, node_selector_term=NodeSelectorTerm()),
        replace(SERVED_BY_CHART, raw_values="a: 1"),
    ],
    ids=["image", "version", "nodes", "values"],
)
def test_whatever_a_chart_is_told_is_content(other: PodSet) -> None:
    spec = AppSetSpec(pod_spec=PodSpec(deploy_type=DeployType.HELM))
    place = TopologyCluster(name="c")
    before = revision(spec, "app", place, SERVED_BY_CHART)
    assert before != revision(spec, "app", place, other)
    assert before != revision(replace(spec, service_name="inner.app"), "app", place, SERVED_BY_CHART)
    made = AppSetSpec(pod_spec=PodSpec(deploy_type=DeployType.DEPLOYMENT))
    named = replace(made, service_name="inner.app")
    assert revision(made, "app", place, BLUE) == revision(named, "app", place, BLUE)
