"""One process of a control plane: started, watched, held and ended by its pid.

Where util-linux is (`setpriv`), the kernel ends it when the process that started it dies, whatever kills that.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

_WITH_PARENT = ("--pdeathsig", "KILL", "--")
_TAIL = 15


class Ended(Exception):
    """A process that should run has ended. The message holds its last words."""


class Process:
    """A program with its arguments and a log. It may be started again and again."""

    def __init__(self, name: str, argv: Sequence[str | Path], log: Path) -> None:
        self.name = name
        self.log = log
        setpriv = shutil.which("setpriv")
        self._argv = [*((setpriv, *_WITH_PARENT) if setpriv else ()), *(str(word) for word in argv)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. Raises Ended where it was never started."""
        if self._process is None:
            raise Ended(f"{self.name} was never started")
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is not running."""
        return self._process is None or self._process.poll() is not None

    def start(self, environment: dict[str, str] | None = None) -> None:
        """Start it; what it says is added to its log."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise Ended unless it runs."""
        if self.ended:
            code = self._process.returncode if self._process else None
            raise Ended(f"{self.name} ended with {code}; its last words (all in {self.log}):\n{self.last_words()}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; one that is gone does not mind."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-_TAIL:])
