"""An event loop for servers and clients that share this process: a watch's second passes as soon as nobody has news.

`VirtualLoop` may not be used with sockets, because what one end sent reaches the other only by way of the kernel. This
loop gives the kernel `_PATIENCE` of real time, and only then moves its clock to the next timer.
"""

import asyncio
import selectors

_PATIENCE = 0.02  # seconds of real time; bytes over loopback take some microseconds


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and only moves while nothing is ready."""

    def __init__(self) -> None:
        self._hasty = _HastySelector()
        super().__init__(self._hasty)

    def time(self) -> float:
        """Seconds since the loop was made, most of them never waited for."""
        return self._hasty.now


class _HastySelector(selectors.DefaultSelector):
    """A selector that waits for `_PATIENCE` at most, and then says that all of `timeout` has passed."""

    now = 0.0

    def select(  # type: ignore[explicit-any]  # a SelectorKey carries Any by its own definition
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """The ready files; none where `timeout` has passed by this loop's clock."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(min(timeout, _PATIENCE))
        if not ready:
            self.now += timeout
        return ready
