"""A chart's archive, bytes from strangers, as a checked chart, and as files in a folder.

Everything is bounded before it is held: bytes packed and unpacked, bytes of a file, number of files, depth of archives
in archives. Charts that a chart brings along as archives (`charts/*.tgz`) are opened here under the same limits and
become folders, so that Helm never unpacks anything. Relies on zlib, `net.tar` and `sym.yaml`; plain functions that take
some 0.1 s at most, for `asyncio.to_thread`.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from sym import yaml
from sym.model.codec import JSON, DecodeError, JSONMap, as_map
from sym.net.errors import ChartRefused
from sym.net.semver import Version
from sym.net.tar import Member, members
from sym.settings import ChartSettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a chart may be called."""
_PACKED = re.compile(r"(?:.*/)?charts/(?![_.])[^/]+\.tgz")
"""A chart in a chart that Helm would unpack."""
_PATH_BYTES = 512
_PART_BYTES = 200  # a file system takes 255
_NESTED = 3


class Archive(Struct, frozen=True, kw_only=True):
    """A chart that passed all checks. `digest` is the sha256 of the archive in hex; `files` are by their path below the
    chart's folder."""

    name: str
    version: str
    app_version: str
    digest: str
    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Archive({self.name} {self.version}, {len(self.files)} files)"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))


class _Budget:
    """What may still be unpacked, over all archives in one another."""

    def __init__(self, limits: ChartSettings) -> None:
        self._limits = limits
        self._bytes = limits.unpacked_bytes
        self._files = limits.files

    def gunzip(self, data: bytes) -> bytes:
        """Raises ChartRefused when it gets too much; then no more than what was allowed was ever held."""
        found = gunzip(data, self._bytes, f"{self._limits.unpacked_bytes} bytes, all archives in it together")
        self._bytes -= len(found)
        return found

    def take(self, path: str, size: int) -> None:
        """Count one file or folder."""
        self._files -= 1
        if self._files < 0:
            raise ChartRefused(f"the chart has more than {self._limits.files} files")
        if size > self._limits.file_bytes:
            raise ChartRefused(f"{path} has {size} bytes, more than {self._limits.file_bytes}, the limit of a file")


def open_archive(data: bytes, limits: ChartSettings) -> Archive:
    """The chart in a .tgz. Raises ChartRefused, and nothing else, with a sentence that names what is wrong."""
    if len(data) > limits.archive_bytes:
        raise ChartRefused(f"the archive has {len(data)} bytes, more than {limits.archive_bytes}")
    _, files = _opened(data, _Budget(limits), 0)
    return _chart(files, hashlib.sha256(data).hexdigest())


def of_files(pairs: Iterable[tuple[str, bytes]], limits: ChartSettings) -> Archive:
    """The chart whose files were read from a folder, under the same limits; its digest is over names and content.
    Raises ChartRefused."""
    budget = _Budget(limits)
    files: dict[str, bytes] = {}
    total = 0
    for path, content in pairs:
        total += len(content)
        if total > limits.unpacked_bytes:
            raise ChartRefused(f"the chart has more than {limits.unpacked_bytes} bytes")
        budget.take(path, len(content))
        files["/".join(_parts(path))] = content
    listing = "".join(f"{hashlib.sha256(files[path]).hexdigest()} {path}\n" for path in sorted(files))
    return _chart(_unpacked(files, budget, 0), hashlib.sha256(listing.encode()).hexdigest())


def unpack(archive: Archive, folder: Path) -> None:
    """Write the chart's files below `folder`, which must not exist yet; only we may read it. Raises ChartRefused for
    names that this file system takes for one, OSError where it cannot be written."""
    folder.mkdir(mode=0o700)
    try:
        for path, content in archive.files.items():
            target = folder / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content)
    except (FileExistsError, NotADirectoryError):
        raise ChartRefused("the chart has two files whose names this file system takes for one") from None


