"""`sym rollout set-image`: which places of the spec get the new image, judged by what the podSets then run."""

import pytest

from sym.cli.rollout_change import No
from sym.cli.rollout_images import Choice, Wanted, with_images
from sym.model.appset import AppSetSpec, DeployType
from sym.model.codec import JSON, JSONMap, as_map, convert, dig_list, dig_map, dig_str
from sym.plan.content import content
from tests.cli.rollouts import merged, read
from tests.make import BJ4, BJ5, appset

DIGEST = f"sha256:{'ab' * 32}"
ALL = Choice()


def app(*containers: JSONMap, **overrides: JSONMap) -> JSONMap:
    """The AppSet bbcc whose podSets a and b (canary) have these overrides."""
    pod_sets: dict[str, JSONMap] = {
        name: {"name": name, "replicas": 1, **overrides.get(name, {})} for name in ("a", "b")
    }
    pod_sets["b"]["meta"] = {"sym-group": "canary"}
    made = appset({BJ4: [pod_sets["a"]], BJ5: [pod_sets["b"]]})
    mine: list[JSON] = [*(containers or ({"name": "bbcc", "image": "dmall/bbcc:v1", "env": [{"name": "A"}]},))]
    spec = as_map(made["spec"])
    pod: JSONMap = {"containers": mine, "initContainers": [{"name": "init", "image": "busybox"}]}
    made["spec"] = {**spec, "podSpec": {"deployType": "deployment", "template": {"spec": pod, "of": "a newer Sym"}}}
    return made


def after(made: JSONMap, *images: str, choice: Choice = ALL) -> JSONMap:
    """The spec after the command."""
    change = with_images(read(made), [Wanted.parse(each) for each in images], choice)
    spec = dig_map(made, "spec")
    return merged(spec, dig_map(change.patch, "spec"))


def images(spec: JSONMap) -> list[str]:
    """What the app's container of each podSet runs."""
    known = convert(spec, AppSetSpec)
    pod_sets = [each for place in known.cluster_topology.clusters for each in place.pod_sets]
    return [dig_str(content(known, "bbcc", each).template, "spec", "containers", 0, "image") for each in pod_sets]


