"""Sets of fields, as `fieldsV1` writes them, and the walks that make them from values.

A set is the JSON object of `fieldsV1` itself: `f:NAME` a field, `k:{...}` an item by its keys, `v:...` an item by its
value, `.` the place itself. An empty object below the root means just the place. Set operations never change their
arguments. Relies on the schema nodes to know how lists are addressed.
"""

from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias

import msgspec

from sym.model.codec import JSON, JSONMap
from sym.sandbox.schema import Node, Relation, Shape

FieldSet: TypeAlias = "dict[str, FieldSet]"
_SORTED = msgspec.json.Encoder(order="sorted")


def is_member(found: FieldSet) -> bool:
    """Whether the place of this subset itself belongs to the set."""
    return not found or "." in found


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """All fields of both."""
    merged = dict(one)
    for step, below in other.items():
        if step == ".":
            merged["."] = {}
        elif step in merged:
            merged[step] = _joined(merged[step], below)
        else:
            merged[step] = below
    return merged


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of `one` that `other` does not hold. A field below a place of `other` stays."""
    return _combined(one, other, keep_common=False)


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of both."""
    return _combined(one, other, keep_common=True)


def leaves(found: FieldSet, path: str = "") -> Iterator[str]:
    """The members as the server's messages write them: `.spec.containers[name="a"].image`."""
    for step in sorted(found):
        if step == ".":
            continue
        where = path + readable(step)
        if is_member(found[step]):
            yield where
        yield from leaves(found[step], where)


def named_as_members(found: FieldSet, node: Node) -> FieldSet:
    """The set with every struct field on the way to a member as a member too (not map keys, not items)."""
    merged: FieldSet = {}
    for step, below in found.items():
        child = node_at(node, step)
        deeper = named_as_members(below, child) if below else below
        named = step.startswith("f:") and node.shape is Shape.MAP and step[2:] in node.properties
        merged[step] = {".": {}, **deeper} if named and deeper else deeper
    return merged


def node_at(node: Node, step: str) -> Node:
    """The schema below one path step."""
    if step.startswith("f:"):
        return node.child(step[2:])
    return node.items


def of_value(value: JSON, node: Node) -> FieldSet:
    """The set that an apply of `value` claims. An item that stands twice counts once."""
    found: dict[str, FieldSet | None] = {}
    if isinstance(value, dict):
        for name, item in value.items():
            child = node.child(name)
            if not (item == [] and granular_list(child)):
                found["f:" + name] = _claimed(item, child, own=not _is_struct_field(node, name))
    elif isinstance(value, list):
        for step, item in item_steps(value, node).items():
            found[step] = _claimed(item, node.items, own=True)
    return {step: below for step, below in found.items() if below is not None}


def _claimed(value: JSON, node: Node, *, own: bool) -> "FieldSet | None":
    """The set below one step. A map's key and an item are members themselves, a struct's field is only its leaves."""
    if not _walks(value, node):
        return {}
    below = of_value(value, node)
    if own:
        return {".": {}, **below} if below else {}
    return below or None


def _is_struct_field(node: Node, name: str) -> bool:
    return node.shape is Shape.MAP and name in node.properties


def _walks(value: JSON, node: Node) -> bool:
    """Whether fields or items of `value` are owned one by one."""
    if isinstance(value, dict):
        return bool(value) and node.shape in {Shape.MAP, Shape.ANY} and node.relation is not Relation.ATOMIC
    return isinstance(value, list) and bool(value) and granular_list(node)


def granular_list(node: Node) -> bool:
    """Whether a list's items are owned one by one."""
    return node.shape is Shape.LIST and node.relation in {Relation.SET, Relation.KEYED}


def item_steps(items: list[JSON], node: Node) -> dict[str, JSON]:
    """The items by path step, in order; of two that share one the first stays."""
    found: dict[str, JSON] = {}
    for item in items:
        found.setdefault(item_step(item, node), item)
    return found


def item_step(item: JSON, node: Node) -> str:
    """`k:{"name":"a"}` or `v:"a"`: how one item of a granular list is addressed."""
    if node.relation is Relation.SET or not isinstance(item, dict):
        return "v:" + _SORTED.encode(item).decode()
    keys = {key: item.get(key, node.items.child(key).default) for key in node.keys}
    return "k:" + _SORTED.encode({key: value for key, value in keys.items() if value is not None}).decode()


