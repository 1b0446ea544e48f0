"""`sym plan|diff|apply` as people call them, on simulated clusters over HTTPS; no controller runs, so nothing moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sym import yaml
from sym.cli.main import main
from sym.kube.requests import ListOptions
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, parse
from sym.model.kinds import APPSET, SECRET
from sym.model.meta import Kind, Object
from sym.model.names import META_NAMESPACE
from tests.chaos.playground import Controller, Playground, playground
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.wait import until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with playground(tmp_path_factory.mktemp("plan")) as made:
        yield made


@pytest.fixture
def call(ground: Playground, tmp_path: Path) -> "Call":
    return Call(ground, tmp_path)


class Call:
    """Somebody at a terminal with a file."""

    def __init__(self, ground: Playground, place: Path) -> None:
        self.ground = ground
        self.file = place / "app.yaml"

    def __call__(self, command: str, *more: str, app: JSONMap | None = None, text: str = "") -> Result:
        """Run one command on a file."""
        if app is not None:
            body: JSONMap = {"apiVersion": APPSET.api_version, "kind": APPSET.name, **app}
            text = yaml.dump(body)
        self.file.write_text(text)
        argv = [command, "-f", str(self.file), "--kubeconfig", str(self.ground.kubeconfig), "--context", "meta", *more]
        return CliRunner().invoke(main, argv)


def names(ground: Playground, kind: Kind) -> set[str]:
    """The names of the objects of a kind in the meta cluster."""
    found, _ = ground.do(lambda world: world.meta.list_all(kind, Object, ListOptions()))
    return {each.metadata.name for each in found}


def heads(said: Result, mark: str) -> list[str]:
    """The objects that a diff is about."""
    return [line.removeprefix(mark) for line in said.output.splitlines() if line.startswith(mark)]


def state(ground: Playground, name: str) -> JSON:
    """What an AppSet says of itself."""
    return dig(ground.do(lambda world: world.meta.get_raw(APPSET, "default", name)), "status", "aggrStatus", "status")


def named(name: str, version: str = "v1", replicas: JSON = None) -> JSONMap:
    """An AppSet of that name over both members."""
    clusters = {BJ4: [pod_set(f"{name}-gz01b-blue", 2, version)], BJ5: [pod_set(f"{name}-gz01a-blue", 2, version)]}
    app = appset(clusters, name=name)
    return app if replicas is None else {**app, "spec": {**as_map(app["spec"]), "replicas": replicas}}


def test_a_plan_of_a_new_appset_writes_nothing(call: Call) -> None:
    said = call("plan", app=named("fresh"))
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert lines[:4] == [
        "AppSet default/fresh: would be made",
        "  at once, without a wave:",
        f"    {BJ4}  fresh-gz01b-blue  new, 2 pods of v1",
        f"    {BJ5}  fresh-gz01a-blue  new, 2 pods of v1",
    ]
    assert lines[4] == "0 pods restart, 2 podSets created, 0 gates"
    assert lines[5].startswith("plan ")
    assert call("plan", app=named("fresh")).output == said.output
    assert "fresh" not in names(call.ground, APPSET)


def test_a_plan_as_data(call: Call) -> None:
    said = call("plan", "-o", "json", app=named("data"))
    (found,) = dig_list(parse(said.output))
    assert dig(found, "stages", 0, "changes", 0) == {
        "cluster": BJ4,
        "podSet": "data-gz01b-blue",
        "what": "create",
        "from": {"version": "", "replicas": 0},
        "to": {"version": "v1", "replicas": 2},
        "restarts": 0,
    }
    assert (dig(found, "problems"), dig(found, "unread"), dig(found, "stands")) == ([], {}, "")


def test_what_is_planned_is_applied_and_what_has_moved_is_refused(call: Call) -> None:
    planned = call("plan", app=named("moves")).output.splitlines()[-1].removeprefix("plan ")
    wrong = call("apply", "--plan", "0" * 16, app=named("moves"))
    assert wrong.exit_code == 1
    assert f"the world has moved since plan {'0' * 16}, it would be plan {planned} now" in wrong.output
    done = call("apply", "--plan", planned, app=named("moves"))
    assert done.exit_code == 0, done.output
    assert "appset.workload.dmall.com/moves serverside-applied" in done.output
    assert "next: sym rollout get moves -n default -w" in done.output
    again = call("apply", "--plan", planned, app=named("moves"))
    assert again.exit_code == 1, "the AppSet is there now: that is another world"
    newer = call("apply", app=named("moves", "v2"))
    assert newer.exit_code == 0
    live = call.ground.do(lambda world: world.meta.get_raw(APPSET, "default", "moves"))
    assert dig(live, "spec", "clusterTopology", "clusters", 0, "podSets", 0, "version") == "v2"


def test_a_difference_names_every_object(call: Call) -> None:
    said = call("diff", app=named("differs"))
    assert said.exit_code == 1
    assert heads(said, "+++ planned/") == [
        "meta/AppSet default/differs",
        f"{BJ4}/AdvDeployment differs",
        f"{BJ4}/Deployment differs-gz01b-blue",
        f"{BJ5}/AdvDeployment differs",
        f"{BJ5}/Deployment differs-gz01a-blue",
    ]
    assert "managedFields" not in said.output
    assert names(call.ground, APPSET).isdisjoint({"differs"})


def test_a_difference_of_what_runs(call: Call, tmp_path: Path) -> None:
    """Deletions are shown; what cannot be is refused with its place; what has moved makes another plan."""

    def three(version: str) -> JSONMap:
        pod_sets = [pod_set("runs-gz01b-blue", 2, version), pod_set("runs-gz01b-green", 2, version)]
        return appset({BJ4: pod_sets, BJ5: [pod_set("runs-gz01a-blue", 2, version)]}, name="runs")

    assert call("apply", app=three("v1")).exit_code == 0
    controller = Controller(call.ground.kubeconfig, tmp_path / "log")
    controller.start()
    try:
        until(lambda: state(call.ground, "runs") == "Running", 60, "it runs")
    finally:
        controller.end()
    assert call("diff", app=three("v1")).exit_code == 0
    assert call("plan", app=three("v1")).output.startswith("AppSet default/runs: is there, just so\n")
    less = call("diff", app=appset({BJ4: [pod_set("runs-gz01b-blue", 2, "v1")]}, name="runs"))
    assert less.exit_code == 1
    assert heads(less, "--- live/") == [
        "meta/AppSet default/runs",
        f"{BJ4}/AdvDeployment runs",
        f"{BJ4}/Deployment runs-gz01b-green",
        f"{BJ5}/AdvDeployment runs",
        f"{BJ5}/Deployment runs-gz01a-blue",
    ]
    partial: JSON = [{"name": "some", "select": {"clusters": [BJ4]}}]
    bad = call(
        "diff", app={**three("v2"), "spec": {**as_map(three("v2")["spec"]), "updateStrategy": {"waves": partial}}}
    )
    assert (bad.exit_code, heads(bad, "--- live/")) == (2, [])
    assert "AppSet default/runs: spec.updateStrategy.waves" in bad.output
    planned = call("plan", app=three("v2")).output.splitlines()[-1].removeprefix("plan ")
    label: JSONMap = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": BJ5, "namespace": META_NAMESPACE, "labels": {"zone": "other"}},
    }
    call.ground.do(lambda world: world.meta.apply(SECRET, label, "somebody"))
    moved = call("apply", "--plan", planned, app=three("v2"))
    assert moved.exit_code == 1
    assert "the world has moved" in moved.output


def test_a_difference_that_cannot_be_told_whole_is_unknown(call: Call) -> None:
    app = appset({BJ4: [pod_set("half-gz01b-blue")], "elsewhere": [pod_set("half-gz01c-blue")]}, name="half")
    said = call("diff", app=app)
    assert said.exit_code == 2
    assert f"+++ planned/{BJ4}/Deployment half-gz01b-blue" in said.output
    assert "AppSet default/half: cluster elsewhere was not looked into: it is not registered" in said.output


def test_bad_counts_are_told_with_their_place(call: Call) -> None:
    said = call("plan", app=named("counts", replicas=9))
    assert "it stands there: spec.replicas is 9" in said.output
    waves = named("waves")
    below: JSONMap = {**waves, "spec": {**as_map(waves["spec"]), "replicas": -1}}
    bad = call("plan", app=below)
    assert bad.exit_code == 1
    assert "spec.replicas" in bad.output


def test_a_cluster_that_is_not_registered_is_told(call: Call) -> None:
    app = appset({BJ4: [pod_set("far-gz01b-blue")], "elsewhere": [pod_set("far-gz01c-blue")]}, name="far")
    said = call("plan", app=app)
    assert "  cluster elsewhere: not looked into: it is not registered" in said.output
    assert f"    {BJ4}  far-gz01b-blue  new, 2 pods of v1" in said.output
    assert "it stands there: cluster elsewhere is not registered" in said.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: [", "not YAML (line"),
        ("", "there is no AppSet in it"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "it is v1 ConfigMap, and only AppSets"),
        ("just text", "it is no object of Kubernetes, and only AppSets"),
        ("apiVersion: workload.dmall.com/v1beta1\nkind: AppSet\n", "metadata.name is missing"),
    ],
)
def test_what_is_no_appset_is_refused(call: Call, text: str, told: str) -> None:
    for command, code in (("plan", 1), ("diff", 2), ("apply", 1)):
        said = call(command, text=text)
        assert said.exit_code == code
        assert told in said.output


def test_a_file_that_is_not_there(call: Call) -> None:
    argv = ["plan", "-f", "/nowhere/app.yaml", "--kubeconfig", str(call.ground.kubeconfig)]
    said = CliRunner().invoke(main, argv)
    assert (said.exit_code, said.output) == (1, "Error: /nowhere/app.yaml: No such file or directory\n")


def test_fields_of_others_are_left_to_them_or_taken_by_force(call: Call) -> None:
    app: JSONMap = {"apiVersion": APPSET.api_version, "kind": APPSET.name, **two_clusters()}
    call.ground.do(lambda world: world.meta.apply(APPSET, app, "somebody"))
    said = call("plan", app=two_clusters("v2"))
    assert said.exit_code == 1
    assert 'conflicts with "somebody"' in said.output
    assert "--force-conflicts takes the fields over" in said.output
    assert call("apply", "--force-conflicts", app=two_clusters("v2")).exit_code == 0


def test_one_plan_means_one_appset(call: Call) -> None:
    both = "---\n".join(
        yaml.dump({"apiVersion": APPSET.api_version, "kind": APPSET.name, **named(name)}) for name in ("one", "two")
    )
    said = call("apply", "--plan", "0" * 16, text=both)
    assert said.exit_code == 1
    assert "--plan means one AppSet" in said.output
    assert call("plan", text=both).output.count("would be made") == 2
