"""The check that server-side apply makes before it merges: does the stated object have the schema's types at all?

Apply refuses unknown fields, repeated items and wrong types with 500 and these sentences; values are checked later, on
the merged object. Pure.
"""

from collections.abc import Iterator
from typing import Final

from sym.model.codec import JSON, JSONMap, dig_map, encode_sorted
from sym.sandbox.decoding import misfit
from sym.sandbox.fieldset import granular_list, item_step, readable
from sym.sandbox.patch import PatchError
from sym.sandbox.schema import Node, Relation, Shape

_NUMBERS: Final = {"integer", "number"}


def check(config: JSONMap, node: Node) -> None:
    """Raises PatchError (500, no reason) that lists every field of an apply's config that cannot be merged.

    For a built-in kind also where a value does not fit the server's structs.
    """
    errors = sorted(_map_errors(config, node, ""))
    if errors:
        text = errors[0] if len(errors) == 1 else "errors:" + "".join(f"\n  {error}" for error in errors)
        raise PatchError(500, "", f"failed to create typed patch object ({_subject(config)}): {text}")
    wrong = misfit(node, config) if node.builtin else ""
    if wrong:
        why = f"error decoding from json: {wrong}" if wrong.startswith("illegal base64") else wrong
        kind = _subject(config).partition("; ")[2]
        convert = f"unable to convert unstructured object to {kind}: {why}"
        raise PatchError(500, "", f"failed to convert new object ({_subject(config)}) to proper version: {convert}")


def go_value(value: JSON) -> str:
    """A value as Go's %v prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_value(item)}' for name, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_value(item) for item in value)}]"
    return "<nil>" if value is None else str(value)


def _errors(value: JSON, node: Node, path: str) -> Iterator[str]:
    if value is None or node.shape is Shape.ANY or node.int_or_string:
        return
    if node.shape is Shape.MAP:
        if isinstance(value, dict):
            yield from _map_errors(value, node, path)
        else:
            yield f"{path}: expected map, got &{{{go_value(value)}}}"
    elif node.shape is Shape.LIST:
        if isinstance(value, list):
            yield from _list_errors(value, node, path)
        else:
            yield f"{path}: expected list, got &{{{go_value(value)}}}"
    else:
        yield from _scalar_errors(value, node, path)


def _map_errors(value: JSONMap, node: Node, path: str) -> Iterator[str]:
    for name, item in value.items():
        where = f"{path}.{name}"
        child = node.field(name)
        if child is not None:
            yield from _errors(item, child, where)
        elif node.known:
            yield f"{where}: field not declared in schema"


def _list_errors(items: list[JSON], node: Node, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if not granular_list(node):
            yield from _errors(item, node.items, f"{path}[{index}]")
            continue
        problem = _item_problem(item, node)
        if problem:
            yield f"{path}: element {index}: {problem}"
            continue
        where = readable(item_step(item, node))
        if where in seen:
            yield f"{path}: duplicate entries for key {where}"
        seen.add(where)
        yield from _errors(item, node.items, path + where)


def _item_problem(item: JSON, node: Node) -> str:
    if node.relation is Relation.SET:
        return "associative list without keys has an element that's an explicit null" if item is None else ""
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    if any(key in item or node.items.child(key).has_default for key in node.keys):
        return ""
    keys = " ".join(f'"{key}"' for key in node.keys)
    return (
        f"associative list with keys has an element that omits all key fields [{keys}]"
        " (and doesn't have default values for any key fields)"
    )


def _scalar_errors(value: JSON, node: Node, path: str) -> Iterator[str]:
    if node.type in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield f"{path}: expected numeric (int or float), got {_go_type(value)}"
    elif node.type == "string" and not isinstance(value, str):
        yield f"{path}: expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    elif node.type == "boolean" and not isinstance(value, bool):
        yield f"{path}: expected boolean, got &{{{go_value(value)}}}"


def _go_type(value: JSON) -> str:
    names = ((bool, "bool"), (str, "string"), (list, "[]interface {}"), (dict, "map[string]interface {}"))
    return next((name for type_, name in names if isinstance(value, type_)), "unknown")


def _go_syntax(value: JSON) -> str:
    if isinstance(value, dict):
        return f"map[string]interface {{}}{encode_sorted(value).decode()}"
    return go_value(value)


def _subject(config: JSONMap) -> str:
    metadata = dig_map(config, "metadata")
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    version = str(config.get("apiVersion", ""))
    return f"{name}; {version if '/' in version else f'/{version}'}, Kind={config.get('kind', '')}"
