"""YAML as Kubernetes means it: the same values that kubectl and Helm read (sigs.k8s.io/yaml), and text they read back.

PyYAML's C parser with other scalar rules: `on` and `y` are true, `0777` is 511, `1_000` is 1000, `1e3` is 1000, dates
and times stay strings, `<<` merges, keys become strings. `check` looks at untrusted text before anything is built.
"""

import base64
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, TypeAlias, cast

import msgspec
import yaml
from msgspec import Struct

from sym.model.codec import JSON, DecodeError

_TAG = "tag:yaml.org,2002:"
_NUMBER = "tag:sym,2026:number"
_RESOLVERS: TypeAlias = dict[str, list[tuple[str, re.Pattern[str]]]]

_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_EXPLICIT = frozenset((_TAG + "int", _TAG + "float"))
_NUMBERS = _EXPLICIT | {_NUMBER}
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DOTTED = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_BASES = (16, 2, 8, 10)
_ALIKE = re.compile(r"\{[\t\n\r -~]*")  # no character that YAML refuses or folds
_ODD = re.compile(r"[0-9]{19}|\\u")  # perhaps an integer that YAML rounds, or half a character


class Limits(Struct, frozen=True, kw_only=True):
    """What untrusted YAML may have. `size` in bytes."""

    size: int = 64 << 10
    depth: int = 16
    nodes: int = 10_000
    aliases: bool = False


def load(text: str | bytes) -> JSON:
    """The one document in `text`. Raises DecodeError with the line. A JSON object is YAML too, and what programs send:
    where both mean the same it is read as JSON, in a fiftieth of the time."""
    plain = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    if _ALIKE.fullmatch(plain) and not _ODD.search(plain):
        with suppress(msgspec.DecodeError, DecodeError, RecursionError):
            return cast("JSON", _JSON.decode(plain))  # msgspec yields exactly the JSON types
    documents = list(load_all(text))
    if len(documents) > 1:
        raise DecodeError("more than one YAML document where one is expected")
    return documents[0] if documents else None