def gunzip(data: bytes, limit: int, told: str) -> bytes:
    """What `data` unpacks to. Raises ChartRefused above `limit` bytes, `told` in its sentence."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise ChartRefused("it is not packed with gzip, or is broken") from None
    if len(found) > limit:
        raise ChartRefused(f"it unpacks to more than {told}")
    if not unpacker.eof:
        raise ChartRefused("it is packed with gzip and ends too early")
    if unpacker.unused_data:
        raise ChartRefused("there is something behind the end of the gzip data")
    return found


def _opened(data: bytes, budget: _Budget, depth: int) -> tuple[str, dict[str, bytes]]:
    """The name of the one folder in it, and the files below."""
    tops: set[str] = set()
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    for member in members(budget.gunzip(data)):
        budget.take(member.name[:200], len(member.data))
        if not (parts := _parts(member.name)):
            continue  # `./` itself
        tops.add(_top(parts, member))
        path = "/".join(parts[1:])
        if member.folder:
            folders.add(path)
        elif path in files:
            raise ChartRefused(f"{path} is in the archive twice")
        else:
            files[path] = bytes(member.data)
    if len(tops) != 1:
        raise ChartRefused(f"an archive of a chart has one folder that holds everything; this one has {len(tops)}")
    _no_file_is_a_folder(files, folders)
    return tops.pop(), _unpacked(files, budget, depth)


def _top(parts: tuple[str, ...], member: Member) -> str:
    if len(parts) == 1 and not member.folder:
        raise ChartRefused(f"{parts[0]} is beside the chart's folder; an archive of a chart holds one folder")
    return parts[0]


def _unpacked(files: dict[str, bytes], budget: _Budget, depth: int) -> dict[str, bytes]:
    """Archives below charts/ become folders there."""
    found = {path: content for path, content in files.items() if not _PACKED.fullmatch(path)}
    for path in sorted(files.keys() - found.keys()):
        if depth == _NESTED:
            raise ChartRefused(f"{path}: charts are packed in charts more than {_NESTED} deep")
        try:
            top, inner = _opened(files[path], budget, depth + 1)
        except ChartRefused as error:
            raise ChartRefused(f"{path}: {error.message}") from None
        if not NAME.fullmatch(top):
            raise ChartRefused(f"{path}: its folder {top!r} is no name of a chart")
        prefix = f"{path.rpartition('/')[0]}/{top}/"
        if any(other.startswith(prefix) for other in found):
            raise ChartRefused(f"{path}: the chart {top} is there twice")
        found |= {prefix + name: content for name, content in inner.items()}
    _no_file_is_a_folder(found, ())
    return found


def _no_file_is_a_folder(files: Mapping[str, bytes], folders: Iterable[str]) -> None:
    above = {parent for path in files for parent in _parents(path)} | set(folders)
    if both := sorted(files.keys() & above):
        raise ChartRefused(f"{both[0]} is a file and a folder")


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _parts(name: str) -> tuple[str, ...]:
    """The steps of a path that stays below where it begins. Raises ChartRefused."""
    shown = repr(name[:200])
    if not name.isprintable() or "\\" in name or name.startswith("/"):
        raise ChartRefused(f"the name {shown} is absolute or has characters that are not allowed")
    plain = name.removeprefix("./").removesuffix("/")
    parts = tuple(plain.split("/")) if plain not in ("", ".") else ()
    if any(part in ("", ".", "..") for part in parts):
        raise ChartRefused(f"the name {shown} has a step that is empty, `.` or `..`")
    if len(name.encode()) > _PATH_BYTES or any(len(part.encode()) > _PART_BYTES for part in parts):
        raise ChartRefused(f"the name {shown} is longer than {_PATH_BYTES} bytes, or a step than {_PART_BYTES}")
    return parts


def _chart(files: Mapping[str, bytes], digest: str) -> Archive:
    """What Chart.yaml says."""
    about = _about(files)
    for field in ("apiVersion", "name", "version"):
        if not _word(about.get(field)):
            raise ChartRefused(f"Chart.yaml: {field} is missing, or is no short text")
    if about["apiVersion"] not in ("v1", "v2"):
        raise ChartRefused(f"Chart.yaml: apiVersion is {about['apiVersion']!r}; Helm 3 and 4 know v1 and v2")
    if (kind := about.get("type") or "application") != "application":
        raise ChartRefused(f"Chart.yaml: type is {str(kind)[:100]!r}; only an application can be installed")
    name, version = _word(about["name"]), _word(about["version"])
    if not NAME.fullmatch(name):
        raise ChartRefused(f"Chart.yaml: name {name!r} is no name of a chart: letters, digits, `.`, `_` and `-`")
    if Version.parse(version) is None:
        raise ChartRefused(f"Chart.yaml: version {version!r} is no semantic version, such as 1.2.3")
    return Archive(name=name, version=version, app_version=_word(about.get("appVersion")), digest=digest, files=files)


def _about(files: Mapping[str, bytes]) -> JSONMap:
    if (text := files.get("Chart.yaml")) is None:
        raise ChartRefused("there is no Chart.yaml in the chart's folder")
    try:
        yaml.check(text, yaml.Limits())
        return as_map(yaml.load(text))
    except DecodeError as error:
        raise ChartRefused(f"Chart.yaml: {error.message}") from None


def _word(value: JSON) -> str:
    """Short printable text; a number is text too, as Helm reads it. "" for all else."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return text if text.isprintable() and len(text) <= 128 else ""
