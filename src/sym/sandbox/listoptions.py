"""Whether the options of a list or a watch fit each other. Pure; the words are those of a real server."""

import re
from collections.abc import Iterator

from sym.kube.errors import Cause
from sym.sandbox import failures
from sym.sandbox.call import Call

_FORBIDDEN, _UNSUPPORTED = "FieldValueForbidden", "FieldValueNotSupported"
_MATCH, _INITIAL = "resourceVersionMatch", "sendInitialEvents"
_NUMBERS = ("limit", "timeoutSeconds")
_EXACT, _NOT_OLDER = "Exact", "NotOlderThan"


def check(call: Call) -> None:
    """Raises Refusal: 400 for what is no number, 422 with a cause for everything that does not fit."""
    for text in (call.query.get(name, "") for name in _NUMBERS):
        if text and not re.fullmatch(r"[+-]?[0-9]+", text):
            raise failures.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    causes = list(_of_watch(call) if call.flag("watch") else _of_list(call))
    if causes:
        raise failures.bad_options("ListOptions", causes)


def _of_list(call: Call) -> Iterator[Cause]:
    match, stated = call.query.get(_MATCH, ""), call.query.get("resourceVersion", "")
    if match:
        if not stated:
            yield _forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        yield from _with_continue(call)
        if match not in (_EXACT, _NOT_OLDER):
            yield _unsupported(match, f'"{_EXACT}", "{_NOT_OLDER}", ""')
        if match == _EXACT and stated == "0":
            yield _forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if _INITIAL in call.query:
        yield _forbidden(_INITIAL, f"{_INITIAL} is forbidden for list")


def _of_watch(call: Call) -> Iterator[Cause]:
    match, streams = call.query.get(_MATCH, ""), _INITIAL in call.query
    if streams and match != _NOT_OLDER:
        yield _forbidden(_MATCH, f"{_INITIAL} requires setting {_MATCH} to {_NOT_OLDER}")
    if match:
        if not streams:
            yield _forbidden(_MATCH, f"{_MATCH} is forbidden for watch unless {_INITIAL} is provided")
        if match != _NOT_OLDER:
            yield _unsupported(match, f'"{_NOT_OLDER}"')
        yield from _with_continue(call)


def _with_continue(call: Call) -> Iterator[Cause]:
    if call.query.get("continue"):
        yield _forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")


def _forbidden(field: str, why: str) -> Cause:
    return Cause(field, f"Forbidden: {why}", _FORBIDDEN)


def _unsupported(match: str, choices: str) -> Cause:
    return Cause(_MATCH, f'Unsupported value: "{match}": supported values: {choices}', _UNSUPPORTED)
