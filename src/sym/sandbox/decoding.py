"""Whether an object fits the server's typed structs at all; if not, the request is refused with 400 and this sentence.

Only built-in kinds and the metadata of custom resources are typed so; the rest of a custom resource is validation.py's.
"""

import base64
import binascii
import re
from typing import Final

from sym.model.codec import JSON, JSONMap
from sym.sandbox import quantity
from sym.sandbox.schema import Node, Shape

_RANGES: Final = {"int32": 2**31, "int64": 2**63}
_NAMES: Final = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))


def misfit(node: Node, document: JSONMap) -> str:
    """The first field that has the wrong type, in the words of the server's decoder; empty where all fit."""
    return _struct(node, document, "")


def metadata_misfit(node: Node, document: JSONMap) -> str:
    """The same of a custom resource's metadata alone."""
    metadata = document.get("metadata")
    return _struct(node.child("metadata"), metadata, "") if isinstance(metadata, dict) else ""


def _struct(node: Node, value: JSONMap, path: str) -> str:
    for name, item in value.items():
        child = node.properties.get(name)
        if child is not None and item is not None:
            where = f"{path}.{name}" if path else name
            found = _field(child, item, where, _last(node.title))
            if found:
                return found
    return ""


def _field(node: Node, value: JSON, path: str, owner: str) -> str:
    if node.quantity:
        return _quantity(value)
    if node.shape is Shape.LIST and isinstance(value, list):
        return next((bad for item in value if (bad := _field(node.items, item, path, owner))), "")
    if node.shape is Shape.MAP and isinstance(value, dict):
        if node.properties:
            return _struct(node, value, path)
        values = node.values
        if values is None:
            return ""
        return next((bad for item in value.values() if (bad := _field(values, item, path, owner))), "")
    if node.raw.get("format") == "byte" and isinstance(value, str):
        return _base64(value)
    if value is None or _fits(node, value):
        return _time(node, str(value)) if node.raw.get("format") == "date-time" else ""
    return f"json: cannot unmarshal {_shown(node, value)} into Go struct field {owner}.{path} of type {_go_type(node)}"


def _time(node: Node, value: str) -> str:
    micro = node.title.endswith(".MicroTime")
    form = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    fraction = r"\.\d{6}" if micro else r"(?:\.\d+)?"
    if re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d{fraction}(?:Z|[+-]\d\d:\d\d)", value):
        return ""
    begun = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value)
    rest, wanted = (value[begun.end() :], ".000000" if micro else "Z07:00") if begun else (value, "2006")
    return f'parsing time "{value}" as "{form}": cannot parse "{rest}" as "{wanted}"'


def _fits(node: Node, value: JSON) -> bool:
    if node.int_or_string:
        return isinstance(value, str | int) and not isinstance(value, bool)
    match node.type:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool) and _in_range(node, value)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return node.shape is Shape.ANY


def _in_range(node: Node, value: JSON) -> bool:
    limit = _RANGES.get(str(node.raw.get("format")), 2**63)
    return isinstance(value, int | float) and -limit <= value < limit


def json_name(value: JSON) -> str:
    """What Go's decoder calls a value."""
    return next((name for types, name in _NAMES if isinstance(value, types)), "null")


def _shown(node: Node, value: JSON) -> str:
    name = json_name(value)
    return f"number {value}" if name == "number" and node.type == "integer" else name


def _go_type(node: Node) -> str:
    if node.shape is Shape.LIST:
        return "[]" + _go_type(node.items)
    if node.int_or_string:
        return "int32"
    if node.shape is Shape.MAP and not node.properties:
        if node.values is not None and node.values.quantity:
            return "v1.ResourceList"
        return f"map[string]{_go_type(node.values)}" if node.values is not None else "map[string]interface {}"
    scalars = {"string": "string", "boolean": "bool", "number": "float64"}
    if node.type == "integer":
        return str(node.raw.get("format", "int64"))
    return scalars.get(node.type, ".".join(node.title.split(".")[-2:]))


def _quantity(value: JSON) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            quantity.parse(str(value))
        except ValueError as error:
            return str(error)
        return ""
    return f"quantities must match the regular expression '{quantity.PATTERN}'"


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        at = next((index for index, letter in enumerate(value) if letter not in letters), len(value) // 4 * 4)
        return f"illegal base64 data at input byte {at}"
    return ""


def _last(title: str) -> str:
    return title.rpartition(".")[2]