class Difference:
    """What a write did to the fields: appeared, changed, disappeared."""

    __slots__ = ("added", "changed", "removed")

    def __init__(self) -> None:
        self.added: FieldSet = {}
        self.changed: FieldSet = {}
        self.removed: FieldSet = {}

    @property
    def set(self) -> FieldSet:
        """Appeared or changed."""
        return union(self.added, self.changed)


_MISSING: JSONMap = {}


def compare(old: JSON, new: JSON, node: Node) -> Difference:
    """The fields that differ, by one walk over both values that stops where they are equal."""
    result = Difference()
    _compare(old, new, node, _Place((), result))
    return result


class _Place:
    """Where the walk stands, and where it writes its findings."""

    __slots__ = ("path", "result")

    def __init__(self, path: tuple[str, ...], result: Difference) -> None:
        self.path = path
        self.result = result

    def below(self, step: str) -> "_Place":
        return _Place((*self.path, step), self.result)

    def mark(self, into: FieldSet) -> None:
        at = into
        for step in self.path[:-1]:
            if step in at and not at[step]:
                at[step]["."] = {}
            at = at.setdefault(step, {})
        last = self.path[-1]
        if at.get(last):
            at[last]["."] = {}
        else:
            at[last] = {}


def _compare(old: JSON, new: JSON, node: Node, place: _Place) -> None:
    if old is _MISSING:
        _one_sided(new, node, place, added=True)
    elif new is _MISSING:
        _one_sided(old, node, place, added=False)
    elif type(old) is type(new) and old == new and not (node.loose and _mixed(old, new)):
        return
    elif _steps(old, node) is not None and _steps(new, node) is not None and (old or new):
        befores, afters = _steps(old, node) or {}, _steps(new, node) or {}
        for step in chain(befores, (step for step in afters if step not in befores)):
            below = node_at(node, step)
            _compare(befores.get(step, _MISSING), afters.get(step, _MISSING), below, place.below(step))
    else:
        place.mark(place.result.changed)


def _one_sided(value: JSON, node: Node, place: _Place, *, added: bool) -> None:
    place.mark(place.result.added if added else place.result.removed)
    for step, item in (_steps(value, node) or {}).items():
        _one_sided(item, node_at(node, step), place.below(step), added=added)


def _steps(value: JSON, node: Node) -> dict[str, JSON] | None:
    """The parts of a value that is walked further; None for a leaf. Null counts as an empty one of either."""
    if node.relation is Relation.ATOMIC and node.shape is not Shape.SCALAR:
        return None
    if value is None and (node.shape is Shape.MAP or granular_list(node)):
        return {}
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        return {"f:" + name: item for name, item in value.items()}
    if isinstance(value, list) and granular_list(node):
        return item_steps(value, node)
    return None


def _mixed(old: JSON, new: JSON) -> bool:
    """Whether Python calls two values equal that JSON does not: True and 1 somewhere inside."""
    if isinstance(old, dict | list):
        return _SORTED.encode(old) != _SORTED.encode(new)
    return False


def _joined(one: FieldSet, other: FieldSet) -> FieldSet:
    member = is_member(one) or is_member(other)
    merged = union({step: below for step, below in one.items() if step != "."}, other)
    merged.pop(".", None)
    return {".": {}, **merged} if member and merged else merged


def _combined(one: FieldSet, other: FieldSet, *, keep_common: bool) -> FieldSet:
    merged: FieldSet = {}
    for step, below in one.items():
        if step == ".":
            continue
        kept = _combined_at(below, other.get(step), keep_common=keep_common)
        if kept is not None:
            merged[step] = kept
    return merged


def _combined_at(mine: FieldSet, theirs: "FieldSet | None", *, keep_common: bool) -> "FieldSet | None":
    if theirs is None:
        return None if keep_common else mine
    member = is_member(mine) and (is_member(theirs) is keep_common)
    below = _combined(mine, theirs, keep_common=keep_common)
    if below:
        return {".": {}, **below} if member else below
    return {} if member else None


def readable(step: str) -> str:
    """A path step as messages write it: `.name`, `[name="a"]`, `[="a"]`."""
    kind, text = step[:1], step[2:]
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    keys: JSON = msgspec.json.decode(text)
    pairs = keys.items() if isinstance(keys, dict) else ()
    return "[" + ",".join(f"{name}={_SORTED.encode(value).decode()}" for name, value in pairs) + "]"
