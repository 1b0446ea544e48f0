"""The chart of examples/charts/springBoot: it passes our own checks, and renders what contract.md 3 and 5.1 tell.

The rendering needs a helm: one on PATH, or one that `sh dev.sh e2e` built. Without one those tests are left out.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sym import yaml
from sym.model.advdeployment import AdvUpdateStrategy, ChildPodSet
from sym.model.appset import Inject, PodSet
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, parse_map
from sym.net.archive import open_archive
from sym.net.folder import read_chart
from sym.plan.values import AppFacts, helm_values, layers
from sym.settings import ChartSettings
from tests.conftest import E2E

CHARTS = Path(__file__).parents[2] / "examples" / "charts"
CHART = CHARTS / "springBoot"
META = {
    "sym-group": "blue",
    "sym-ldc": "gz01b",
    "sym-available-zone": "bj4",
    "sym-cluster-info": "tcc-bj4-dks-test-01",
    "area": "north",
}
LABELS = {
    "app": "bbcc",
    "release": "bbcc-gz01b-blue",
    "version": "v3",
    "sym-group": "blue",
    "sym-ldc": "gz01b",
    "sym-available-zone": "bj4",
    "sym-cluster-info": "tcc-bj4-dks-test-01",
}
MADE = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "springBoot-0.0.1"}


def told(
    name: str = "bbcc-gz01b-blue", *, raw: str = "", image: str = "", service: str = ""
) -> tuple[JSONMap | str, ...]:
    """The layers of values that Sym gives a chart."""
    pod_set = PodSet(name=name, version="v3", image=image)
    values = helm_values(AppFacts(name="bbcc", service_name=service), pod_set, META, Inject(env=True))
    strategy = AdvUpdateStrategy(min_ready_seconds=10, max_surge="50%")
    return layers(ChildPodSet(name=name, version="v3", raw_values=raw, values=values), strategy, 2)


def helms() -> dict[str, Path]:
    """The helm programs of this machine by name."""
    home = Path(os.environ.get("SYM_CACHE") or Path.home() / ".cache" / "sym")
    found: dict[str, Path] = {}
    for name in ("helm", "helm4"):
        built = sorted((home / "controlplane").glob(f"*/{name}"))
        if path := shutil.which(name) or (str(built[-1]) if built else ""):
            found[name] = Path(path)
    return found


@pytest.fixture(params=["helm", "helm4"])
def helm(request: pytest.FixtureRequest) -> Path:
    found = helms()
    if not E2E and request.param not in found:
        pytest.skip(f"there is no {request.param} here: `sh dev.sh e2e` builds one")
    return found[request.param]


def run(helm: Path, folder: Path, values: tuple[JSONMap | str, ...], release: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm), "template", release, str(CHART), "--namespace", "default"]
    for number, layer in enumerate(values):
        file = folder / f"{number}.yaml"
        file.write_text(layer if isinstance(layer, str) else yaml.dump(layer))
        command += ["--values", str(file)]
    environment = {"PATH": os.defpath, "HOME": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=50)


def rendered(helm: Path, folder: Path, *values: JSONMap | str, release: str = "bbcc-gz01b-blue") -> dict[str, JSONMap]:
    """The objects by kind."""
    done = run(helm, folder, values, release)
    assert done.returncode == 0, done.stderr
    objects = [as_map(document) for document in yaml.load_all(done.stdout) if document]
    found = {str(item["kind"]): item for item in objects}
    assert len(found) == len(objects)
    return found


def test_it_passes_our_own_checks() -> None:
    found = read_chart(CHARTS, "springBoot", "0.0.1", ChartSettings())
    assert sorted(found.files) == [
        "Chart.yaml",
        "templates/_helpers.tpl",
        "templates/deployment.yaml",
        "templates/service.yaml",
        "values.schema.json",
        "values.yaml",
    ]


def test_as_helm_packs_it_it_is_the_same(helm: Path, tmp_path: Path) -> None:
    command = [str(helm), "package", str(CHART), "--destination", str(tmp_path)]
    subprocess.run(
        command, env={"PATH": os.defpath, "HOME": str(tmp_path)}, check=True, capture_output=True, timeout=50
    )
    packed = open_archive((tmp_path / "springBoot-0.0.1.tgz").read_bytes(), ChartSettings())
    found = read_chart(CHARTS, "springBoot", "", ChartSettings())
    assert (packed.name, packed.version) == (found.name, found.version)
    assert {**packed.files, ".helmignore": b"", "Chart.yaml": b""} == {
        **found.files,
        ".helmignore": b"",
        "Chart.yaml": b"",
    }


def test_what_sym_tells_a_chart_it_knows() -> None:
    """Every key, in the values and in the schema."""
    schema = parse_map((CHART / "values.schema.json").read_bytes())
    values = as_map(yaml.load((CHART / "values.yaml").read_bytes()))
    for layer in told(image="registry.example/bbcc", service="inner.bbcc.dmall.com"):
        assert isinstance(layer, dict)
        assert_known(layer, values, schema)
    assert set(values) | {"global"} == set(dig_map(schema, "properties"))


def assert_known(given: JSONMap, values: JSONMap, schema: JSONMap) -> None:
    for key, value in given.items():
        below = dig(schema, "properties", key)
        assert isinstance(below, dict), key
        assert key in values or not values, key
        if isinstance(value, dict) and dig(below, "additionalProperties") is False:
            assert_known(value, dig_map(values, key), below)


def test_a_pod_set_is_one_deployment(helm: Path, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path, *told("bbcc-gz01b-green"), release="bbcc-gz01b-green")
    labels: JSONMap = {**LABELS, "release": "bbcc-gz01b-green"}
    logs: list[JSON] = [
        {"mountPath": "/web/logs/app/logback/bbcc", "name": "log-path"},
        {"mountPath": "/web/logs/app/aabb/bbcc", "name": "new-log-path"},
        {"mountPath": "/web/logs/jvm/bbcc", "name": "jvm-path"},
    ]
    expected: JSON = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bbcc-gz01b-green", "namespace": "default", "labels": {**labels, **MADE}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "bbcc", "release": "bbcc-gz01b-green"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%"}},
            "minReadySeconds": 10,
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 30,
                    "containers": [
                        {
                            "name": "bbcc",
                            "image": "dmall/bbcc:v3",
                            "imagePullPolicy": "IfNotPresent",
                            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                            "env": dig_list(told()[0], "container", "env"),
                            "resources": {
                                "limits": {"cpu": "1", "memory": "500Mi"},
                                "requests": {"cpu": "100m", "memory": "500Mi"},
                            },
                            "securityContext": {"allowPrivilegeEscalation": False},
                            "readinessProbe": {"tcpSocket": {"port": "http"}},
                            "volumeMounts": logs,
                        }
                    ],
                    "volumes": [{"name": name, "emptyDir": {}} for name in ("log-path", "new-log-path", "jvm-path")],
                },
            },
        },
    }
    assert found == {"Deployment": expected}


def test_the_blue_one_brings_the_service_of_the_application(helm: Path, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path, *told(service="inner.bbcc.dmall.com", image="registry.example/team/bbcc"))
    domain = {"lightningDomain0": "inner.bbcc.dmall.com"}
    assert found["Service"] == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "bbcc-svc", "namespace": "default", "labels": {"app": "bbcc-svc", **domain, **MADE}},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": "bbcc"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}],
        },
    }
    containers = dig_list(found["Deployment"], "spec", "template", "spec", "containers")
    assert dig(containers, 0, "image") == "registry.example/team/bbcc:v3"


RAW = """
containerPort: 9090
podAnnotations: {a: b}
imagePullSecrets: [{name: pull}]
nodeSelector: {disk: ssd}
tolerations: [{key: a, operator: Exists}]
affinity: {podAntiAffinity: {}}
topologySpreadConstraints:
- {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}
- {maxSkew: 2, topologyKey: host, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {x: z}}}
strategy: {maxUnavailable: 0}
probes: {readiness: null, liveness: {httpGet: {path: /live, port: http}}}
container:
  resources: null
  volumeMounts: [{name: data, mountPath: /a}, {name: data, mountPath: /b}]
