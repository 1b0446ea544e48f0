"""List and watch against servers that lag, were restored, or are hostile (F8, F10, F14, F20)."""

import asyncio

import pytest

from sym.kube.errors import Junk
from sym.kube.requests import Response
from sym.kube.store import Replaced
from sym.model.codec import JSON, JSONMap
from sym.model.meta import Ref
from sym.settings import KubeSettings
from tests.kube.mirror import EXPIRED, HEALTHY, reading, watching
from tests.kube.scripted import (
    Frames,
    Scripted,
    config_map,
    event,
    listing,
)

pytestmark = pytest.mark.anyio

# stale and rewound servers (F10, F14)


async def test_a_list_older_than_what_was_seen_is_not_believed() -> None:
    client = Scripted(
        listing(10, config_map("a", 1)),
        Frames((event("DELETED", config_map("a", 20)), EXPIRED)),
        listing(15, config_map("a", 1)),
        listing(21, config_map("b", 21)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(30)
    assert mirror.names == ["b"]
    assert mirror.kinds == ["Replaced", "Deleted", "Replaced"]


async def test_a_server_that_insists_on_its_past_was_restored() -> None:
    settings = KubeSettings(stream_lists=False, stale_lists=3)
    client = Scripted(
        listing(100, config_map("a", 99), config_map("b", 50)),
        Frames((EXPIRED,)),
        *[listing(60, config_map("a", 40))] * 3,
        Frames((event("MODIFIED", config_map("a", 61)), HEALTHY)),
    )
    mirror = watching(client, settings)
    await mirror.run(30)
    assert isinstance(mirror.events[1], Replaced)
    assert mirror.events[1].rewound
    assert mirror.names == ["a"]
    assert mirror.store.view[Ref("c", "d", "a")].metadata.resource_version == "61"
    assert client.watches[-1]["resourceVersion"] == "60"


# hostile servers (F20)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"}}',
        b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[]}',
        b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":""},"items":[]}',
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[]}',
        b'{"kind":"ConfigMapList","apiVersion":"v2","metadata":{"resourceVersion":"9"},"items":[]}',
        b'{"kind":"Status","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[]}',
        b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[{}]}',
        b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"x"}}]}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_list_is_never_an_empty_list(body: bytes) -> None:
    junk = Response(status=200, body=body)
    client = Scripted(listing(8, config_map("a", 1)), Frames((EXPIRED,)), junk, listing(9, config_map("a", 1)))
    mirror = watching(client)
    await mirror.run(2)
    assert mirror.names == ["a"]
    assert mirror.deleted == []
    assert isinstance(mirror.reflector.error, Junk)


async def test_null_items_are_an_empty_list() -> None:
    """Go servers may write an empty list so."""
    body = b'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":null}'
    mirror = watching(Scripted(Response(status=200, body=body), Frames((HEALTHY,))))
    await mirror.run(2)
    assert mirror.events == [Replaced(items=(), resource_version="9")]


@pytest.mark.parametrize(
    "line",
    [
        b"junk",
        b"{}",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":null}',
        b'{"type":"STRANGE","object":{}}',
        b'{"type":"BOOKMARK","object":{"metadata":{}}}',
        b'{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"d","resourceVersion":"12"}}}',
        b'{"type":"DELETED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}}',
        b'{"type":"ERROR","object":{}}',
    ],
)
async def test_a_junk_line_changes_nothing_and_loses_nothing(line: bytes) -> None:
    client = Scripted(
        listing(10, config_map("a", 1)),
        Frames((line, event("DELETED", config_map("a", 11)))),
        listing(12, config_map("a", 1), config_map("b", 12)),
        Frames((event("ADDED", config_map("c", 13)), HEALTHY)),
    )
    mirror = watching(client)
    await mirror.run(10)
    assert mirror.deleted == []
    assert mirror.names == ["a", "b", "c"]
    assert client.lists[1]["resourceVersion"] == "10"


# objects that cannot be read


async def test_a_poison_object_stops_no_other() -> None:
    poison: JSONMap = {**config_map("p", 11), "data": {"k": 5}}
    client = Scripted(
        listing(10, {**config_map("a", 1), "data": {"k": "v"}}),
        Frames((event("ADDED", poison), event("ADDED", config_map("b", 12)), HEALTHY)),
    )
    mirror = reading(client)
    await mirror.run(5)
    assert mirror.names == ["a", "b"]
    assert mirror.reflector.resource_version == "12"
    assert [*mirror.reflector.unreadable] == [("d", "p")]


async def test_what_is_known_of_an_object_stays_when_a_list_cannot_read_it() -> None:
    poison: JSONMap = {**config_map("a", 11), "data": {"k": 5}}
    client = Scripted(
        listing(10, config_map("a", 1), config_map("b", 2)),
        Frames((EXPIRED,)),
        listing(20, poison),
        Frames((event("MODIFIED", config_map("a", 21)), HEALTHY)),
    )
    mirror = reading(client)
    await mirror.run(10)
    assert mirror.deleted == ["b"]
    assert mirror.names == ["a"]
    assert mirror.reflector.unreadable == {}


async def test_a_list_of_nothing_readable_names_what_it_left_aside() -> None:
    poison: JSONMap = {**config_map("a", 11), "data": {"k": 5}}
    mirror = reading(Scripted(listing(20, poison), Frames((HEALTHY,))))
    await mirror.run(5)
    assert mirror.events == [Replaced(items=(), resource_version="20", kept=frozenset({("d", "a")}))]
    assert "Expected `str`, got `int`" in mirror.reflector.unreadable["d", "a"].message


async def test_the_log_and_the_errors_repeat_no_value_of_an_object() -> None:
    poison: JSONMap = {**config_map("a", 11), "data": {"password": ["hunter2"]}}
    mirror = reading(Scripted(listing(20, poison), Frames((HEALTHY,))))
    await mirror.run(5)
    assert "hunter2" not in mirror.reflector.unreadable["d", "a"].message


async def test_cancelling_gives_the_bytes_back() -> None:
    mirror = watching(Scripted(listing(10, config_map("a", 1)), Frames((HEALTHY,))))
    async with asyncio.TaskGroup() as group:
        group.create_task(mirror.run(5))
        await asyncio.sleep(1)
        assert mirror.api.budget.used > 0
    assert mirror.api.budget.used == 0


async def test_the_end_of_an_unreadable_object_is_the_end_of_the_matter() -> None:
    poison: JSONMap = {**config_map("p", 11), "data": {"k": 5}}
    client = Scripted(listing(10), Frames((event("ADDED", poison), event("DELETED", {**poison}), HEALTHY)))
    mirror = reading(client)
    await mirror.run(5)
    assert mirror.kinds == ["Replaced", "Deleted"]
    assert mirror.reflector.unreadable == {}


@pytest.mark.parametrize("metadata", [5, {"name": ["a"]}, {"labels": {"a": 1}, "name": "a"}])
async def test_an_object_that_cannot_even_be_named_makes_the_answer_junk(metadata: JSON) -> None:
    nameless: JSONMap = {**config_map("p", 11), "metadata": metadata}
    client = Scripted(listing(10, nameless), listing(11), Frames((event("DELETED", nameless), HEALTHY)))
    mirror = watching(client)
    await mirror.run(0.5)
    assert isinstance(mirror.reflector.error, Junk)
    await mirror.run(10)
    assert mirror.kinds == ["Replaced"]
    assert isinstance(mirror.reflector.error, Junk)
