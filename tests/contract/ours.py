"""The story of Sym's own kinds: the CRDs as `sym crds` prints them, and what a server makes of AppSets."""

from collections.abc import Mapping
from pathlib import Path

from sym import yaml
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_str
from sym.model.crd import crds
from tests.contract.builders import ESTABLISHED, get, patch, post
from tests.contract.steps import APPLY, JSON_PATCH, TABLE, Step, Story

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_BASE = "/apis/workload.dmall.com/v1beta1/namespaces/{ns}/appsets"
_EXAMPLES = Path(__file__).parents[2] / "examples"


def _example(name: str) -> JSONMap:
    text = (_EXAMPLES / name).read_text().replace("namespace: default", "namespace: '{ns}'")
    return as_map(next(iter(yaml.load_all(text))))


def _broken(*path: str, value: JSON) -> JSONMap:
    """The shares example with one podSet field, or one spec field, changed."""
    found = _example("03-shares.yaml")
    place = as_map(found["spec"])
    if path[0] == "podSets":
        clusters = dig_list(place, "clusterTopology", "clusters")
        place, path = as_map(dig_list(clusters[0], "podSets")[0]), path[1:]
    for step in path[:-1]:
        place = as_map(place[step])
    place[path[-1]] = value
    return found


_NAMES = tuple(dig_str(definition, "metadata", "name") for definition in crds())


def _collection(definition: JSONMap) -> str:
    group, plural = dig_str(definition, "spec", "group"), dig_str(definition, "spec", "names", "plural")
    return f"/apis/{group}/{dig_str(definition, 'spec', 'versions', 0, 'name')}/{plural}"


INSTALL: Story = (
    *(Step(method="POST", path=_CRDS, body=definition, only=("kind",)) for definition in crds()),
    *(Step(method="GET", path=f"{_CRDS}/{name}", until=ESTABLISHED, only=("kind",)) for name in _NAMES),
    *(Step(method="GET", path=path, until="200", only=("kind", "items")) for path in map(_collection, crds())),
)
"""Sym's CRDs, served."""
DEFINITIONS = tuple(f"{_CRDS}/{name}" for name in _NAMES)
"""Where Sym's CRDs are."""
REMOVE: Story = tuple(Step(method="DELETE", path=f"{_CRDS}/{name}", only=("kind",)) for name in _NAMES)
"""Sym's CRDs, gone again."""
_CONDITION: JSONMap = {
    "type": "Ready",
    "status": "True",
    "reason": "Running",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
_STATUS: JSONMap = {
    "observedGeneration": 1,
    "replicas": 8,
    "selector": "app=web",
    "conditions": [_CONDITION],
    "aggrStatus": {"status": "Running", "version": "v1", "desired": 8, "available": 8, "unAvailable": 0},
}

_OURS: Story = (
    *INSTALL,
    post(_BASE, _example("01-bbcc.yaml")),
    post(_BASE, _example("03-shares.yaml"), save="web"),
    post(_BASE + "?fieldValidation=Strict", _broken("serviceNaem", value="x")),
    post(_BASE, _broken("podSpec", "deployType", value="cronjob")),
    post(_BASE, _broken("podSets", "replicas", value=-1)),
    post(_BASE, _broken("podSets", "replicas", value="150%")),
    post(_BASE, _broken("podSets", "name", value="X" * 70)),
    post(_BASE, _broken("podSets", "name", value="web-gz01b-green")),
    post(_BASE, _broken("clusterTopology", value={"clusters": []})),
    post(_BASE, _broken("updateStrategy", value={"upgradeType": "canary|blue|green"})),
    patch(_BASE + "/web/status", {"status": _STATUS}, only=("status", "metadata.generation")),
    get(
        _BASE,
        accept=TABLE,
        only=(
            "columnDefinitions",
            "rows.0.cells.0",
            "rows.1.cells.0",
            "rows.1.cells.1",
            "rows.1.cells.4",
            "rows.1.cells.5",
        ),
    ),
    get(_BASE + "/web/scale"),
    patch(_BASE + "/web/scale", {"spec": {"replicas": 20}}, only=("spec", "status")),
    get(_BASE + "/bbcc/scale"),
    patch(
        _BASE + "/web?fieldManager=sym-master",
        {
            "apiVersion": "workload.dmall.com/v1beta1",
            "kind": "AppSet",
            "metadata": {
                "name": "web",
                "uid": "{web.metadata.uid}",
                "annotations": {"sym.dmall.com/app-id": "a"},
                "finalizers": ["sym.dmall.com/cleanup"],
            },
        },
        APPLY,
        only=("metadata.annotations", "metadata.finalizers", "metadata.generation"),
    ),
    patch(
        _BASE + "/web?fieldManager=other",
        {
            "apiVersion": "workload.dmall.com/v1beta1",
            "kind": "AppSet",
            "metadata": {"name": "web", "annotations": {"sym.dmall.com/app-id": "b"}},
        },
        APPLY,
    ),
    patch(
        _BASE + "/web", [{"op": "remove", "path": "/metadata/finalizers"}], JSON_PATCH, only=("metadata.finalizers",)
    ),
    *REMOVE,
)

STORIES: Mapping[str, Story] = {"ours": _OURS}
