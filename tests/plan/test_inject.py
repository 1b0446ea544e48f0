"""What Sym adds to pods."""

from msgspec.structs import replace

from sym.model import names
from sym.model.appset import Inject, PodSpec
from sym.model.codec import JSONMap, dig, dig_map
from sym.plan.inject import injected

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
