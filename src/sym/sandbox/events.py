"""Events in their two spellings: v1 and events.k8s.io/v1 show the same objects, some fields under other names.

They are kept as v1, as real servers keep them. Pure; other kinds pass through unchanged.
"""

from typing import Final

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map
from sym.model.kinds import EVENT
from sym.model.meta import Kind

NEWER: Final = Kind("events.k8s.io", "v1", "Event", "events")
_OLDER_NAMES: Final = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_ALWAYS: Final = ("reportingComponent", "reportingInstance")
"""What v1 shows even where it is empty."""
_NEWER_NAMES: Final = {older: newer for newer, older in _OLDER_NAMES.items()}


def kept_kind(kind: Kind) -> Kind:
    """The kind under which objects of `kind` are kept."""
    return EVENT if (kind.group, kind.plural) == (NEWER.group, NEWER.plural) else kind


def kept(kind: Kind, obj: JSONMap) -> JSONMap:
    """An object of `kind` as it is kept. Shares its parts with the argument."""
    if kept_kind(kind) is kind:
        return obj
    found = {_OLDER_NAMES.get(name, name): value for name, value in obj.items()}
    for name in _ALWAYS:
        found.setdefault(name, "")
    return found | {"apiVersion": EVENT.api_version}


def shown(kind: Kind, obj: JSONMap) -> JSONMap:
    """A kept object as `kind` shows it. Shares its parts with the argument."""
    if kept_kind(kind) is kind:
        return obj
    found = {_NEWER_NAMES.get(name, name): value for name, value in obj.items() if value or name not in _ALWAYS}
    return found | {"apiVersion": kind.api_version}


def disowned(kind: Kind, obj: JSONMap) -> JSONMap:
    """An object before a write through `kind`: what was written through the other API belongs to nobody any longer."""
    entries = dig_list(obj, "metadata", "managedFields") if kept_kind(kind) == EVENT else []
    left: list[JSON] = [_emptied(entry) if dig(entry, "apiVersion") != kind.api_version else entry for entry in entries]
    return obj if left == entries else {**obj, "metadata": {**dig_map(obj, "metadata"), "managedFields": left}}


def _emptied(entry: JSON) -> JSONMap:
    return {**dig_map(entry), "fieldsV1": {}}


def kept_path(kind: Kind, path: str) -> str:
    """A field that a selector of `kind` names, as the kept object has it."""
    head, dot, rest = path.partition(".")
    return path if kept_kind(kind) is kind else _OLDER_NAMES.get(head, head) + dot + rest
