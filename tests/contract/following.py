"""Stories of following a collection: whole walks by pages, bookmarks, streamed beginnings, and what was forgotten."""

from collections.abc import Mapping

from tests.contract import custom
from tests.contract.builders import CM, cm, delete, get, patch, post
from tests.contract.steps import COMPACT, PARTIAL, TABLE, Step, Story

_FIVE: Story = tuple(
    post(CM, cm(name, {"n": name}, labels={"g": group}), save=name, only=("kind",))
    for name, group in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "x"))
)
_NAMES = ("items.0.metadata.name", "items.1.metadata.name", "items.2")
_WALK = (*_NAMES, "metadata.remainingItemCount", "metadata.continue", "metadata.resourceVersion")
_FORGET = Step(method=COMPACT, path="")

_PAGING: Story = (
    *_FIVE,
    get(CM + "?limit=2", save="first", only=_WALK),
    delete(CM + "/c"),
    post(CM, cm("cc"), only=("kind",)),
    get(CM + "?limit=2&continue={first.metadata.continue}", save="second", only=_WALK),
    get(CM + "?limit=2&continue={second.metadata.continue}", save="third", only=_WALK),
    get(CM + "?limit=1&labelSelector=g%3Dx", save="chosen", only=_WALK),
    get(CM + "?limit=1&labelSelector=g%3Dx&continue={chosen.metadata.continue}", only=_NAMES),
    get(CM + "?limit=5", only=("metadata.continue", "metadata.remainingItemCount", "items.4.metadata.name")),
    get(CM + "?limit=0", only=("metadata.continue", "items.4.metadata.name")),
    get(CM + "?limit=2&continue={first.metadata.continue}", accept=TABLE, only=("rows.0.cells.0", "rows.2", "kind")),
    get(CM + "?limit=1&resourceVersion=0", only=("items.0.metadata.name",)),
    get(CM + "?limit=2&continue={first.metadata.continue}&resourceVersionMatch=NotOlderThan"),
    get(CM + "?limit=2&continue=bm90IGEgdG9rZW4", loose=True),
    get(CM + "?limit=2&continue=eyJ2IjoidjkiLCJydiI6MSwic3RhcnQiOiJhIn0", loose=True),
)

_WATCH = CM + "?watch=1&timeoutSeconds=1&resourceVersion="
_FORGOTTEN: Story = (
    *_FIVE,
    get(CM + "?limit=2", save="page", only=_WALK),
    patch(CM + "/a", {"data": {"n": "2"}}, only=("kind",)),
    _FORGET,
    patch(CM + "/a", {"data": {"n": "3"}}, save="later", only=("kind",)),
    Step(method="GET", path=CM + "?limit=2&continue={page.metadata.continue}", save="expired", until="410"),
    get(CM + "?limit=9&continue={expired.metadata.continue}", only=("items.2.metadata.name", "metadata.continue")),
    get(CM + "?resourceVersion={a.metadata.resourceVersion}&resourceVersionMatch=Exact"),
    get(CM + "?resourceVersion={a.metadata.resourceVersion}", only=("items.4.metadata.name",)),
    get(_WATCH + "{later.metadata.resourceVersion}"),
    get(CM + "?resourceVersion=999999999"),
    get(_WATCH + "999999999"),
    *custom.INSTALL,
    _FORGET,
    get(
        custom.BASE + "?watch=1&timeoutSeconds=1&resourceVersion=1",
        only=("0.type", "0.object.code", "0.object.reason", "1"),
    ),
    *custom.REMOVE,
)

_STREAMED = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
_INITIAL = ("0.type", "0.object.kind", "1.type", "2.type", "3.type", "4.type", "5.type", "6")
_END = ("5.object.metadata.annotations", "5.object.kind", "5.object.apiVersion")
_BEGINNINGS: Story = (
    *_FIVE,
    get(CM + "?watch=1&timeoutSeconds=1" + _STREAMED, only=(*_INITIAL, *_END)),
    get(CM + "?watch=1&timeoutSeconds=1" + _STREAMED, accept=PARTIAL, only=(*_INITIAL, *_END)),
    get(
        CM + "?watch=1&timeoutSeconds=1" + _STREAMED,
        accept=TABLE,
        only=(
            *_INITIAL,
            "0.object.rows.0.cells.0",
            "1.object.rows.0.cells.0",
            "5.object.kind",
            "5.object.rows.0.object.kind",
        ),
    ),
    get(CM + "?watch=1&timeoutSeconds=1&labelSelector=g%3Dy" + _STREAMED, only=("0.type", "1.type", "2.type", "3")),
    get(_WATCH + "{e.metadata.resourceVersion}" + _STREAMED, only=("0.type", "5.object.metadata.annotations", "6")),
    get(_WATCH + "999999999" + _STREAMED),
    get(_WATCH + "{a.metadata.resourceVersion}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
    get(CM + "?watch=1&timeoutSeconds=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
    get(CM + "?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=Exact"),
    get(
        CM + "?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", only=("4.type", "5")
    ),
    get(CM + "?watch=1&timeoutSeconds=1&limit=2", only=("4.type", "5")),
)

_BOOKMARKS: Story = (
    *_FIVE,
    get(
        CM + "?watch=1&timeoutSeconds=4&allowWatchBookmarks=true&resourceVersion={a.metadata.resourceVersion}",
        only=("0.object.metadata.name", "3.object.metadata.name", "4"),
    ),
    get(CM + "?watch=1&timeoutSeconds=4&allowWatchBookmarks=true&resourceVersion={e.metadata.resourceVersion}"),
    get(CM + "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion={e.metadata.resourceVersion}"),
)

STORIES: Mapping[str, Story] = {
    "paging": _PAGING,
    "forgotten": _FORGOTTEN,
    "beginnings": _BEGINNINGS,
    "bookmarks": _BOOKMARKS,
}
