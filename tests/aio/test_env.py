"""`Env`: the real one tells real time, the simulated one follows the loop and its seed."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from sym.aio.env import SIMULATION_START, Env, LoopEnv, SystemEnv


def test_the_system_env_tells_the_time_of_the_machine() -> None:
    env: Env = SystemEnv()
    before, tick = datetime.now(UTC), time.monotonic()
    assert before <= env.now() <= datetime.now(UTC)
    assert tick <= env.monotonic() <= time.monotonic()
    assert env.now().tzinfo is UTC


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has this clock")
def test_the_system_env_counts_suspended_time_where_it_is_asked_to() -> None:
    first = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert first <= SystemEnv().boottime() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_ids_are_32_hexadecimal_digits_and_differ() -> None:
    for env in (SystemEnv(), LoopEnv(7)):
        ids = {env.new_id() for _ in range(100)}
        assert len(ids) == 100
        assert all(len(one) == 32 and int(one, 16) >= 0 and one == one.lower() for one in ids)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    def run(seed: int) -> list[str]:
        env = LoopEnv(seed)
        return [env.new_id(), str(env.random().random()), env.new_id()]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_system_env_cannot_be_foretold() -> None:
    assert SystemEnv().random().random() != SystemEnv().random().random()


@pytest.mark.anyio
async def test_the_clocks_of_the_loop_env_follow_virtual_time(env: LoopEnv) -> None:
    start = env.monotonic()
    assert env.now() == SIMULATION_START + timedelta(seconds=start)
    await asyncio.sleep(3600)
    assert env.monotonic() == pytest.approx(start + 3600)
    assert env.now() == SIMULATION_START + timedelta(seconds=env.monotonic())


@pytest.mark.anyio
async def test_a_suspended_machine_loses_time_that_only_its_timers_do_not_see(env: LoopEnv) -> None:
    await asyncio.sleep(5)
    env.suspend(60)
    assert (env.monotonic(), env.boottime()) == (5, 65)
    assert env.now() == SIMULATION_START + timedelta(seconds=65)
    await asyncio.sleep(1)
    assert (env.monotonic(), env.boottime()) == (6, 66)


def test_the_loop_env_needs_a_loop() -> None:
    with pytest.raises(RuntimeError):
        LoopEnv().now()
