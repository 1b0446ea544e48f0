"""The judge finds nothing wrong with a fleet at rest, and something with each way of breaking it."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace

import pytest

from sym.kube.api import Api
from sym.kube.requests import ListOptions
from sym.model.codec import JSON, JSONMap, as_map
from sym.model.kinds import (
    ADVDEPLOYMENT,
    APPSET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    POD,
    REPLICASET,
    SERVICE,
    STATEFULSET,
)
from sym.model.meta import Kind, Object
from tests.make import BJ4, stateful, two_clusters
from tests.oracle.fleet import Cluster, Fleet
from tests.oracle.judge import complaints, shape
from tests.world import META_NAME, World, installed

pytestmark = pytest.mark.anyio

KINDS = {
    "appsets": APPSET,
    "children": ADVDEPLOYMENT,
    "deployments": DEPLOYMENT,
    "statefulsets": STATEFULSET,
    "replicasets": REPLICASET,
    "services": SERVICE,
    "slices": ENDPOINT_SLICE,
    "pods": POD,
}


def _gone(_: JSONMap) -> None:
    """The object is not there."""


def _set(value: JSON, *path: str) -> Callable[[JSONMap], JSONMap]:
    def edit(item: JSONMap) -> JSONMap:
        place = item
        for step in path[:-1]:
            place = as_map(place[step])
        place[path[-1]] = value
        return item

    return edit


def _note(key: str, value: str) -> Callable[[JSONMap], JSONMap]:
    return _set(value, "metadata", "annotations", f"sym.dmall.com/{key}")


Edit = Callable[[JSONMap], JSONMap | None]
BREAKS: dict[str, tuple[str, str, Edit, str]] = {
    "a workload is gone": (BJ4, "deployments", _gone, "0 Deployments"),
    "a pod is gone": (BJ4, "pods", _gone, "1 of 1 pods"),
    "a pod is not ready": (BJ4, "pods", _set([], "status", "conditions"), "1 of 2 pods"),
    "a child is gone": (BJ4, "children", _gone, "has children in"),
    "a child is left": (META_NAME, "appsets", _gone, "belongs to no AppSet"),
    "a workload wants another count": (BJ4, "deployments", _set(7, "spec", "replicas"), "wants 7 replicas"),
    "a workload is another's": (BJ4, "deployments", _note("app-id", "x"), "another owner record"),
    "a child bears a tombstone": (BJ4, "children", _note("tombstone", "{}"), "tombstone"),
    "a child has no finalizer": (BJ4, "children", _set([], "metadata", "finalizers"), "no finalizer"),
    "the AppSet has no finalizer": (META_NAME, "appsets", _set([], "metadata", "finalizers"), "no finalizer"),
    "the AppSet notes another cluster": (META_NAME, "appsets", _note("clusters", "x"), "notes that it was written"),
    "the AppSet is of another generation": (META_NAME, "appsets", _set(9, "metadata", "generation"), "generation"),
    "the AppSet counts wrongly": (META_NAME, "appsets", _set(9, "status", "aggrStatus", "available"), "available 9"),
    "the AppSet is not Ready": (META_NAME, "appsets", _set([], "status", "conditions"), "conditions"),
    "a ReplicaSet lost its owner": (BJ4, "replicasets", _gone, "that is gone"),
}
STATEFUL: dict[str, tuple[str, str, Edit, str]] = {
    "a StatefulSet is gone": (BJ4, "statefulsets", _gone, "0 StatefulSets"),
    "a StatefulSet wants another count": (BJ4, "statefulsets", _set(7, "spec", "replicas"), "wants 7 replicas"),
    "a StatefulSet is another's": (BJ4, "statefulsets", _note("app-id", "x"), "another owner record"),
    "a StatefulSet is left": (META_NAME, "appsets", _gone, "belongs to no podSet"),
    "the Service is gone": (BJ4, "services", _gone, "is there 0 times"),
    "the Service is another's": (BJ4, "services", _note("app-id", "x"), "another owner record"),
    "the Service is left": (META_NAME, "appsets", _gone, "that needs it"),
    "the Service has an address": (BJ4, "services", _set("10.0.0.1", "spec", "clusterIP"), "10.0.0.1"),
    "the Service selects others": (BJ4, "services", _set({"app": "x"}, "spec", "selector"), "'app': 'x'"),
    "the Service leads nowhere": (BJ4, "slices", _gone, "leads to []"),
    "endpoints are told wrongly": (BJ4, "children", _set({}, "status", "aggrStatus", "service"), "are told"),
}


async def test_a_fleet_at_rest_is_in_order() -> None:
    fleet = await _fleet()
    assert complaints(fleet) == []
    assert any(line.startswith("Pods") for line in shape(fleet)[BJ4])


@pytest.mark.parametrize("name", BREAKS)
async def test_every_break_is_complained_of(name: str) -> None:
    cluster, kind, edit, says = BREAKS[name]
    found = complaints(_broken(await _fleet(), cluster, kind, edit))
    assert any(says in sentence for sentence in found), found


async def test_a_fleet_of_statefulsets_at_rest_is_in_order() -> None:
    fleet = await _fleet(stateful())
    assert complaints(fleet) == []
    assert "Service default/bbcc-svc 3 endpoints" in shape(fleet)[BJ4]


@pytest.mark.parametrize("name", STATEFUL)
async def test_every_break_of_a_statefulset_is_complained_of(name: str) -> None:
    cluster, kind, edit, says = STATEFUL[name]
    found = complaints(_broken(await _fleet(stateful()), cluster, kind, edit))
    assert any(says in sentence for sentence in found), found


def test_every_list_is_read() -> None:
    assert {field.name for field in fields(Cluster)} == {"name", *KINDS}


async def _fleet(app: JSONMap | None = None) -> Fleet:
    """A running AppSet as the API servers show it."""
    async with installed() as world, world.controller():
        await world.apply(app or two_clusters())
        await world.until_running()
        await asyncio.sleep(10)
        return await _read(world)


async def _read(world: World) -> Fleet:
    found = {name: await _cluster(name, api) for name, api in world.apis.items()}
    return Fleet(found[META_NAME], {name: cluster for name, cluster in found.items() if name != META_NAME})


async def _cluster(name: str, api: Api) -> Cluster:
    return Cluster(name, **{field: await _list(name, api, kind) for field, kind in KINDS.items()})


async def _list(name: str, api: Api, kind: Kind) -> tuple[JSONMap, ...]:
    if kind == ADVDEPLOYMENT and name == META_NAME:
        return ()
    found, _ = await api.list_all(kind, Object, ListOptions())
    return tuple([await api.get_raw(kind, item.metadata.namespace, item.metadata.name) for item in found])


def _broken(fleet: Fleet, cluster: str, kind: str, edit: Edit) -> Fleet:
    """A copy in which the first object of that kind in that cluster is edited or gone."""
    before = fleet.meta if cluster == META_NAME else fleet.members[cluster]
    lists: dict[str, tuple[JSONMap, ...]] = {field: getattr(before, field) for field in KINDS}
    first, *rest = deepcopy(lists[kind])
    edited = edit(first)
    lists[kind] = tuple(rest if edited is None else (edited, *rest))
    after = Cluster(before.name, **lists)
    if cluster == META_NAME:
        return replace(fleet, meta=after)
    return replace(fleet, members={**fleet.members, cluster: after})
