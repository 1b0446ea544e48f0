"""The engine that runs the `helm` program, Helm 3 or 4, once for each operation.

Each run has a folder of its own with everything that it may read or write beside the chart: kubeconfig, values, Helm's
home and caches; it goes when the run ends, so nothing lasts from one cluster to the next. The environment is made from
nothing, but where the operator's own kubeconfig has a credential plug-in: that one needs the operator's.
"""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from sym import yaml
from sym.aio.homes import Home
from sym.kube.connection import Connection
from sym.kube.helm import argv, program, records, words
from sym.kube.helm.access import kubeconfig, secrets
from sym.kube.helm.launch import FAILED
from sym.kube.helm.turns import Turns, Work
from sym.kube.helm.types import (
    Capabilities,
    HelmEngineMissing,
    HelmError,
    HelmFailed,
    HelmTimedOut,
    ReleaseName,
    Values,
    Wanted,
)
from sym.model.appset import HelmRelease
from sym.model.codec import DecodeError
from sym.settings import HelmSettings

_INHERITED = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "LANG")
_KUBECONFIG = "kubeconfig"
_HOME = "home"
_SPARE = 3.0
"""Seconds before the deadline at which Helm itself gives up waiting, so that it says what it waited for."""


class _Place(Struct, frozen=True, kw_only=True):
    """One run's folder, and what its messages must not hold."""

    folder: Path
    environment: Mapping[str, str]
    hidden: tuple[str, ...] = ()
    chart: str = ""

    def clean(self, text: str) -> str:
        """What Helm complains of, fit to be shown."""
        paths = {f"{self.folder}/": "", self.chart: "chart"}
        return words.complaint(text, self.hidden, {path: name for path, name in paths.items() if path})


