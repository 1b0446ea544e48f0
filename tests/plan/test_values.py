"""What charts are told of their podSets."""

import pytest

from sym.model import names
from sym.model.advdeployment import AdvUpdateStrategy, ChildPodSet, HelmValues
from sym.model.appset import Inject, NodeRequirement, NodeSelectorTerm, PodSet
from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from sym.plan.values import AppFacts, helm_values, layers

APP = AppFacts(name="bbcc", service_name="inner.bbcc.dmall.com")
META = {names.ZONE: "bj4", names.CLUSTER_INFO: "tcc-bj4", names.LDC: "gz01b", "other": "x"}
BLUE = PodSet(name="bbcc-gz01b-blue", replicas=2, version="v3")
ALL = Inject(env=True, affinity=True, spread=True)
NONE = Inject(env=False, affinity=False, spread=False)


def env(values: HelmValues) -> dict[str, str]:
    """The environment that is proposed."""
    listed = dig_list(values.defaults, "container", "env")
    return {dig_str(each, "name"): dig_str(each, "value") for each in listed}


def test_the_keys_are_those_of_the_first_implementation() -> None:
    values = helm_values(APP, BLUE, META, Inject(env=True))
    assert values.facts == {
        "nameOverride": "bbcc",
        "fullnameOverride": "bbcc-gz01b-blue",
        "sym": {
            "labels": {names.GROUP: "blue", names.LDC: "gz01b"},
            "clusterLabels": {names.ZONE: "bj4", names.CLUSTER_INFO: "tcc-bj4"},
            "lightningLabels": {names.SERVICE_DOMAIN: "inner.bbcc.dmall.com"},
        },
        "container": {"image": {"tag": "v3"}},
    }
    assert dig(values.defaults, "service") == {"enabled": True}
    assert env(values) == {
        "SYM_AVAILABLE_ZONE": "bj4",
        "SYM_CLUSTER_INFO": "tcc-bj4",
        "SYM_GROUP": "blue",
        "SYM_LDC": "gz01b",
        "AMP_APP_CODE": "bbcc",
        "AMP_PRO_CODE": "bbcc",
        "SYM_ENABLE_SUBSTITUTE": "true",
        "MAX_PERM_SIZE": "256m",
        "RESERVED_SPACE": "50m",
        "IMAGE_VERSION": "v3",
    }
    mounts = [dig_str(each, "mountPath") for each in dig_list(values.defaults, "container", "volumeMounts")]
    assert mounts == ["/web/logs/app/logback/bbcc", "/web/logs/app/aabb/bbcc", "/web/logs/jvm/bbcc"]
    assert dig(values.defaults, "container", "resources", "requests") == {"cpu": "100m", "memory": "500Mi"}


def test_what_is_not_said_is_not_told() -> None:
    values = helm_values(AppFacts(name="bbcc"), PodSet(name="bbcc-gz01b-green"), {}, NONE)
    assert "lightningLabels" not in dig_map(values.facts, "sym")
    assert "container" not in values.facts
    assert dig(values.defaults, "service", "enabled") is False
    assert env(values) == {}
    assert "affinity" not in values.defaults
    assert "topologySpreadConstraints" not in values.defaults
    bare = helm_values(AppFacts(name="bbcc"), PodSet(name="bbcc"), {}, ALL)
    assert "IMAGE_VERSION" not in env(bare)
    assert "affinity" not in bare.defaults


def test_an_image_of_its_own_is_told() -> None:
    values = helm_values(APP, PodSet(name="a", image="dmall/other", version="v1"), {}, NONE)
    assert dig(values.facts, "container", "image") == {"repository": "dmall/other", "tag": "v1"}


def test_places_that_are_asked_for() -> None:
    term = NodeSelectorTerm(match_expressions=(NodeRequirement(key="disk", operator="In", values=("ssd",)),))
    values = helm_values(APP, PodSet(name="a", node_selector_term=term), META, ALL)
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = dig_list(values.facts, "affinity", "nodeAffinity", required, "nodeSelectorTerms")
    assert terms == [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
    assert "nodeAffinity" in dig_map(values.defaults, "affinity")
    keys = [dig_str(each, "topologyKey") for each in dig_list(values.defaults, "topologySpreadConstraints")]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert not [
        each for each in dig_list(values.defaults, "topologySpreadConstraints") if "labelSelector" in dig_map(each)
    ]
    everywhere = helm_values(APP, PodSet(name="a", node_selector_term=NodeSelectorTerm()), META, NONE)
    assert "affinity" not in everywhere.facts


VALUES = HelmValues(defaults={"a": 1}, facts={"b": 2})


@pytest.mark.parametrize(
    ("pod_set", "strategy", "last"),
    [
        (ChildPodSet(), AdvUpdateStrategy(), {"replicaCount": 3}),
        (
            ChildPodSet(max_surge=1),
            AdvUpdateStrategy(min_ready_seconds=5, max_surge=2, max_unavailable="10%"),
            {"replicaCount": 3, "minReadySeconds": 5, "strategy": {"maxSurge": 1, "maxUnavailable": "10%"}},
        ),
    ],
    ids=["count", "bounds"],
)
def test_what_may_change_without_the_content_comes_last(
    pod_set: ChildPodSet, strategy: AdvUpdateStrategy, last: JSONMap
) -> None:
    assert layers(pod_set, strategy, 3) == ({}, last)


def test_rawvalues_lie_between_what_is_proposed_and_what_is_so() -> None:
    pod_set = ChildPodSet(values=VALUES, raw_values="a: 7\n")
    assert layers(pod_set, AdvUpdateStrategy(), 0) == ({"a": 1}, "a: 7\n", {"b": 2, "replicaCount": 0})
    assert layers(ChildPodSet(values=VALUES, raw_values=" \n"), AdvUpdateStrategy(), 0) == (
        {"a": 1},
        {"b": 2, "replicaCount": 0},
    )
