"""The four workflows of an AppSet in two clusters, and the plan of kills over them.

Counts in every way of writing them: a number, a percentage, a share of what is left.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import NamedTuple

from sym.cli.demo_tour import World
from sym.model.codec import JSONMap
from sym.model.kinds import APPSET
from sym.model.meta import Object
from tests.make import BJ4, BJ5, appset, pod_set


def app(name: str, version: str, replicas: int) -> JSONMap:
    """An AppSet with one podSet of each way of counting; no gates."""
    clusters = {
        BJ4: [pod_set(f"{name}-gz01a-blue", 1, version), pod_set(f"{name}-gz01b-green", "40%", version)],
        BJ5: [pod_set(f"{name}-gz02a-blue", None, version)],
    }
    body = appset(clusters, name=name, replicas=replicas)
    return {"apiVersion": APPSET.api_version, "kind": APPSET.name, **body}


async def install(world: World, name: str) -> None:
    """`kubectl apply` of a new AppSet."""
    await world.meta.apply(APPSET, app(name, "v1", 5), "person")


async def update(world: World, name: str) -> None:
    """The same with another version."""
    await world.meta.apply(APPSET, app(name, "v2", 5), "person")


async def scale(world: World, name: str) -> None:
    """The same with another count."""
    await world.meta.apply(APPSET, app(name, "v2", 8), "person")


async def delete(world: World, name: str) -> None:
    """`kubectl delete`, without waiting."""
    meta = (await world.meta.get(APPSET, Object, "default", name)).metadata
    await world.meta.delete(
        APPSET, namespace="default", name=name, uid=meta.uid, resource_version=meta.resource_version
    )


Workflow = Callable[[World, str], Awaitable[None]]
WORKFLOWS: Mapping[str, Workflow] = {"install": install, "update": update, "scale": scale, "delete": delete}


class Kill(NamedTuple):
    """At which write, counted from one, and on which side of its answer."""

    n: int
    late: bool


Round = Mapping[str, Kill | None]
"""What happens to each workflow of one AppSet's life."""


EVERY = 50
"""From so many kills on, every write of every workflow gets one."""


SPARE = 2
"""Kills more per workflow than asked for, because not every run has as many writes as the one that was counted."""


def rounds(kills: int, writes: Mapping[str, int]) -> Iterator[Round]:
    """The kills, spread evenly over the workflows and within each of them; `writes`: how many each has."""
    share = {name: kills // len(writes) + (at < kills % len(writes)) for at, name in enumerate(writes)}
    if kills >= EVERY:
        share = {name: max(share[name], count) + SPARE for name, count in writes.items()}
    places = {name: list(_places(share[name], count)) for name, count in writes.items()}
    for turn in range(max(map(len, places.values()), default=0)):
        yield {name: found[turn] if turn < len(found) else None for name, found in places.items()}


def _places(kills: int, writes: int) -> Iterator[Kill]:
    """Both sides of each write in turn where there are enough kills, else an even spread."""
    for turn in range(min(kills, 2 * writes)):
        if kills >= writes:
            yield Kill(1 + turn % writes, late=(turn % 2 == 0) is (turn < writes))
        else:
            yield Kill(1 + (2 * turn + 1) * writes // (2 * kills), late=turn % 2 == 1)
