"""The engine that calls the Helm library, helm-python-sdk (the extra `helm`), in one worker process. Experimental.

What the library has no switch for, this engine cannot do as the `helm` program does: it renders for Helm's own idea of
a cluster instead of the capabilities asked for, applies on the server's side without forcing (so a field that another
manager applied stops an upgrade), cannot leave hooks out, and takes no credential plug-in. A call that does not end
after it was cancelled ends the worker, and with it every call under way; so does a template that takes all memory.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import sys
import tempfile
from importlib import metadata, util
from pathlib import Path
from typing import cast

from msgspec import Struct

from sym.aio.homes import Home
from sym.kube.connection import Connection
from sym.kube.helm import program, records, words
from sym.kube.helm.access import kubeconfig, secrets
from sym.kube.helm.turns import Turns, Work
from sym.kube.helm.types import (
    Capabilities,
    HelmEngineMissing,
    HelmError,
    HelmFailed,
    HelmTimedOut,
    ReleaseName,
    Wanted,
)
from sym.model.appset import HelmRelease
from sym.model.codec import JSON, DecodeError, JSONMap, as_list, decode, encode
from sym.settings import HelmSettings

PACKAGE = "helm_python"
DISTRIBUTION = "helm-python-sdk"
_WORKER = str(Path(__file__).with_name("sdk_worker.py"))
_NOT_FOUND = -7
_CANCELLED = -6
_SPARE = 3.0
_OPEN_FILES = 4096
_CRASHED = "the process of the Helm library has ended; what it was doing is unknown, and it is started again"


class _Answer(Struct, frozen=True):
    id: int
    value: JSON = None
    error: str = ""
    code: int = 0


def library() -> Path | None:
    """The folder that the library can be imported from; None where it is not installed."""
    spec = util.find_spec(PACKAGE)
    return Path(spec.origin).parent.parent if spec is not None and spec.origin else None


class _Worker(asyncio.SubprocessProtocol):
    """One worker process: lines in and out, and who waits for which. No task of its own: the loop calls it."""

    def __init__(self, settings: HelmSettings) -> None:
        loop = asyncio.get_running_loop()
        self._settings = settings
        self._waiting: dict[int, asyncio.Future[_Answer]] = {0: loop.create_future()}
        self._ids = itertools.count(1)
        self._buffer = bytearray()
        self._said = bytearray()
        self._transport: asyncio.SubprocessTransport | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See SubprocessProtocol."""
        self._transport = cast("asyncio.SubprocessTransport", transport)  # uvloop's are no subclasses of asyncio's

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """See SubprocessProtocol."""
        received = data if isinstance(data, bytes) else data.encode()
        if fd == 2:
            self._said += received
            del self._said[: -self._settings.error_bytes]
            return
        self._buffer += received
        if len(self._buffer) > self._settings.output_bytes:
            self.kill()
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._answered(bytes(line))

    def connection_lost(self, exc: Exception | None) -> None:
        """See SubprocessProtocol: the process has ended and all that it said was read."""
        del exc
        starved = words.says_out_of_memory(self._said.decode(errors="replace"))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_starved(self._settings) if starved else HelmFailed(_CRASHED))
        self.gone.set()
        if self._transport is not None:
            self._transport.close()

    async def loaded(self) -> None:
        """Wait until the library is there. Raises HelmError."""
        await self._waiting[0]

    async def call(self, **fields: JSON) -> _Answer:
        """One call's answer. Cancelled, it cancels the call, and ends the worker where that does not help in time."""
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._write({**fields, "id": number})
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._write({"cancel": number})
            await self._until_done(future)
            raise
        finally:
            del self._waiting[number]

    def kill(self) -> None:
        """End it at once."""
        if self._transport is not None and not self.gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), signal.SIGKILL)

    async def end(self) -> None:
        """End it and wait for that."""
        self.kill()
        await self.gone.wait()

    async def _until_done(self, future: "asyncio.Future[_Answer]") -> None:
        """Wait for an answer, or the worker's end after the time of grace or a second cancellation."""
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.wait((future,), timeout=self._settings.grace)
            except asyncio.CancelledError as error:
                cancelled = error
            if not future.done():
                self.kill()
        with contextlib.suppress(HelmError):
            future.result()
        if cancelled is not None:
            raise cancelled

    def _write(self, message: JSONMap) -> None:
        pipe = self._transport.get_pipe_transport(0) if self._transport is not None else None
        if pipe is not None and not pipe.is_closing():
            cast("asyncio.WriteTransport", pipe).write(encode(message) + b"\n")

    def _answered(self, line: bytes) -> None:
        try:
            answer = decode(line, _Answer)
        except DecodeError:
            self.kill()
            return
        future = self._waiting.get(answer.id)
        if future is not None and not future.done():
            future.set_result(answer)


