"""Whether a custom resource keeps its CRD's schema: the value checks, in the server's order and words.

Pure. `validate` gives causes as a Status answer carries them; rules in CEL are cel.py's. A value that an update leaves
as it was is not held against it, as servers since 1.33 do.
"""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, encode, encode_sorted
from sym.sandbox.fieldset import item_step
from sym.sandbox.formats import is_format
from sym.sandbox.schema import Node, Relation, Shape


class Absent(Enum):
    """Stands for a value that is not there, where null is one."""

    ABSENT = "absent"


MISSING: Final = Absent.ABSENT
Old: TypeAlias = "JSON | Absent"

INVALID = "FieldValueInvalid"
REQUIRED = "FieldValueRequired"
TYPE_INVALID = "FieldValueTypeInvalid"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
NOT_SUPPORTED = "FieldValueNotSupported"
DUPLICATE = "FieldValueDuplicate"
FORBIDDEN = "FieldValueForbidden"


def validate(node: Node, document: JSONMap, old: JSONMap | None = None) -> list[Cause]:
    """What the schema of a custom resource refuses; empty where nothing. `old` is the object before an update."""
    checked: JSONMap = {name: value for name, value in document.items() if name not in _SERVERS}
    before: Old = {name: value for name, value in old.items() if name not in _SERVERS} if old else MISSING
    causes = _own_metadata(node, document, old)
    causes += _value(node, checked, "", before)
    return causes + list(_lists(node, checked, "", before))


def validate_scale(document: JSONMap, paths: tuple[str, str, str]) -> list[Cause]:
    """What is wrong with the counts that a CRD's scale subresource names; `paths` as it states them."""
    causes: list[Cause] = []
    for path in paths[:2]:
        steps = path.split(".")[1:]
        count = dig(document, *steps)
        if count is None or not path:
            continue
        if isinstance(count, bool) or not isinstance(count, int):
            kind = _GO_TYPES.get(type_name(count), "map[string]interface {}")
            text = f"{path} accessor error: {shown(count).strip(QUOTE)} is of the type {kind}, expected int64"
            causes.append(invalid(path, 0, text))
        elif count < 0:
            causes.append(invalid(path, count, "should be a non-negative integer"))
        elif count >= 2**31:
            causes.append(invalid(path, count, f"should be less than or equal to {2**31 - 1}"))
    return causes


