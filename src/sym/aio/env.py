"""The one place where Sym gets its time and its randomness.

Everything that waits, stamps a time, rolls jitter or makes an id takes an `Env`. A process gets `SystemEnv`; a test or
a simulation gets `LoopEnv`, whose clocks follow the running loop (see `aio.virtual`) and whose randomness follows a
seed, so that the same seed gives the same run. Relies on the standard library only.
"""

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
SIMULATION_START = datetime(2026, 1, 1, tzinfo=UTC)


class Env(Protocol):
    """Clock and randomness of one process or one simulation."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC. For stamps that others read; it may jump, so never subtract two of them."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never going back; the clock of the event loop. For durations."""
        ...

    def boottime(self) -> float:
        """As `monotonic`, but it goes on while the machine is suspended. For deadlines that others count too: theirs
        pass while we sleep."""
        ...

    def random(self) -> Random:
        """The shared source of randomness; take it anew at every use."""
        ...

    def new_id(self) -> str:
        """A fresh identity: 32 lower-case hexadecimal digits."""
        ...


class SystemEnv:
    """The real clocks and the operating system's randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def now(self) -> datetime:
        """The wall clock of the machine, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """`time.monotonic`, which asyncio's own loops use too."""
        return time.monotonic()

    def boottime(self) -> float:
        """CLOCK_BOOTTIME of Linux; elsewhere the monotonic clock of the system, which macOS lets go on in its sleep."""
        return time.clock_gettime(_BOOT_CLOCK)

    def random(self) -> Random:
        """Randomness that nobody can foretell."""
        return self._random

    def new_id(self) -> str:
        """A random UUID without dashes."""
        return uuid.uuid4().hex


class LoopEnv:
    """The clocks of the running loop and seeded randomness: the `Env` of simulations.

    `start` is what the wall clock shows at loop time 0. Its clocks raise RuntimeError outside a loop.
    """

    def __init__(self, seed: int = 0, start: datetime = SIMULATION_START) -> None:
        self._random = Random(seed)  # noqa: S311  # a simulation must be repeatable; nothing here is a secret
        self._start = start
        self._slept = 0.0

    def suspend(self, seconds: float) -> None:
        """The machine sleeps for so long: nothing runs, no timer moves, and yet time has passed."""
        self._slept += seconds

    def now(self) -> datetime:
        """`start` plus the loop's time and what was slept through."""
        return self._start + timedelta(seconds=self.boottime())

    def monotonic(self) -> float:
        """The running loop's time, seconds."""
        return asyncio.get_running_loop().time()

    def boottime(self) -> float:
        """The running loop's time and what was slept through, seconds."""
        return self.monotonic() + self._slept

    def random(self) -> Random:
        """Randomness that follows the seed."""
        return self._random

    def new_id(self) -> str:
        """The next identity of this seed."""
        return f"{self._random.getrandbits(128):032x}"
