"""Workers: one object's trouble, of whatever kind, stays its own."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from sym.aio.backoff import BackoffPolicy
from sym.aio.env import LoopEnv
from sym.controllers.metrics import ControllerMetrics, QueueFace
from sym.controllers.queue import Queue
from sym.controllers.runner import ActionsFailed, Limits, LookLater, Runner
from sym.model.meta import Ref
from sym.settings import ControllerSettings

pytestmark = pytest.mark.anyio


class Scripted:
    """Does for each name what the test says; counts how often it was asked."""

    def __init__(self, deeds: dict[str, Callable[[], object]]) -> None:
        self._deeds = deeds
        self.asked: Counter[str] = Counter()

    async def reconcile(self, ref: Ref) -> float | None:
        self.asked[ref.name] += 1
        answer = self._deeds[ref.name]()
        if asyncio.iscoroutine(answer):
            await answer
        return answer if isinstance(answer, float) else None


def recurse() -> object:
    return recurse()


def fail(error: BaseException) -> Callable[[], object]:
    def deed() -> object:
        raise error

    return deed


def runner_of(env: LoopEnv, scripted: Scripted, threads: int = 2) -> tuple[Runner, Queue[Ref], ControllerMetrics]:
    metrics = ControllerMetrics(CollectorRegistry())
    policy = BackoffPolicy(first=0.005, cap=1000.0, jitter=0.0)
    queue: Queue[Ref] = Queue(env, policy, QueueFace(metrics, "test"))
    limits = Limits(name="test", threadiness=threads, settings=ControllerSettings())
    return Runner(queue, scripted, limits, metrics, env), queue, metrics


async def work(
    env: LoopEnv, deeds: dict[str, Callable[[], object]], seconds: float
) -> tuple[Scripted, ControllerMetrics]:
    scripted = Scripted(deeds)
    runner, queue, metrics = runner_of(env, scripted)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        for name in deeds:
            queue.add(Ref("", "default", name))
        await asyncio.sleep(seconds)
        task.cancel()
    return scripted, metrics


@pytest.mark.parametrize(
    "poison",
    [
        recurse,
        fail(MemoryError()),
        fail(ValueError("x")),
        fail(ExceptionGroup("x", [KeyError(1)])),
        fail(TimeoutError()),
    ],
    ids=["recursion", "memory", "value", "group", "timeout"],
)
async def test_a_poison_object_stops_no_other(env: LoopEnv, poison: Callable[[], object]) -> None:
    scripted, metrics = await work(env, {"poison": poison, "good": lambda: 1.0}, 10.5)
    assert scripted.asked["good"] == 11
    assert 2 < scripted.asked["poison"] < 15  # 5 ms, doubled each time
    panics = metrics.registry.get_sample_value("controller_runtime_reconcile_panics_total", {"controller": "test"})
    assert panics == scripted.asked["poison"]


async def test_an_object_that_hangs_is_given_up_after_a_while_and_holds_one_worker_only(env: LoopEnv) -> None:
    scripted, _ = await work(env, {"hang": lambda: asyncio.sleep(1e6), "good": lambda: 1.0}, 61.0)
    assert scripted.asked["good"] >= 60
    assert scripted.asked["hang"] == 2


async def test_success_is_not_repeated_and_forgets_failures(env: LoopEnv) -> None:
    turns = iter([True, True, False, True, False])

    def deed() -> object:
        if next(turns, False):
            raise ActionsFailed(())
        return None

    scripted, _ = await work(env, {"a": deed}, 5)
    assert scripted.asked["a"] == 3


async def test_what_was_refused_for_what_it_says_waits_as_long_as_asked(env: LoopEnv) -> None:
    scripted, _ = await work(env, {"a": fail(ActionsFailed((), after=60.0))}, 130)
    assert scripted.asked["a"] == 3


async def test_looking_later_is_no_failure_but_is_done_with_growing_delay(env: LoopEnv) -> None:
    scripted, metrics = await work(env, {"a": fail(LookLater("moved"))}, 1.0)
    assert scripted.asked["a"] == 8
    errors = metrics.registry.get_sample_value("controller_runtime_reconcile_errors_total", {"controller": "test"})
    assert not errors


async def test_the_metrics_bear_the_names_that_dashboards_query(env: LoopEnv) -> None:
    _, metrics = await work(env, {"a": lambda: 1.0}, 3.5)
    for name, labels in {
        "workqueue_depth": {"name": "test"},
        "workqueue_adds_total": {"name": "test"},
        "workqueue_queue_duration_seconds_count": {"name": "test"},
        "workqueue_work_duration_seconds_count": {"name": "test"},
        "controller_runtime_reconcile_total": {"controller": "test", "result": "requeue_after"},
        "controller_runtime_reconcile_time_seconds_count": {"controller": "test"},
        "controller_runtime_active_workers": {"controller": "test"},
    }.items():
        assert metrics.registry.get_sample_value(name, labels) is not None, name
