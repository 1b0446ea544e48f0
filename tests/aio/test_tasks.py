"""Guards, supervision, stopping: one task's trouble stays its own, a cancellation always goes through."""

import asyncio
from collections.abc import Coroutine

import pytest
import structlog

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.env import LoopEnv
from sym.aio.tasks import NamedTasks, guard, log_failure, supervise, until

pytestmark = pytest.mark.anyio

POLICY = BackoffPolicy(first=1.0, cap=60.0, jitter=0.0)


class Reports(list[tuple[str, str]]):
    """A `Report` that remembers."""

    def __call__(self, name: str, error: Exception) -> None:
        """Remember one."""
        self.append((name, str(error)))


async def _fail(message: str) -> None:
    raise ValueError(message)


async def test_a_guarded_failure_is_reported_and_its_siblings_go_on() -> None:
    reports, done = Reports(), asyncio.Event()

    async def sibling() -> None:
        await asyncio.sleep(5)
        done.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(guard("bj4", _fail("no route"), reports))
        group.create_task(guard("bj5", sibling(), reports))
    assert reports == [("bj4", "no route")]
    assert done.is_set()


async def test_a_guard_lets_a_cancellation_through() -> None:
    reports = Reports()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await guard("x", asyncio.sleep(10), reports)
    assert reports == []


async def test_a_supervised_loop_is_run_again_with_growing_waits(env: LoopEnv) -> None:
    reports, starts = Reports(), list[float]()

    async def work() -> None:
        starts.append(env.monotonic())
        if len(starts) < 4:
            raise ValueError(f"try {len(starts)}")

    begin = env.monotonic()
    await supervise("watch", work, Backoff(POLICY, env), reports)
    assert [round(start - begin, 6) for start in starts] == [0, 1, 3, 7]
    assert reports == [("watch", "try 1"), ("watch", "try 2"), ("watch", "try 3")]


async def test_a_supervised_loop_stops_when_cancelled(env: LoopEnv) -> None:
    reports = Reports()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await supervise("watch", lambda: _fail("again"), Backoff(POLICY, env), reports)
    assert len(reports) == 7


async def test_work_ends_by_itself_or_by_the_stop() -> None:
    stop, ends = asyncio.Event(), list[str]()

    async def work(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            ends.append("returned")
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            ends.append("cleaned up")
            raise

    await until(stop, work(1))
    async with asyncio.TaskGroup() as group:
        group.create_task(until(stop, work(1000)))
        await asyncio.sleep(5)
        stop.set()
    assert ends == ["returned", "cleaned up"]


async def test_until_raises_what_the_work_raises() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await until(asyncio.Event(), _fail("broken"))
    assert caught.group_contains(ValueError, match="broken")


async def test_named_tasks_are_stopped_one_by_one() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append(name)

    async with asyncio.TaskGroup() as group:
        tasks = NamedTasks(group)
        for name in ("a", "b"):
            tasks.start(name, work(name))
        await asyncio.sleep(1)
        assert tasks.names == {"a", "b"}
        await tasks.stop("a")
        assert ended == ["a"]
        assert tasks.names == {"b"}
        tasks.start("a", work("a again"))
        await tasks.stop("nobody")
    assert sorted(ended) == ["a", "a again", "b"]
    assert tasks.names == frozenset()


async def test_a_name_runs_once() -> None:
    async def start_twice() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = NamedTasks(group)
            tasks.start("a", _sleep())
            tasks.start("a", _sleep())

    with pytest.raises(ExceptionGroup) as caught:
        await start_twice()
    assert caught.group_contains(ValueError, match="'a' is already running")


def _sleep() -> Coroutine[None, None, None]:
    return asyncio.sleep(10)


async def test_the_log_names_the_task_and_the_error() -> None:
    with structlog.testing.capture_logs() as logs:
        log_failure("watch bj4", ValueError("no route"))
    assert [(line["task"], line["error"], line["log_level"]) for line in logs] == [
        ("watch bj4", "ValueError: no route", "error")
    ]
