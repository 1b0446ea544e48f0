"""The only polling in the tests: wait for something that another process or a socket peer brings about.

Virtual time needs none of this. A deadline is generous on purpose: it bounds a failing test, it is never a measurement.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 0.05  # seconds between two looks


def until(predicate: Callable[[], object], deadline: float, message: str | Callable[[], str]) -> None:
    """Return once `predicate()` is true. Raises AssertionError with `message` after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not predicate():
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline} s still not: {_text(message)}")
        time.sleep(_PAUSE)


async def until_async(
    predicate: Callable[[], Awaitable[object]], deadline: float, message: str | Callable[[], str]
) -> None:
    """As `until`, for tests on the real loop whose question is itself a coroutine."""
    end = time.monotonic() + deadline
    while not await predicate():
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline} s still not: {_text(message)}")
        await asyncio.sleep(_PAUSE)


def _text(message: str | Callable[[], str]) -> str:
    return message if isinstance(message, str) else message()
