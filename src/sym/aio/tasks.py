"""What `asyncio.TaskGroup` leaves open: children that fail alone, are tried again, or are stopped one by one.

In a bare TaskGroup one failing child ends all others; here a cluster's trouble stays its own. A cancellation always
goes through. Nothing in this module starts a task outside a group that somebody awaits. Relies on asyncio, structlog
and `aio.backoff`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias

import structlog

from sym.aio.backoff import Backoff

Report: TypeAlias = Callable[[str, Exception], None]


def log_failure(name: str, error: Exception) -> None:
    """The usual `Report`: one log line with the task's name, the error's sentence and its traceback without locals."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.aio.tasks")
    log.error("task failed", task=name, error=f"{type(error).__name__}: {error}", exc_info=error)


async def guard(name: str, work: Awaitable[None], report: Report = log_failure) -> None:
    """Await `work`; if it fails, report that under `name` and return, so that the group's other children go on."""
    try:
        await work
    except Exception as error:
        report(name, error)


async def supervise(
    name: str, work: Callable[[], Awaitable[None]], backoff: Backoff, report: Report = log_failure
) -> None:
    """Run `work()`; each time it fails, report that under `name`, wait as `backoff` says and run it again.

    Returns when `work` returns. `work` may call `backoff.reset()` once it knows that it is well.
    """
    while True:
        try:
            await work()
        except Exception as error:
            report(name, error)
        else:
            return
        await asyncio.sleep(backoff.next())


async def until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Run `work` until it returns or `stop` is set; then cancel it and wait for its end. Raises what `work` raises."""
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_wait(stop), name="until-stop")
        running = group.create_task(work, name="until-work")
        await asyncio.wait((waiting, running), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        running.cancel()


class NamedTasks:
    """Children of one group, at most one per name, that can be stopped one by one."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of those that still run."""
        return frozenset(self._tasks)

    def start(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Start `work` under `name`. Raises ValueError when that name still runs; wait for `stop` first."""
        if name in self._tasks:
            work.close()
            raise ValueError(f"task {name!r} is already running; stop it before starting it again")
        task = self._group.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def stop(self, name: str) -> None:
        """Cancel the task and wait until it has ended; a name that does not run is already stopped."""
        if (task := self._tasks.get(name)) is not None:
            task.cancel()
            await asyncio.wait((task,))
            await asyncio.sleep(0)  # its done callback, which frees the name, runs in the next step of the loop


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()