class HelmSdk:
    """The library in `folder`. Its worker starts at the first call, and again after it ended."""

    def __init__(self, folder: Path, settings: HelmSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._turns = Turns(settings)
        self._home = Home("sym-helm-")
        self._root = self._home.path
        self._starting = asyncio.Lock()
        self._worker: _Worker | None = None

    @property
    def name(self) -> str:
        """See HelmEngine."""
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}"
        return DISTRIBUTION

    async def render(self, wanted: Wanted, capabilities: Capabilities, deadline: float) -> str:
        """See HelmEngine. `capabilities` cannot be told to the library."""
        del capabilities
        answer = await self._call(Work(what="template"), deadline, **_asked(wanted), do="render")
        return str(answer)

    async def install(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """See HelmEngine."""
        work = Work(what="install", where=where, release=wanted.release)
        return _fact(await self._call(work, deadline, **_asked(wanted), do="install"))

    async def upgrade(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """See HelmEngine."""
        work = Work(what="upgrade", where=where, release=wanted.release)
        return _fact(await self._call(work, deadline, **_asked(wanted), do="upgrade"))

    async def rollback(self, where: Connection, release: ReleaseName, revision: int, deadline: float) -> None:
        """See HelmEngine."""
        work = Work(what="rollback", where=where, release=release)
        await self._call(work, deadline, **_named(release), do="rollback", revision=revision)

    async def uninstall(self, where: Connection, release: ReleaseName, deadline: float) -> None:
        """See HelmEngine."""
        await self._call(
            Work(what="uninstall", where=where, release=release), deadline, **_named(release), do="uninstall"
        )

    async def history(self, where: Connection, release: ReleaseName, deadline: float) -> tuple[HelmRelease, ...]:
        """See HelmEngine."""
        answer = await self._call(Work(what="history", where=where), deadline, **_named(release), do="history")
        return tuple(_fact(one) for one in as_list(answer or []))

    async def status(self, where: Connection, release: ReleaseName, deadline: float) -> HelmRelease | None:
        """See HelmEngine."""
        answer = await self._call(Work(what="status", where=where), deadline, **_named(release), do="status")
        return _fact(answer) if answer else None

    async def pull(self, chart: str, version: str, folder: Path, deadline: float) -> Path:
        """See HelmEngine."""
        place = Path(tempfile.mkdtemp(dir=self._root))
        try:
            await self._call(Work(what="pull"), deadline, do="pull", chart=chart, version=version, folder=str(place))
            return await asyncio.to_thread(program.only_archive, place, folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    async def close(self) -> None:
        """See HelmEngine."""
        async with self._starting:
            if self._worker is not None:
                await self._worker.end()
                self._worker = None
        self._home.leave()

    async def _call(self, work: Work, deadline: float, **fields: JSON) -> JSON:
        """The answer's value; None where there is no such release to ask of. Raises HelmError."""
        where = work.where
        if where is not None:
            if where.exec_plugin is not None:
                raise HelmFailed("the Helm library runs no credential plug-ins; install the `helm` program instead")
            fields |= {"kubeconfig": kubeconfig(where), "timeout": max(1, int(deadline - _SPARE))}
        async with self._turns.turn(work, deadline):
            answer = await (await self._running()).call(**fields)
        if not answer.error:
            return answer.value
        if answer.code == _NOT_FOUND and work.what in ("history", "status"):
            return None
        hidden = secrets(where) if where is not None else ()
        paths = {str(fields.get("chart") or ""): "chart", f"{self._root}/": ""}
        said = words.clean(answer.error, hidden, {path: name for path, name in paths.items() if path})
        late = answer.code == _CANCELLED or words.says_timed_out(said)
        raise HelmTimedOut(said) if late else HelmFailed(said)

    async def _running(self) -> _Worker:
        """The worker, started where there is none. Raises HelmEngineMissing."""
        async with self._starting:
            if self._worker is None or self._worker.gone.is_set():
                self._worker = await self._start()
            return self._worker

    async def _start(self) -> _Worker:
        # the library signs what it writes with the name of its program; Helm's users expect helm
        python = self._root / "helm"
        await asyncio.to_thread(_link, python)
        settings = self._settings
        limits = program.Limits(address=settings.library_bytes, file=settings.file_bytes, files=_OPEN_FILES)
        argv = [*program.launcher(limits), str(python), "-I", "-S", _WORKER, str(self._folder)]
        worker = _Worker(settings)
        loop = asyncio.get_running_loop()
        await loop.subprocess_exec(
            lambda: worker, *argv, env=environment(self._root, settings), cwd=self._root, start_new_session=True
        )
        try:
            await worker.loaded()
        except HelmError:
            raise HelmEngineMissing("the Helm library cannot be loaded; install the `helm` program instead") from None
        except asyncio.CancelledError:
            worker.kill()
            raise
        return worker


def environment(folder: Path, settings: HelmSettings) -> dict[str, str]:
    """The worker's environment: made from nothing, with a home of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    home = {name: str(folder) for name in ("HOME", "TMPDIR", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    return {**kept, **home, "KUBECONFIG": str(folder / "none"), "GOMEMLIMIT": str(2 * settings.memory_bytes)}


def _starved(settings: HelmSettings) -> HelmTimedOut:
    return HelmTimedOut(
        f"the process of the Helm library has ended, it needed more than {settings.library_bytes >> 20} MiB of address"
        " space; a template that grows without end is the usual reason"
    )


def _link(path: Path) -> None:
    if not path.is_symlink():
        path.symlink_to(Path(sys.executable).resolve())


def _asked(wanted: Wanted) -> JSONMap:
    if not wanted.hooks:
        raise HelmFailed("the Helm library cannot leave out hooks; install the `helm` program, or allow hooks")
    return {
        **_named(wanted.release),
        "chart": str(wanted.chart),
        "values": list(wanted.values),
        "labels": dict(wanted.labels),
        "description": wanted.description,
        "history": wanted.history,
    }


def _named(release: ReleaseName) -> JSONMap:
    return {"name": release.name, "namespace": release.namespace}


def _fact(value: JSON) -> HelmRelease:
    return records.from_json(encode(value))
