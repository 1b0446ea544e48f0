"""The three kinds of patch that carry changes: JSON patch, merge patch and strategic merge patch.

Pure: a document and a patch give a new document, which shares the parts that did not change. What the server refuses is
a PatchError with the server's own code, reason and wording. Relies on schema.py for the merge keys of lists.
"""

from copy import deepcopy
from typing import Final

from sym.model.codec import JSON, JSONMap, as_list, dig
from sym.sandbox.schema import Node

_REJECTED: Final = "the server rejected our request due to an error in our request"
_GO_NAMES: Final = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))


_DELETE: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"


class PatchError(Exception):
    """A patch that the server refuses. `code` is the HTTP status, `reason` that of the Status answer."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


def merge_patch(document: JSON, patch: JSON) -> JSON:
    """RFC 7386: maps merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def object_patch(patch: JSON, *, strategic: bool = False) -> JSONMap:
    """The patch of a merge or strategic merge request, which must be an object. Raises PatchError (400)."""
    if isinstance(patch, dict):
        return patch
    prefix = "" if strategic else "error decoding patch: "
    raise PatchError(400, "BadRequest", f"{prefix}{_unmarshal(patch)} into Go value of type map[string]interface {{}}")


def json_patch(document: JSON, operations: JSON) -> JSON:
    """RFC 6902. Raises PatchError: 400 where the patch is no list of operations, 422 where one of them fails."""
    if not isinstance(operations, list):
        where = "into Go value of type []handlers.jsonPatchOp"
        raise PatchError(400, "BadRequest", f"error decoding patch: {_unmarshal(operations)} {where}")
    patched = deepcopy(document)
    for operation in operations:
        if not isinstance(operation, dict):
            where = "into Go value of type handlers.jsonPatchOp"
            raise PatchError(400, "BadRequest", f"error decoding patch: {_unmarshal(operation)} {where}")
        try:
            patched = _operate(patched, operation)
        except (KeyError, IndexError, ValueError, TypeError):
            raise PatchError(422, "Invalid", _REJECTED) from None
    return patched


def _operate(document: JSON, operation: JSONMap) -> JSON:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, operation["value"])
        case "remove":
            _remove(document, path)
        case "replace":
            return _replace(document, path, operation["value"])
        case "move":
            return _add(document, path, _remove(document, _pointer(operation["from"])))
        case "copy":
            return _add(document, path, deepcopy(_find(document, _pointer(operation["from"]))))
        case "test":
            if not _same(_find(document, path), operation.get("value")):
                raise ValueError("test failed")
        case other:
            raise ValueError(f"unknown operation {other}")
    return document


def _pointer(path: JSON) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise ValueError(f"not a JSON pointer: {path}")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _find(document: JSON, path: list[str]) -> JSON:
    """The value at `path`; a missing last step of a map is null, as in the server's library."""
    found = document
    for index, step in enumerate(path):
        if isinstance(found, list):
            found = found[_index(step)]
        elif isinstance(found, dict):
            found = found.get(step) if index == len(path) - 1 else found[step]
        else:
            raise KeyError(step)
    return found


