"""Measurements beside the reconciles: each question once at a time, the newest answers kept, nothing raised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sym.aio.env import LoopEnv
from sym.clusters.queries import Queries, nobody
from sym.model.meta import META
from sym.model.rollout import Analysis
from sym.plan.types import Answer, Query

pytestmark = pytest.mark.anyio


class Source:
    """Answers with a number after a second; what is named `broken` breaks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, analysis: Analysis) -> Answer:
        self.asked.append(analysis.name)
        await asyncio.sleep(1)
        if analysis.name == "broken":
            raise ValueError("secret")
        return Answer(at=LoopEnv().now(), value=float(len(self.asked)))


@asynccontextmanager
async def queries(source: Source, told: list[str], most: int = 10) -> AsyncIterator[Queries]:
    """Queries that live while the block lasts."""
    made = Queries(source.ask, LoopEnv(), most, lambda namespace, name: told.append(f"{namespace}/{name}"))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.live())
        await asyncio.sleep(0)
        yield made
        task.cancel()


def query(key: str, name: str = "bbcc") -> Query:
    """A question of an AppSet."""
    return Query(cluster=META, namespace="shop", name=name, key=key, analysis=Analysis(name=key))


async def test_a_question_is_asked_once_at_a_time_and_its_answer_is_told() -> None:
    source, told = Source(), list[str]()
    async with queries(source, told) as made:
        for _ in range(3):
            made.begin(query("errors"))
        made.begin(query("errors", "other"))
        assert made.answers("shop", "bbcc") == {}
        await asyncio.sleep(2)
        assert (source.asked, told) == (["errors", "errors"], ["shop/bbcc", "shop/other"])
        assert made.answers("shop", "bbcc")["errors"].value is not None
        made.begin(query("errors"))
        await asyncio.sleep(2)
        assert made.answers("shop", "bbcc")["errors"].value == 3.0


async def test_a_source_that_breaks_is_an_answer_without_a_number() -> None:
    source, told = Source(), list[str]()
    async with queries(source, told) as made:
        made.begin(query("broken"))
        await asyncio.sleep(2)
        answer = made.answers("shop", "bbcc")["broken"]
    assert (answer.value, answer.message) == (None, "it could not be measured (ValueError)")


async def test_the_oldest_answers_are_forgotten_and_all_of_them_with_the_appset() -> None:
    source, told = Source(), list[str]()
    async with queries(source, told, most=2) as made:
        for key in ("one", "two", "three"):
            made.begin(query(key))
            await asyncio.sleep(2)
        assert list(made.answers("shop", "bbcc")) == ["two", "three"]
        made.forget("shop", "bbcc")
        assert made.answers("shop", "bbcc") == {}


async def test_what_does_not_live_asks_nothing() -> None:
    source = Source()
    told = list[str]()
    Queries(source.ask, LoopEnv(), 2, lambda namespace, name: told.append(namespace + name)).begin(query("errors"))
    await asyncio.sleep(2)
    assert source.asked == []
    assert (await nobody(Analysis(name="errors"))).value is None
