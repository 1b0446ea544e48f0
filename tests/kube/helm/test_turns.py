"""Whose turn it is among Helm operations."""

import asyncio

import pytest

from sym.kube.connection import Connection
from sym.kube.helm.turns import Turns, Work
from sym.kube.helm.types import HelmTimedOut, ReleaseName
from sym.settings import HelmSettings

pytestmark = pytest.mark.anyio

ONE, TWO = Connection(server="https://one"), Connection(server="https://two")


def work(where: Connection | None = None, name: str = "") -> Work:
    release = ReleaseName(namespace="default", name=name) if name else None
    return Work(what="upgrade", where=where, release=release)


async def most_at_once(turns: Turns, *works: Work) -> int:
    """How many of these were under way at once."""
    running, most = 0, 0

    async def one(what: Work) -> None:
        nonlocal running, most
        async with turns.turn(what, 100):
            running += 1
            most = max(most, running)
            await asyncio.sleep(1)
            running -= 1

    async with asyncio.TaskGroup() as group:
        for each in works:
            group.create_task(one(each))
    return most


async def test_so_many_in_all_fewer_in_a_cluster_one_of_a_release() -> None:
    turns = Turns(HelmSettings(concurrency=5, per_cluster=3))
    assert await most_at_once(turns, *(work(ONE, f"r{number}") for number in range(9))) == 3
    assert await most_at_once(turns, *(work(where, f"r{number}") for number in range(9) for where in (ONE, TWO))) == 5
    assert await most_at_once(turns, *(work() for _ in range(9))) == 5
    assert await most_at_once(turns, *(work(ONE, "same") for _ in range(4))) == 1
    assert await most_at_once(turns, *(work(where, "same") for where in (ONE, TWO))) == 2
    assert await most_at_once(turns, *(work(ONE) for _ in range(4))) == 3
    assert not turns._members
    assert not turns._releases, "what nobody holds is forgotten"


async def test_the_deadline_counts_the_wait_and_says_whether_work_had_begun() -> None:
    turns = Turns(HelmSettings(concurrency=1))
    async with turns.turn(work(), 100):
        with pytest.raises(HelmTimedOut, match="not begun"):
            async with turns.turn(work(ONE, "web"), 5):
                pytest.fail("it is not its turn")
    with pytest.raises(HelmTimedOut, match="not done within 5 s"):
        async with turns.turn(work(ONE, "web"), 5):
            await asyncio.sleep(6)
    async with turns.turn(work(ONE, "web"), 5):
        pass  # nothing is held any more


async def test_a_timeout_inside_is_its_own() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with Turns(HelmSettings()).turn(work(), 5):
            raise ValueError("mine")
