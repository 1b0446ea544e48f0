"""Who owns which field: `metadata.managedFields`, kept for ordinary writes and read by server-side apply.

Pure. `track` is for creates, updates and patches; apply.py is the other kind of write. Relies on fieldset.py for the
sets and on schema nodes for how lists are addressed.
"""

from datetime import UTC, datetime
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox.fieldset import FieldSet, compare, difference, intersection, union
from sym.sandbox.schema import Node

APPLY: Final = "Apply"
UPDATE: Final = "Update"
UPDATE_LIMIT: Final = 10
"""As many entries of operation Update are kept; older ones melt into one of `ancient-changes`."""

OWN: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:clusterName": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
    },
}
"""The fields that belong to the server and that nobody manages."""


class Writer(Struct, frozen=True, kw_only=True):
    """Who writes, through what, when. `now` is aware; the server writes whole seconds."""

    manager: str
    api_version: str
    node: Node
    now: datetime
    subresource: str = ""


class Key(Struct, frozen=True):
    """What tells one entry of managedFields from another. An apply keeps its entry over versions of the API."""

    manager: str
    operation: str
    subresource: str = ""
    api_version: str = ""


class Owned(Struct, frozen=True):
    """One entry: the fields, the version whose schema names them, the time of the last change."""

    fields: FieldSet
    api_version: str
    time: str = ""


Owners = dict[Key, Owned]


def track(old: JSONMap | None, new: JSONMap, writer: Writer) -> JSONMap:
    """`new` with the managedFields of an ordinary write from `old` (None for a create) to `new`.

    Managers that lose a field to the writer lose it here; a write that changes no field changes no entry. A `new` with
    managedFields of its own replaces the record first, as the server allows; one empty entry resets it.
    """
    owners = _before(old, new)
    if old is not None and not owners:
        return with_owners(new, {})  # an object without a record stays without one until the first apply
    before = _bare(old) if old is not None else _zero(writer)
    changes = compare(before, _bare(new), writer.node)
    lost = union(union(changes.added, changes.changed), changes.removed)
    if lost:
        owners = {key: replace(owned, fields=difference(owned.fields, lost)) for key, owned in owners.items()}
    taken = difference(changes.set, OWN)
    if taken:
        key = Key(writer.manager, UPDATE, writer.subresource, writer.api_version)
        held = owners[key].fields if key in owners else {}
        timeless = writer.subresource == "scale"  # a server that takes them over from a Scale knows no time
        owners[key] = Owned(union(held, taken), writer.api_version, "" if timeless else stamp(writer.now))
    return with_owners(new, capped(owners))


def keep_times(old: JSONMap, new: JSONMap) -> JSONMap:
    """`new`, or `old` itself where a write changed nothing but the times in managedFields: such a write is none."""
    if len(dig_list(old, "metadata", "managedFields")) != len(dig_list(new, "metadata", "managedFields")):
        return new
    return old if _timeless(old) == _timeless(new) else new


def owners_of(document: JSONMap) -> Owners:
    """The record of an object that a server wrote. Its sets are shared, not copied."""
    found: Owners = {}
    for entry in dig_list(document, "metadata", "managedFields"):
        operation = dig_str(entry, "operation")
        version = dig_str(entry, "apiVersion")
        tag = version if operation == UPDATE else ""
        key = Key(dig_str(entry, "manager"), operation, dig_str(entry, "subresource"), tag)
        fields = cast("FieldSet", dig_map(entry, "fieldsV1"))
        found[key] = Owned(fields, version, dig_str(entry, "time"))
    return {key: owned for key, owned in found.items() if key.operation in {APPLY, UPDATE}}


def with_owners(document: JSONMap, owners: Owners) -> JSONMap:
    """A copy of the object with this record, ordered as the server orders it."""
    metadata = {name: value for name, value in dig_map(document, "metadata").items() if name != "managedFields"}
    kept = {key: replace(owned, fields=difference(owned.fields, OWN)) for key, owned in owners.items()}
    entries = sorted(((key, owned) for key, owned in kept.items() if owned.fields), key=_order)
    if entries:
        metadata["managedFields"] = [_entry(key, owned) for key, owned in entries]
    return {**document, "metadata": metadata}


def capped(owners: Owners) -> Owners:
    """The record with at most UPDATE_LIMIT entries of operation Update; the oldest are put together per version."""
    updates = sorted(((key, owned) for key, owned in owners.items() if key.operation == UPDATE), key=_order)
    merged = dict(owners)
    for key, owned in updates[: max(0, len(updates) - UPDATE_LIMIT + 1)] if len(updates) > UPDATE_LIMIT else []:
        del merged[key]
        ancient = Key("ancient-changes", UPDATE, "", key.api_version)
        held = merged[ancient].fields if ancient in merged else {}
        merged[ancient] = Owned(union(held, owned.fields), owned.api_version, owned.time)
    return merged


def stamp(now: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stolen(owners: Owners, taken: FieldSet, by: Key) -> dict[Key, FieldSet]:
    """The fields of `taken` that others than `by` own."""
    found = {key: intersection(owned.fields, taken) for key, owned in owners.items() if key != by}
    return {key: fields for key, fields in found.items() if fields}


def _before(old: JSONMap | None, new: JSONMap) -> Owners:
    """The record that a write starts from: the client's own if it sends a readable other one, else the stored one."""
    stated = dig_list(new, "metadata", "managedFields")
    if stated == [{}]:
        return {}
    kept = owners_of(old) if old is not None else {}
    if old is not None and stated == dig_list(old, "metadata", "managedFields"):
        return kept
    if not all(_readable(dig(entry, "fieldsV1")) for entry in stated):
        return kept
    return owners_of(new) or kept


def _readable(fields: JSON) -> bool:
    return isinstance(fields, dict) and all(_readable(below) for below in fields.values())


def _bare(document: JSONMap) -> JSONMap:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return document
    return {**document, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _timeless(document: JSONMap) -> JSONMap:
    entries: list[JSON] = [
        {name: value for name, value in dig_map(entry).items() if name != "time"}
        for entry in dig_list(document, "metadata", "managedFields")
    ]
    return {**document, "metadata": {**dig_map(document, "metadata"), "managedFields": entries}}


def _zero(writer: Writer) -> JSON:
    return writer.node.zero if writer.node.builtin else {}


def _order(entry: tuple[Key, Owned]) -> tuple[str, str, str, str, str]:
    key, owned = entry
    return key.operation, owned.time, key.manager, owned.api_version, key.subresource


def _entry(key: Key, owned: Owned) -> JSON:
    entry: JSONMap = {"manager": key.manager, "operation": key.operation, "apiVersion": owned.api_version}
    if owned.time:
        entry["time"] = owned.time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": cast("JSONMap", owned.fields)}
    return entry | {"subresource": key.subresource} if key.subresource else entry
