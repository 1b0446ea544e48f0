"""What lists and watches carry, decoded without trust: a page of a list, a line of a watch.

An answer that is not exactly a list of the kind asked for is `Junk`, never an empty list: a proxy's `{}` must not look
like "everything was deleted". One object that does not fit its struct is set aside by name and stops no other. Pure.
"""

from typing import Generic, TypeVar

import msgspec

from sym.kube.answers import error_of_event
from sym.kube.errors import Junk
from sym.kube.store import Applied, Bookmark, Deleted
from sym.model.meta import Kind, Object, ObjectMeta

T = TypeVar("T", bound=Object)


class Unreadable(msgspec.Struct, frozen=True):
    """An object that exists but does not fit its struct, and why."""

    namespace: str
    name: str
    resource_version: str
    message: str


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list. `size` in bytes as received; `next` is the continue token, "" at the end."""

    items: tuple[T, ...]
    unreadable: tuple[Unreadable, ...]
    resource_version: str
    next: str
    size: int


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str
    next: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    api_version: str
    metadata: _ListMeta
    items: list[msgspec.Raw] | None


class _Frame(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _TypeMeta(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    api_version: str = ""


_PARTIAL = ("meta.k8s.io/v1", "PartialObjectMetadata")
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Reader(Generic[T]):
    """Decodes lists and watch lines of one kind into structs of one type. `metadata_only`: the objects' metadata was
    asked for alone, under a kind of its own; a server that gives the whole objects all the same is believed too."""

    def __init__(self, kind: Kind, type_: type[T], *, metadata_only: bool = False) -> None:
        self._kind = kind
        self._names = {(kind.api_version, kind.name), *((_PARTIAL,) if metadata_only else ())}
        lists = {(version, f"{name}List") for version, name in self._names}
        self._lists = lists | {(kind.api_version, "List")}
        self._page = msgspec.json.Decoder(_List)
        self._frame = msgspec.json.Decoder(_Frame)
        self._type = msgspec.json.Decoder(_TypeMeta)
        self._object = msgspec.json.Decoder(type_)
        self._least = msgspec.json.Decoder(Object)

    def page(self, body: bytes) -> Page[T]:
        """One page. Raises Junk for anything but a list of this kind with a resourceVersion."""
        where = f"list of {self._kind.qualified}"
        try:
            found = self._page.decode(body)
        except _NOT_JSON as error:
            raise Junk(f"{where}: the answer is no list: {_why(error)}") from None
        if (found.api_version, found.kind) not in self._lists:
            raise Junk(f"{where}: the server answered with another kind of object")
        if not found.metadata.resource_version:
            raise Junk(f"{where}: the answer has no resourceVersion")
        items: list[T] = []
        unreadable: list[Unreadable] = []
        for raw in found.items or ():
            item = self._read(raw, where)
            if isinstance(item, Unreadable):
                unreadable.append(item)
            else:
                items.append(item)
        meta = found.metadata
        return Page(tuple(items), tuple(unreadable), meta.resource_version, meta.next, len(body))

    def event(self, line: bytes) -> Applied[T] | Deleted | Bookmark | Unreadable:
        """One line of a watch. Raises the error that an ERROR event stands for, and Junk for what is no event."""
        where = f"watch of {self._kind.qualified}"
        try:
            frame = self._frame.decode(line)
        except _NOT_JSON as error:
            raise Junk(f"{where}: the server sent a line that is no event: {_why(error)}") from None
        match frame.type:
            case "ADDED" | "MODIFIED":
                self._check_kind(frame.object, where)
                item = self._read(frame.object, where)
                return item if isinstance(item, Unreadable) else Applied(item=item)
            case "DELETED":
                self._check_kind(frame.object, where)
                meta = self._metadata(frame.object, where).metadata
                return Deleted(namespace=meta.namespace, name=meta.name, resource_version=meta.resource_version)
            case "BOOKMARK":
                return self._bookmark(frame.object, where)
            case "ERROR":
                raise error_of_event(self._kind.qualified, bytes(frame.object))
            case _:
                raise Junk(f"{where}: the server sent an event of an unknown type")

    def _read(self, raw: msgspec.Raw, where: str) -> T | Unreadable:
        try:
            item = self._object.decode(raw)
        except _NOT_JSON as error:
            meta = self._metadata(raw, where).metadata
            return Unreadable(meta.namespace, meta.name, meta.resource_version, _why(error))
        self._check_meta(item, where)
        return item

    def _metadata(self, raw: msgspec.Raw, where: str) -> Object:
        try:
            found = self._least.decode(raw)
        except _NOT_JSON as error:
            raise Junk(f"{where}: the server sent an object without readable metadata: {_why(error)}") from None
        self._check_meta(found, where)
        return found

    def _check_meta(self, item: Object, where: str) -> None:
        meta = item.metadata
        if not meta.name or not meta.resource_version or bool(meta.namespace) != self._kind.namespaced:
            raise Junk(f"{where}: the server sent an object without name, namespace or resourceVersion")

    def _check_kind(self, raw: msgspec.Raw, where: str) -> None:
        try:
            found = self._type.decode(raw)
        except _NOT_JSON as error:
            raise Junk(f"{where}: the server sent an event without an object: {_why(error)}") from None
        if (found.api_version, found.kind) not in self._names:
            raise Junk(f"{where}: the server sent an event of another kind of object")

    def _bookmark(self, raw: msgspec.Raw, where: str) -> Bookmark:
        try:
            meta = self._least.decode(raw).metadata
        except _NOT_JSON:
            meta = ObjectMeta()
        if not meta.resource_version:
            raise Junk(f"{where}: the server sent a bookmark without a resourceVersion")
        complete = meta.annotations.get(_INITIAL_EVENTS_END) == "true"
        return Bookmark(resource_version=meta.resource_version, complete=complete)


def _why(error: Exception) -> str:
    """msgspec's sentence, which names types and paths but no values."""
    return str(error)[:200] if isinstance(error, msgspec.ValidationError) else "not JSON"
