"""Fields that others own in a member: an autoscaler's count, fields that an annotation names, and those of strangers.

The sandbox keeps the ownership of fields as real servers do. It does not serve autoscaling/v2 by itself, so the stories
with an autoscaler have it served as if by a CRD.
"""

import asyncio

import pytest

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSONMap, dig, dig_map
from sym.model.conditions import Condition, find_condition
from sym.model.kinds import ADVDEPLOYMENT, AUTOSCALER, CRD, DEPLOYMENT
from sym.sandbox.definitions import resources_of
from sym.sandbox.resources import replace_all
from tests.make import BJ4, two_clusters
from tests.world import World, installed, until

pytestmark = pytest.mark.anyio

BLUE = "bbcc-gz01b-blue"
SCHEMA: JSONMap = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
AUTOSCALERS_CRD: JSONMap = {
    "apiVersion": CRD.api_version,
    "kind": CRD.name,
    "metadata": {"name": AUTOSCALER.qualified},
    "spec": {
        "group": AUTOSCALER.group,
        "names": {"kind": AUTOSCALER.name, "plural": AUTOSCALER.plural},
        "scope": "Namespaced",
        "versions": [{"name": AUTOSCALER.version, "served": True, "storage": True, "schema": SCHEMA}],
    },
}


async def autoscaled(world: World) -> None:
    """An autoscaler for the Deployment in BJ4."""
    served = world.clusters[BJ4].api.served
    replace_all(served, AUTOSCALER.group, AUTOSCALER.plural, resources_of(AUTOSCALERS_CRD))
    body: JSONMap = {
        "apiVersion": AUTOSCALER.api_version,
        "kind": AUTOSCALER.name,
        "metadata": {"namespace": "default", "name": "hpa"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": BLUE}},
    }
    await world.apis[BJ4].create(AUTOSCALER, body, "person")


async def scale(world: World, replicas: int, manager: str) -> None:
    """A write through the scale subresource."""
    where: JSONMap = {"namespace": "default", "name": BLUE}
    body: JSONMap = {"metadata": where, "spec": {"replicas": replicas}}
    await world.apis[BJ4].patch(DEPLOYMENT, body, manager, subresource="scale")


async def replicas(world: World) -> object:
    """The Deployment's count."""
    return dig(await world.raw(BJ4, DEPLOYMENT, BLUE), "spec", "replicas")


async def said(world: World, type_: str = names.READY) -> str:
    """Reason and message of a condition of the AppSet."""
    condition = find_condition((await world.app()).status.conditions, type_)
    return f"{condition.reason}: {condition.message}" if condition is not None else ""


async def test_an_autoscaler_owns_the_count_through_updates() -> None:
    async with installed() as world, world.controller():
        await autoscaled(world)
        await world.apply(two_clusters())
        await world.until_running()
        await scale(world, 5, "kube-controller-manager")
        await until(lambda: world.available(BJ4, BLUE), "5 pods")
        await world.until_running()
        await world.apply(two_clusters("v2", 3))
        await world.until_running()
        assert await replicas(world) == 5
        status = (await world.app()).status
        assert (status.aggr_status.desired, status.aggr_status.available, status.aggr_status.version) == (8, 8, "v2")
        told = {each.name: each.autoscaler for each in status.aggr_status.pod_sets}
        assert told == {BLUE: "HorizontalPodAutoscaler/hpa", "bbcc-gz01a-blue": ""}


async def test_a_count_that_was_the_autoscalers_is_not_overwritten_when_it_goes() -> None:
    async with installed() as world, world.controller():
        await autoscaled(world)
        await world.apply(two_clusters())
        await world.until_running()
        await scale(world, 5, "kube-controller-manager")
        await asyncio.sleep(20)
        await world.remove(world.apis[BJ4], AUTOSCALER, "default", "hpa")
        await until(lambda: _says(world, "FieldConflict"), "whose the count is")
        assert await replicas(world) == 5
        text = await said(world)
        assert f"cluster '{BJ4}', Deployment {BLUE}: .spec.replicas belongs to manager kube-controller-manager" in text
        conflict = find_condition(await told(world), names.FIELD_CONFLICT)
        assert conflict is not None
        assert conflict.true
        assert "kube-controller-manager (scale)" in conflict.message
        await scale(world, 2, "kubectl")
        await world.until_running()
        assert find_condition(await told(world), names.FIELD_CONFLICT) is None


async def test_a_field_left_to_others_survives_updates() -> None:
    async with installed() as world, world.controller():
        await world.apply(two_clusters())
        await world.until_running()
        await world.annotate("bbcc", names.IGNORE_FIELDS, "spec.strategy.rollingUpdate, spec.minReadySeconds")
        await asyncio.sleep(5)
        where: JSONMap = {"namespace": "default", "name": BLUE}
        surge: JSONMap = {"rollingUpdate": {"maxSurge": 1}}
        await world.apis[BJ4].patch(DEPLOYMENT, {"metadata": where, "spec": {"strategy": surge}}, "kubectl-edit")
        await world.apply(two_clusters("v2"))
        await world.until_running()
        spec = dig_map(await world.raw(BJ4, DEPLOYMENT, BLUE), "spec")
        assert dig(spec, "strategy", "rollingUpdate") == {"maxSurge": 1, "maxUnavailable": "25%"}
        assert dig(spec, "template", "spec", "containers", 0, "image") == "dmall/bbcc:v2"


async def told(world: World) -> tuple[Condition, ...]:
    """The conditions of the AdvDeployment in BJ4."""
    return (await world.apis[BJ4].get(ADVDEPLOYMENT, AdvDeployment, "default", "bbcc")).status.conditions


async def _says(world: World, reason: str) -> bool:
    return (await said(world)).startswith(f"{reason}: ")
