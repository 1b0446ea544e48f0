"""Charts of a chart repository: an index.yaml over HTTP(S) and the archives that it names.

The index is asked for again when it is `fresh_seconds` old, with what the server said of its state (ETag,
Last-Modified), and kept in a file; it is read by `index` in a process of its own.
"""

import asyncio
import copy
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from yarl import URL

import sym
from sym.aio.env import Env
from sym.model.codec import DecodeError, decode
from sym.net.archive import gunzip
from sym.net.errors import ChartError, ChartNotFound, ChartRefused, ChartUnreachable
from sym.net.fetch import Ask, Fetcher
from sym.net.index import Entry, Found
from sym.net.policy import parse_url, same_origin, where
from sym.net.semver import newest_first, pick_newest
from sym.settings import ChartSettings

_KEPT = 200  # charts of which the answer is remembered
_INHERITED = ("PATH", "LD_LIBRARY_PATH")


class Repository:
    """One repository. `url` is what the operator's alias says; `file` tells where its index is kept."""

    def __init__(self, url: URL, file: Callable[[], Path], fetcher: Fetcher, settings: ChartSettings, env: Env) -> None:
        self._url = url if url.raw_path.endswith("/") else url.with_path(url.raw_path + "/", encoded=True)
        self._file = file
        self._fetcher = fetcher
        self._settings = settings
        self._env = env
        self._one = asyncio.Lock()
        self._index: Path | None = None
        self._until = 0.0
        self._failure: ChartError | None = None
        self._state: dict[str, str] = {}
        self._found: dict[str, tuple[Entry, ...]] = {}

    async def find(self, chart: str, version: str) -> Entry:
        """What the index has of exactly this version; "" is the newest stable one. Raises ChartError."""
        entries = await self._entries(chart)
        exact = version or pick_newest([entry.version for entry in entries])
        found = next((entry for entry in entries if entry.version == exact), None)
        if found is None:
            versions = tuple(newest_first([entry.version for entry in entries]))
            raise ChartNotFound(f"{where(self._url)} has no version {exact}", versions)
        return found

    async def archive(self, entry: Entry) -> bytes:
        """The .tgz; its digest is the index's where that has one. Raises ChartError."""
        answer = await self._fetcher.get(Ask(url=self._target(entry), limit=self._settings.archive_bytes))
        data = answer.good().body
        if entry.sha256 and await asyncio.to_thread(_sha256, data) != entry.sha256:
            raise ChartRefused(f"the archive does not have the digest that the index of {where(self._url)} tells")
        return data

    async def _entries(self, chart: str) -> tuple[Entry, ...]:
        async with self._one:
            index = await self._current()
            if chart not in self._found:
                if len(self._found) >= _KEPT:
                    self._found.clear()
                self._found[chart] = await self._read(index, chart)
            if not (entries := self._found[chart]):
                raise ChartNotFound(f"{where(self._url)} has no such chart")
            return entries

    async def _current(self) -> Path:
        """The index, asked for where the last answer is too old. A failure is an answer for a short while: many charts
        may wait for one index."""
        kept = self._index if self._index is not None and self._index.is_file() else None
        if self._env.monotonic() < self._until:
            if self._failure is not None:
                raise copy.copy(self._failure)
            if kept is not None:
                return kept
        try:
            self._index = await self._refresh(kept)
        except ChartError as error:
            self._failure = copy.copy(error)  # without its traceback, which holds the index
            self._until = self._env.monotonic() + self._settings.failure_seconds
            raise
        self._failure, self._until = None, self._env.monotonic() + self._settings.fresh_seconds
        return self._index

    async def _refresh(self, kept: Path | None) -> Path:
        url = self._url.join(URL("index.yaml"))
        conditions = self._conditions() if kept is not None else {}
        answer = await self._fetcher.get(Ask(url=url, limit=self._settings.index_bytes, headers=conditions))
        if answer.status == 304 and kept is not None:
            return kept
        body = answer.good().body
        if answer.headers.get("content-encoding", "") == "gzip":  # some servers pack without being asked
            limit = self._settings.index_bytes
            body = await asyncio.to_thread(gunzip, body, limit, f"{limit} bytes, the limit of an index")
        file = self._file()
        try:
            await asyncio.to_thread(file.write_bytes, body)
        except OSError as error:
            raise self._unreadable(error) from None
        self._found.clear()
        self._state = {name: answer.headers.get(name, "") for name in ("etag", "last-modified")}
        return file

    def _conditions(self) -> dict[str, str]:
        asked = {"If-None-Match": self._state.get("etag"), "If-Modified-Since": self._state.get("last-modified")}
        return {name: value for name, value in asked.items() if value}

    async def _read(self, index: Path, chart: str) -> tuple[Entry, ...]:
        host, seconds = where(self._url), self._settings.index_timeout
        try:
            async with asyncio.timeout(2 * seconds):
                code, output = await _run(index, chart, seconds)
        except TimeoutError:
            raise ChartUnreachable(f"reading the index of {host} took more than {2 * seconds:g} s") from None
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            found = decode(output, Found) if code == 0 else Found(refused="it needs too much time or memory")
        except DecodeError:
            found = Found(refused="reading it gave no answer")
        if found.refused:
            raise ChartRefused(f"the index of {host} is refused: {found.refused}")
        return found.entries

    def _unreadable(self, error: OSError) -> ChartUnreachable:
        return ChartUnreachable(f"the index of {where(self._url)} cannot be kept here: {error.strerror}")

    def _target(self, entry: Entry) -> URL:
        host = where(self._url)
        if not entry.urls:
            raise ChartRefused(f"the index of {host} names no URL for version {entry.version}")
        try:
            target = parse_url(str(self._url.join(URL(entry.urls[0]))), ("https", "http"))
        except ValueError:
            raise ChartRefused(f"the index of {host} names a URL that cannot be read") from None
        if target.scheme == "http" and not same_origin(self._url, target):
            raise ChartRefused(f"the index of {host} names a URL of another server without https")
        return target


async def _run(index: Path, chart: str, seconds: float) -> tuple[int, bytes]:
    """Exit code and output of the program `index`. It ends with the task that waits for it."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PYTHONPATH"] = str(Path(str(sym.__file__)).parents[1])
    with index.open("rb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-P", "-m", "sym.net.index", chart, str(max(1, round(seconds))),
            stdin=file, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
