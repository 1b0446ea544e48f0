"""Get and list: paging, resourceVersions, selectors. Answers are bytes; nothing is parsed that need not be."""

import base64
import binascii
import re

from sym.model.codec import DecodeError, dig, dig_str, encode, parse
from sym.sandbox import failures, listoptions
from sym.sandbox.call import Call
from sym.sandbox.forms import Page
from sym.sandbox.selectors import Test, compiled, everything
from sym.sandbox.store import Compacted, Entries, Entry, Store

_TOKEN = "meta.k8s.io/v1"  # noqa: S105  # the version of a continue token, not a secret
_NOW = -1
"""The version of a token that goes on from the present."""
_OUTSIDE = re.compile(r"[^A-Za-z0-9_-]")
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
        """One page. Raises Refusal 400, 410, 422, 504."""
        listoptions.check(call)
        test = compiled(call.resource, call.query.get("labelSelector", ""), call.query.get("fieldSelector", ""))
        token = call.query.get("continue", "")
        stated = call.query.get("resourceVersion", "")
        cached = stated == "0" and not token  # such a list is answered whole
        limit = 0 if cached else _number(call.query.get("limit", ""))
        if token:
            if stated not in ("", "0"):
                raise failures.bad_request("specifying resource version is not allowed when using continue")
            version, start = _opened(token)
            version = self._store.version if version < 0 else version
            found = [entry for entry in self._past(call, version, start) if _place(entry) > start]
        else:
            version, found = self._present(call, stated)
        return _page(found, version, limit, test)

    def _present(self, call: Call, stated: str) -> tuple[int, Entries]:
        wanted = self._check_version(stated)
        if _exact(call, stated):
            try:
                return wanted, self._store.at(call.kind, wanted, call.target.namespace)
            except Compacted:
                raise failures.expired("The resourceVersion for the provided list is too old.") from None
        return self._store.version, self._store.list(call.kind, call.target.namespace)

    def _past(self, call: Call, version: int, start: str) -> Entries:
        try:
            return self._store.at(call.kind, version, call.target.namespace)
        except Compacted:
            raise failures.expired(_TOO_OLD, _token(_NOW, start)) from None

    def _check_version(self, stated: str) -> int:
        if not stated:
            return 0
        version = parsed_version(stated)
        if version > self._store.version:
            raise failures.too_new(version, self._store.version)
        return version


def _exact(call: Call, stated: str) -> bool:
    """Whether a list is of the state at its resourceVersion; a limit with a version alone means that too."""
    match = call.query.get("resourceVersionMatch", "")
    limited = not match and stated not in ("", "0") and _number(call.query.get("limit", ""))
    return match == "Exact" or bool(limited)


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
    token = _token(version, _place(shown[-1]))
    remaining = len(chosen) - limit if test is everything else 0  # with selectors a server does not count
    return Page(entries=shown, version=version, continue_=token, remaining=remaining)


def _token(version: int, start: str) -> str:
    """What continues a list after `start`, at a version or from the present."""
    return base64.urlsafe_b64encode(encode({"v": _TOKEN, "rv": version, "start": start})).decode().rstrip("=")


def _place(entry: Entry) -> str:
    return f"{entry.namespace}/{entry.name}"


def _opened(token: str) -> tuple[int, str]:
    if outside := _OUTSIDE.search(token):
        raise _invalid_token(f"illegal base64 data at input byte {outside.start()}")
    try:
        value = parse(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, DecodeError):
        raise _invalid_token("it is not a token of a list") from None
    version = dig(value, "rv")
    if dig_str(value, "v") != _TOKEN or not isinstance(version, int):
        raise _invalid_token(f"server does not recognize this encoded version {dig_str(value, 'v')}")
    return version, dig_str(value, "start")


def _invalid_token(why: str) -> failures.Refusal:
    return failures.bad_request(f"invalid continue token: continue key is not valid: {why}")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