def _own_metadata(node: Node, document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What the CRD's own schema of `metadata` refuses; it may only speak of name and generateName."""
    if node.own_metadata is None:
        return []
    stated: JSONMap = {name: value for name, value in dig_map(document, "metadata").items() if name in _NAMES}
    return list(_value(node.own_metadata, stated, "metadata", MISSING)) if old is None else []


def validate_value(node: Node, value: JSON) -> list[Cause]:
    """What a part of a schema refuses of a value on its own."""
    return list(_value(node, value, "", MISSING)) + list(_lists(node, value, "", MISSING))


def sentence(kind: str, name: str, causes: list[Cause]) -> str:
    """The message of an Invalid answer. `kind` is `Deployment.apps`, or `Pod` in the core group."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    return f'{kind} "{name}" is invalid: ' + (texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


def invalid(path: str, value: JSON, why: str) -> Cause:
    """A value that is refused for a reason of its own."""
    return Cause(path, f"Invalid value: {shown(value)}: {why}", INVALID)


def required(path: str, why: str = "") -> Cause:
    """A value that must be there."""
    return Cause(path, f"Required value: {why}" if why else "Required value", REQUIRED)


def duplicate(path: str, value: JSON) -> Cause:
    """A value that may stand only once."""
    return Cause(path, f"Duplicate value: {shown(value)}", DUPLICATE)


def unsupported(path: str, value: JSON, choices: list[str]) -> Cause:
    """A value that is none of the choices."""
    listed = ", ".join(f'"{choice}"' for choice in choices)
    return Cause(path, f"Unsupported value: {shown(value)}: supported values: {listed}", NOT_SUPPORTED)


def too_long(path: str, limit: int) -> Cause:
    """A text of more than `limit` bytes."""
    return Cause(path, f"Too long: may not be more than {limit} byte{'' if limit == 1 else 's'}", TOO_LONG)


def too_many(path: str, count: int, limit: int) -> Cause:
    """A list or map of more than `limit` entries."""
    return Cause(path, f"Too many: {count}: must have at most {limit} item{'' if limit == 1 else 's'}", TOO_MANY)


def forbidden(path: str, why: str) -> Cause:
    """A value that may not be given, or not be changed."""
    return Cause(path, f"Forbidden: {why}", FORBIDDEN)


def shown(value: JSON) -> str:
    """A value as messages print it."""
    return encode_sorted(value).decode() if isinstance(value, dict | list) else encode(value).decode()


def pattern(text: str) -> re.Pattern[str]:
    """A Go regular expression for Python. Raises re.error where Python has no such thing."""
    return _compiled(text)


QUOTE: Final = '"'
_NAMES: Final = frozenset({"name", "generateName"})
_GO_TYPES: Final = {"string": "string", "boolean": "bool", "number": "float64", "array": "[]interface {}"}
_SERVERS: Final = frozenset({"apiVersion", "kind", "metadata"})


def _value(node: Node, value: JSON, path: str, old: Old) -> Iterator[Cause]:
    if old is not MISSING and old == value:
        return
    yield from _type(node, value, path)
    yield from _alternatives(node, value, path)
    if value is None:
        return
    if isinstance(value, str):
        yield from _string(node.raw, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(node.raw, value, path)
    elif isinstance(value, list):
        yield from _array(node, value, path, old)
    yield from _enum(node.raw, value, path)
    if isinstance(value, dict):
        yield from _object(node, value, path, old)


def _type(node: Node, value: JSON, path: str) -> Iterator[Cause]:
    wanted = "integer,string" if node.int_or_string else node.type
    found = type_name(value)
    if not wanted or found in wanted.split(",") or (value is None and node.nullable):
        return
    if (wanted == "number" and found == "integer") or (wanted == "integer" and _integral(value)):
        return
    where = path or "<nil>"
    text = f'Invalid value: "{found}": {where} in body must be of type {wanted}: "{found}"'
    yield Cause(where, text, TYPE_INVALID)


def type_name(value: JSON) -> str:
    """The JSON schema type of a value. A number beyond 64 bits is no integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "number"
    names = ((float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for type_, name in names if isinstance(value, type_)), "null")


def _integral(value: JSON) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < 2**63


def _alternatives(node: Node, value: JSON, path: str) -> Iterator[Cause]:
    where = f'"{path}"'
    for word, text in (("anyOf", "at least one schema (anyOf)"), ("oneOf", "one and only one schema (oneOf). ")):
        branches = node.branches(word)
        failures = [list(_value(branch, value, path, MISSING)) for branch in branches]
        valid = failures.count([])
        if not branches or valid == 1 or (valid and word == "anyOf"):
            continue
        count = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield _nameless(f"{where} must validate {text}{count if word == 'oneOf' else ''}")
        if not valid:
            yield from failures[0]
    parts = [list(_value(branch, value, path, MISSING)) for branch in node.branches("allOf")]
    for failure in parts:
        yield from failure
    if any(parts):
        yield _nameless(f"{where} must validate all the schemas (allOf){'' if [] in parts else '. None validated'}")
    for branch in node.branches("not"):
        if not list(_value(branch, value, path, MISSING)):
            yield _nameless(f"{where} must not validate the schema (not)")


def _nameless(text: str) -> Cause:
    return Cause("<nil>", f'Invalid value: "": {text}', INVALID)


def _string(raw: JSONMap, value: str, path: str) -> Iterator[Cause]:
    longest, shortest, expression = raw.get("maxLength"), raw.get("minLength"), raw.get("pattern")
    if isinstance(longest, int) and len(value) > longest:
        yield too_long(path, longest)
    elif isinstance(shortest, int) and len(value) < shortest:
        yield invalid(path, value, f"{path} in body should be at least {shortest} chars long")
    elif isinstance(expression, str) and not pattern(expression).search(value):
        yield invalid(path, value, f"{path} in body should match '{expression}'")
    format_ = raw.get("format")
    if isinstance(format_, str) and not is_format(format_, value):
        text = f"Invalid value: {shown(value)}: {path} in body must be of type {format_}: {shown(value)}"
        yield Cause(path, text, TYPE_INVALID)


def _number(raw: JSONMap, value: float, path: str) -> Iterator[Cause]:
    most, least, step = raw.get("maximum"), raw.get("minimum"), raw.get("multipleOf")
    if isinstance(most, int | float):
        strict = raw.get("exclusiveMaximum") is True
        if value > most or (strict and value == most):
            yield invalid(path, value, f"{path} in body should be less than {'' if strict else 'or equal to '}{most}")
    if isinstance(least, int | float):
        strict = raw.get("exclusiveMinimum") is True
        if value < least or (strict and value == least):
            word = "" if strict else "or equal to "
            yield invalid(path, value, f"{path} in body should be greater than {word}{least}")
    if isinstance(step, int | float) and step and value % step:
        yield invalid(path, value, f"{path} in body should be a multiple of {step}")


def _array(node: Node, value: list[JSON], path: str, old: Old) -> Iterator[Cause]:
    if isinstance(node.raw.get("items"), dict):
        before = _correlated(node, old)
        for index, item in enumerate(value):
            was = before.get(item_step(item, node), MISSING) if before else MISSING
            yield from _value(node.items, item, f"{path}[{index}]", was)
    fewest, most = node.raw.get("minItems"), node.raw.get("maxItems")
    if isinstance(fewest, int) and len(value) < fewest:
        yield invalid(path, len(value), f"{path} in body should have at least {fewest} items")
    if isinstance(most, int) and len(value) > most:
        yield too_many(path, len(value), most)
    if node.raw.get("uniqueItems") is True and len({encode_sorted(item) for item in value}) < len(value):
        yield invalid(path, None, f"{path} in body shouldn't contain duplicates")


def _correlated(node: Node, old: Old) -> dict[str, JSON]:
    if node.relation is not Relation.KEYED or not isinstance(old, list):
        return {}
    return {item_step(item, node): item for item in old}


def _enum(raw: JSONMap, value: JSON, path: str) -> Iterator[Cause]:
    choices = dig_list(raw, "enum")
    if choices and not any(type(one) is type(value) and one == value for one in choices):
        yield unsupported(path, value, [one if isinstance(one, str) else shown(one) for one in choices])


def _object(node: Node, value: JSONMap, path: str, old: Old) -> Iterator[Cause]:
    fewest, most = node.raw.get("minProperties"), node.raw.get("maxProperties")
    if isinstance(fewest, int) and len(value) < fewest:
        yield invalid(path, len(value), f"{path} in body should have at least {fewest} properties")
    if isinstance(most, int) and len(value) > most:
        yield too_many(path, len(value), most)
    for name in (*node.required, *(("apiVersion", "kind") if node.embedded and path else ())):
        if name not in value:
            yield required(_below(path, name))
    was = old if isinstance(old, dict) else {}
    for name, item in value.items():
        child = node.field(name)
        if child is not None and not (node.embedded and name in _SERVERS):
            yield from _value(child, item, _below(path, name), was.get(name, MISSING))


def _lists(node: Node, value: JSON, path: str, old: Old) -> Iterator[Cause]:
    """Items that stand twice in a set or keyed list."""
    if old is not MISSING and old == value:
        return
    if isinstance(value, dict) and node.shape in {Shape.MAP, Shape.ANY}:
        was = old if isinstance(old, dict) else {}
        for name, item in value.items():
            child = node.field(name)
            if child is not None and isinstance(item, dict | list):
                yield from _lists(child, item, _below(path, name), was.get(name, MISSING))
    elif isinstance(value, list) and node.shape is Shape.LIST:
        seen: set[str] = set()
        for index, item in enumerate(value):
            where = f"{path}[{index}]"
            step = item_step(item, node) if node.relation is not Relation.ATOMIC else str(index)
            if step in seen:
                yield duplicate(where, _keys(item, node))
            seen.add(step)
            yield from _lists(node.items, item, where, MISSING)


def _keys(item: JSON, node: Node) -> JSON:
    if node.relation is Relation.KEYED and isinstance(item, dict):
        return {key: item[key] for key in node.keys if key in item}
    return item


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@lru_cache(maxsize=1024)
def _compiled(text: str) -> re.Pattern[str]:
    """Go's `$` and `\\z` mean the end of the text only, and its classes are ASCII."""
    parts: list[str] = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", text, re.DOTALL)
    ends = {"$": r"\Z", r"\z": r"\Z"}
    return re.compile("".join(ends.get(part, part) for part in parts), re.ASCII)
