"""Discovery and OpenAPI: what kubectl needs to find kinds, explain fields and know what a server takes."""

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import NotServed
from sym.kube.requests import Request, create
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str, parse_map
from sym.model.crd import crds
from sym.model.kinds import CRD
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.discovery import ordered, wanted
from sym.sandbox.resources import BUILTIN
from sym.settings import SandboxSettings

pytestmark = pytest.mark.anyio

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
OURS = "apis/workload.dmall.com/v1beta1"


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster with our CRDs."""
    found = SandboxCluster("one", env, SandboxSettings())
    for definition in crds():
        await found.client().send(create(CRD, definition, namespace="", manager="test"))
    return found


async def _ask(cluster: SandboxCluster, path: str, accept: str = "application/json") -> JSONMap:
    answer = await cluster.client().send(Request(method="GET", path=path, headers={"Accept": accept}))
    return parse_map(answer.body)


def _named(items: list[JSON], name: str, key: str = "name") -> JSONMap:
    return next(item for item in items if isinstance(item, dict) and item.get(key) == name)


async def test_both_forms_of_discovery_tell_the_same(cluster: SandboxCluster) -> None:
    old = dig_list(await _ask(cluster, f"/{OURS}"), "resources")
    groups = dig_list(await _ask(cluster, "/apis", AGGREGATED), "items")
    group = next(item for item in groups if dig_str(item, "metadata", "name") == "workload.dmall.com")
    new = dig_list(group, "versions", 0, "resources")
    names = [dig_str(item, "resource") for item in new]
    assert names == [dig_str(item, "name") for item in old if "/" not in dig_str(item, "name")]
    appsets, entry = _named(old, "appsets"), _named(new, "appsets", "resource")
    assert dig(entry, "responseKind", "kind") == appsets["kind"] == "AppSet"
    assert entry["verbs"] == appsets["verbs"]
    assert entry["shortNames"] == appsets["shortNames"] == ["as"]
    assert entry["scope"] == "Namespaced"
    assert [dig_str(item, "subresource") for item in dig_list(entry, "subresources")] == ["status", "scale"]
    assert _named(old, "appsets/scale")["group"] == "autoscaling"
    assert "shortNames" not in _named(old, "appsets/scale")


async def test_the_core_group_stands_apart(cluster: SandboxCluster) -> None:
    core = await _ask(cluster, "/api", AGGREGATED)
    assert [dig_str(item, "metadata", "name") for item in dig_list(core, "items")] == [""]
    groups = dig_list(await _ask(cluster, "/apis"), "groups")
    assert "" not in [dig_str(item, "name") for item in groups]
    assert dig(await _ask(cluster, "/api"), "versions") == ["v1"]


async def test_openapi_has_a_document_for_every_version_served(cluster: SandboxCluster) -> None:
    paths = dig_map(await _ask(cluster, "/openapi/v3"), "paths")
    places = {resource.kind.api_version for resource in BUILTIN}
    assert set(paths) == {f"apis/{place}" if "/" in place else f"api/{place}" for place in places} | {
        OURS,
        "apis/devops.dmall.com/v1",
    }
    for place, where in paths.items():
        assert dig_str(where, "serverRelativeURL").startswith(f"/openapi/v3/{place}?hash=")
        assert dig_str(await _ask(cluster, f"/openapi/v3/{place}"), "openapi").startswith("3.")


async def test_a_crd_is_explained_and_says_what_its_patches_take(cluster: SandboxCluster) -> None:
    document = await _ask(cluster, f"/openapi/v3/{OURS}")
    schema = dig_map(document, "components", "schemas", "com.dmall.workload.v1beta1.AppSet")
    assert dig(schema, "x-kubernetes-group-version-kind", 0, "kind") == "AppSet"
    assert dig_str(schema, "properties", "spec", "properties", "clusterTopology", "description")
    path = f"/{OURS}/namespaces/{{namespace}}/appsets/{{name}}"
    operation = dig_map(document, "paths", path, "patch")
    assert {dig_str(item, "name") for item in dig_list(operation, "parameters")} >= {"fieldValidation", "dryRun"}
    types = dig_map(operation, "requestBody", "content")
    assert "application/apply-patch+yaml" in types
    assert "application/strategic-merge-patch+json" not in types


async def test_a_changed_crd_changes_the_address_of_its_document(cluster: SandboxCluster) -> None:
    before = dig(await _ask(cluster, "/openapi/v3"), "paths", OURS)
    version = cluster.store.get(CRD, "", "appsets.workload.dmall.com")
    assert version is not None
    cluster.store.mutate(CRD, "", "appsets.workload.dmall.com", _drop_columns)
    assert dig(await _ask(cluster, "/openapi/v3"), "paths", OURS) != before


async def test_what_only_a_real_server_has_is_named(cluster: SandboxCluster) -> None:
    for path, name in (
        ("/apis/scheduling.k8s.io/v1", "scheduling.k8s.io"),
        ("/apis/scheduling.k8s.io/v1/priorityclasses", "priorityclasses.scheduling.k8s.io"),
        ("/apis/apps/v1/namespaces/default/daemonsets", "daemonsets.apps"),
        ("/api/v1/namespaces/default/pods/x/portforward", "pods/portforward"),
        ("/api/v1/resourcequotas", "resourcequotas"),
        ("/openapi/v2", "OpenAPI v2"),
    ):
        with pytest.raises(NotServed, match=name) as caught:
            await _ask(cluster, path)
        assert caught.value.status.code == 501


def test_versions_are_ordered_by_maturity() -> None:
    versions = ["v1alpha1", "foo", "v1beta1", "v2", "v1", "v2beta1", "v10", "v1beta2"]
    assert ordered(versions) == ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1beta1", "v1alpha1", "foo"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (AGGREGATED, "apidiscovery.k8s.io/v2"),
        ("application/json", ""),
        ("", ""),
        ("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json", ""),
        ("application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", ""),
    ],
)
def test_the_aggregated_form_is_given_to_those_who_ask(accept: str, form: str) -> None:
    assert wanted(accept) == form


def _drop_columns(definition: JSONMap) -> None:
    dig_map(definition, "spec", "versions", 0)["additionalPrinterColumns"] = []
