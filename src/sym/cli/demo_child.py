"""The controllers of the demo: `sym-controller controller …` as its own OS process, as in a real installation.

The process logs into a file. It is ended by its pid on every way out of the demo; on Linux the kernel ends it even when
the demo itself is killed.
"""

import asyncio
import contextlib
import ctypes
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click

_PATIENCE = 10.0  # seconds that the controllers get to stop by themselves
_PR_SET_PDEATHSIG = 1
_TAIL = 20


class Child:
    """A running controller process."""

    def __init__(self, process: asyncio.subprocess.Process, argv: Sequence[str], log: Path) -> None:
        self._process = process
        self.argv = tuple(argv)
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None

    def obituary(self) -> str:
        """What to tell about a process that is gone: how it ended and its last words."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        last = "\n".join(f"  {line}" for line in text.splitlines()[-_TAIL:]) or "  (it wrote nothing)"
        return f"the controller process ended with code {self._process.returncode}; its last words:\n{last}"

    async def stop(self) -> None:
        """End it: SIGTERM, after a while SIGKILL, and wait."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            if self._process.returncode is None:  # too slow, or we are in a hurry ourselves
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        await self._process.wait()


def command(kubeconfig: Path, *more: str) -> list[str]:
    """The command line of the controllers. Raises ClickException where `sym-controller` is not installed."""
    beside = Path(sys.executable).with_name("sym-controller")
    found = str(beside) if beside.exists() else shutil.which("sym-controller")
    if found is None:
        raise click.ClickException("sym-controller is not installed beside this Python; run `sh dev.sh demo`")
    flags = ["--enable-master", "--enable-worker", "--worker-clusters=all"]
    return [
        found,
        "controller",
        *flags,
        "--kubeconfig",
        str(kubeconfig),
        "--http-addr",
        "127.0.0.1:0",
        "-v",
        "4",
        *more,
    ]


@contextlib.asynccontextmanager
async def running(argv: Sequence[str], log: Path) -> AsyncIterator[Child]:
    """The controller process, from its start to its end."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for the demo, which ends the child itself
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    child = Child(process, argv, log)
    try:
        yield child
    finally:
        await child.stop()


def _end_with_parent() -> None:
    """In the child: ask the kernel for SIGTERM when the demo dies, whatever kills it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
