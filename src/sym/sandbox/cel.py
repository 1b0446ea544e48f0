"""`x-kubernetes-validations`: the rules in CEL of custom resources.

The package `common-expression-language` compiles and runs the expressions; this module gives it Kubernetes' view of a
value (escaped names, typed numbers and times), knows when a rule applies, and words what fails. A rule that cannot be
evaluated is a refusal, never a pass, and a rule that uses a function that we do not have is refused when its CRD comes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

import cel
from cel.stdlib import add_stdlib_to_context
from msgspec import Struct

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig_list, dig_map, dig_str
from sym.sandbox.fieldset import item_step
from sym.sandbox.schema import Node, Relation, Shape
from sym.sandbox.validation import MISSING, Old, duplicate, pattern

BLOCKING: Final = frozenset(
    {"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)
"""After one of these no rule is evaluated: its types would not hold."""

_NOT_CHECKED: Final = Cause(
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
    "FieldValueInvalid",
)
_KEYWORDS: Final = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
    }
    | {"loop", "package", "namespace", "return", "var", "void", "while"}
)
_SYMBOLS: Final = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_NATIVE: Final = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "string", "int", "uint", "double", "bytes", "bool"}
    | {"duration", "timestamp", "type", "dyn", "has", "hasValue", "value", "orValue", "or", "none", "of"}
    | {"getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes"}
    | {"getSeconds", "getMilliseconds"}
)
_ADDED: Final = frozenset(
    {"min", "max", "sum", "charAt", "indexOf", "lastIndexOf", "substring", "replace", "split", "join", "lowerAscii"}
    | {"upperAscii", "trim", "reverse", "greatest", "least", "isSorted", "find", "findAll", "distinct", "flatten"}
    | {"slice", "sort", "equivalent", "intersects", "encode", "decode", "abs", "ceil", "floor", "round"}
)
_NAMES: Final = frozenset({"self", "oldSelf", "math", "sets", "base64", "lists", "strings", "optional"}) | frozenset(
    {"int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"}
)
_BOUND: Final = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s)")


class Rule(Struct, frozen=True):
    """One entry of `x-kubernetes-validations`."""

    text: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    field_path: str = ""
    optional_old: bool = False


def rules_of(node: Node) -> tuple[Rule, ...]:
    """The rules that stand at one place of a schema."""
    return tuple(_rule(dig_map(raw)) for raw in dig_list(node.raw, "x-kubernetes-validations"))


def validate_rules(node: Node, document: JSONMap, old: JSONMap | None, causes: list[Cause]) -> list[Cause]:
    """What the rules refuse. With one of BLOCKING among the schema's own `causes` nothing is evaluated."""
    if not node.has_rules:
        return []
    if any(cause.reason in BLOCKING for cause in causes):
        return [_NOT_CHECKED]
    return list(_walk(node, document, "", MISSING if old is None else old))


def compile_problem(text: str, known: Callable[[str], bool] | None = None) -> str:
    """Why an expression cannot be used here, empty where it can. `known` tells the field names of `self`."""
    try:
        program = _program(text)
    except ValueError as error:
        lines = str(error).partition(": ERROR: ")[2].splitlines()
        shown = "\n".join(f" {line}" if line.startswith("|") else line for line in lines)
        return f"compilation failed: ERROR: {shown}"
    for name in sorted(program.functions(), key=lambda name: name not in _KUBERNETES):
        if name[0].isalpha() and name not in _NATIVE | _ADDED:
            return _undeclared(text, name, f"{name}(", len(name))
    bound = set(_BOUND.findall(text))
    for name in program.variables():
        if name not in _NAMES and name not in bound:
            return _undeclared(text, name, name, 0)
    return _undefined_field(text, known) if known else ""


def uses_old(text: str) -> bool:
    """Whether a rule is about a change."""
    return "oldSelf" in _program(text).variables()


def _rule(raw: JSONMap) -> Rule:
    return Rule(
        text=dig_str(raw, "rule").strip(),
        message=dig_str(raw, "message").strip(),
        message_expression=dig_str(raw, "messageExpression").strip(),
        reason=dig_str(raw, "reason"),
        field_path=dig_str(raw, "fieldPath"),
        optional_old=raw.get("optionalOldSelf") is True,
    )


@lru_cache(maxsize=1024)
def _program(text: str) -> cel.Program:
    return cel.compile(text)


def _walk(node: Node, value: JSON, path: str, old: Old) -> Iterator[Cause]:
    """All rules at this place and below. A value that did not change is not judged again."""
    if value is None or (old is not MISSING and old == value):
        return
    for rule in rules_of(node):
        yield from _judge(rule, node, (value, old), path)
    if isinstance(value, dict):
        was = old if isinstance(old, dict) else {}
        for name, item in value.items():
            yield from _walk_field(node, name, item, (path, was.get(name, MISSING)))
    elif isinstance(value, list) and node.shape is Shape.LIST:
        before = _correlated(node, old)
        for index, item in enumerate(value):
            was_item = before.get(item_step(item, node), MISSING) if before else MISSING
            yield from _walk(node.items, item, f"{path}[{index}]", was_item)


def _walk_field(node: Node, name: str, value: JSON, place: tuple[str, Old]) -> Iterator[Cause]:
    path, old = place
    child = node.properties.get(name)
    if child is not None:
        yield from _walk(child, value, f"{path}.{name}" if path else name, old)
    elif node.values is not None:
        yield from _walk(node.values, value, f"{path}[{name}]", old)


def _correlated(node: Node, old: Old) -> dict[str, JSON]:
    if node.relation is not Relation.KEYED or not isinstance(old, list):
        return {}
    return {item_step(item, node): item for item in old}


