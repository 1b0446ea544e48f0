"""The CRDs: what semantics.md 2 asks of them. Whether a server takes them is shown in tests/contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.crd import crds

BY_KIND = {dig_str(crd, "spec", "names", "kind"): crd for crd in crds()}
ROOT = Path(__file__).parents[2]
KEYWORDS = {
    *("type", "description", "properties", "required", "items", "additionalProperties", "enum", "pattern", "format"),
    *("minimum", "maximum", "minLength", "maxLength", "maxItems", "default", "anyOf"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-map-type", "x-kubernetes-list-type"),
    *("x-kubernetes-list-map-keys", "x-kubernetes-int-or-string", "x-kubernetes-validations"),
}


def version(kind: str) -> JSONMap:
    return as_map(dig(BY_KIND[kind], "spec", "versions", 0))


def schema(kind: str, *path: str) -> JSONMap:
    """The schema at a path of properties, through lists."""
    found = dig_map(version(kind), "schema", "openAPIV3Schema")
    for step in path:
        items = dig_map(found, "items") or found
        found = dig_map(items, "properties", step)
    return found


def nodes(node: JSONMap, path: str = "") -> Iterator[tuple[str, JSONMap]]:
    yield path, node
    for name, each in dig_map(node, "properties").items():
        yield from nodes(as_map(each), f"{path}.{name}")
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if inner := dig_map(node, key):
            yield from nodes(inner, path + suffix)


def all_nodes() -> Iterator[tuple[str, JSONMap]]:
    for kind in BY_KIND:
        yield from nodes(schema(kind), kind)


def test_there_are_three_kinds_with_the_documents_names() -> None:
    found = {
        dig_str(crd, "metadata", "name"): (dig_list(crd, "spec", "names", "shortNames"), dig_str(version(kind), "name"))
        for kind, crd in BY_KIND.items()
    }
    assert found == {
        "appsets.workload.dmall.com": (["as"], "v1beta1"),
        "advdeployments.workload.dmall.com": (["ad"], "v1beta1"),
        "clusters.devops.dmall.com": (["scl"], "v1"),
    }
    for crd in BY_KIND.values():
        assert dig(crd, "spec", "names", "categories") == ["sym"]
        assert dig(crd, "metadata", "annotations") == {"helm.sh/resource-policy": "keep"}
        assert dig(crd, "spec", "scope") == "Namespaced"


def test_every_property_is_described() -> None:
    bare = [path for path, node in all_nodes() for name, each in dig_map(node, "properties").items()
            if not dig_str(each, "description") and f"{path}.{name}".count(".") > 1]  # fmt: skip
    assert [path for path in bare if not path.endswith(".metadata")] == []


def test_the_schema_is_structural() -> None:
    for path, node in all_nodes():
        assert set(node) <= KEYWORDS, path
        int_or_string = node.get("x-kubernetes-int-or-string") is True
        assert int_or_string != ("type" in node), path
        assert ("anyOf" in node) == int_or_string, path


@pytest.mark.parametrize(
    ("kind", "path", "keys", "limit"),
    [
        ("AppSet", ("spec", "clusterTopology", "clusters"), ["name"], 100),
        ("AppSet", ("spec", "clusterTopology", "clusters", "podSets"), ["name"], 50),
        ("AppSet", ("status", "conditions"), ["type"], 32),
        ("AppSet", ("status", "rollout", "confirmations"), ["gate", "hash"], 200),
        ("AppSet", ("status", "migrations"), ["id"], 1000),
        ("AdvDeployment", ("spec", "topology", "podSets"), ["name"], 100),
        ("AdvDeployment", ("status", "conditions"), ["type"], 32),
        ("Cluster", ("spec", "apps"), ["name"], 100),
        ("Cluster", ("status", "apps"), ["name"], 200),
    ],
)
def test_lists_are_maps_by_their_keys(kind: str, path: tuple[str, ...], keys: list[str], limit: int) -> None:
    node = schema(kind, *path)
    assert node["x-kubernetes-list-type"] == "map"
    assert node["x-kubernetes-list-map-keys"] == keys
    assert node["maxItems"] == limit
    assert set(keys) <= set(dig_list(node, "items", "required"))


def test_the_template_is_kept_whole_and_owned_whole() -> None:
    for kind, path in (("AppSet", ("spec", "podSpec")), ("AdvDeployment", ("spec", "topology", "podSets", "podSpec"))):
        node = schema(kind, *path, "template")
        assert node["x-kubernetes-preserve-unknown-fields"] is True
        assert node["x-kubernetes-map-type"] == "atomic"
        assert "additionalProperties" not in node


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (("spec", "podSpec", "deployType"), ["helm", "InPlaceSet", "StatefulSet", "deployment"]),
        (("spec", "updateStrategy", "upgradeType"), ["canary", "blue", "green"]),
    ],
)
def test_choices_are_enums(path: tuple[str, ...], values: list[str]) -> None:
    assert schema("AppSet", *path)["enum"] == values


def test_a_new_object_is_not_yet_observed() -> None:
    for kind in BY_KIND:
        assert schema(kind, "status")["default"] == {"observedGeneration": -1}


def test_applications_scale_and_clusters_do_not() -> None:
    scale: JSONMap = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    for kind in ("AppSet", "AdvDeployment"):
        assert version(kind)["subresources"] == {"status": {}, "scale": scale}
    assert version("Cluster")["subresources"] == {"status": {}}


def test_the_columns_are_the_documents_and_more_only_when_asked_for() -> None:
    for kind in ("AppSet", "AdvDeployment"):
        columns = dig_list(version(kind), "additionalPrinterColumns")
        shown = [dig_str(each, "name").upper() for each in columns if not dig(each, "priority")]
        assert shown == ["DESIRED", "AVAILABLE", "UNAVAILABLE", "VERSION", "STATUS", "AGE"]
        assert "Message" in [dig(each, "name") for each in columns if dig(each, "priority") == 1]


def test_what_a_rule_walks_has_a_maximum() -> None:
    """The API server refuses a rule whose estimated cost is unbounded."""
    assert schema("AppSet", "spec", "updateStrategy", "canaryClusters")["maxItems"] == 100
    assert dig(schema("AppSet", "spec", "updateStrategy", "canaryClusters"), "items", "maxLength") == 63
    assert schema("AppSet", "spec", "clusterTopology", "clusters", "name")["maxLength"] == 63


def test_every_rule_has_a_message_that_says_what_to_do() -> None:
    rules = [rule for _, node in all_nodes() for rule in dig_list(node, "x-kubernetes-validations")]
    assert len(rules) == 3
    for rule in rules:
        assert len(dig_str(rule, "message")) > 60
        assert dig_str(rule, "reason").startswith("FieldValue")


def test_a_kubeconfig_in_a_cluster_is_refused_by_name_of_the_command() -> None:
    (rule,) = dig_list(schema("Cluster", "spec"), "x-kubernetes-validations")
    assert dig_str(rule, "rule") == "!has(self.kubeConfig)"
    assert dig_str(rule, "fieldPath") == ".kubeConfig"
    assert "sym cluster join" in dig_str(rule, "message")


def test_names_that_become_labels_are_limited() -> None:
    for kind in BY_KIND:
        assert dig(schema(kind, "metadata", "name"), "maxLength") == 63


def test_each_call_gives_fresh_copies() -> None:
    first: JSON = crds()[0]
    as_map(first).clear()
    assert crds()[0] != first
