"""A fuse: at most so many burnt per key within a sliding window. Pure; times are monotonic seconds."""

from collections import deque


class Fuse:
    """Counts what burnt per key."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._burnt: dict[str, deque[float]] = {}

    def free(self, key: str, now: float) -> bool:
        """Whether one more may burn for `key` at `now`."""
        burnt = self._burnt.get(key)
        if burnt is None:
            return self._limit > 0
        while burnt and now - burnt[0] >= self._window:
            burnt.popleft()
        if not burnt:
            del self._burnt[key]
        return len(burnt) < self._limit

    def burn(self, key: str, now: float) -> None:
        """One burns for `key` at `now`."""
        self._burnt.setdefault(key, deque()).append(now)
