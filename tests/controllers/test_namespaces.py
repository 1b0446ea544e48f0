"""The AppSet's namespace in a member where it is missing: made, never deleted, and told where Sym may not make it."""

import asyncio

import pytest

from sym.kube.errors import NotFound
from sym.kube.requests import ListOptions, Request
from sym.model import names
from sym.model.appset import AppSet
from sym.model.codec import JSONMap
from sym.model.conditions import find_condition
from sym.model.kinds import APPSET, NAMESPACE
from sym.model.meta import Object
from sym.sandbox.audit import place_of
from sym.sandbox.faults import Fault, Refuse, is_write
from tests.make import BJ4, BJ5, two_clusters
from tests.safety.house import House, house
from tests.world import until

pytestmark = pytest.mark.anyio

SHOP: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
RBAC = 'namespaces is forbidden: User "sym" cannot create resource "namespaces" in API group "" at the cluster scope'


def in_shop() -> JSONMap:
    """The AppSet in namespace `shop`."""
    body = two_clusters()
    body["metadata"] = {"namespace": "shop", "name": "bbcc"}
    return body


async def app(world: House) -> AppSet:
    """The AppSet in namespace `shop`."""
    return await world.meta.get(APPSET, AppSet, "shop", "bbcc")


async def runs(world: House) -> bool:
    """Whether it runs."""
    return (await app(world)).status.aggr_status.status == "Running"


async def stands(world: House, cluster: str) -> bool:
    """Whether there is a namespace `shop` in a cluster."""
    try:
        await world.apis[cluster].get(NAMESPACE, Object, "", "shop")
    except NotFound:
        return False
    return True


async def test_it_is_made_and_stays_when_the_appset_goes() -> None:
    async with house() as world, world.controller():
        await world.meta.create(NAMESPACE, SHOP, "person")
        await world.apply(in_shop())
        await until(lambda: runs(world), "it runs in a namespace that the members did not have")
        await world.remove(world.meta, APPSET, "shop", "bbcc")

        async def gone() -> bool:
            found, _ = await world.meta.list_all(APPSET, Object, ListOptions(namespace="shop"))
            return not found

        await until(gone, "the AppSet is gone")
        for member in (BJ4, BJ5):
            assert await stands(world, member)
        assert not [record for record in world.deletes if record.place.resource == "namespaces"]


async def test_where_it_may_not_be_made_that_is_told_and_it_goes_on_when_somebody_makes_it() -> None:
    def no_namespaces(request: Request) -> Fault | None:
        refused = is_write(request) and place_of(request.path).resource == "namespaces"
        return Refuse(code=403, reason="Forbidden", message=RBAC) if refused else None

    async with house() as world, world.controller() as process:
        await asyncio.sleep(5)
        world.spells[BJ4].cast(no_namespaces)
        await world.meta.create(NAMESPACE, SHOP, "person")
        await world.apply(in_shop())

        async def told() -> bool:
            ready = find_condition((await app(world)).status.conditions, names.READY)
            return ready is not None and ready.reason == "NamespaceMissing" and f"cluster '{BJ4}'" in ready.message

        await until(told, "the AppSet says what is missing where")
        assert process.fleet.state(BJ4).usable
        await world.apis[BJ4].create(NAMESPACE, SHOP, "person")
        await until(lambda: runs(world), "it runs", 90)
