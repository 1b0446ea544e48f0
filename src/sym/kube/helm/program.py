"""One run of a program under limits: started by `launch.py`, read with caps, ended for sure.

However a run ends (by itself, at the deadline, by cancellation), the process and its children have ended and are
reaped before anything is raised: SIGTERM first, by which Helm marks its release as failed, then SIGKILL. Relies on
POSIX process groups.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from sym.kube.helm.types import HelmEngineMissing, HelmFailed
from sym.settings import HelmSettings

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_CHUNK = 64 << 10


class Ran(Struct, frozen=True, kw_only=True):
    """How a run ended. `code` as a shell's: negative is the signal that ended it."""

    code: int
    out: bytes
    whole: bool
    """Whether `out` is all that it printed."""
    err: str
    """The end of what it wrote to stderr."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a process may use: seconds of CPU, bytes of address space and of a file, open files. 0: what it likes."""

    cpu: int = 0
    address: int
    file: int
    files: int


def launcher(limits: Limits) -> list[str]:
    """What stands before a program's own argv: it runs with these limits and ends with this process."""
    numbers = (os.getpid(), limits.cpu, limits.address, limits.file, limits.files)
    return [sys.executable, "-I", "-S", _LAUNCH, *(str(number) for number in numbers)]


async def run(argv: Sequence[str], environment: Mapping[str, str], folder: Path, settings: HelmSettings) -> Ran:
    """Run `argv` in `folder` to its end. Raises HelmEngineMissing where it cannot be started."""
    limits = Limits(
        cpu=settings.cpu_seconds,
        address=settings.address_bytes,
        file=settings.file_bytes,
        files=settings.open_files,
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *launcher(limits),
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise HelmEngineMissing(f"no process can be started for {argv[0]}: {error.strerror}") from None
    try:
        async with asyncio.TaskGroup() as group:
            out = group.create_task(_head(process.stdout, settings.output_bytes))
            err = group.create_task(_tail(process.stderr, settings.error_bytes))
        code = await process.wait()
    finally:
        await end(process, settings.grace)
    head, whole = out.result()
    return Ran(code=code, out=head, whole=whole, err=err.result().decode(errors="replace"))


async def end(process: asyncio.subprocess.Process, grace: float) -> None:
    """Have `process` and its group end: SIGTERM, `grace` seconds, SIGKILL. A cancellation meanwhile makes it SIGKILL at
    once and goes on when the process is reaped, not before."""
    cancelled: asyncio.CancelledError | None = None
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
    while process.returncode is None:
        try:
            async with asyncio.timeout(grace):
                await process.wait()
        except TimeoutError:
            _signal(process.pid, signal.SIGKILL)
        except asyncio.CancelledError as error:
            cancelled = error
            _signal(process.pid, signal.SIGKILL)
    if cancelled is not None:
        raise cancelled


def only_archive(place: Path, folder: Path) -> Path:
    """The chart archive that was pulled into `place`, moved into `folder`. Raises HelmFailed where it is not one."""
    found = sorted(place.glob("*.tgz"))
    if len(found) != 1:
        raise HelmFailed(f"helm pull: {len(found)} archives came where one was expected")
    return Path(shutil.move(found[0], folder / found[0].name))


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


async def _head(stream: asyncio.StreamReader | None, limit: int) -> tuple[bytes, bool]:
    """The first `limit` bytes, and whether there were no more. Reads to the end, so that nobody waits to write."""
    kept = bytearray()
    whole = True
    while chunk := await stream.read(_CHUNK) if stream is not None else b"":
        room = limit - len(kept)
        kept += chunk[:room]
        whole = whole and len(chunk) <= room
    return bytes(kept), whole


async def _tail(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """The last `limit` bytes."""
    kept = bytearray()
    while chunk := await stream.read(_CHUNK) if stream is not None else b"":
        kept += chunk
        del kept[:-limit]
    return bytes(kept)
