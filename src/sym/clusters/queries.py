"""The measurements of rollouts under way, and the last answers. They run beside the reconciles, a few at a time.

`live` owns the tasks. What a source does is an `Answer`, never an error: a rollout that gets none waits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import structlog

from sym.aio.env import Env
from sym.model.rollout import Analysis
from sym.plan.types import Answer, Query

_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.queries")

_EVER = datetime.min.replace(tzinfo=UTC)

App: TypeAlias = tuple[str, str]
"""Namespace and name of an AppSet."""


class Figure(Protocol):
    """What a source answered: a number, or None and why."""

    @property
    def value(self) -> float | None:
        """The number."""
        ...

    @property
    def message(self) -> str:
        """Why there is none."""
        ...


Ask: TypeAlias = Callable[[Analysis], Awaitable[Figure]]


async def nobody(analysis: Analysis) -> Answer:
    """Where nothing can be measured at all."""
    return Answer(at=_EVER, message=f"analysis {analysis.name} cannot be measured: this process asks no sources")


class Queries:
    """`answered(namespace, name)` is called when there is a new answer for that AppSet. `most` are kept for one."""

    def __init__(self, ask: Ask, env: Env, most: int, answered: Callable[[str, str], None]) -> None:
        self._ask = ask
        self._env = env
        self._most = most
        self._answered = answered
        self._group: asyncio.TaskGroup | None = None
        self._busy: set[tuple[App, str]] = set()
        self._answers: dict[App, dict[str, Answer]] = {}

    async def live(self) -> None:
        """Own every query's task until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    def begin(self, query: Query) -> None:
        """Ask, unless that very question is being asked."""
        key = ((query.namespace, query.name), query.key)
        if self._group is not None and key not in self._busy:
            self._busy.add(key)
            self._group.create_task(self._run(query), name=f"query-{query.key}")

    def answers(self, namespace: str, name: str) -> Mapping[str, Answer]:
        """The newest answers for an AppSet, by key."""
        return dict(self._answers.get((namespace, name), {}))

    def forget(self, namespace: str, name: str) -> None:
        """An AppSet is gone."""
        self._answers.pop((namespace, name), None)

    async def _run(self, query: Query) -> None:
        app = (query.namespace, query.name)
        try:
            answer = await self._asked(query)
        finally:
            self._busy.discard((app, query.key))
        kept = self._answers.setdefault(app, {})
        kept.pop(query.key, None)
        kept[query.key] = answer
        while len(kept) > self._most:
            del kept[next(iter(kept))]
        self._answered(*app)

    async def _asked(self, query: Query) -> Answer:
        try:
            found = await self._ask(query.analysis)
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            _log.warning("a measurement failed", analysis=query.analysis.name, error=type(error).__name__)
            return Answer(at=self._env.now(), message=f"it could not be measured ({type(error).__name__})")
        return Answer(at=self._env.now(), value=found.value, message=found.message)
