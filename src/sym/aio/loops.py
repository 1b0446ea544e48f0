"""Which event loop a process runs on: uvloop where it is installed, else asyncio's own.

Both keep asyncio's promises; uvloop needs about two thirds of the CPU for a request over TLS (`bench/README.md`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


def run(main: Coroutine[None, None, T]) -> T:
    """`asyncio.run` on the best loop that there is."""
    with asyncio.Runner(loop_factory=factory()) as runner:
        return runner.run(main)


def factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes such a loop; None: asyncio's own way."""
    try:
        import uvloop
    except ImportError:  # Windows, PyPy: see pyproject.toml
        return None
    return uvloop.new_event_loop
