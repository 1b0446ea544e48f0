"""Pulse and Latest: everyone who waits hears, nothing queues up, equal values are no news."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sym.aio.broadcast import Latest, Pulse

pytestmark = pytest.mark.anyio


async def test_a_pulse_wakes_all_who_wait_and_none_who_come_later() -> None:
    pulse, woken = Pulse(), list[int]()

    async def wait(number: int) -> None:
        await pulse.wait()
        woken.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(wait(number))
        await asyncio.sleep(1)
        pulse.notify()
    assert sorted(woken) == [0, 1, 2]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await pulse.wait()


async def test_a_pulse_nobody_waits_for_is_gone() -> None:
    pulse = Pulse()
    pulse.notify()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await pulse.wait()


async def test_wait_for_returns_at_once_when_it_already_holds() -> None:
    assert await Latest(3).wait_for(lambda value: value > 2) == 3


async def test_wait_for_waits_until_it_holds() -> None:
    level = Latest(0)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(level.wait_for(lambda value: value >= 2))
        for value in (1, 2):
            await asyncio.sleep(1)
            assert not waiting.done()
            level.set(value)
    assert waiting.result() == 2
    assert level.value == 2


async def test_a_follower_skips_what_was_overtaken_but_never_the_last() -> None:
    level = Latest(0)
    seen: list[int] = []

    async def follow() -> None:
        async for value in level.changes():
            seen.append(value)
            if value == 9:
                return
            await asyncio.sleep(10)

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await asyncio.sleep(1)
        for value in (1, 2, 3):
            level.set(value)
        await asyncio.sleep(20)
        level.set(9)
    assert seen == [0, 3, 9]


async def test_setting_an_equal_value_wakes_nobody() -> None:
    level = Latest("up")
    following = level.changes()
    assert await anext(following) == "up"
    async with asyncio.TaskGroup() as group:
        nextone = group.create_task(_next(following))
        await asyncio.sleep(1)
        level.set("up")
        await asyncio.sleep(1)
        assert not nextone.done()
        level.set("down")
    assert nextone.result() == "down"


async def _next(values: AsyncIterator[str]) -> str:
    return await anext(values)