"""


def test_raw_values_reach_every_part_of_the_pod(helm: Path, tmp_path: Path) -> None:
    spec = dig_map(rendered(helm, tmp_path, *told(raw=RAW))["Deployment"], "spec")
    pod = dig_map(spec, "template", "spec")
    assert dig_map(spec, "strategy", "rollingUpdate") == {"maxSurge": "50%", "maxUnavailable": 0}
    assert dig_map(spec, "template", "metadata", "annotations") == {"a": "b"}
    assert pod["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "bbcc", "release": "bbcc-gz01b-blue"}},
        },
        {
            "maxSkew": 2,
            "topologyKey": "host",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"x": "z"}},
        },
    ]
    assert pod["tolerations"] == [{"key": "a", "operator": "Exists"}]
    assert (pod["nodeSelector"], pod["imagePullSecrets"]) == ({"disk": "ssd"}, [{"name": "pull"}])
    assert pod["affinity"] == {"podAntiAffinity": {}}
    assert pod["volumes"] == [{"name": "data", "emptyDir": {}}]
    container = as_map(dig_list(pod, "containers")[0])
    assert not {"readinessProbe", "startupProbe", "resources"} & container.keys()
    assert container["livenessProbe"] == {"httpGet": {"path": "/live", "port": "http"}}
    assert dig(container, "ports", 0, "containerPort") == 9090


def test_alone_it_needs_a_tag_only(helm: Path, tmp_path: Path) -> None:
    found = rendered(helm, tmp_path, {"container": {"image": {"tag": "-v1_"}}}, release="web")
    assert list(found) == ["Deployment"]
    assert dig_map(found["Deployment"], "spec", "template", "metadata", "labels") == {
        "app": "web", "release": "web", "version": "v1",
    }  # fmt: skip
    assert dig(found["Deployment"], "metadata", "name") == "web"


@pytest.mark.parametrize(
    ("values", "told_"),
    [
        ({}, "container.image.tag is missing: in an AppSet it is the podSet's version"),
        ({"container": {"image": {"tag": 1}}}, "tag"),
        ({"replicas": 2}, "replicas"),
        ({"replicaCount": -1}, "replicaCount"),
        ({"container": {"env": [{"name": "A", "value": 1}]}}, "value"),
        ({"sym": {"labels": {"a": "b c"}}}, "labels"),
        ({"nameOverride": "Not_a_name"}, "nameOverride"),
        ({"strategy": {"maxSurge": "a lot"}}, "maxSurge"),
    ],
    ids=["no tag", "number", "unknown", "negative", "env", "label", "name", "strategy"],
)
def test_values_that_are_wrong_are_told(helm: Path, tmp_path: Path, values: JSONMap, told_: str) -> None:
    done = run(helm, tmp_path, (values,), "web")
    assert done.returncode == 1
    assert told_ in done.stderr