class HelmCli:
    """The program at `path`, whose version is `version`."""

    def __init__(self, path: Path, version: argv.Version, settings: HelmSettings) -> None:
        self._path = path
        self._version = version
        self._settings = settings
        self._turns = Turns(settings)
        self._home = Home("sym-helm-")
        self._root = self._home.path

    @property
    def name(self) -> str:
        """See HelmEngine."""
        return f"helm {self._version.text}"

    async def render(self, wanted: Wanted, capabilities: Capabilities, deadline: float) -> str:
        """See HelmEngine."""
        async with self._turns.turn(Work(what="template"), deadline), self._place(None, wanted) as place:
            ran = await self._run(place, argv.template(wanted, capabilities))
        if not ran.whole:
            raise HelmFailed(f"the chart renders to more than {self._settings.output_bytes >> 20} MiB")
        return ran.out.decode(errors="replace")

    async def install(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """See HelmEngine."""
        return await self._write(where, wanted, "install", deadline)

    async def upgrade(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """See HelmEngine."""
        return await self._write(where, wanted, "upgrade", deadline)

    async def rollback(self, where: Connection, release: ReleaseName, revision: int, deadline: float) -> None:
        """See HelmEngine."""
        work = Work(what="rollback", where=where, release=release)
        async with self._turns.turn(work, deadline), self._place(where) as place:
            await self._run(place, argv.rollback(release, revision, self._version, deadline - _SPARE))

    async def uninstall(self, where: Connection, release: ReleaseName, deadline: float) -> None:
        """See HelmEngine."""
        work = Work(what="uninstall", where=where, release=release)
        async with self._turns.turn(work, deadline), self._place(where) as place:
            await self._run(place, argv.uninstall(release, deadline - _SPARE))

    async def history(self, where: Connection, release: ReleaseName, deadline: float) -> tuple[HelmRelease, ...]:
        """See HelmEngine."""
        async with self._turns.turn(Work(what="history", where=where), deadline), self._place(where) as place:
            ran = await self._ask(place, argv.history(release))
        try:
            return records.from_history(ran.out, release.name) if ran else ()
        except DecodeError as error:
            raise self._strange("history", error) from None

    async def status(self, where: Connection, release: ReleaseName, deadline: float) -> HelmRelease | None:
        """See HelmEngine."""
        async with self._turns.turn(Work(what="get all", where=where), deadline), self._place(where) as place:
            return await self._status(place, release)

    async def pull(self, chart: str, version: str, folder: Path, deadline: float) -> Path:
        """See HelmEngine."""
        async with self._turns.turn(Work(what="pull"), deadline), self._place(None) as place:
            await self._run(place, argv.pull(chart, version, "."))
            return await asyncio.to_thread(program.only_archive, place.folder, folder)

    async def close(self) -> None:
        """See HelmEngine. Runs end with the tasks that await them; what is left are folders."""
        self._home.leave()

    async def _write(self, where: Connection, wanted: Wanted, verb: str, deadline: float) -> HelmRelease:
        """Install or upgrade. The answer repeats the whole release: where it is too long, its facts are asked for."""
        command = argv.install if verb == "install" else argv.upgrade
        work = Work(what=verb, where=where, release=wanted.release)
        async with self._turns.turn(work, deadline), self._place(where, wanted) as place:
            ran = await self._run(place, command(wanted, self._version, deadline - _SPARE))
            if ran.whole:
                try:
                    return records.from_json(ran.out)
                except DecodeError as error:
                    raise self._strange(verb, error) from None
            found = await self._status(place, wanted.release)
        if found is None:
            raise HelmFailed(f"helm {verb}: the release was written, but it is gone again; somebody else works on it")
        return found

    async def _status(self, place: _Place, release: ReleaseName) -> HelmRelease | None:
        ran = await self._ask(place, argv.status(release))
        try:
            return records.from_template(ran.out.decode()) if ran else None
        except ValueError as error:
            raise self._strange("get all", error) from None

    async def _ask(self, place: _Place, command: Sequence[str]) -> program.Ran | None:
        """As `_run`; None where Helm says that there is no such release."""
        try:
            return await self._run(place, command)
        except HelmFailed as error:
            if words.says_missing(error.message):
                return None
            raise

    async def _run(self, place: _Place, command: Sequence[str]) -> program.Ran:
        """Run Helm to its good end. Raises HelmError."""
        ran = await program.run([str(self._path), *command], place.environment, place.folder, self._settings)
        if ran.code:
            raise self._failure(ran, place, command[0])
        return ran

    def _failure(self, ran: program.Ran, place: _Place, verb: str) -> HelmError:
        if ran.code in (-signal.SIGKILL, -signal.SIGXCPU):
            return HelmTimedOut(
                f"helm {verb}: ended by the system, after {self._settings.cpu_seconds} s of CPU or for want of memory;"
                " a template that loops is the usual reason"
            )
        if words.says_out_of_memory(ran.err):
            return HelmTimedOut(
                f"helm {verb}: ended because it needed more than {self._settings.address_bytes >> 20} MiB of address"
                " space; a template that grows without end is the usual reason"
            )
        if ran.code == FAILED:
            return HelmEngineMissing(f"{place.clean(ran.err)}: was Helm taken away while Sym ran?")
        said = place.clean(ran.err) or f"helm {verb} ended with exit code {ran.code} and said nothing"
        return HelmTimedOut(said) if words.says_timed_out(said) else HelmFailed(said)

    def _strange(self, verb: str, error: ValueError) -> HelmFailed:
        return HelmFailed(f"{self.name} {verb} did not answer as Helm does ({error}); is it a real helm?")

    @asynccontextmanager
    async def _place(self, where: Connection | None, wanted: Wanted | None = None) -> AsyncIterator[_Place]:
        """A folder for one run, gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            (folder / _HOME).mkdir()
            if where is not None:
                _write(folder / _KUBECONFIG, kubeconfig(where))
            if wanted is not None:
                for number, layer in enumerate(wanted.values):
                    _write(folder / argv.values_file(number), _text(layer))
            yield _Place(
                folder=folder,
                environment=environment(folder, where, self._settings),
                hidden=secrets(where) if where is not None else (),
                chart=str(wanted.chart) if wanted is not None else "",
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, where: Connection | None, settings: HelmSettings) -> dict[str, str]:
    """The environment of one run in `folder`. Without proxies: a Connection names its own."""
    home = str(folder / _HOME)
    ours = {
        "HELM_CACHE_HOME": home,
        "HELM_CONFIG_HOME": home,
        "HELM_DATA_HOME": home,
        "HELM_PLUGINS": "",
        "HELM_NO_PLUGINS": "1",
        "KUBECONFIG": str(folder / _KUBECONFIG),
        "TMPDIR": str(folder),
        "NO_COLOR": "1",
        "GOMAXPROCS": "2",
        "GOMEMLIMIT": str(settings.memory_bytes),
        "GOTRACEBACK": "none",
    }
    if where is not None and where.exec_plugin is not None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
        return {**kept, **ours}
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {"HOME": home} | ours


def _text(layer: Values) -> str:
    return layer if isinstance(layer, str) else yaml.dump(layer)


def _write(path: Path, text: str) -> None:
    """A file that only we may read, from its first moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)
