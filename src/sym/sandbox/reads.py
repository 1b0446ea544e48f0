"""Get and list: paging, resourceVersions, selectors. Answers are bytes; nothing is parsed that need not be."""

import base64
import binascii

from sym.model.codec import DecodeError, dig, dig_str, encode, parse
from sym.sandbox import failures
from sym.sandbox.call import Call
from sym.sandbox.forms import Page
from sym.sandbox.selectors import Test, compiled
from sym.sandbox.store import Compacted, Entries, Entry, Store

_TOKEN = "meta.k8s.io/v1"  # noqa: S105  # the version of a continue token, not a secret
_OPTIONS, _MATCH, _FORBIDDEN = "ListOptions", "resourceVersionMatch", "FieldValueForbidden"
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Reads:
    """All reads of one cluster except watches."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, call: Call) -> Entry:
        """One object. Raises Refusal 404, 504."""
        self._check_version(call.query.get("resourceVersion", ""))
        entry = self._store.get(call.kind, call.target.namespace, call.target.name)
        if entry is None:
            raise failures.not_found(call.kind, call.target.name)
        return entry

    def list(self, call: Call) -> Page:
        """One page. Raises Refusal 400, 410, 504."""
        test = compiled(call.resource, call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""))
        limit = _number(call.query.get("limit", ""))
        token = call.query.get("continue", "")
        stated = call.query.get("resourceVersion", "")
        if token:
            if stated not in ("", "0"):
                raise failures.bad_request("specifying resource version is not allowed when using continue")
            version, start = _opened(token)
            version = self._store.version if version < 0 else version
            found = [entry for entry in self._past(call, version) if _place(entry) > start]
        else:
            version, found = self._present(call, stated)
        return _page(found, version, limit, test)

    def _present(self, call: Call, stated: str) -> tuple[int, Entries]:
        wanted = self._check_version(stated)
        if _match(call, stated) == "Exact":  # also meant by a limit with a version alone
            try:
                return wanted, self._store.at(call.kind, wanted, call.target.namespace)
            except Compacted:
                raise failures.expired("The resourceVersion for the provided list is too old.") from None
        return self._store.version, self._store.list(call.kind, call.target.namespace)

    def _past(self, call: Call, version: int) -> Entries:
        try:
            return self._store.at(call.kind, version, call.target.namespace)
        except Compacted:
            raise failures.expired(_TOO_OLD) from None

    def _check_version(self, stated: str) -> int:
        if not stated:
            return 0
        version = parsed_version(stated)
        if version > self._store.version:
            raise failures.too_new(version, self._store.version)
        return version


def _match(call: Call, stated: str) -> str:
    """The resourceVersionMatch of a list. Raises Refusal 422 where it does not fit the rest."""
    match = call.query.get("resourceVersionMatch", "")
    problem = ""
    if "sendInitialEvents" in call.query:
        raise failures.bad_option(
            _OPTIONS, "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list", _FORBIDDEN
        )
    if match and not stated:
        problem = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif match == "Exact" and stated == "0":
        problem = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    if problem:
        raise failures.bad_option(_OPTIONS, _MATCH, f"Forbidden: {problem}", _FORBIDDEN)
    if match not in ("", "Exact", "NotOlderThan"):
        message = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise failures.bad_option(_OPTIONS, _MATCH, message, "FieldValueNotSupported")
    exact = not match and stated not in ("", "0") and _number(call.query.get("limit", ""))
    return "Exact" if exact else match


def parsed_version(stated: str) -> int:
    """A resourceVersion as a number. Raises Refusal 400."""
    if not (stated.isascii() and stated.isdigit()):
        raise failures.bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{stated}": '
            f'strconv.ParseUint: parsing "{stated}": invalid syntax'
        )
    return int(stated)


def _page(found: Entries, version: int, limit: int, test: Test) -> Page:
    chosen = [entry for entry in found if test(entry)]
    if not limit or len(chosen) <= limit:
        return Page(entries=chosen, version=version)
    shown = chosen[:limit]
    token = base64.urlsafe_b64encode(encode({"v": _TOKEN, "rv": version, "start": _place(shown[-1])})).decode()
    return Page(entries=shown, version=version, continue_=token.rstrip("="), remaining=len(chosen) - limit)


def _place(entry: Entry) -> str:
    return f"{entry.namespace}/{entry.name}"


def _opened(token: str) -> tuple[int, str]:
    try:
        value = parse(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, DecodeError):
        raise failures.bad_request(
            "invalid continue token: continue key is not valid: it is not a token of a list"
        ) from None
    version = dig(value, "rv")
    if dig_str(value, "v") != _TOKEN or not isinstance(version, int):
        raise failures.bad_request("invalid continue token: continue key is not valid: incorrect encoded version")
    return version, dig_str(value, "start")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
