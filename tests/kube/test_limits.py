"""The token bucket in virtual time, and the account of bytes."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import TooLarge
from sym.kube.limits import ByteBudget, TokenBucket

pytestmark = pytest.mark.anyio


async def taken(bucket: TokenBucket, count: int) -> list[float]:
    """When each of so many tasks that ask at once gets its turn."""
    times: list[float] = []

    async def one() -> None:
        await bucket.take()
        times.append(asyncio.get_running_loop().time())

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
    return times


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate(env: LoopEnv) -> None:
    times = await taken(TokenBucket(10.0, 3, env), 8)
    assert times[:3] == [0.0, 0.0, 0.0]
    assert times[3:] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5], abs=1e-6)


async def test_a_quiet_time_fills_it_no_further_than_the_burst(env: LoopEnv) -> None:
    bucket = TokenBucket(10.0, 3, env)
    await taken(bucket, 3)
    await asyncio.sleep(100)
    times = await taken(bucket, 5)
    assert [time - times[0] for time in times] == pytest.approx([0, 0, 0, 0.1, 0.2], abs=1e-6)


async def test_no_rate_means_no_limit(env: LoopEnv) -> None:
    assert set(await taken(TokenBucket(0.0, 1, env), 50)) == {0.0}


async def test_who_gives_up_waiting_takes_nothing(env: LoopEnv) -> None:
    bucket = TokenBucket(1.0, 1, env)
    await bucket.take()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await bucket.take()
    await bucket.take()
    assert env.monotonic() == pytest.approx(1.0, abs=1e-6)


def test_a_holder_replaces_what_it_held() -> None:
    budget = ByteBudget(100)
    budget.hold("a", 60)
    budget.hold("a", 80)
    with pytest.raises(TooLarge, match="b: its list of 21 bytes and 80 bytes of other lists"):
        budget.hold("b", 21)
    budget.hold("b", 20)
    assert budget.used == 100
    budget.release("a")
    budget.release("never held")
    assert budget.used == 20
