"""Label and field selectors, as kubectl writes them, compiled into one test of an `Entry`.

Pure. Messages are those of kube-apiserver, because users read them.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sym.sandbox import failures
from sym.sandbox.events import kept_kind, kept_path
from sym.sandbox.resources import Resource
from sym.sandbox.store import SELECTABLE, Entry, field_text

Test: TypeAlias = Callable[[Entry], bool]
_Requirement: TypeAlias = Callable[[Mapping[str, str]], bool]

_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")


def everything(_: Entry) -> bool:
    """The test that a request without selectors makes."""
    return True


def compiled(resource: Resource, labels: str, fields: str) -> Test:
    """One test for both selectors. Raises Refusal 400 for what cannot be read or selected by."""
    tests = [*_labels(labels), *_fields(resource, fields)]
    if not tests:
        return everything
    return lambda entry: all(test(entry) for test in tests)


def _labels(text: str) -> list[Test]:
    found: list[Test] = []
    rest = text
    while rest.strip():
        requirement, rest = _next(rest)
        found.append(_on_labels(requirement))
        if rest and not rest.startswith(","):
            raise _unreadable(rest, "',' or 'end of string'")
        rest = rest[1:]
    return found


def _on_labels(requirement: _Requirement) -> Test:
    return lambda entry: requirement(entry.labels)


def _next(rest: str) -> tuple[_Requirement, str]:
    if match := _SET.match(rest):
        key, operator = match[1], match[2]
        values = frozenset(value.strip() for value in match[3].split(","))
        requirement = _among(key, values) if operator == "in" else _not_among(key, values)
    elif match := _EQUAL.match(rest):
        key, operator, value = match[1], match[2], frozenset({match[3]})
        requirement = _not_among(key, value) if operator == "!=" else _among(key, value)
    elif match := _EXISTS.match(rest):
        requirement = _absent(match[2]) if match[1] else _present(match[2])
        if not match[1] and (after := rest[match.end() :]) and not after.startswith(","):
            raise _unreadable(after, "in, notin, =, ==, !=, gt, lt")
    else:
        raise _unreadable(rest, "!, identifier, or 'end of string'")
    return requirement, rest[match.end() :]


def _among(key: str, values: frozenset[str]) -> _Requirement:
    return lambda labels: key in labels and labels[key] in values


def _not_among(key: str, values: frozenset[str]) -> _Requirement:
    return lambda labels: key not in labels or labels[key] not in values


def _present(key: str) -> _Requirement:
    return lambda labels: key in labels


def _absent(key: str) -> _Requirement:
    return lambda labels: key not in labels


def _unreadable(rest: str, expected: str) -> failures.Refusal:
    token = re.match(r"[^\s!=<>(),]+|[!=<>(),]+", rest.strip())
    found = token.group(0) if token else ""
    return failures.bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")


def _fields(resource: Resource, text: str) -> list[Test]:
    builtin = () if resource.custom else SELECTABLE.get(kept_kind(resource.kind).qualified, ())
    known = ("metadata.name", "metadata.namespace", *builtin, *resource.selectable)
    found: list[Test] = []
    for part in (part for part in text.split(",") if part):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        if match is None:
            raise failures.bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = kept_path(resource.kind, match[1]), match[2], match[3]
        if path not in known:
            raise failures.bad_request(_unsupported(resource, path))
        test = _stated if path in resource.selectable else _field
        found.append(test(path, value, wanted=operator != "!="))
    return found


def _unsupported(resource: Resource, path: str) -> str:
    if resource.kind.name == "Job":
        return f'field label "{path}" not supported for Job'
    if resource.custom or resource.kind.name == "Event" or resource.kind.qualified in SELECTABLE:
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _field(path: str, value: str, *, wanted: bool) -> Test:
    if path == "metadata.name":
        return lambda entry: (entry.name == value) is wanted
    if path == "metadata.namespace":
        return lambda entry: (entry.namespace == value) is wanted
    return lambda entry: (entry.fields.get(path, "") == value) is wanted


def _stated(path: str, value: str, *, wanted: bool) -> Test:
    """A field that a CRD lets select by; entries do not carry it."""
    return lambda entry: (field_text(entry.object(), path) == value) is wanted
