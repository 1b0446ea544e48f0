"""The forms that a client may ask objects in: as they are, as metadata only, or as rows of a Table.

Pure apart from the `now` that it is given. The whole object is given out as the stored bytes, never parsed.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from msgspec import Struct

from sym.model.codec import JSON, JSONMap, dig, dig_map, encode
from sym.sandbox import cellparts, cells, events, facts, failures
from sym.sandbox.call import Call
from sym.sandbox.resources import Column, Resource
from sym.sandbox.store import Entry

_META = "meta.k8s.io/v1"


class Form(Enum):
    """What the Accept header asks for."""

    WHOLE = ""
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    PARTIAL_LIST = "PartialObjectMetadataList"


class Page(Struct, frozen=True, kw_only=True):
    """One page of a list. `remaining` is the number of objects after it, 0 for the last."""

    entries: list[Entry]
    version: int
    continue_: str = ""
    remaining: int = 0

    @property
    def metadata(self) -> JSONMap:
        """The list's metadata."""
        found: JSONMap = {"resourceVersion": str(self.version)}
        found |= {"continue": self.continue_} if self.continue_ else {}
        return found | ({"remainingItemCount": self.remaining} if self.remaining else {})


def form_of(accept: str) -> Form:
    """The first form of an Accept header that the sandbox can give. Raises Refusal 406."""
    for part in accept.split(",") if accept.strip() else ["application/json"]:
        media, *parameters = (piece.strip() for piece in part.split(";"))
        stated = {name: value for name, _, value in (piece.partition("=") for piece in parameters)}
        if media in ("*/*", "application/*"):
            return Form.WHOLE
        if media != "application/json" or stated.get("v", "v1") != "v1":
            continue
        if (wanted := stated.get("as", "")) in {form.value for form in Form}:
            return Form(wanted)
    raise failures.not_acceptable()


def body(resource: Resource, entry: Entry) -> bytes:
    """The object's bytes in the version of `resource`."""
    return encode(whole(resource, entry)) if resource.several else entry.body


def whole(resource: Resource, entry: Entry) -> JSONMap:
    """A fresh copy of the object in the version of `resource`."""
    obj = events.shown(resource.kind, entry.object())
    return obj | {"apiVersion": resource.kind.api_version}


def listed(resource: Resource, entry: Entry) -> bytes:
    """The object's bytes as an item of a list: built-in kinds do not say there what they are."""
    found = body(resource, entry)
    if resource.custom:
        return found
    head = b'{"kind":"%s","apiVersion":"%s",' % (resource.kind.name.encode(), resource.kind.api_version.encode())
    return b"{" + found[len(head) :] if found.startswith(head) else found


class Presenter:
    """One request's form, ready to present objects, lists and watch frames."""

    def __init__(self, call: Call, form: Form, now: datetime) -> None:
        self._resource = call.resource
        self.form = form
        self._now = now
        self._include = call.query.get("includeObject", "Metadata")
        self._headed = False

    def entry(self, entry: Entry) -> bytes:
        """One object."""
        if self.form is Form.WHOLE:
            return body(self._resource, entry)
        return self.obj(whole(self._resource, entry))

    def obj(self, obj: JSONMap) -> bytes:
        """One object that is not, or not any longer, in the store. A Status stays as it is."""
        if self.form is Form.WHOLE or obj.get("kind") == "Status":
            return encode(obj)
        if self.form is Form.TABLE:
            return encode(self._table([obj], {"resourceVersion": dig(obj, "metadata", "resourceVersion") or ""}))
        return encode(_partial(obj))

    def page(self, page: Page) -> bytes:
        """A list."""
        if self.form is Form.WHOLE:
            kind = self._resource.kind
            meta = {"continue": "", **page.metadata} if self._resource.custom else page.metadata
            head = {"kind": self._resource.list_name, "apiVersion": kind.api_version, "metadata": meta}
            items = b",".join(listed(self._resource, entry) for entry in page.entries)
            return encode(head)[:-1] + b',"items":[' + items + b"]}"
        objects = (whole(self._resource, entry) for entry in page.entries)
        if self.form is Form.TABLE:
            return encode(self._table(objects, page.metadata))
        items_: JSON = [_partial(obj) for obj in objects] or None
        head_: JSONMap = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": page.metadata}
        return encode(head_ | {"items": items_})

    def bookmark(self, version: int, *, initial_end: bool = False) -> bytes:
        """The object of a BOOKMARK frame, in the form of the watch."""
        meta: JSONMap = {"resourceVersion": str(version)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        kind = self._resource.kind
        whole: JSONMap = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": meta}
        if self.form is Form.WHOLE:
            return encode(whole)
        if self.form is Form.TABLE:
            return encode(self._table([whole], {"resourceVersion": str(version)}))
        return encode(_partial(whole))

    def _table(self, objects: Iterable[JSONMap], meta: JSONMap) -> JSONMap:
        definitions: JSON = None if self._headed else [*definitions_of(self._resource)]
        self._headed = True
        rows: list[JSON] = [self._row(obj) for obj in objects]
        found: JSONMap = {"kind": "Table", "apiVersion": _META, "metadata": meta}
        return {**found, "columnDefinitions": definitions, "rows": rows}

    def _row(self, obj: JSONMap) -> JSONMap:
        row: JSONMap = {"cells": cells_of(self._resource, obj, self._now)}
        row |= {"conditions": ended} if (ended := cells.ended(self._resource.kind.qualified, obj)) else {}
        if self._include == "None":
            return {**row, "object": None}
        return {**row, "object": obj if self._include == "Object" else _partial(obj)}


def definitions_of(resource: Resource) -> list[JSONMap]:
    """The columnDefinitions of a kind's Table."""
    if not resource.custom:
        found = facts.columns(facts.place_of(resource.kind.group, resource.kind.version), resource.kind.plural)
        return [{"description": "", **item} for item in found]
    name: JSONMap = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
    return [name, *(_definition(column) for column in resource.printed)]


def _definition(column: Column) -> JSONMap:
    found: JSONMap = {"name": column.name, "type": column.type, "format": column.format}
    return found | {"description": column.description, "priority": column.priority}


def cells_of(resource: Resource, obj: JSONMap, now: datetime) -> list[JSON]:
    """The cells of one row."""
    if not resource.custom:
        return cells.builtin_row(resource.kind.qualified, obj, now)
    name = dig(obj, "metadata", "name")
    return [name, *(_cell(column.path, column.type, obj, now) for column in resource.printed)]


def _cell(path: str, type_: str, obj: JSONMap, now: datetime) -> JSON:
    value = cells.at_path(obj, path)
    if value is None:
        return cellparts.UNKNOWN if type_ == "date" else None
    if type_ == "date":
        return cellparts.age(str(value), now)
    if type_ == "string" and not isinstance(value, str):
        return encode(value).decode()
    return value


def _partial(obj: JSONMap) -> JSONMap:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": dig_map(obj, "metadata")}