def _judge(rule: Rule, node: Node, values: tuple[JSON, Old], path: str) -> Iterator[Cause]:
    value, old = values
    variables: dict[str, object] = {"self": _seen(node, value)}
    if rule.optional_old:
        none = cel.OptionalValue.none()
        variables["oldSelf"] = none if old is MISSING else cel.OptionalValue.of(_seen(node, old))
    elif uses_old(rule.text):
        if old is MISSING:
            return
        variables["oldSelf"] = _seen(node, old)
    verdict, error = _evaluate(rule.text, variables)
    if verdict is True:
        return
    if error:
        yield _refusal(Rule(rule.text), node, path, f"{error} evaluating rule: {rule.text}")
    else:
        yield _refusal(rule, node, path, _message(rule, variables))


def _evaluate(text: str, variables: dict[str, object]) -> tuple[object, str]:
    """The value of an expression, or why it has none."""
    try:
        program = _program(text)
        if _ADDED & set(program.functions()):
            context = cel.Context(variables)
            add_stdlib_to_context(context)
            for name, function in _FUNCTIONS.items():
                context.add_function(name, function)
            result: object = program.execute(context)
        else:
            result = program.execute(variables)
    except KeyError as error:
        return None, f"no such key: {error.args[0] if error.args else ''}"
    except ZeroDivisionError:
        return None, "division by zero"
    except TypeError:
        return None, "no such overload"
    except (ValueError, RuntimeError, IndexError, OverflowError) as error:
        return None, (str(error) or type(error).__name__).splitlines()[0]
    return result, "" if isinstance(result, bool | str) else "cel expression must evaluate to a bool"


def _message(rule: Rule, variables: dict[str, object]) -> str:
    if rule.message_expression:
        text, error = _evaluate(rule.message_expression, variables)
        if not error and isinstance(text, str) and text.strip() and "\n" not in text:
            return text.strip()
    return rule.message or f"failed rule: {rule.text}"


def _refusal(rule: Rule, node: Node, path: str, message: str) -> Cause:
    where = path + rule.field_path if path else rule.field_path.lstrip(".")
    where = where or "<nil>"
    match rule.reason:
        case "FieldValueForbidden":
            return Cause(where, f"Forbidden: {message}", rule.reason)
        case "FieldValueRequired":
            return Cause(where, f"Required value: {message}", rule.reason)
        case "FieldValueDuplicate":
            return duplicate(where, node.type)
        case _:
            return Cause(where, f'Invalid value: "{node.type}": {message}', "FieldValueInvalid")


def _seen(node: Node, value: JSON) -> object:
    """A value as rules see it: fields of structs under their escaped names, numbers and times typed by the schema."""
    if isinstance(value, dict):
        if node.embedded:
            metadata = dig_map(value, "metadata")
            shown: JSONMap = {name: metadata[name] for name in ("name", "generateName") if name in metadata}
            value = {**value, "metadata": shown}
        if not node.properties and node.values is not None:
            return {name: _seen(node.child(name), item) for name, item in value.items()}
        return {escaped(name): _seen(child, value[name]) for name, child in node.properties.items() if name in value}
    if isinstance(value, list):
        return [_seen(node.items, item) for item in value]
    if isinstance(value, str):
        return _typed(value, node.raw.get("format"))
    if node.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def escaped(name: str) -> str:
    """A field's name in expressions: `x-y` is `x__dash__y`, a keyword stands between underscores."""
    if name in _KEYWORDS:
        return f"__{name}__"
    for symbol, word in _SYMBOLS:
        name = name.replace(symbol, word)
    return name


def _typed(value: str, format_: JSON) -> object:
    try:
        if format_ == "date-time":
            return datetime.fromisoformat(value.replace("Z", "+00:00").replace("z", "+00:00"))
        if format_ == "date":
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        return value
    if format_ == "duration" and (parts := _DURATION.findall(value)):
        scale = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
        return timedelta(seconds=sum(float(number) * scale[unit] for number, unit in parts))
    return value


def _undeclared(text: str, name: str, found: str, offset: int) -> str:
    known = "" if name not in _KUBERNETES else "; the sandbox does not evaluate this function"
    at = max(text.find(found), 0) + offset
    return _located(text, at, f"undeclared reference to '{name}' (in container ''){known}")


def _undefined_field(text: str, known: Callable[[str], bool]) -> str:
    for found in re.finditer(r"\b(?:self|oldSelf)\.([A-Za-z_]\w*)(?!\w*\()", text):
        if not known(found.group(1)) and text[found.end() : found.end() + 1] != "(":
            return _located(text, found.start(1) - 1, f"undefined field '{found.group(1)}'")
    return ""


def _located(text: str, at: int, problem: str) -> str:
    return f"compilation failed: ERROR: <input>:1:{at + 1}: {problem}\n | {text}\n | {'.' * at}^"


_KUBERNETES: Final = frozenset(
    {
        "quantity",
        "isQuantity",
        "isGreaterThan",
        "isLessThan",
        "compareTo",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "url",
        "isURL",
        "format",
        "semver",
        "isSemver",
        "bind",
    }
    | {"authorizer", "named", "validate", "transformList", "transformMap"}
)


def _is_sorted(items: list[float]) -> bool:
    return all(one <= two for one, two in pairwise(items))


def _find(text: str, expression: str) -> str:
    found = pattern(expression).search(text)
    return found.group(0) if found else ""


def _find_all(text: str, expression: str, limit: int = -1) -> list[str]:
    found = [one.group(0) for one in pattern(expression).finditer(text)]
    return found if limit < 0 else found[:limit]


_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {"isSorted": _is_sorted, "find": _find, "findAll": _find_all}  # type: ignore[explicit-any]  # CEL's functions differ in arity
