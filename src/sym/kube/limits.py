"""What keeps one cluster from taking more than its share: requests per second, and bytes held.

One `TokenBucket` and one `ByteBudget` per cluster, so that a hungry or hostile cluster starves only itself. Relies on
asyncio and on `aio.env` for the clock.
"""

import asyncio

from sym.aio.env import Env
from sym.kube.errors import TooLarge


class TokenBucket:
    """At most `burst` at once and `qps` per second in the long run; those who wait are served in order."""

    def __init__(self, qps: float, burst: int, env: Env) -> None:
        self._qps = qps
        self._burst = float(burst)
        self._env = env
        self._tokens = float(burst)
        self._filled: float | None = None
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Return when one more request may go."""
        if self._qps <= 0:
            return
        async with self._turn:
            self._fill()
            while self._tokens < 1.0:
                await asyncio.sleep((1.0 - self._tokens) / self._qps)
                self._fill()
            self._tokens -= 1.0

    def _fill(self) -> None:
        now = self._env.monotonic()
        passed = 0.0 if self._filled is None else now - self._filled
        self._filled = now
        # the tiny surplus keeps rounding from asking for a sleep of nothing, for ever
        self._tokens = min(self._burst, self._tokens + passed * self._qps + 1e-9)


class ByteBudget:
    """The bytes that all lists of one cluster may hold together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[str, int] = {}

    @property
    def used(self) -> int:
        """Bytes accounted for now."""
        return sum(self._held.values())

    def hold(self, holder: str, size: int) -> None:
        """Account `size` bytes in all to `holder`, in place of what it had. Raises TooLarge above the limit."""
        others = self.used - self._held.get(holder, 0)
        if others + size > self._limit:
            raise TooLarge(
                f"{holder}: its list of {size} bytes and {others} bytes of other lists exceed the"
                f" {self._limit} bytes that one cluster may take"
            )
        self._held[holder] = size

    def release(self, holder: str) -> None:
        """Forget what `holder` had."""
        self._held.pop(holder, None)
