"""Fields that are left to others: out of the comparison, and out of our applies without being lost.

Server-side apply takes a field away when its last owner applies without it. So what nobody else owns is applied as it
is in the live object, and only what another manager owns is left out. The resourceVersion in every apply makes this
safe: the object is still the one that was read. Source: semantics.md 4.
"""

from collections.abc import Iterable, Iterator, Mapping

from sym.model.codec import JSON, JSONMap, as_map, dig_map, parse
from sym.model.paths import REPLICAS, Entry, FieldPath
from sym.model.workload import Managed, ManagedFields
from sym.plan.content import without_nulls

_ITEM = "k:"
_FIELD = "f:"


def without(wanted: JSONMap, left: Iterable[FieldPath]) -> JSONMap:
    """`wanted` less the fields that are left to others: what is compared."""
    for path in left:
        wanted = as_map(_put(wanted, path, None))
    return wanted


def yielding(wanted: JSONMap, live: JSONMap, seen: Managed, left: Iterable[FieldPath]) -> JSONMap:
    """`wanted` with the fields that are left to others as they are in `live`, less what another manager owns of them:
    what is applied. `live` is `seen` in the shape of what we write."""
    for path in left:
        value = _get(live, path)
        for entry in _others(seen):
            value = _unowned(value, _node(entry.fields_v1, path))
        wanted = as_map(_put(wanted, path, without_nulls(value)))
    return wanted


def scaled_by(seen: Managed) -> str:
    """The manager other than Sym that set the count of pods through the scale subresource; empty if there is none."""
    return next(
        (
            entry.manager
            for entry in _others(seen)
            if entry.subresource == "scale" and _node(entry.fields_v1, REPLICAS) is not None
        ),
        "",
    )


def _others(seen: Managed) -> Iterator[ManagedFields]:
    """What managers other than Sym own."""
    return (entry for entry in seen.metadata.managed_fields if entry.fields_v1)


def _get(value: JSON, path: FieldPath) -> JSON:
    for step in path:
        match value:
            case dict() if isinstance(step, str):
                value = value.get(step)
            case list() if isinstance(step, Entry):
                value = next((each for each in value if _named(each, step)), None)
            case _:
                return None
    return value


def _put(value: JSON, path: FieldPath, new: JSON) -> JSON:
    """`value` with `new` at `path`, or without the field if that is None; unchanged where it has no such field."""
    step, rest = path[0], path[1:]
    match value:
        case dict() if isinstance(step, str) and step in value:
            inner = _put(value[step], rest, new) if rest else new
            return {
                key: inner if key == step else each for key, each in value.items() if key != step or inner is not None
            }
        case list() if isinstance(step, Entry):
            pairs = ((each, _put(each, rest, new) if rest else new) for each in value)
            return [new if _named(old, step) else old for old, new in pairs if new is not None or not _named(old, step)]
        case _:
            return value


def _named(entry: JSON, step: Entry) -> bool:
    return isinstance(entry, dict) and all(str(entry.get(field)) == value for field, value in step)


def _node(tree: JSON, path: FieldPath) -> JSON:
    """What a manager owns at `path`: {} for the whole of it, None for nothing, else what of it."""
    for step in path:
        if not isinstance(tree, dict):
            return None
        if not tree:
            return tree  # the whole of an outer field
        tree = tree.get(_FIELD + step) if isinstance(step, str) else _item(tree, step)
    return tree


def _item(tree: JSONMap, step: Entry) -> JSON:
    for name, inner in tree.items():
        if name.startswith(_ITEM) and _named(parse(name.removeprefix(_ITEM)), step):
            return inner
    return None


def _unowned(value: JSON, owned: JSON) -> JSON:
    """What of `value` a manager does not own who owns `owned` of it; None for nothing."""
    if not isinstance(owned, dict):
        return value
    if not owned:
        return None
    match value:
        case dict():
            rests = {key: _unowned(each, owned.get(_FIELD + key)) for key, each in value.items()}
            return {key: rest for key, rest in rests.items() if rest is not None} or None
        case list():
            return _unowned_items(value, owned)
        case _:
            return value


def _unowned_items(entries: list[JSON], owned: JSONMap) -> list[JSON] | None:
    """The entries of a list of which the manager does not own all; they keep the fields that name them."""
    keys = {name: parse(name.removeprefix(_ITEM)) for name in owned if name.startswith(_ITEM)}
    kept: list[JSON] = []
    for entry in entries:
        name, key = next(((name, key) for name, key in keys.items() if _holds(entry, key)), ("", None))
        rest = _unowned(entry, owned.get(name))
        if isinstance(rest, dict) and isinstance(key, dict):
            rest = None if rest.keys() <= key.keys() else {**key, **rest}
        if rest is not None:
            kept.append(rest)
    return kept or None


def _holds(entry: JSON, key: JSON) -> bool:
    pairs: Mapping[str, JSON] = dig_map(key)
    return isinstance(entry, dict) and all(entry.get(field) == value for field, value in pairs.items())
