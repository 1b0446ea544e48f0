"""Ends the process hard when it cannot end by itself: work under a lost lock, a stop that hangs (reliability.md I-13).

Looks from a thread of its own, because the event loop may be what hangs. Relies on nothing but the interpreter.
"""

import os
import threading
from collections.abc import Callable

LOOKS = 2
"""How many looks in a row must find the process overdue."""


def watch(overdue: Callable[[], str], seconds: float) -> None:
    """From now on until the process ends, ask `overdue()` every so many seconds. What it says in `LOOKS` answers in a
    row goes to stderr and ends the process with code 1: no handler, no `finally`, nothing is sent any more."""
    thread = threading.Thread(target=_watch, args=(overdue, threading.Event(), seconds), name="watchdog", daemon=True)
    thread.start()


def _watch(overdue: Callable[[], str], never: threading.Event, seconds: float) -> None:
    found = 0
    while not never.wait(seconds):
        why = overdue()
        found = found + 1 if why else 0
        if found >= LOOKS:
            os.write(2, f"Error: {why}; this process ends at once\n".encode())
            os._exit(1)
