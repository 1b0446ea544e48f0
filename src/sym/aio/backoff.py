"""How long to wait before the next try: exponential, jittered, capped, and forgotten after a healthy while.

`BackoffPolicy` is the pure arithmetic for those who count attempts themselves (a queue with a count per key);
`Backoff` counts for one loop. Relies on `aio.env` for clock and randomness.
"""

from random import Random

from msgspec import Struct

from sym.aio.env import Env


class BackoffPolicy(Struct, frozen=True, kw_only=True):
    """The curve of the waits."""

    first: float
    """Seconds before the first retry."""
    cap: float
    """Seconds that no wait exceeds, jitter included."""
    factor: float = 2.0
    """Each wait is this many times the one before."""
    jitter: float = 0.5
    """A wait is stretched by a random part of itself, at most this one, so that many clients do not come in step."""
    reset_after: float = 120.0
    """Seconds without a failure after which the count starts again."""

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait after failure number `attempt` (from 0)."""
        if self.first <= 0:
            return 0.0
        try:
            plain = self.first * self.factor**attempt
        except OverflowError:
            return self.cap
        return min(self.cap, plain * (1.0 + random.random() * self.jitter))


class Backoff:
    """The waits of one loop: `next` after each failure, `reset` after a success."""

    def __init__(self, policy: BackoffPolicy, env: Env) -> None:
        self._policy = policy
        self._env = env
        self._attempt = 0
        self._due = 0.0

    @property
    def attempt(self) -> int:
        """Failures in a row so far."""
        return self._attempt

    def next(self) -> float:
        """Seconds to wait now; counts one failure. Healthy time counts from the end of the wait given before."""
        now = self._env.monotonic()
        if self._attempt and now - self._due >= self._policy.reset_after:
            self._attempt = 0
        delay = self._policy.delay(self._attempt, self._env.random())
        self._attempt += 1
        self._due = now + delay
        return delay

    def reset(self) -> None:
        """Forget all failures."""
        self._attempt = 0
