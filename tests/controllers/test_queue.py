"""The queue against client-go's promises, and against a model for any sequence of calls."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.aio.backoff import BackoffPolicy
from sym.aio.env import LoopEnv
from sym.aio.virtual import VirtualLoop
from sym.controllers.queue import Queue, ShutDown

POLICY = BackoffPolicy(first=0.005, cap=1000.0, jitter=0.0)


def queue(env: LoopEnv) -> Queue[str]:
    return Queue(env, POLICY)


@pytest.mark.anyio
async def test_add_while_processing_comes_back_once_after_done(env: LoopEnv) -> None:
    q = queue(env)
    q.add("a")
    assert await q.get() == "a"
    q.add("a")
    q.add("a")
    assert len(q) == 0
    q.done("a")
    assert len(q) == 1
    assert await q.get() == "a"
    q.done("a")
    assert len(q) == 0


@pytest.mark.anyio
async def test_collapse_a_key_that_waits_is_there_once(env: LoopEnv) -> None:
    q = queue(env)
    for _ in range(5):
        q.add("a")
    assert len(q) == 1


@pytest.mark.anyio
async def test_a_key_is_never_worked_on_twice_at_once(env: LoopEnv) -> None:
    q = queue(env)
    busy: set[str] = set()
    done: list[str] = []

    async def worker() -> None:
        while True:
            try:
                key = await q.get()
            except ShutDown:
                return
            assert key not in busy
            busy.add(key)
            await asyncio.sleep(0.1)
            busy.remove(key)
            done.append(key)
            q.done(key)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(worker())
        for turn in range(50):
            q.add(f"k{turn % 3}")
            await asyncio.sleep(0.03)
        q.shut_down()
        await q.drained()
    assert set(done) == {"k0", "k1", "k2"}


@pytest.mark.anyio
async def test_backoff_per_key_doubles_from_5_ms_to_1000_s_and_forgets(env: LoopEnv) -> None:
    q = queue(env)
    delays = [q.add_limited("a") for _ in range(25)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 1000.0
    assert q.add_limited("b") == 0.005
    q.forget("a")
    assert q.add_limited("a") == 0.005


@pytest.mark.anyio
async def test_of_several_delays_the_earliest_counts(env: LoopEnv) -> None:
    q = queue(env)
    q.add_after("a", 10)
    q.add_after("a", 1)
    q.add_after("a", 5)
    await q.get()
    assert env.monotonic() == pytest.approx(1)
    q.done("a")
    assert q.delayed == 0


@pytest.mark.anyio
async def test_success_settles_what_was_put_off_before_it(env: LoopEnv) -> None:
    q = queue(env)
    q.add_after("a", 5)
    q.add("a")
    assert await q.get() == "a"
    q.forget("a")
    q.add_after("a", 60)
    q.done("a")
    assert await q.get() == "a"
    assert env.monotonic() == pytest.approx(60)


@pytest.mark.anyio
async def test_a_getter_that_is_cancelled_loses_no_key(env: LoopEnv) -> None:
    q = queue(env)
    async with asyncio.TaskGroup() as group:
        first, second = group.create_task(q.get()), group.create_task(q.get())
        await asyncio.sleep(0)
        q.add("a")
        first.cancel()
        assert await second == "a"


@pytest.mark.anyio
async def test_shut_down_hands_out_what_waits_and_takes_nothing_more(env: LoopEnv) -> None:
    q = queue(env)
    q.add("a")
    q.add_after("late", 1)
    q.shut_down()
    q.add("b")
    q.add_after("c", 0)
    assert await q.get() == "a"
    with pytest.raises(ShutDown):
        await q.get()
    q.done("a")
    await q.drained()
    await asyncio.sleep(5)
    assert len(q) == 0


@pytest.mark.anyio
async def test_drained_waits_for_what_is_worked_on(env: LoopEnv) -> None:
    q = queue(env)
    q.add("a")
    await q.get()
    q.shut_down()
    asyncio.get_running_loop().call_later(3, q.done, "a")
    await q.drained()
    assert env.monotonic() == pytest.approx(3)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc")),
        st.tuples(st.just("later"), st.sampled_from("abc")),
        st.tuples(st.just("get"), st.just("")),
        st.tuples(st.just("done"), st.sampled_from("abc")),
        st.tuples(st.just("wait"), st.just("")),
    ),
    max_size=60,
)


DELAYS = {"a": 1.9, "b": 1.7, "c": 1.5}
"""No two keys come due at the same instant: their order would be anybody's guess."""


class Model:
    """What a queue should do, said as simply as possible; driven beside the real one."""

    def __init__(self) -> None:
        self.real = queue(LoopEnv(0))
        self.waiting: list[str] = []
        self.working: set[str] = set()
        self._again: list[str] = []
        self._later: dict[str, float] = {}
        self._now = 0

    async def add(self, key: str) -> None:
        self.real.add(key)
        self._add(key)

    async def later(self, key: str) -> None:
        delay = DELAYS[key]
        self.real.add_after(key, delay)
        self._later.setdefault(key, self._now + delay)

    async def get(self, _: str) -> None:
        if self.waiting:
            key = await self.real.get()
            assert key == self.waiting.pop(0)
            self.working.add(key)

    async def done(self, key: str) -> None:
        if key in self.working:
            self.real.done(key)
            self.working.remove(key)
            if key in self._again:
                self._again.remove(key)
                self.waiting.append(key)

    async def wait(self, _: str) -> None:
        await asyncio.sleep(1.0)
        self._now += 1
        for key in sorted((key for key, at in self._later.items() if at <= self._now), key=self._later.__getitem__):
            del self._later[key]
            self._add(key)

    def _add(self, key: str) -> None:
        if key in self.working and key not in self._again:
            self._again.append(key)
        elif key not in self.working and key not in self.waiting:
            self.waiting.append(key)


@given(STEPS)
def test_any_sequence_of_calls_behaves_as_the_model(steps: list[tuple[str, str]]) -> None:
    async def run() -> None:
        model = Model()
        moves = {"add": model.add, "later": model.later, "get": model.get, "done": model.done, "wait": model.wait}
        for step, key in steps:
            await moves[step](key)
            assert len(model.real) == len(model.waiting)
            assert set(model.real.processing) == model.working

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
