"""The promises of client-go's reflector (reliability.md 1.1), one test each, named after client-go's own tests."""

import asyncio
import contextlib

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import Junk, KubeError, TimedOut, TooLarge, Unreachable
from sym.kube.requests import ListOptions
from sym.kube.store import Bookmark, Event, Replaced
from sym.kube.watch import Reflector
from sym.model.codec import JSONMap
from sym.model.kinds import CONFIGMAP
from sym.model.meta import Object, Ref
from sym.settings import KubeSettings
from tests.kube.mirror import EXPIRED, HEALTHY, gaps, watching
from tests.kube.scripted import (
    Answer,
    Frames,
    Scripted,
    Silence,
    bookmark,
    config_map,
    event,
    failure,
    listing,
    refusal,
)

pytestmark = pytest.mark.anyio

# list + watch


async def test_reflector_list_and_watch() -> None:
    client = Scripted(
        listing(10, config_map("a", 5)),
        Frames((event("ADDED", config_map("b", 11)), event("MODIFIED", config_map("a", 12)), HEALTHY)),
    )
    mirror = watching(client, options=ListOptions(namespace="d", label_selector="x=y"))
    await mirror.run(10)
    assert mirror.kinds == ["Replaced", "Applied", "Applied"]
    assert mirror.names == ["a", "b"]
    assert client.asked[0].request.path == "/api/v1/namespaces/d/configmaps"
    assert client.lists[0]["resourceVersion"] == ""
    assert client.watches[0]["resourceVersion"] == "10"
    assert client.watches[0]["allowWatchBookmarks"] == "true"
    assert {one["labelSelector"] for one in client.asked} == {"x=y"}


@pytest.mark.parametrize(
    "error",
    [
        refusal(500, "InternalError"),
        refusal(401, "Unauthorized"),
        refusal(403, "Forbidden", name="x"),
        refusal(429, "TooManyRequests"),
        Unreachable("refused"),
        TimedOut("silent"),
    ],
)
async def test_reflector_list_and_watch_with_errors(error: KubeError) -> None:
    client = Scripted(
        error, listing(10, config_map("a", 5)), error, Frames((event("DELETED", config_map("a", 11)), HEALTHY))
    )
    mirror = watching(client)
    await mirror.run(10)
    assert mirror.kinds == ["Replaced", "Deleted"]
    assert mirror.names == []
    assert len(client.lists) == 2, "the failed watch must not lead to a new list"


async def test_reflector_init_conn_backoff() -> None:
    refused = [Unreachable("refused")] * 12
    client = Scripted(*refused)
    mirror = watching(client)
    await mirror.run(400)
    waits = gaps(client.asked)
    for n, wait in enumerate(waits):
        assert min(30.0, 0.8 * 2**n) <= wait <= min(30.0, 1.6 * 2**n) + 0.001, f"wait {n} is {wait}"
    assert len(waits) == 12
    assert isinstance(mirror.reflector.error, Unreachable)
    assert not mirror.reflector.synced


async def test_reflector_backoff_is_forgotten_after_two_healthy_minutes() -> None:
    broken = Unreachable("reset")
    early, late = Silence(110.0), Silence(150.0)
    client = Scripted(listing(10), *[broken] * 5, Frames((early, broken)), Frames((late, broken)), Frames((HEALTHY,)))
    await watching(client).run(600)
    waits = gaps(client.watches)
    assert waits[5] - 110.0 >= 0.8 * 2**5, "110 healthy seconds do not yet count as recovery"
    assert waits[6] - 150.0 <= 1.6, "150 do"


async def test_watch_timeout() -> None:
    client = Scripted(listing(10), *[Frames((Silence(2.0),))] * 60)
    await watching(client).run(119)
    seconds = [int(one["timeoutSeconds"]) for one in client.watches]
    assert len(seconds) == 60
    assert all(300 <= one <= 600 for one in seconds)
    assert len(set(seconds)) > 30, "all the same would bring all watches back at once"
    assert len(client.lists) == 1


async def test_a_watch_that_ends_at_once_backs_off() -> None:
    client = Scripted(listing(10), *[Frames(())] * 50)
    await watching(client).run(60)
    assert len(client.watches) <= 8
    assert {one["resourceVersion"] for one in client.watches} == {"10"}


async def test_a_reset_watch_resumes_without_a_new_list() -> None:
    client = Scripted(
        listing(10),
        Frames((event("ADDED", config_map("a", 11)), Unreachable("reset"))),
        Frames((event("ADDED", config_map("b", 12)), HEALTHY)),
    )
    mirror = watching(client)
    await mirror.run(10)
    assert [one["resourceVersion"] for one in client.watches] == ["10", "11"]
    assert len(client.lists) == 1
    assert mirror.names == ["a", "b"]


