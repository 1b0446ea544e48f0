"""The beginning of a watch that is a list: collected event by event until the server says that it was all. Pure.

Until then nothing of it means anything: what ends, falls silent or grows too large before its end is no list.
"""

from typing import Generic, TypeVar

from sym.kube.frames import Reader, Unreadable
from sym.kube.limits import ByteBudget
from sym.kube.store import Applied, Bookmark, Deleted
from sym.model.meta import Object

T = TypeVar("T", bound=Object)


class Initial(Generic[T]):
    """What has come so far. Its bytes stay on `budget` under `holder` until someone releases them."""

    def __init__(self, reader: Reader[T], budget: ByteBudget, holder: str) -> None:
        self._reader = reader
        self._budget = budget
        self._holder = holder
        self._size = 0
        self._items: dict[tuple[str, str], T] = {}
        self.unreadable: dict[tuple[str, str], Unreadable] = {}
        """Objects that exist but do not fit their struct."""
        self.resource_version = ""
        """The version of the whole; "" until it is complete."""

    @property
    def items(self) -> tuple[T, ...]:
        """The objects, in the order in which they came."""
        return tuple(self._items.values())

    def take(self, line: bytes) -> bool:
        """Take one line; whether it said that this was all. Raises what the server says is wrong, Junk, TooLarge."""
        self._size += len(line)
        self._budget.hold(self._holder, self._size)
        match self._reader.event(line):
            case Bookmark(complete=True) as end:
                self.resource_version = end.resource_version
            case Bookmark():
                pass
            case Applied() as event:
                meta = event.item.metadata
                self._items[meta.namespace, meta.name] = event.item
                self.unreadable.pop((meta.namespace, meta.name), None)
            case Unreadable() as odd:
                self._items.pop((odd.namespace, odd.name), None)
                self.unreadable[odd.namespace, odd.name] = odd
            case Deleted() as event:
                self._items.pop((event.namespace, event.name), None)
                self.unreadable.pop((event.namespace, event.name), None)
        return bool(self.resource_version)
