"""What Sym adds to pods."""

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import Inject, PodSpec
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map
from sym.plan.inject import affinity_map, injected, spread_list

META = {names.ZONE: "bj4", names.CLUSTER_INFO: "tcc bj4", names.LDC: "gz01b", "else": "x"}
TEMPLATE: JSONMap = {
    "metadata": {"labels": {"mine": "1", "app": "wrong"}, "annotations": {"note": "n"}},
    "spec": {"containers": [{"name": "bbcc", "image": "b:V 1", "env": [{"name": "SYM_LDC", "value": "own"}]}]},
}
SPEC = PodSpec(template=TEMPLATE)


def made(inject: Inject) -> JSONMap:
    """The template after injection."""
    return injected(SPEC, "bbcc", "bbcc-gz01b-gray", META, inject).template


def test_labels_say_whose_the_pods_are() -> None:
    template = made(Inject())
    assert dig_map(template, "metadata", "labels") == {
        "mine": "1",
        "app": "bbcc",
        names.PODSET: "bbcc-gz01b-gray",
        names.GROUP: "canary",
        names.LDC: "gz01b",
        names.ZONE: "bj4",
        names.CLUSTER_INFO: "tcc-bj4",
        names.VERSION: "V-1",
    }
    assert dig_map(template, "metadata", "annotations") == {"note": "n", names.VERSION_TAG: "V 1", names.INJECTED: "1"}


def test_environment_only_where_it_is_asked_for_and_never_over_the_authors() -> None:
    assert dig(made(Inject(env=False)), "spec", "containers") == dig(TEMPLATE, "spec", "containers")
    assert dig(made(Inject(env=True)), "spec", "containers", 0, "env") == [
        {"name": "SYM_LDC", "value": "own"},
        {"name": "SYM_AVAILABLE_ZONE", "value": "bj4"},
        {"name": "SYM_CLUSTER_INFO", "value": "tcc bj4"},
        {"name": "SYM_GROUP", "value": "canary"},
    ]


def test_a_chart_has_no_template_to_inject_into() -> None:
    chart = replace(SPEC, template={})
    assert injected(chart, "bbcc", "x", META, Inject(env=True)) is chart


HERE: JSONMap = {
    "weight": 100,
    "preference": {
        "matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["bj4"]}],
    },
}
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def over(**spec: JSON) -> PodSpec:
    """The podSpec whose template says more of pods."""
    return PodSpec(template={**TEMPLATE, "spec": {**dig_map(TEMPLATE, "spec"), **spec}})


def test_affinity_for_the_zone_stands_beside_the_templates_own() -> None:
    assert dig(made(Inject(affinity=True)), "spec", "affinity") == {"nodeAffinity": {PREFERRED: [HERE]}}
    assert "affinity" not in dig_map(made(Inject(affinity=False)), "spec")
    own: JSONMap = {
        "podAntiAffinity": {"a": 1},
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"b": 2}, PREFERRED: [{"weight": 1}]},
    }
    spec = injected(over(affinity=own), "bbcc", "x", META, Inject(affinity=True))
    assert dig(spec.template, "spec", "affinity") == {
        "podAntiAffinity": {"a": 1},
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"b": 2},
            PREFERRED: [{"weight": 1}, HERE],
        },
    }


def test_without_a_zone_there_is_no_affinity_for_it() -> None:
    assert affinity_map({}) == affinity_map({names.ZONE: ""}) == {}
    spec = injected(SPEC, "bbcc", "x", {}, Inject(affinity=True))
    assert "affinity" not in dig_map(spec.template, "spec")


def constraint(key: str, **other: JSON) -> JSONMap:
    """What is injected for a key, or something else for it."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "bbcc", names.PODSET: "x"}},
        **other,
    }


def test_spread_leaves_the_keys_alone_that_the_template_spreads_over() -> None:
    zone, host = constraint("topology.kubernetes.io/zone"), constraint("kubernetes.io/hostname")
    assert spread_list("bbcc", "x") == [zone, host]
    spec = injected(SPEC, "bbcc", "x", META, Inject(spread=True))
    assert dig_list(spec.template, "spec", "topologySpreadConstraints") == [zone, host]
    own = constraint("kubernetes.io/hostname", maxSkew=3)
    spec = injected(over(topologySpreadConstraints=[own]), "bbcc", "x", META, Inject(spread=True))
    assert dig_list(spec.template, "spec", "topologySpreadConstraints") == [own, zone]
    assert "topologySpreadConstraints" not in dig_map(made(Inject(spread=False)), "spec")


def test_the_scheme_is_a_new_one_only_where_the_pods_are_others() -> None:
    """A child that is lost and made anew must restart nothing that an older Sym made."""
    plain, affine, spread = (
        dig(made(inject), "metadata", "annotations", names.INJECTED)
        for inject in (Inject(env=True), Inject(affinity=True), Inject(spread=True))
    )
    assert (plain, affine, spread) == ("1", "2", "2")
