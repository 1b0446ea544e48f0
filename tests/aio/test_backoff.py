"""Back-off: grows, never beyond its cap, is jittered, and starts again after a healthy while."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.env import LoopEnv

PLAIN = BackoffPolicy(first=1.0, cap=30.0, jitter=0.0)


def test_each_wait_doubles_up_to_the_cap() -> None:
    random = LoopEnv().random()
    assert [PLAIN.delay(attempt, random) for attempt in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@given(
    attempt=st.integers(0, 10_000),
    seed=st.integers(),
    first=st.floats(0.001, 100),
    cap=st.floats(0.001, 1000),
    jitter=st.floats(0, 2),
)
def test_no_wait_is_longer_than_the_cap_nor_shorter_than_plain(
    attempt: int, seed: int, first: float, cap: float, jitter: float
) -> None:
    random = LoopEnv(seed).random()
    delay = BackoffPolicy(first=first, cap=cap, jitter=jitter).delay(attempt, random)
    assert min(first, cap) <= delay <= cap


def test_a_policy_that_starts_at_zero_does_not_wait() -> None:
    assert BackoffPolicy(first=0.0, cap=30.0).delay(5000, LoopEnv().random()) == 0.0


def test_jitter_stretches_by_at_most_its_part_and_differs() -> None:
    random = LoopEnv().random()
    delays = [BackoffPolicy(first=8.0, cap=100.0, jitter=0.5).delay(0, random) for _ in range(50)]
    assert all(8.0 <= delay <= 12.0 for delay in delays)
    assert len(set(delays)) > 1


@pytest.mark.anyio
async def test_failures_count_up_and_a_reset_forgets_them(env: LoopEnv) -> None:
    backoff = Backoff(PLAIN, env)
    assert [backoff.next(), backoff.next(), backoff.next()] == [1, 2, 4]
    assert backoff.attempt == 3
    backoff.reset()
    assert backoff.attempt == 0
    assert backoff.next() == 1


@pytest.mark.anyio
async def test_a_healthy_while_after_the_wait_starts_the_count_again(env: LoopEnv) -> None:
    backoff = Backoff(PLAIN, env)
    await asyncio.sleep(backoff.next())
    await asyncio.sleep(PLAIN.reset_after)
    assert backoff.next() == 1


@pytest.mark.anyio
async def test_the_wait_itself_is_no_healthy_while(env: LoopEnv) -> None:
    backoff = Backoff(BackoffPolicy(first=100.0, cap=1000.0, jitter=0.0, reset_after=120.0), env)
    await asyncio.sleep(backoff.next())
    assert backoff.next() == 200
    await asyncio.sleep(200)
    await asyncio.sleep(119)
    assert backoff.next() == 400