def _add(document: JSON, path: list[str], value: JSON) -> JSON:
    if not path:
        if not isinstance(value, dict | list):
            raise ValueError("the whole document cannot be a scalar")
        return value
    parent, step = _find(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[step] = value
        return document
    items = as_list(parent)
    position = len(items) if step == "-" else _index(step)
    if position > len(items) or position < -len(items) - 1:
        raise IndexError(step)
    items.insert(position if position >= 0 else len(items) + 1 + position, value)
    return document


def _replace(document: JSON, path: list[str], value: JSON) -> JSON:
    if not path:
        return value
    parent, step = _find(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[step] = value
    else:
        as_list(parent)[_index(step)] = value
    return document


def _remove(document: JSON, path: list[str]) -> JSON:
    parent, step = _find(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        return parent.pop(step)
    return as_list(parent).pop(_index(step))


def _index(step: str) -> int:
    digits = step.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not an index: {step}")
    return int(step)


def _same(one: JSON, other: JSON) -> bool:
    """JSON equality: Python's holds True for 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _unmarshal(value: JSON) -> str:
    name = next((name for types, name in _GO_NAMES if isinstance(value, types)), "null")
    return f"json: cannot unmarshal {name}"


# ---------------------------------------------------------------------------------------------- strategic merge


def strategic_merge(document: JSONMap, patch: JSONMap, node: Node) -> JSONMap:
    """Kubernetes' own patch: lists with a merge key merge by item. Raises PatchError.

    Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F`.
    """
    return _merge_map(document, patch, node)


def _merge_map(document: JSONMap, patch: JSONMap, node: Node) -> JSONMap:
    match patch.get("$patch"):
        case "replace":
            return {name: _plain(value) for name, value in patch.items() if name != "$patch"}
        case "delete":
            return {}
        case None | "merge":
            merged = _retained(document, patch)
            _merge_fields(merged, patch, node)
            _order_lists(merged, patch, document, node)
            return merged
        case other:
            raise PatchError(500, "", f"unknown patch type: {other} in map: {go_map(patch)}")


def _merge_fields(merged: JSONMap, patch: JSONMap, node: Node) -> None:
    for name, value in patch.items():
        if name.startswith(_DELETE):
            _delete_primitives(merged, name.partition("/")[2], as_list(value))
        elif not _is_directive(name):
            _merge_field(merged, patch, name, node.child(name))


def _order_lists(merged: JSONMap, patch: JSONMap, document: JSONMap, node: Node) -> None:
    """The order of merged lists: as `$setElementOrder` says, or as the patch names the items."""
    for name in {name.removeprefix(_ORDER) for name, value in patch.items() if isinstance(value, list)}:
        order = patch.get(_ORDER + name, patch.get(name))
        items = merged.get(name)
        if isinstance(items, list) and isinstance(order, list) and _merges(patch.get(name), node.child(name)):
            merged[name] = _ordered(items, order, document.get(name), node.child(name))


def _is_directive(name: str) -> bool:
    return name in {"$patch", "$retainKeys"} or name.startswith((_DELETE, _ORDER))


def _merges(patch: JSON, node: Node) -> bool:
    """Whether a list keeps the items of the document that the patch does not name."""
    replaced = isinstance(patch, list) and any(dig(item, "$patch") == "replace" for item in patch)
    return "merge" in node.strategies and not replaced


def _retained(document: JSONMap, patch: JSONMap) -> JSONMap:
    keep = patch.get("$retainKeys")
    if not isinstance(keep, list):
        return dict(document)
    if any(not _is_directive(name) and name not in keep and value is not None for name, value in patch.items()):
        raise PatchError(400, "BadRequest", "invalid patch format of retainKeys")
    return {name: value for name, value in document.items() if name in keep}


def _delete_primitives(merged: JSONMap, field: str, gone: list[JSON]) -> None:
    items = merged.get(field)
    if isinstance(items, list):
        merged[field] = [item for item in items if item not in gone]


def _merge_field(merged: JSONMap, patch: JSONMap, name: str, node: Node) -> None:
    value, old = patch[name], merged.get(name)
    if value is None:
        merged.pop(name, None)
    elif isinstance(value, dict) and isinstance(old, dict):
        merged[name] = _merge_map(old, value, node)
    elif isinstance(value, dict) and name not in merged:
        merged[name] = _merge_map({}, value, node)
    elif isinstance(value, list) and (isinstance(old, list) or old is None) and "merge" in node.strategies:
        merged[name] = _merge_list(old or [], value, node)
    else:
        merged[name] = _plain(value)


def _merge_list(old: list[JSON], patch: list[JSON], node: Node) -> list[JSON]:
    if not node.merge_key:
        return old + [item for index, item in enumerate(patch) if item not in old and item not in patch[:index]]
    if any(dig(item, "$patch") == "replace" for item in patch):
        return [_plain(item) for item in patch if dig(item, "$patch") is None]
    merged = list(old)
    for item in patch:
        if not isinstance(item, dict):
            raise PatchError(500, "", "list element types are not identical")
        if node.merge_key not in item:
            text = f"map: {go_map(item)} does not contain declared merge key: {node.merge_key}"
            raise PatchError(500, "", text)
        _merge_item(merged, item, node)
    return merged


def _merge_item(items: list[JSON], item: JSONMap, node: Node) -> None:
    key = item[node.merge_key]
    at = next((index for index, one in enumerate(items) if _key(one, node) == key), None)
    if item.get("$patch") == "delete":
        items[:] = [one for one in items if _key(one, node) != key]
    elif at is None:
        items.append(_merge_map({}, item, node.items))
    else:
        found = items[at]
        items[at] = _merge_map(found if isinstance(found, dict) else {}, item, node.items)


def _ordered(items: list[JSON], order: list[JSON], old: JSON, node: Node) -> list[JSON]:
    """Items of the patch in its order; the server's own between them where they stood before."""
    wanted = [_key(one, node) if node.merge_key else one for one in order]
    before = [_key(one, node) if node.merge_key else one for one in old] if isinstance(old, list) else []

    def name(item: JSON) -> JSON:
        return _key(item, node) if node.merge_key else item

    def place(item: JSON) -> int:
        return before.index(name(item)) if name(item) in before else -1

    listed = sorted((item for item in items if name(item) in wanted), key=lambda item: wanted.index(name(item)))
    own = [item for item in items if name(item) not in wanted]
    merged: list[JSON] = []
    while listed and own:
        mine, theirs = place(own[0]), place(listed[0])
        merged.append(own.pop(0) if 0 <= mine < theirs else listed.pop(0))
    return merged + listed + own


def _key(item: JSON, node: Node) -> JSON:
    return item.get(node.merge_key) if isinstance(item, dict) else None


def _plain(value: JSON) -> JSON:
    """A new value without the directives and nulls that only make sense in a patch."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if not _is_directive(name) and item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, dict) and "$patch" in item)]
    return value


def go_map(value: JSON) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_map(item)}' for name, item in sorted(value.items()))}]"
    return str(value)