async def test_a_silent_watch_resumes_at_once() -> None:
    client = Scripted(listing(10), Frames((Silence(40.0), TimedOut("silent"))), Frames((HEALTHY,)))
    mirror = watching(client)
    await mirror.run(50)
    assert gaps(client.watches) == [40.0]
    assert mirror.reflector.error is None


# paging


async def test_reflector_pages() -> None:
    client = Scripted(
        listing(10, config_map("a", 1), more="t1"),
        listing(10, config_map("b", 2), more="t2"),
        listing(10, config_map("c", 3)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(10)
    assert mirror.kinds == ["Replaced"]
    assert mirror.names == ["a", "b", "c"]
    assert [one["continue"] for one in client.lists] == ["", "t1", "t2"]
    assert {one["limit"] for one in client.lists} == {"500"}


async def test_an_expired_continue_token_starts_the_list_again() -> None:
    client = Scripted(
        listing(10, config_map("a", 1), more="t1"),
        refusal(410, "Expired"),
        listing(11, config_map("b", 2)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(10)
    assert mirror.kinds == ["Replaced"]
    assert mirror.names == ["b"]
    assert [one["continue"] for one in client.lists] == ["", "t1", ""]


async def test_an_endless_list_is_given_up() -> None:
    pages = [listing(10, config_map(f"a{n}", 1), more=f"t{n}") for n in range(20)]
    mirror = watching(Scripted(*pages), KubeSettings(stream_lists=False, list_pages=10))
    await mirror.run(0.5)
    assert isinstance(mirror.reflector.error, TooLarge)
    assert mirror.events == []


async def test_a_repeated_continue_token_is_given_up() -> None:
    mirror = watching(Scripted(*[listing(10, config_map("a", 1), more="t")] * 3))
    await mirror.run(0.5)
    assert isinstance(mirror.reflector.error, Junk)


async def test_the_lists_of_one_member_share_a_budget() -> None:
    page = listing(10, config_map("a", 1))
    settings = KubeSettings(stream_lists=False, member_bytes=len(page.body) * 3 // 2)
    client = Scripted(page, Frames((HEALTHY,)), page)
    mirror = watching(client, settings)
    other = Reflector(mirror.api, CONFIGMAP, Object, ListOptions(namespace="e"), settings, LoopEnv(1))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(mirror.reflector.run(mirror.take))
        await asyncio.sleep(1)
        second = group.create_task(other.run(mirror.take))
        await asyncio.sleep(0.5)
        first.cancel()
        second.cancel()
    assert mirror.names == ["a"]
    assert isinstance(other.error, TooLarge)
    assert not other.synced


# 410


async def test_reflector_full_list_if_expired() -> None:
    client = Scripted(
        listing(10, config_map("a", 1), config_map("b", 2)),
        Frames((EXPIRED,)),
        listing(30, config_map("a", 1), config_map("c", 25)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(20)
    assert [one["resourceVersion"] for one in client.lists] == ["", ""], "never at the expired version"
    assert mirror.names == ["a", "c"]
    assert mirror.deleted == ["b"]


async def test_reflector_full_list_if_expired_at_the_opening() -> None:
    client = Scripted(listing(10), refusal(410, "Expired"), listing(30, config_map("c", 25)), Frames((HEALTHY,)))
    mirror = watching(client)
    await mirror.run(20)
    assert [one["resourceVersion"] for one in client.lists] == ["", ""]
    assert client.watches[-1]["resourceVersion"] == "30"


CAUSE: JSONMap = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}


@pytest.mark.parametrize("causes", [[CAUSE], []])
async def test_reflector_full_list_if_too_large(causes: list[JSONMap]) -> None:
    too_large = refusal(504, "Timeout", "Too large resource version: 10, current: 8", causes=[*causes])
    client = Scripted(listing(10), too_large, listing(11), Frames((HEALTHY,)))
    await watching(client).run(20)
    assert [one["resourceVersion"] for one in client.lists] == ["", ""]


async def test_reflector_expired_exact_resource_version() -> None:
    """A list that asks for "not older than", and is told that this is expired, is asked once more for the newest."""
    client = Scripted(
        listing(10),
        Frames((b"{",)),  # junk: not to be resumed, so it is listed again, first not older than 10
        refusal(410, "Expired"),
        listing(40, config_map("a", 33)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(20)
    assert [one["resourceVersion"] for one in client.lists] == ["", "10", ""]
    assert client.lists[1]["resourceVersionMatch"] == "NotOlderThan"
    assert gaps(client.lists)[1] == 0.0
    assert mirror.names == ["a"]


async def test_relists_after_410_do_not_storm() -> None:
    round_: tuple[Answer, ...] = (Frames((EXPIRED,)), listing(10))
    client = Scripted(listing(10), *round_ * 50)
    await watching(client).run(60)
    assert len(client.lists) <= 8


# 429, 5xx


async def test_backoff_on_too_many_requests() -> None:
    busy = refusal(429, "TooManyRequests", retryAfterSeconds=7)
    client = Scripted(listing(10), busy, Frames((HEALTHY,)))
    mirror = watching(client)
    await mirror.run(20)
    assert gaps(client.watches)[0] >= 7.0


async def test_no_relist_on_too_many_requests() -> None:
    client = Scripted(
        listing(10),
        Frames((event("ADDED", config_map("a", 11)), event("ERROR", failure(429, "TooManyRequests")))),
        refusal(429, "TooManyRequests"),
        Frames((HEALTHY,)),
    )
    await watching(client).run(20)
    assert len(client.lists) == 1
    assert [one["resourceVersion"] for one in client.watches] == ["10", "11", "11"]


async def test_retry_internal_error() -> None:
    client = Scripted(
        listing(10), Frames((bookmark(15), event("ERROR", failure(500, "InternalError")))), Frames((HEALTHY,))
    )
    await watching(client).run(20)
    assert len(client.lists) == 1
    assert [one["resourceVersion"] for one in client.watches] == ["10", "15"]


# resourceVersions and bookmarks


async def test_reflector_resource_version_update() -> None:
    client = Scripted(
        listing(10),
        Frames(
            (
                event("ADDED", config_map("a", 11)),
                event("MODIFIED", config_map("a", 12)),
                event("DELETED", config_map("a", 13)),
                bookmark(50),
                Unreachable("reset"),
            )
        ),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(20)
    assert client.watches[1]["resourceVersion"] == "50"
    assert mirror.store.resource_version == "50"
    assert [one.resource_version for one in mirror.events] == ["10", "11", "12", "13", "50"]


async def test_reflector_resync_with_resource_version() -> None:
    """A version need not be a number: it is handed back as it came."""
    client = Scripted(
        listing("aa"),
        Frames((event("ADDED", config_map("a", "zz")), event("MODIFIED", config_map("a", "bb")), Unreachable("reset"))),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(20)
    assert [one["resourceVersion"] for one in client.watches] == ["aa", "bb"]
    assert mirror.store.view[Ref("c", "d", "a")].metadata.resource_version == "bb"


async def test_bookmarks_reach_the_handler_and_change_nothing() -> None:
    mirror = watching(Scripted(listing(10, config_map("a", 1)), Frames((bookmark(20), HEALTHY))))
    await mirror.run(5)
    assert mirror.events[1] == Bookmark(resource_version="20")
    assert mirror.store.reached("20")
    assert mirror.names == ["a"]


# missed deletes


async def test_reflector_replaces_store_on_unsafe_delete() -> None:
    client = Scripted(
        listing(10, config_map("a", 1), config_map("b", 2), config_map("c", 3)),
        Frames((event("MODIFIED", config_map("c", 11)), EXPIRED)),
        listing(30, config_map("b", 2)),
        Frames((HEALTHY,)),
    )
    mirror = watching(client)
    await mirror.run(20)
    assert mirror.deleted == ["a", "c"]
    assert mirror.names == ["b"]


# HasSynced


async def test_shared_informer_initialization_race() -> None:
    """It counts as synced only after the handler has the whole list."""
    client = Scripted(listing(10, config_map("a", 1), more="t"), listing(10, config_map("b", 2)), Frames((HEALTHY,)))
    mirror = watching(client)
    seen: list[tuple[bool, bool]] = []

    def handler(event: Event[Object]) -> None:
        seen.append((mirror.reflector.synced, mirror.store.synced))
        mirror.take(event)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await mirror.reflector.run(handler)
    assert seen == [(False, False)]
    assert mirror.reflector.synced
    assert mirror.store.synced


async def test_an_empty_list_counts_as_synced() -> None:
    mirror = watching(Scripted(listing(10), Frames((HEALTHY,))))
    await mirror.run(5)
    assert mirror.reflector.synced
    assert isinstance(mirror.events[0], Replaced)


async def test_shared_informer_watch_disruption() -> None:
    """What happens while the watch is away arrives in the end, once, and nobody stops being synced."""
    client = Scripted(
        listing(20, config_map("a", 1), config_map("b", 2)),
        Frames((Unreachable("reset"),)),
        Frames((event("ADDED", config_map("c", 21)), event("DELETED", config_map("a", 22)), Unreachable("reset"))),
        refusal(410, "Expired"),
        listing(40, config_map("b", 2), config_map("c", 21), config_map("e", 30)),
        Frames((event("MODIFIED", config_map("e", 41)), HEALTHY)),
    )
    mirror = watching(client)
    await mirror.run(60)
    assert mirror.names == ["b", "c", "e"]
    assert mirror.deleted == ["a"]
    assert mirror.reflector.synced