@pytest.mark.parametrize(
    ("made", "image", "run"),
    [
        (app(), "dmall/bbcc:v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app(), "bbcc=dmall/bbcc:v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app(), ":v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app(), "other/bbcc", ["other/bbcc:latest", "other/bbcc:latest"]),
        (app(), f"dmall/bbcc@{DIGEST}", [f"dmall/bbcc@{DIGEST}"] * 2),
        (app(b={"version": "v1"}), "dmall/bbcc:v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app(b={"version": "v1"}), "new/bbcc:v2", ["new/bbcc:v2", "new/bbcc:v2"]),
        (app(b={"version": "v1"}), f"dmall/bbcc@{DIGEST}", [f"dmall/bbcc@{DIGEST}"] * 2),
        (app(b={"image": "own/bbcc"}), "new/bbcc:v2", ["new/bbcc:v2", "new/bbcc:v2"]),
        (app(b={"image": "own/bbcc"}), ":v2", ["dmall/bbcc:v2", "own/bbcc:v2"]),
        (app(b={"image": "own/bbcc:v0"}), ":v2", ["dmall/bbcc:v2", "own/bbcc:v2"]),
        (app(b={"image": f"own/bbcc@{DIGEST}"}), ":v2", ["dmall/bbcc:v2", "own/bbcc:v2"]),
        (app({"name": "bbcc", "image": f"dmall/bbcc@{DIGEST}"}), ":v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app({"image": "dmall/bbcc"}), ":v2", ["dmall/bbcc:v2", "dmall/bbcc:v2"]),
        (app({"name": "bbcc", "image": "host:5000/bbcc"}), ":v2", ["host:5000/bbcc:v2", "host:5000/bbcc:v2"]),
    ],
)
def test_every_pod_set_runs_the_new_image(made: JSONMap, image: str, run: list[str]) -> None:
    assert images(after(made, image)) == run


@pytest.mark.parametrize(
    ("made", "image", "choice", "run"),
    [
        (app(), ":v2", Choice(groups=("canary",)), ["dmall/bbcc:v1", "dmall/bbcc:v2"]),
        (app(), "new/bbcc:v2", Choice(clusters=(BJ4,)), ["new/bbcc:v2", "dmall/bbcc:v1"]),
        (app(), f"dmall/bbcc@{DIGEST}", Choice(pod_sets=("b",)), ["dmall/bbcc:v1", f"dmall/bbcc@{DIGEST}"]),
        (app(a={"version": "v0"}), "dmall/bbcc", Choice(pod_sets=("a",)), ["dmall/bbcc:latest", "dmall/bbcc:v1"]),
        (app(), ":v2", Choice(groups=("canary",), clusters=(BJ5,)), ["dmall/bbcc:v1", "dmall/bbcc:v2"]),
    ],
)
def test_or_only_those_that_were_named(made: JSONMap, image: str, choice: Choice, run: list[str]) -> None:
    assert images(after(made, image, choice=choice)) == run
    assert dig_map(after(made, image, choice=choice), "podSpec") == dig_map(made, "spec", "podSpec")


def test_other_containers_and_all_that_is_not_an_image_stay() -> None:
    made = app({"name": "bbcc", "image": "dmall/bbcc:v1", "tty": True}, {"name": "side", "image": "side:v1"})
    spec = after(made, "side=side:v2", "init=:1.36")
    template = dig_map(spec, "podSpec", "template")
    assert dig_list(template, "spec", "containers") == [
        {"name": "bbcc", "image": "dmall/bbcc:v1", "tty": True},
        {"name": "side", "image": "side:v2"},
    ]
    assert dig_list(template, "spec", "initContainers") == [{"name": "init", "image": "busybox:1.36"}]
    assert template["of"] == "a newer Sym"
    assert spec["clusterTopology"] == dig_map(made, "spec")["clusterTopology"]


def test_the_same_image_is_no_change() -> None:
    change = with_images(read(app()), [Wanted.parse("dmall/bbcc:v1")], ALL)
    assert (change.patch, change.said) == (None, "has these images already")


# --- helm


def chart(**overrides: JSON) -> JSONMap:
    """The same with a chart."""
    made = app(a=overrides)
    return {**made, "spec": {**as_map(made["spec"]), "podSpec": {"deployType": DeployType.HELM.value}}}


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("dmall/bbcc:v2", {"image": "dmall/bbcc", "version": "v2"}),
        ("dmall/bbcc", {"image": "dmall/bbcc", "version": "latest"}),
        (":v2", {"image": "old", "version": "v2"}),
        (f"dmall/bbcc@{DIGEST}", {"image": f"dmall/bbcc@{DIGEST}"}),
    ],
)
def test_a_chart_is_told_by_the_pod_sets(image: str, told: JSONMap) -> None:
    spec = after(chart(image="old"), image, choice=Choice(pod_sets=("a",)))
    pod_set_a = as_map(dig_list(spec, "clusterTopology", "clusters", 0, "podSets")[0])
    assert {key: pod_set_a[key] for key in ("image", "version") if pod_set_a.get(key)} == told


@pytest.mark.parametrize(
    ("made", "image", "choice", "why"),
    [
        (app(), "x=dmall/bbcc:v2", ALL, "there is no container x: there are bbcc, init"),
        (app(), "init=x:v2", Choice(clusters=(BJ4,)), "container init: podSets differ in the image of bbcc alone"),
        (app(), ":v2", Choice(groups=("blue",)), "--group blue: there is none of this name; there are canary, other"),
        (app(), ":v2", Choice(clusters=("x",)), f"--cluster x: there is none of this name; there are {BJ4}, {BJ5}"),
        (app(), ":v2", Choice(pod_sets=("x",)), "--pod-set x: there is none of this name; there are a, b"),
        (app(), ":v2", Choice(groups=("canary",), clusters=(BJ4,)), "no podSet is meant by --group, --cluster and"),
        (chart(), "bbcc=:v2", ALL, "deployType is helm, so the containers are the chart's: leave out bbcc="),
        (app(), "=x:v2", ALL, "name the container before the =, as app=repository:tag"),
        (app(), "", ALL, "'' is no image: write repository:tag"),
        (app(), ":", ALL, "':' is no image: write repository:tag"),
        (app(), "UPPER:v1", ALL, "'UPPER:v1' is no image: write repository:tag"),
        (app(), "a b", ALL, "'a b' is no image: write repository:tag"),
        (app(), "x@sha256:12", ALL, "'x@sha256:12' is no image: write repository:tag"),
        (app(), "x:v1\n", ALL, "is no image: write repository:tag"),
    ],
)
def test_refusals(made: JSONMap, image: str, choice: Choice, why: str) -> None:
    with pytest.raises(No) as refused:
        after(made, image, choice=choice)
    assert why in str(refused.value)
