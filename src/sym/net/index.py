"""What a repository's index.yaml says of one chart. Run as a program, in a process of its own.

An index may have 20 MiB, and PyYAML holds the interpreter's lock for seconds while it reads it: too long for a process
that renews a lock. So `repository` starts this file with the index as standard input and the chart's name as argument,
and gets JSON. The process limits its own CPU, memory and files before it looks at the first byte.
"""

import contextlib
import resource
import sys
from collections.abc import Iterator

import yaml
from msgspec import Struct

from sym.model.codec import JSON, DecodeError, as_map, dig_list, dig_str, encode
from sym.yaml import Limits, events

_DEPTH = 32
_NODES = 4_000_000  # the largest public index has 1,000,000 in 20 MB
_MEMORY = 1 << 30
_VERSIONS = 10_000  # of one chart; more are cut off
_ENTRY_URLS = 8


class Entry(Struct, frozen=True, kw_only=True):
    """One version of the chart. `digest` is "" where the index has none."""

    version: str
    urls: tuple[str, ...] = ()
    digest: str = ""

    @property
    def sha256(self) -> str:
        """The archive's digest in hex, "" where it is not known."""
        return self.digest.removeprefix("sha256:").lower()


class Found(Struct, frozen=True, kw_only=True):
    """The program's answer. `refused`: the sentence that says what is wrong with the index."""

    entries: tuple[Entry, ...] = ()
    refused: str = ""


def look_up(text: bytes, chart: str) -> Found:
    """All versions of `chart`, none where the index does not name it."""
    try:
        parser = events(text, Limits(size=len(text), depth=_DEPTH, nodes=_NODES))
        documents = [_build(event, parser, ("entries", chart)) for event in parser if isinstance(event, yaml.NodeEvent)]
        index = as_map(documents[0]) if documents else {}
    except DecodeError as error:
        return Found(refused=error.message)
    listed = dig_list(index, "entries", chart)[:_VERSIONS]
    return Found(entries=tuple(_entry(one) for one in listed if dig_str(one, "version")))


def _entry(value: JSON) -> Entry:
    urls = [url for url in dig_list(value, "urls") if isinstance(url, str)]
    return Entry(version=dig_str(value, "version"), urls=tuple(urls[:_ENTRY_URLS]), digest=dig_str(value, "digest"))


def _build(event: yaml.Event, parser: Iterator[yaml.Event], path: tuple[str, ...]) -> JSON:
    """The value that begins with `event`, all scalars as text: 1.10 is a version and no number. Of mappings on `path`
    only the key of the path is kept, so that the rest of an index is never held."""
    if isinstance(event, yaml.SequenceStartEvent):
        return [_build(item, parser, ()) for item in _until(parser, yaml.SequenceEndEvent)]
    if not isinstance(event, yaml.MappingStartEvent):
        return event.value if isinstance(event, yaml.ScalarEvent) else None
    found: dict[str, JSON] = {}
    for item in _until(parser, yaml.MappingEndEvent):
        key = _build(item, parser, ())
        value = _build(next(parser), parser, path[1:])
        if isinstance(key, str) and key in (path[:1] or (key,)):
            found[key] = value
    return found


def _until(parser: Iterator[yaml.Event], end: type[yaml.Event]) -> Iterator[yaml.Event]:
    for event in parser:
        if isinstance(event, end):
            return
        yield event


def _limit(seconds: int) -> None:
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of memory
            resource.setrlimit(kind, (most, most))


def main() -> None:
    """`index.py CHART SECONDS < index.yaml > found.json`."""
    _limit(int(sys.argv[2]))
    sys.stdout.buffer.write(encode(look_up(sys.stdin.buffer.read(), sys.argv[1])))


if __name__ == "__main__":
    main()
