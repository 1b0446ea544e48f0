"""Where Helm charts come from: a source in, a checked folder on disk out.

A source is what an AppSet says of its chart: `ALIAS/CHART` and a version, where the operator's settings tell what the
alias means; `https://…/x.tgz`; `oci://HOST/PATH` and a version; or the archive itself in base64. An empty version is
the newest stable one; constraints such as `^1.2` are not supported. A tenant names no local path and no plain http.

The same source is fetched once at a time and remembered for a while, failures for a short while; what was fetched once
is given again while its repository is unreachable.
"""

import asyncio
import base64
import binascii
import copy
import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from yarl import URL

from sym.aio.env import Env
from sym.model.appset import Chart, ChartUrl
from sym.net.archive import NAME, open_archive
from sym.net.chartcache import ChartCache, CheckedChart
from sym.net.errors import ChartError, ChartNotFound, ChartRefused, ChartUnreachable
from sym.net.fetch import Ask, Fetcher
from sym.net.folder import read_chart
from sym.net.policy import parse_url, where
from sym.net.registry import Registry
from sym.net.repository import Repository
from sym.net.semver import Version, pick_newest
from sym.settings import ChartSettings

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TOLD = 10  # versions that an error names


class _Answer(NamedTuple):
    """What a source gave last, and until when that counts. Of digest and error the error is the newer."""

    until: float
    digest: str = ""
    error: ChartError | None = None


