"""Helm releases on real clusters: the document's own case runs, rests, changes, is repaired and goes; what a chart does
wrong is said, and nothing of it is called done.

The controllers run with Helm switched on and its rights granted for this module alone.
"""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from sym.cli import demo_install
from sym.model import rbac
from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from tests.e2e.ground import MEMBER, Ground, condition
from tests.make import appset, pod_set
from tools.realfleet.plane import Plane

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SECRETS = "/api/v1/namespaces/default/secrets?labelSelector=owner%3Dhelm"
TIMEOUT = 20  # seconds: what a chart that hangs costs

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Values.fullnameOverride }}, labels: {app: {{ .Values.nameOverride }}}}
spec:
  replicas: {{ .Values.replicaCount }}
  selector: {matchLabels: {app: {{ .Values.nameOverride }}, release: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Values.nameOverride }}, release: {{ .Release.Name }}}}
    spec: {containers: [{name: web, image: "web:{{ .Values.container.image.tag }}"}]}
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-hook, annotations: {helm.sh/hook: pre-install}}
spec:
  backoffLimit: 0
  %s
  template: {spec: {restartPolicy: Never, nodeSelector: {no: such-node}, containers: [{name: a, image: "a:1"}]}}
"""
CHARTS: dict[str, dict[str, str]] = {
    "good": {},
    "junk": {"junk.yaml": "}: {{ `: [` }}\n\t- x\n"},
    "no-object": {"junk.yaml": "a: 1\n"},
    "broken": {"broken.yaml": '{{ fail "the chart says no" }}'},
    "bomb": {"bomb.yaml": '{{- $s := "0123456789abcdef" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}{{ $s }}'},
    "hang": {"hook.yaml": HOOK % ""},
    "hook": {"hook.yaml": HOOK % "activeDeadlineSeconds: 1"},
    "crd": {"thing.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"},
    "kind": {"role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\n"},
    "cluster": {"role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n"},
    "invalid": {"svc.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 999999}]}\n"},
    "stubborn": {"deployment.yaml": WORKLOAD.replace("{{ .Values.replicaCount }}", "7")},
}
BAD: dict[str, tuple[str, str]] = {
    "junk": ("HelmFailed", "YAML"),
    "no-object": ("ChartJunk", "no kind"),
    "broken": ("HelmFailed", "the chart says no"),
    "bomb": ("HelmTimedOut", "template"),
    "hang": ("HelmTimedOut", ""),
    "hook": ("HelmFailed", "hook"),
    "crd": ("HelmFailed", "no matches for kind"),
    "kind": ("ChartKindNotAllowed", "Role"),
    "cluster": ("ChartClusterScoped", "ClusterRole"),
    "invalid": ("HelmFailed", "port"),
    "stubborn": ("ReplicasNotFollowed", "7 pods"),
    "missing": ("ChartNotFound", "missing"),
}
"""The chart, and the reason and a part of the sentence with which it shows."""


@pytest.fixture(scope="module")
def helmed(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The ground whose controllers may do Helm's work, with the document's charts and those of this module."""
    folder = tmp_path_factory.mktemp("charts")
    for name, files in CHARTS.items():
        for path, text in {"deployment.yaml": WORKLOAD, **files}.items():
            place = folder / name / "templates" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        (folder / name / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    ground.controller.end()
    for plane in ground.fleet.members.values():
        ground.grant(plane, replace(MEMBER, helm=True))
    ground.start(
        f"--charts-repo=dmall={demo_install.charts()}",
        f"--charts-repo=test={folder}",
        f"--helm-timeout={TIMEOUT}",
        "--helm-kinds=Thing.example.com",
    )
    try:
        ground.until(ground.controller.ready, "the controllers are ready")
        yield ground
    finally:
        ground.controller.end()
        for plane in ground.fleet.members.values():
            for path in ("/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/pods"):
                plane.ask("DELETE", f"{path}?propagationPolicy=Background")  # Helm leaves what its hooks made
            plane.ask("DELETE", f"/apis/{rbac.API_VERSION}/clusterrolebindings/sym-master-as-{rbac.HELM.name}")
        ground.start()
        ground.until(ground.controller.ready, "the controllers are ready again")


def member(ground: Ground) -> tuple[str, Plane]:
    """One of the members."""
    return next(iter(ground.fleet.members.items()))


def web(ground: Ground, chart: str, *, version: str = "v1", replicas: int = 2) -> JSONMap:
    """An AppSet of one release in one member."""
    pod_spec: JSONMap = {"deployType": "helm", "chart": {"chartUrl": {"url": f"test/{chart}"}}}
    return appset({member(ground)[0]: [pod_set("web-gz01b-green", replicas, version)]}, name="web", podSpec=pod_spec)


def records(plane: Plane) -> list[tuple[str, str, str]]:
    """Release, revision and status of every record, sorted."""
    labels = [dig_map(each, "metadata", "labels") for each in dig_list(plane.ask("GET", SECRETS)[1], "items")]
    return sorted((dig_str(each, "name"), dig_str(each, "version"), dig_str(each, "status")) for each in labels)


def statuses(ground: Ground) -> list[tuple[str, str]]:
    """Revision and status of the records of `web`."""
    return [(number, status) for _, number, status in records(member(ground)[1])]


def deployment(ground: Ground) -> JSONMap:
    """The Deployment of `web`; its Status where there is none."""
    return member(ground)[1].ask("GET", f"{DEPLOYMENTS}/web-gz01b-green")[1]


def test_the_documents_own_case_runs_rests_and_goes(helmed: Ground) -> None:
    helmed.apply_app(demo_install.example("04-bbcc-helm.yaml"))
    helmed.until(lambda: helmed.runs("bbcc", "v3/v4"), "bbcc runs")
    for plane in helmed.fleet.members.values():
        assert [(number, status) for _, number, status in records(plane)] == [("1", "deployed")] * 3
    told = dig_list(helmed.app("bbcc"), "status", "aggrStatus", "podSets")
    facts = [dig_map(each, "release") for each in told]
    assert [(each.get("chart"), each.get("chartVersion"), each.get("revision")) for each in facts] == [
        ("springBoot", "0.0.1", 1)
    ] * 6
    before = helmed.writes()
    helmed.idle()
    assert helmed.writes() == before
    helmed.delete_app("bbcc")
    for plane in helmed.fleet.members.values():
        assert records(plane) == []
        assert dig_list(plane.ask("GET", DEPLOYMENTS)[1], "items") == []


def test_changes_are_upgrades_and_what_others_change_is_repaired(helmed: Ground) -> None:
    helmed.apply_app(web(helmed, "good"))
    helmed.until(lambda: helmed.runs("web", "v1"), "web runs")
    helmed.apply_app(web(helmed, "good", version="v2"))
    helmed.until(lambda: helmed.runs("web", "v2"), "web runs v2")
    helmed.apply_app(web(helmed, "good", version="v2", replicas=3))
    helmed.until(lambda: helmed.runs("web", "v2") and dig(deployment(helmed), "spec", "replicas") == 3, "3 pods")
    history = [("1", "superseded"), ("2", "superseded"), ("3", "deployed")]
    assert statuses(helmed) == history
    plane, path = member(helmed)[1], f"{DEPLOYMENTS}/web-gz01b-green"
    uid = dig_str(deployment(helmed), "metadata", "uid")

    template: JSONMap = {"spec": {"containers": [{"name": "web", "image": "x:1"}]}}
    edited: JSONMap = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web-gz01b-green"}}
    helmed.apply(plane, path, {**edited, "spec": {"replicas": 1, "template": template}})
    helmed.until(lambda: repaired(deployment(helmed)), "the edit is taken back")
    assert plane.ask("DELETE", path)[0] == 200
    helmed.until(lambda: dig_str(deployment(helmed), "metadata", "uid") not in ("", uid), "the Deployment is back")
    helmed.until(lambda: helmed.runs("web", "v2") and repaired(deployment(helmed)), "web runs again")
    assert statuses(helmed) == history
    helmed.idle()  # what was seen of the pods that came and went is told first
    before = helmed.writes()
    helmed.idle()
    assert helmed.writes() == before
    helmed.apply_app(web(helmed, "good", version="v3"))
    helmed.until(lambda: helmed.runs("web", "v3"), "an upgrade after a repair runs")
    helmed.delete_app("web")
    assert records(plane) == []


def repaired(live: JSONMap) -> bool:
    """Whether the Deployment says what was rendered."""
    image = dig_str(live, "spec", "template", "spec", "containers", 0, "image")
    return (dig(live, "spec", "replicas"), image) == (3, "web:v2")


@pytest.mark.parametrize("chart", BAD)
def test_what_a_chart_does_wrong_is_said_and_mended_by_a_better_one(helmed: Ground, chart: str) -> None:
    reason, says = BAD[chart]
    helmed.apply_app(web(helmed, chart))

    def told() -> bool:
        stalled = condition(helmed.app("web"), "Stalled")
        return (stalled.get("status"), stalled.get("reason")) == ("True", reason) and says in dig_str(
            stalled, "message"
        )

    helmed.until(told, f"{reason} is told")
    assert not helmed.runs("web", "v1")
    helmed.apply_app(web(helmed, "good", version="v2"))
    helmed.until(lambda: helmed.runs("web", "v2"), "a better chart runs")
    assert statuses(helmed)[-1][1] == "deployed"
    helmed.delete_app("web")
    assert records(member(helmed)[1]) == []
