"""A bad edit of a running AppSet is refused with a field path, or shown as Stalled; what runs keeps running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from sym.kube.errors import Invalid
from sym.model import names
from sym.model.codec import JSON, JSONMap, dig_list, dig_map
from sym.model.conditions import Condition, find_condition
from sym.model.kinds import APPSET
from tests.model.bad import BAD_APPSETS, DROP, FIRST, POD_SETS, SPEC, TOPOLOGY, Bad, edited, good_appset
from tests.safety.house import House, house
from tests.world import META_NAME, until

pytestmark = pytest.mark.anyio

NAME, CLUSTER = "bad", "one"


class Doubtful(NamedTuple):
    """Edits that every server takes and the planner refuses, and what it must say."""

    name: str
    edits: tuple[tuple[tuple[str | int, ...], JSON], ...]
    says: tuple[str, ...]


FIRST_CLUSTER = dig_list(good_appset(), *TOPOLOGY)[0]
SECOND = (*POD_SETS, 1)
DOUBTFUL = (
    Doubtful("counts that do not add up", (((*SPEC, "replicas"), 3),), ("ReplicasMismatch", "3", "2")),
    Doubtful(
        "a share of nothing",
        (((*SPEC, "replicas"), DROP), ((*FIRST, "replicas"), "50%")),
        ("ReplicasRequired", "spec.replicas"),
    ),
    Doubtful(
        "percentages over 100 together",
        (((*FIRST, "replicas"), "60%"), ((*SECOND, "replicas"), "60%")),
        ("ReplicasMismatch",),
    ),
    Doubtful(
        "one podSet in two clusters",
        ((TOPOLOGY, [FIRST_CLUSTER, {"name": "two", "podSets": [{"name": "bad-gz01b-blue", "replicas": 0}]}]),),
        ("bad-gz01b-blue",),
    ),
    Doubtful(
        "a deploy type that is not served yet", (((*SPEC, "podSpec", "deployType"), "InPlaceSet"),), ("InPlaceSet",)
    ),
)


@asynccontextmanager
async def _running() -> AsyncIterator[House]:
    async with house(CLUSTER) as world, world.controller():
        await world.apply(good_appset())
        await world.until_running(NAME)
        yield world


async def test_every_bad_edit_is_refused_and_leaves_what_runs() -> None:
    async with _running() as world, world.unharmed():
        for bad in BAD_APPSETS:
            with pytest.raises(Invalid) as refused:
                await _edit(world, edited(good_appset(), bad))
            missing = [text for text in bad.says if text not in refused.value.message]
            assert not missing, f"{bad.name}: {refused.value.message} does not say {missing}"
        await asyncio.sleep(30)
        assert await world.state(NAME) == "Running"


@pytest.mark.parametrize("bad", DOUBTFUL, ids=lambda bad: bad.name)
async def test_what_only_the_planner_can_see_is_stalled_and_leaves_what_runs(bad: Doubtful) -> None:
    async with _running() as world:
        async with world.unharmed():
            document = good_appset()
            for path, value in bad.edits:
                document = edited(document, Bad(bad.name, path, value, ()))
            await _edit(world, document)
            await until(lambda: _stalled(world), f"{bad.name} is told", 30)
            told = await _condition(world)
            assert told is not None
            for text in bad.says:
                assert text in f"{told.reason}: {told.message}"
            await asyncio.sleep(60)
        await _edit(world, good_appset())
        await world.until_running(NAME)


async def _edit(world: House, document: JSONMap) -> None:
    """`kubectl edit`: a PUT of the object with another spec."""
    metadata = dig_map(document, "metadata")
    if metadata["name"] == NAME:
        metadata = dig_map(await world.raw(META_NAME, APPSET, NAME), "metadata")
        await world.meta.update(APPSET, {**document, "metadata": metadata}, "person")
    else:
        await world.meta.create(APPSET, document, "person")


async def _condition(world: House) -> Condition | None:
    app = await world.app(NAME)
    found = find_condition(app.status.conditions, names.STALLED)
    fresh = found is not None and found.observed_generation == app.metadata.generation
    return found if fresh else None


async def _stalled(world: House) -> bool:
    told = await _condition(world)
    return told is not None and told.true
