"""Charts unpacked on disk, each once, by digest: what is not used for longest goes when it gets too much.

A folder that is only ours holds them, made when the first chart comes. It is a cache of this process: nothing in it
outlives `close`, and what a killed process left is taken away by the next one. An engine may still read a chart that
was handed out a while ago, so nothing goes within `keep_seconds` of its last use.
"""

import asyncio
import contextlib
import itertools
import shutil
from collections import OrderedDict
from pathlib import Path

from msgspec import Struct

from sym.aio.env import Env
from sym.aio.homes import Home
from sym.net.archive import Archive, unpack
from sym.net.errors import ChartUnreachable
from sym.settings import ChartSettings

_PREFIX = "sym-charts-"
_BLOCK = 4096
_CROWDED = 4


class CheckedChart(Struct, frozen=True, kw_only=True):
    """A chart that passed all checks. `digest` is the sha256 of its archive in hex. `folder` holds its files and stays
    for `keep_seconds` after it was last asked for."""

    name: str
    version: str
    app_version: str
    digest: str
    folder: Path


class _Kept(Struct):
    chart: CheckedChart
    size: int
    used: float


class ChartCache:
    """See the module. `parent`: where its folder is made; None: the system's place for such. After `close` it begins
    anew."""

    def __init__(self, settings: ChartSettings, env: Env, parent: Path | None) -> None:
        self._settings = settings
        self._env = env
        self._parent = parent
        self._home: Home | None = None
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._numbers = itertools.count()
        self._one = asyncio.Lock()

    def file(self, name: str) -> Path:
        """A path in the folder for what is no chart. Raises ChartUnreachable where no folder can be made."""
        return self._root() / f"{name}.file"

    def get(self, digest: str) -> CheckedChart | None:
        """The chart, if it is here."""
        kept = self._kept.get(digest)
        if kept is None:
            return None
        if not (kept.chart.folder / "Chart.yaml").is_file():  # somebody tidied up
            del self._kept[digest]
            return None
        kept.used = self._env.monotonic()
        self._kept.move_to_end(digest)
        return kept.chart

    async def put(self, archive: Archive) -> CheckedChart:
        """Unpack it, if it is not here. Raises ChartRefused, and ChartUnreachable where the disk does not take it."""
        async with self._one:
            if (found := self.get(archive.digest)) is not None:
                return found
            folder = self._root() / archive.digest / archive.name
            try:
                await asyncio.to_thread(_write, archive, folder, self._fresh())
            except OSError as error:
                raise _no_place(error) from None
            chart = CheckedChart(
                name=archive.name,
                version=archive.version,
                app_version=archive.app_version,
                digest=archive.digest,
                folder=folder,
            )
            self._kept[archive.digest] = _Kept(chart, _on_disk(archive), self._env.monotonic())
            await asyncio.to_thread(_remove, [(one, self._fresh()) for one in self._too_many()])
        return chart

    async def close(self) -> None:
        """Take everything away."""
        home, self._home = self._home, None
        self._kept.clear()
        if home is not None:
            await asyncio.to_thread(home.leave)

    def _root(self) -> Path:
        if self._home is None:
            try:
                self._home = Home(_PREFIX, self._parent)
            except OSError as error:
                raise _no_place(error) from None
        return self._home.path

    def _fresh(self) -> Path:
        """A path that nothing has."""
        return self._root() / f"{next(self._numbers)}.part"

    def _too_many(self) -> list[Path]:
        """The folders of those that go; they are forgotten already. Who brings ever new charts must not fill the disk:
        far above the limit, what was used of late goes too, and an operation that misses it is tried again."""
        total, limit = sum(kept.size for kept in self._kept.values()), self._settings.cache_bytes
        before = self._env.monotonic() - self._settings.keep_seconds
        gone: list[Path] = []
        for digest, kept in list(self._kept.items()):
            if total <= limit or (kept.used > before and total <= _CROWDED * limit):
                break
            total -= kept.size
            del self._kept[digest]
            gone.append(kept.chart.folder.parent)
        return gone


def _no_place(error: OSError) -> ChartUnreachable:
    return ChartUnreachable(f"the chart cannot be unpacked on this machine: {error.strerror}")


def _on_disk(archive: Archive) -> int:
    """Bytes in whole blocks, or many small files would cost nothing."""
    return sum(-(-len(content) // _BLOCK) * _BLOCK + _BLOCK for content in archive.files.values())


def _write(archive: Archive, folder: Path, part: Path) -> None:
    """All of it or nothing: what is complete gets its name last. A cancelled task may have been here before."""
    part.mkdir(mode=0o700)
    try:
        unpack(archive, part / archive.name)
        if not (folder / "Chart.yaml").is_file():
            shutil.rmtree(folder.parent, ignore_errors=True)
            part.rename(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove(folders: list[tuple[Path, Path]]) -> None:
    """The name goes first, so that nobody takes half a chart for a whole one."""
    for folder, part in folders:
        with contextlib.suppress(OSError):
            folder.rename(part)
            shutil.rmtree(part)