class ChartStore:
    """Gives charts. `parent`: where its folder of unpacked charts is made (None: the system's place for such). Raises
    ChartRefused where an alias means nothing that Sym knows, or `ca_file` cannot be used."""

    def __init__(self, settings: ChartSettings, env: Env, parent: Path | None = None) -> None:
        self._settings = settings
        self._env = env
        self._fetcher = Fetcher(settings)
        self._repos = {alias: meaning(alias, text) for alias, text in settings.repos.items()}
        self._cache = ChartCache(settings, env, parent)
        self._repositories = {
            alias: Repository(meant, partial(self._cache.file, alias), self._fetcher, settings, env)
            for alias, meant in self._repos.items()
            if isinstance(meant, URL) and meant.scheme != "oci"
        }
        self._answers: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
        self._alone: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    async def get(self, chart: Chart) -> CheckedChart:
        """The chart that is named, or whose archive is given (that goes first), unpacked and checked. A `digest` of
        spec.charts must have become the archive before. Raises ChartError, whose sentence names source and version."""
        try:
            return await self._raw(chart.raw_chart) if chart.raw_chart else await self._named(chart.chart_url)
        except ChartError as error:
            raise _about(error, _label(chart)) from None

    async def close(self) -> None:
        """Take the unpacked charts away; a `get` after it begins anew."""
        await self._cache.close()

    async def _raw(self, text: str) -> CheckedChart:
        data, digest = await asyncio.to_thread(_decoded, text, self._settings.archive_bytes)
        async with self._one_at_a_time(("", digest)):
            if (kept := self._cache.get(digest)) is not None:
                return kept
            return await self._cache.put(await asyncio.to_thread(open_archive, data, self._settings))

    async def _named(self, source: ChartUrl) -> CheckedChart:
        key = (source.url, source.chart_version)
        async with self._one_at_a_time(key):
            last = self._answers.get(key, _Answer(0.0))
            kept = self._cache.get(last.digest)
            if self._env.monotonic() < last.until:
                if kept is not None:
                    return kept
                if last.error is not None:
                    raise copy.copy(last.error)
            try:
                chart = await self._fetched(source)
            except ChartError as error:
                self._remember(key, self._settings.failure_seconds, last.digest, error)
                if kept is not None and isinstance(error, ChartUnreachable):
                    return kept
                raise
            self._remember(key, self._settings.fresh_seconds, chart.digest)
            return chart

    def _remember(self, key: tuple[str, str], seconds: float, digest: str, error: ChartError | None = None) -> None:
        keeps = digest if error is None or isinstance(error, ChartUnreachable) else ""
        told = copy.copy(error)  # without its traceback, which holds the archive
        self._answers[key] = _Answer(self._env.monotonic() + seconds, keeps, told)
        self._answers.move_to_end(key)
        while len(self._answers) > self._settings.answers:
            self._answers.popitem(last=False)

    @asynccontextmanager
    async def _one_at_a_time(self, key: tuple[str, str]) -> AsyncGenerator[None]:
        lock, waiting = self._alone.get(key, (asyncio.Lock(), 0))
        self._alone[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._alone.pop(key)
            if waiting > 1:
                self._alone[key] = (lock, waiting - 1)

    async def _fetched(self, source: ChartUrl) -> CheckedChart:
        version = source.chart_version
        if version and Version.parse(version) is None:
            raise ChartRefused("chartVersion must be one version, such as 1.2.3; constraints are not supported")
        if source.url.startswith("https://"):
            return await self._lone(parse_url(source.url, ("https",)), version)
        if source.url.startswith("oci://"):
            return await self._from_registry(parse_url(source.url, ("oci",)), version)
        alias, chart = self._split(source.url)
        meant = self._repos[alias]
        if isinstance(meant, Path):
            archive = await asyncio.to_thread(read_chart, meant, chart, version, self._settings)
            return _agreed(await self._cache.put(archive), chart, version)
        if meant.scheme == "oci":
            return await self._from_registry(meant / chart, version)
        repository = self._repositories[alias]
        entry = await repository.find(chart, version)
        found = await self._opened(entry.sha256, lambda: repository.archive(entry))
        return _agreed(found, chart, entry.version)

    async def _from_registry(self, url: URL, version: str) -> CheckedChart:
        registry = Registry(url, self._fetcher, self._settings)
        exact = version or pick_newest(await registry.versions())
        layer = await registry.find(exact)
        return _agreed(await self._opened(layer.sha256, lambda: registry.archive(layer)), url.name, exact)

    async def _lone(self, url: URL, version: str) -> CheckedChart:
        if not url.path.endswith((".tgz", ".tar.gz")):
            raise ChartRefused(f"an https URL of a chart ends in .tgz; for a chart of a repository give {_FORMS}")
        ask = Ask(url=url, limit=self._settings.archive_bytes)

        async def archive() -> bytes:
            return (await self._fetcher.get(ask)).good().body

        return _agreed(await self._opened("", archive), "", version)

    async def _opened(self, digest: str, archive: Callable[[], Awaitable[bytes]]) -> CheckedChart:
        """The chart of this digest, fetched where it is not here."""
        if (kept := self._cache.get(digest)) is not None:
            return kept
        data = await archive()
        return await self._cache.put(await asyncio.to_thread(open_archive, data, self._settings))

    def _split(self, url: str) -> tuple[str, str]:
        alias, _, chart = url.partition("/")
        if not _ALIAS.fullmatch(alias) or not NAME.fullmatch(chart):
            raise ChartRefused(f"chartUrl.url must be {_FORMS}, https://…/x.tgz or oci://HOST/PATH")
        if alias not in self._repos:
            known = ", ".join(sorted(self._repos)) or "none"
            raise ChartRefused(
                f"there is no repository {alias} (there are: {known}); the operator can add it (--charts-repo)"
            )
        return alias, chart


_FORMS = "ALIAS/CHART, as dmall/springBoot"


def meaning(alias: str, text: str) -> URL | Path:
    """What an operator's alias stands for."""
    if not _ALIAS.fullmatch(alias):
        raise ChartRefused(f"--charts-repo: {alias!r} cannot be an alias: letters, digits, `.`, `_` and `-`")
    if text.startswith(("/", "file:///")):
        return Path(text.removeprefix("file://"))
    try:
        return parse_url(text, ("https", "http", "oci"))
    except ChartRefused as error:
        raise ChartRefused(f"--charts-repo {alias}: {error.message}, or is the absolute path of a folder") from None


def _agreed(found: CheckedChart, chart: str, version: str) -> CheckedChart:
    """What was found, if it is what was asked for; "" is anything."""
    if found.name != (chart or found.name) or found.version != (version or found.version):
        wanted = " ".join(filter(None, (chart, version)))
        raise ChartRefused(f"the archive says that it is {found.name} {found.version}, wanted is {wanted}")
    return found


def _label(chart: Chart) -> str:
    """The source for messages: no path, query or user of an https URL."""
    if chart.raw_chart:
        return "rawChart"
    url = chart.chart_url.url
    if "://" in url:
        try:
            parsed = parse_url(url, ("https", "oci"))
            url = f"{parsed.scheme}://{where(parsed)}{parsed.path if parsed.scheme == 'oci' else ''}"
        except ChartRefused:
            url = ""
    text = " ".join(filter(None, ("chart", url[:200], chart.chart_url.chart_version[:128])))
    return "".join(char if char.isprintable() else "?" for char in text)


def _about(error: ChartError, label: str) -> ChartError:
    """The same error, its sentence naming the source and what there is instead."""
    message = f"{label}: {error.message}"
    if not isinstance(error, ChartNotFound):
        return type(error)(message)
    if error.versions:
        more = ", …" if len(error.versions) > _TOLD else ""
        message += f"; there are: {', '.join(error.versions[:_TOLD])}{more}"
    return ChartNotFound(message, error.versions)


def _decoded(raw: str, limit: int) -> tuple[bytes, str]:
    """The archive and its digest."""
    text = "".join(raw.split())
    if len(text) > limit // 3 * 4 + 4:
        raise ChartRefused(f"the archive has more than {limit} bytes")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ChartRefused("it is not base64; give the .tgz as `base64 -w0 CHART.tgz` prints it") from None
    return data, hashlib.sha256(data).hexdigest()
