"""JSON in and out of structs, and the small readers for JSON whose shape is not ours.

Relies on msgspec only. Everything that crosses a process boundary as JSON passes through here, so that a broken
document always ends in one error, `DecodeError`, that names the field.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import msgspec

if TYPE_CHECKING:
    JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
else:
    JSON = object  # msgspec cannot follow a recursive alias; its decoder yields exactly these types for `object`
JSONMap: TypeAlias = dict[str, JSON]
T = TypeVar("T")

_ENCODER = msgspec.json.Encoder()
_SORTED = msgspec.json.Encoder(order="sorted")


class DecodeError(ValueError):
    """A document that does not have the shape it must have. `path` is JSONPath-like, `$` for the whole document."""

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(f"{path}: {message}")
        self.message = message
        self.path = path


def encode(value: object) -> bytes:
    """JSON bytes of a struct, a mapping or a list."""
    return _ENCODER.encode(value)


def encode_sorted(value: object) -> bytes:
    """JSON bytes with sorted keys: the same value always gives the same bytes, for digests."""
    return _SORTED.encode(value)


def decode(data: bytes | str, type_: type[T]) -> T:
    """The value of type `type_` in `data`. Raises DecodeError with the path of the first field that does not fit."""
    try:
        return msgspec.json.decode(data, type=type_)
    except msgspec.ValidationError as error:
        raise _located(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DecodeError(f"not JSON: {error}") from None
    except RecursionError:
        raise DecodeError("nested too deeply") from None


def parse(data: bytes | str) -> JSON:
    """Any JSON document as plain values. Raises DecodeError."""
    return cast("JSON", decode(data, object))  # msgspec yields exactly the JSON types for `object`


def parse_map(data: bytes | str) -> JSONMap:
    """A JSON document that must be an object. Raises DecodeError."""
    return as_map(parse(data))


def convert(value: JSON, type_: type[T]) -> T:
    """The value of type `type_` held by already parsed JSON. Raises DecodeError with the field's path."""
    try:
        return msgspec.convert(value, type=type_)
    except msgspec.ValidationError as error:
        raise _located(error) from None


def to_json(value: object) -> JSON:
    """A struct as plain JSON values, with the names of the wire. By way of bytes: msgspec's own conversion keeps
    tuples, which are no JSON, and shares mutable parts with the struct."""
    return parse(encode(value))


def to_map(value: object) -> JSONMap:
    """A struct as a plain JSON object, with the names of the wire. Raises DecodeError if it is not an object."""
    return as_map(to_json(value))


def as_map(value: JSON, path: str = "$") -> JSONMap:
    """`value`, which must be an object. Raises DecodeError."""
    if isinstance(value, dict):
        return value
    raise DecodeError(f"expected an object, got {_name(value)}", path)


def as_list(value: JSON, path: str = "$") -> list[JSON]:
    """`value`, which must be a list. Raises DecodeError."""
    if isinstance(value, list):
        return value
    raise DecodeError(f"expected a list, got {_name(value)}", path)


def as_str(value: JSON, path: str = "$") -> str:
    """`value`, which must be a string. Raises DecodeError."""
    if isinstance(value, str):
        return value
    raise DecodeError(f"expected a string, got {_name(value)}", path)


def dig(value: JSON | Mapping[str, JSON], *path: str | int) -> JSON:
    """The value at `path`, or None where a step is missing or of another shape."""
    # The hottest loop of all. Concrete types come first: asking an abstract one costs ten times as much.
    found = value if isinstance(value, dict | list) or not isinstance(value, Mapping) else dict(value)
    for step in path:
        if isinstance(found, dict):
            found = found.get(step) if isinstance(step, str) else None
        elif isinstance(found, list):
            found = found[step] if isinstance(step, int) and -len(found) <= step < len(found) else None
        else:
            return None
    return found


def dig_map(value: JSON | Mapping[str, JSON], *path: str | int) -> JSONMap:
    """The object at `path`, or an empty one."""
    found = dig(value, *path)
    return found if isinstance(found, dict) else {}


def dig_list(value: JSON | Mapping[str, JSON], *path: str | int) -> list[JSON]:
    """The list at `path`, or an empty one."""
    found = dig(value, *path)
    return found if isinstance(found, list) else []


def dig_str(value: JSON | Mapping[str, JSON], *path: str | int) -> str:
    """The string at `path`, or an empty one."""
    found = dig(value, *path)
    return found if isinstance(found, str) else ""


def _located(error: msgspec.ValidationError) -> DecodeError:
    message, _, where = str(error).partition(" - at `")
    return DecodeError(message, where.rstrip("`") or "$")


def _name(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
