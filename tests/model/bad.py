"""Bad objects that an API server with our CRDs must refuse, with what its answer must name.

Plain data: the contract suite posts each to the sandbox and to a real API server. An edit lays `value` over a good
object at a path of keys and list positions; the value `DROP` takes the key away.
"""

from copy import deepcopy
from typing import NamedTuple

from sym.model.codec import JSON, JSONMap, as_list, as_map

DROP = "\0drop"
SPEC = ("spec",)
TOPOLOGY = ("spec", "clusterTopology", "clusters")
POD_SETS = (*TOPOLOGY, 0, "podSets")
FIRST = (*POD_SETS, 0)


class Bad(NamedTuple):
    """An edit that makes a good object bad, and the texts that the refusal must contain."""

    name: str
    path: tuple[str | int, ...]
    value: JSON
    says: tuple[str, ...]


def good_appset(name: str = "bad", namespace: str = "default") -> JSONMap:
    """A small AppSet that every server must take."""
    pod_set: JSONMap = {"name": f"{name}-gz01b-blue", "replicas": 1, "version": "v1"}
    other: JSONMap = {"name": f"{name}-gz01b-green", "replicas": 1, "version": "v1"}
    container: JSONMap = {"name": name, "image": "dmall/bad"}
    return {
        "apiVersion": "workload.dmall.com/v1beta1",
        "kind": "AppSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "podSpec": {"deployType": "deployment", "template": {"spec": {"containers": [container]}}},
            "updateStrategy": {"canaryClusters": ["one"]},
            "clusterTopology": {"clusters": [{"name": "one", "podSets": [pod_set, other]}]},
        },
    }


def good_cluster(name: str = "bad", namespace: str = "default") -> JSONMap:
    """A small Cluster that every server must take."""
    return {
        "apiVersion": "devops.dmall.com/v1",
        "kind": "Cluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"symNodeName": "node-1"},
    }


BAD_APPSETS = (
    Bad("no spec", SPEC, DROP, ("spec", "Required value")),
    Bad("no topology", (*SPEC, "clusterTopology"), DROP, ("spec.clusterTopology", "Required value")),
    Bad(
        "unknown deployType", (*SPEC, "podSpec", "deployType"), "daemonset", ("spec.podSpec.deployType", '"InPlaceSet"')
    ),
    Bad("no deployType", (*SPEC, "podSpec", "deployType"), DROP, ("spec.podSpec.deployType", "Required value")),
    Bad("no template", (*SPEC, "podSpec", "template"), DROP, ("spec.podSpec", "a pod template is needed")),
    Bad("negative replicas", (*SPEC, "replicas"), -1, ("spec.replicas", "greater than or equal to 0")),
    Bad("text replicas", (*SPEC, "replicas"), "ten", ("spec.replicas", "must be of type integer")),
    Bad(
        "the document's list of choices",
        (*SPEC, "updateStrategy", "upgradeType"),
        "canary|blue|green",
        ("spec.updateStrategy.upgradeType", '"canary"', '"blue"', '"green"'),
    ),
    Bad(
        "canary cluster outside the topology",
        (*SPEC, "updateStrategy", "canaryClusters"),
        ["two"],
        ("spec.updateStrategy.canaryClusters", "every canary cluster must be a cluster of spec.clusterTopology"),
    ),
    Bad("negative minReadySeconds", (*SPEC, "updateStrategy", "minReadySeconds"), -5, ("minReadySeconds",)),
    Bad("surge over 100%", (*SPEC, "updateStrategy", "maxSurge"), "150%", ("spec.updateStrategy.maxSurge",)),
    Bad("cluster without a name", (*TOPOLOGY, 0, "name"), DROP, ("clusters[0].name", "Required value")),
    Bad("cluster name with capitals", (*TOPOLOGY, 0, "name"), "One", ("clusters[0].name",)),
    Bad("two podSets of one name", (*POD_SETS, 1, "name"), "bad-gz01b-blue", ("podSets[1]", "Duplicate value")),
    Bad("podSet without a name", (*FIRST, "name"), DROP, ("podSets[0].name", "Required value")),
    Bad("podSet name too long", (*FIRST, "name"), "a" * 64, ("podSets[0].name", "63")),
    Bad("podSet name with a dot", (*FIRST, "name"), "a.b", ("podSets[0].name",)),
    Bad(
        "podSet with negative replicas", (*FIRST, "replicas"), -1, ("podSets[0].replicas", "greater than or equal to 0")
    ),
    Bad("percentage over 100", (*FIRST, "replicas"), "101%", ("podSets[0].replicas",)),
    Bad("percentage without its sign", (*FIRST, "replicas"), "50", ("podSets[0].replicas",)),
    Bad("negative percentage", (*FIRST, "replicas"), "-5%", ("podSets[0].replicas",)),
    Bad("the document's placeholder as image", (*FIRST, "image"), "...", ("podSets[0].image",)),
    Bad("image with capitals", (*FIRST, "image"), "dmall/BBCC", ("podSets[0].image",)),
    Bad("image with a space", (*FIRST, "image"), "dmall/ bbcc", ("podSets[0].image",)),
    Bad("version that is no tag", (*FIRST, "version"), "v1/v2", ("podSets[0].version",)),
    Bad(
        "weight over 100",
        (*SPEC, "updateStrategy", "priorityStrategy"),
        {"weightPriority": [{"weight": 101}]},
        ("weight",),
    ),
    Bad("name too long", ("metadata", "name"), "a" * 64, ("metadata.name", "63")),
)

BAD_CLUSTERS = (
    Bad("a kubeconfig", (*SPEC, "kubeConfig"), "apiVersion: v1", ("spec.kubeConfig", "sym cluster join")),
    Bad("app without a name", (*SPEC, "apps"), [{"repo": "dmall"}], ("spec.apps[0].name", "Required value")),
    Bad("two apps of one name", (*SPEC, "apps"), [{"name": "a"}, {"name": "a"}], ("spec.apps[1]", "Duplicate value")),
    Bad("values that are no texts", (*SPEC, "apps"), [{"name": "a", "values": {"k": 1}}], ("spec.apps[0].values.k",)),
)


def edited(good: JSONMap, bad: Bad) -> JSONMap:
    """A copy of `good` with the edit of `bad`."""
    document = deepcopy(good)
    *way, last = bad.path
    place: JSON = document
    for step in way:
        place = as_list(place)[step] if isinstance(step, int) else as_map(place)[step]
    if bad.value == DROP:
        del as_map(place)[str(last)]
    else:
        as_map(place)[str(last)] = bad.value
    return document
