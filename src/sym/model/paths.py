"""Paths of fields in an object, in the notation in which Kubernetes tells of conflicts.

`spec.template.spec.containers[name="app"].resources`: steps apart by dots, entries of lists by the key by which the API
server merges them, a key with dots in it as `metadata.annotations["example.com/note"]`. Quotes around a value and a dot
at the beginning may be left out or not; several paths stand apart by commas.
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

from sym.model import names


class Entry(tuple[tuple[str, str], ...]):
    """A step into a list: the fields, in order, and their values as text, that name one entry of it."""

    __slots__ = ()


FieldPath: TypeAlias = tuple[str | Entry, ...]
"""The steps from the object to the field."""

REPLICAS: FieldPath = ("spec", "replicas")
TEMPLATE: FieldPath = ("spec", "template")

_TOKEN = re.compile(
    r"""(?P<dot>\.)?(?P<name>[A-Za-z0-9_-]+)
      | \[ \s* (?P<quote>["']) (?P<key>[^"']+) (?P=quote) \s* \]
      | \[ (?P<entry>[^\[\]]+) \]""",
    re.VERBOSE,
)
_FIELD = re.compile(r"""\s*([A-Za-z0-9_-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"',]+))\s*""")
_APART = re.compile(r""",(?![^\[\]]*\])""")
_OWN_LABELS = (names.APP, names.PODSET)
_TEMPLATE = ("spec", "template")
_CONTAINERS = (*_TEMPLATE, "spec", "containers")
_LABELS = (*_TEMPLATE, "metadata", "labels")


class PathError(ValueError):
    """A text that is no path, or one to a field that cannot be left to others. The message names it and says why."""


def parse_paths(text: str) -> tuple[FieldPath, ...]:
    """The paths in a comma-separated list, each fit to be left to others. Raises PathError."""
    return tuple(_ignorable(each) for part in _APART.split(text) if (each := part.strip()))


def parse_path(text: str) -> FieldPath:
    """One path. Raises PathError."""
    steps: list[str | Entry] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (token["name"] and steps and not token["dot"]):
            raise PathError(f'{text!r} is no path of a field: write it as spec.template.spec.containers[name="x"].env')
        steps.append(token["name"] or token["key"] or Entry(_entry(text, token["entry"])))
        at = token.end()
    return tuple(steps)


def _entry(text: str, inside: str) -> Iterator[tuple[str, str]]:
    for part in inside.split(","):
        field = _FIELD.fullmatch(part)
        if field is None:
            raise PathError(f'{text!r}: [{inside}] names no entry of a list: write it as [name="x"]')
        yield field[1], next(value for value in field.groups()[1:] if value is not None)


def _ignorable(text: str) -> FieldPath:
    """The path in `text`. Raises PathError for a field by which Sym knows its own or that it has to roll out."""
    path = parse_path(text)
    match path:
        case ("metadata", "labels" | "annotations", str(key)) | ("spec", "template", "metadata", "labels", str(key)):
            if key.startswith(names.PREFIX) or key in _OWN_LABELS:
                raise PathError(f"{text!r}: Sym knows its workloads by {key}, so it cannot be left to others")
        case ("spec", "selector", *_):
            raise PathError(f"{text!r}: a selector never changes, so there is nothing to leave to others")
        case ("spec", str(), *_):
            whole = path in (_CONTAINERS[: len(path)], _LABELS[: len(path)])
            if whole or (path[:4] == _CONTAINERS and path[5:] in ((), ("image",))):
                raise PathError(f"{text!r}: this is what Sym rolls out; name a field that somebody else sets")
        case _:
            raise PathError(f"{text!r}: name a field under spec, or one label or annotation of the workload's metadata")
    return path
