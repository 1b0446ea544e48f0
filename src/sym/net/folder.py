"""Charts in a folder of this machine, which only the operator's aliases may name.

In it a chart is either a folder (`springBoot/Chart.yaml`) or archives (`springBoot-0.0.1.tgz`). The files are the
operator's, and yet they pass the same checks: a mistake there should not become trouble elsewhere. Plain functions,
for `asyncio.to_thread`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from sym.net.archive import Archive, of_files, open_archive
from sym.net.errors import ChartNotFound, ChartRefused, ChartUnreachable
from sym.net.semver import newest_first, pick_newest
from sym.settings import ChartSettings


def read_chart(folder: Path, chart: str, version: str, limits: ChartSettings) -> Archive:
    """The chart in this version; "" is the newest stable one. Raises ChartError."""
    try:
        return _read(folder, chart, version, limits)
    except OSError as error:
        raise ChartUnreachable(f"the operator's folder of charts cannot be read: {error.strerror}") from None


def _read(folder: Path, chart: str, version: str, limits: ChartSettings) -> Archive:
    if (folder / chart / "Chart.yaml").is_file():
        found = of_files(_files(folder / chart, limits), limits)
        if version in ("", found.version):
            return found
        raise ChartNotFound(f"there is no version {version}", (found.version,))
    versions = _versions(folder, chart)
    if not versions:
        raise ChartNotFound("there is no such chart")
    wanted = version or pick_newest(versions)
    if wanted not in versions:
        raise ChartNotFound(f"there is no version {version}", tuple(versions))
    with (folder / f"{chart}-{wanted}.tgz").open("rb") as file:
        return open_archive(file.read(limits.archive_bytes + 1), limits)


def _versions(folder: Path, chart: str) -> list[str]:
    names = [path.name for path in folder.iterdir() if path.name.startswith(f"{chart}-") and path.suffix == ".tgz"]
    return newest_first([name.removeprefix(f"{chart}-").removesuffix(".tgz") for name in names])


def _files(root: Path, limits: ChartSettings) -> Iterator[tuple[str, bytes]]:
    """All files but hidden ones; `.helmignore` is not read."""
    for here, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if name.startswith("."):
                continue
            if path.is_symlink() or not path.is_file():
                raise ChartRefused(f"{path.relative_to(root)} is no plain file")
            with path.open("rb") as file:
                yield str(path.relative_to(root)), file.read(limits.archive_bytes + 1)