def load_all(text: str | bytes) -> Iterator[JSON]:
    """The documents in `text`, separated by `---`. Raises DecodeError with the line."""
    try:
        yield from yaml.load_all(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise DecodeError(f"not YAML{_line(error)}") from None
    except RecursionError:
        raise DecodeError("nested too deeply") from None
    except UnicodeDecodeError:
        raise DecodeError("not YAML: not UTF-8") from None


def dump(value: JSON) -> str:
    """`value` as YAML that every Kubernetes tool reads back as the same. Keys keep their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text


def check(text: bytes, limits: Limits) -> None:
    """Look through untrusted YAML without building anything. Raises DecodeError that says which limit it breaks."""
    for _ in events(text, limits):
        pass


def events(text: bytes, limits: Limits) -> Iterator[yaml.Event]:
    """The parser's events of untrusted YAML, one by one. Raises DecodeError that says which limit it breaks."""
    if len(text) > limits.size:
        raise DecodeError(f"it has {len(text)} bytes, more than {limits.size}")
    depth = nodes = documents = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            nodes += isinstance(event, yaml.NodeEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if nodes > limits.nodes or depth > limits.depth or documents > 1:
                raise DecodeError("it is nested too deeply, has too many parts, or is more than one document")
            if not limits.aliases and isinstance(event, yaml.NodeEvent) and event.anchor is not None:
                raise DecodeError("YAML anchors and aliases are not allowed; write the values out")
            yield event
    except yaml.YAMLError as error:
        raise DecodeError(f"not YAML{_line(error)}") from None
    except UnicodeDecodeError:
        raise DecodeError("not YAML: not UTF-8") from None


def number(text: str) -> int | float | str:
    """What a plain scalar that starts like a number is: an integer, a float (whole ones as int, as Go's JSON writes
    them), or after all a string. Raises DecodeError for NaN and infinities, which JSON cannot hold."""
    if _SPECIAL.fullmatch(text):
        raise DecodeError(f"{text} has no place in JSON")
    if text.startswith("."):
        return _whole(float(text), text) if _DOTTED.fullmatch(text) else text
    plain = text.replace("_", "")
    if (match := _INTEGER.fullmatch(plain)) is not None:
        for base, digits in zip(_BASES, match.groups()[1:], strict=True):
            if digits is not None:
                value = int(digits, base) * (-1 if match[1] == "-" else 1)
                if -(2**63) <= value < (2**63 if match[1] else 2**64):
                    return value
    return _whole(float(plain), text) if _FLOAT.fullmatch(plain) else text


def _whole(value: float, text: str) -> int | float | str:
    if math.isinf(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


_JSON = msgspec.json.Decoder(float_hook=number)


def _line(error: yaml.YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


class _Rules:
    """Shared by loader and dumper, so that the dumper quotes exactly what the loader would not read as a string."""

    yaml_implicit_resolvers: ClassVar[_RESOLVERS] = {}


def _resolve(tag: str, pattern: str, first: str) -> None:
    for char in first:
        _Rules.yaml_implicit_resolvers.setdefault(char, []).append((tag, re.compile(pattern)))


_resolve(_TAG + "bool", f"^(?:{'|'.join(sorted(_TRUE | _FALSE))})$", "yYnNtTfFoO")
_resolve(_TAG + "null", r"^(?:~|null|Null|NULL)$", "~nN")
_Rules.yaml_implicit_resolvers[""] = [(_TAG + "null", re.compile(r"^$"))]
_resolve(_TAG + "merge", r"^<<$", "<")
_resolve(_NUMBER, r"^[-+.0-9][-+._0-9a-zA-Z]*$", "-+.0123456789")


class _Loader(_Rules, yaml.CSafeLoader):
    """Builds JSON values and nothing else; a tag that JSON does not know (dates, sets, objects) means nothing."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> JSON:  # noqa: ARG002  # PyYAML's
        """The value of a node; an alias gives the same value again, so that aliases cannot multiply work."""
        if node not in self.constructed_objects:
            self.constructed_objects[node] = self._built(node)
        value: JSON = self.constructed_objects[node]
        return value

    def _built(self, node: yaml.Node) -> JSON:
        if isinstance(node, yaml.MappingNode):
            self.flatten_mapping(node)
            return {self._key(key): self.construct_object(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.construct_object(value) for value in node.value]
        return _scalar(node.tag, node.value)

    def _key(self, node: yaml.Node) -> str:
        key = self.construct_object(node)
        if key is None or isinstance(key, dict | list):
            raise yaml.constructor.ConstructorError(None, None, "a key must be text", node.start_mark)
        return str(key).lower() if isinstance(key, bool) else str(key)


class _Dumper(_Rules, yaml.CSafeDumper):
    """Writes JSON values; aliases would surprise people and some readers."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's signature
        """Never use aliases."""
        return True


def _scalar(tag: str, text: str) -> JSON:
    if tag == _TAG + "bool":
        return text in _TRUE
    if tag == _TAG + "null":
        return None
    if tag == _TAG + "binary":
        return _text_of(text)
    value = number(text) if tag in _NUMBERS else text
    if isinstance(value, str) and tag in _EXPLICIT:
        raise DecodeError("a value is tagged as a number and is none")
    return value


def _text_of(binary: str) -> str:
    try:
        return base64.b64decode(binary).decode()
    except ValueError:
        raise DecodeError("a !!binary value is not the base64 of UTF-8 text") from None


def _represent_number(_: _Dumper, value: float) -> yaml.ScalarNode:
    if not math.isfinite(value):
        raise DecodeError(f"{value} has no place in JSON")
    return yaml.ScalarNode(_NUMBER, repr(value))


_Dumper.add_representer(int, _represent_number)
_Dumper.add_representer(float, _represent_number)
