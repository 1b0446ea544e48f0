"""The examples are the document's blocks, but for exactly the differences listed here (semantics.md 1)."""

from difflib import ndiff
from pathlib import Path

import pytest
import yaml

from sym.model.appset import AppSet, ChartUrl
from sym.model.cluster import Cluster
from sym.model.codec import JSON, as_map, convert
from sym.model.validate import validate_appset

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"


def differences(document: str, example: str) -> list[str]:
    """Lines that only the document has, `- ` before them, and lines that only the example has, `+ ` before them."""
    before, after = ((DATA / document).read_text("utf-8"), (ROOT / "examples" / example).read_text("utf-8"))
    lines = ndiff(before.rstrip().splitlines(), after.rstrip().splitlines())
    return [line.rstrip() for line in lines if line[0] in "-+"]


def example(name: str) -> JSON:
    loaded: JSON = yaml.safe_load((ROOT / "examples" / name).read_text("utf-8"))
    return loaded


@pytest.mark.parametrize(
    ("document", "name", "listed"),
    [
        ("document-appset.yaml", "01-bbcc.yaml", "differences-appset.txt"),
        ("document-appset.yaml", "04-bbcc-helm.yaml", "differences-appset-helm.txt"),
        ("document-cluster.yaml", "02-cluster.yaml", "differences-cluster.txt"),
    ],
)
def test_an_example_differs_from_the_document_exactly_as_listed(document: str, name: str, listed: str) -> None:
    found, wanted = differences(document, name), (DATA / listed).read_text("utf-8").splitlines()
    others = [line for line in ndiff(wanted, found) if line[0] in "-+"]
    assert others == [], "\n".join(["differences that are not listed (+), or listed but not found (-):", *others])


@pytest.mark.parametrize("name", ["01-bbcc.yaml", "03-shares.yaml", "04-statefulset.yaml"])
def test_the_appsets_can_be_planned(name: str) -> None:
    app = convert(example(name), AppSet)
    assert validate_appset(app) == ()
    assert app.spec.cluster_topology.clusters[0].name == "tcc-bj4-dks-test-01"


def test_of_the_helm_example_nothing_but_its_deployer_may_be_missing() -> None:
    app = convert(example("04-bbcc-helm.yaml"), AppSet)
    assert {problem.reason for problem in validate_appset(app)} <= {"DeployTypeNotAvailable"}
    assert app.spec.pod_spec.chart.chart_url == ChartUrl(url="dmall/springBoot", chart_version="0.0.1")


def test_the_cluster_keeps_every_field_of_the_document() -> None:
    document = as_map(example("02-cluster.yaml"))
    spec = convert(document, Cluster).spec
    assert spec.merged_meta == {"area": "eastasia", "az": "hongkong", "ldc": "az-hk-prod-02"}
    assert [app.name for app in spec.apps][:2] == ["swift", "monitor"]
    assert spec.apps[1].values["prom-limit-cpu"] == "24"
    assert "accessLogFile" in spec.apps[-1].values_text


def test_the_sharing_example_has_no_gates() -> None:
    strategy = convert(example("03-shares.yaml"), AppSet).spec.update_strategy
    gates = (strategy.canary_clusters, strategy.need_waiting_for_confirm, strategy.upgrade_type)
    assert not any(gates)
