"""What Sym writes: nothing where nothing has to be written, everything once, and little for an installation.

Counted at the servers' audit log, by verb and resource.
"""

import asyncio
from collections import Counter

import pytest

from sym.kube.requests import ListOptions
from sym.model.appset import AppSet, AppStatus
from sym.model.codec import JSONMap
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT, EVENT
from sym.model.workload import Event
from sym.sandbox.audit import place_of
from sym.sandbox.faults import Hang, is_watch
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.safety.house import House, house
from tests.world import until

pytestmark = pytest.mark.anyio

APPS = 200
NEEDED: Counter[str] = Counter(
    {
        "patch appsets -> 200": 1,
        "patch advdeployments -> 201": 2,
        "patch deployments -> 201": 2,
        "patch advdeployments/status -> 200": 2,
        "patch appsets/status -> 200": 2,
        "patch controllerrevisions -> 201": 1,
        "create events -> 201": 1,
    }
)
"""What an AppSet in two clusters costs from its creation to its aggregated status; the budget is 12 writes. Its first
status only notes its id and clusters, which a `kubectl replace` of the annotations must not lose."""


async def test_200_appsets_cost_what_they_must_and_an_idle_restart_costs_nothing() -> None:
    async with house() as world:
        async with world.controller():
            await asyncio.sleep(5)
            world.records.clear()
            for number in range(APPS):
                await world.apply(_app(number))
            await until(lambda: _all_run(world), f"{APPS} AppSets run", 600)
            await asyncio.sleep(10)
        counts = world.counts()
        assert sum(counts.values()) <= 12 * APPS
        assert dict(counts) == {what: count * APPS for what, count in NEEDED.items()}
        world.records.clear()
        async with world.controller():
            await asyncio.sleep(120)
        assert world.asked() == []
        assert any(record.place.resource == "leases" for record in world.records), "nothing was heard at all"


async def test_a_transition_is_told_by_one_event() -> None:
    async with house() as world, world.controller():
        for version in ("v1", "v2", "v3"):
            await world.apply(two_clusters(version))
            await world.until_running()
            await asyncio.sleep(5)
        events, _ = await world.meta.list_all(EVENT, Event, ListOptions())
        told = {event.reason: event.times for event in events if event.involved_object.kind == APPSET.name}
        assert told["Running"] == 3


async def test_while_the_caches_are_late_nothing_is_written_twice() -> None:
    async with house() as world, world.controller():
        counts = await _late(world, ADVDEPLOYMENT.plural)
        assert counts == {"patch appsets -> 200": 1, "patch advdeployments -> 201": 2, "patch appsets/status -> 200": 1}
        await world.until_running(seconds=120)


async def test_while_the_caches_of_workloads_are_late_nothing_is_written_twice() -> None:
    async with house() as world, world.controller():
        counts = await _late(world, DEPLOYMENT.plural)
        assert counts["patch deployments -> 201"] == 2
        assert [what for what in counts if not what.endswith((" 200", " 201"))] == []
        await world.until_running(seconds=120)


async def _late(world: House, plural: str) -> dict[str, int]:
    """Install an AppSet while the watches of a kind say nothing for 20 s; what was asked for meanwhile."""
    await asyncio.sleep(10)
    for member in (BJ4, BJ5):
        await world.bewitch(
            member, lambda request: Hang() if is_watch(request) and place_of(request.path).resource == plural else None
        )
    await asyncio.sleep(5)
    world.records.clear()
    await world.apply(two_clusters())
    await asyncio.sleep(20)
    for member in (BJ4, BJ5):
        world.spells[member].lift()
    return dict(world.counts())


async def _all_run(world: House) -> bool:
    apps, _ = await world.meta.list_all(APPSET, AppSet, ListOptions())
    return all(app.status.aggr_status.status is AppStatus.RUNNING for app in apps)


def _app(number: int) -> JSONMap:
    """Every way of counting in turn; some want nothing at all."""
    name = f"app{number:03}"
    ways: tuple[tuple[int | str | None, int | str | None, int | None], ...] = (
        (1, 0, None),
        ("50%", "50%", 2),
        (None, None, 1),
        (0, None, 0),
        ("34%", None, 3),
    )
    first, second, total = ways[number % len(ways)]
    clusters = {BJ4: [pod_set(f"{name}-gz01a-blue", first)], BJ5: [pod_set(f"{name}-gz02a-blue", second)]}
    return appset(clusters, name=name) if total is None else appset(clusters, name=name, replicas=total)
