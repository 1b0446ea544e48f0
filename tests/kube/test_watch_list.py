"""Lists that come as the beginning of a watch: a list only once the server says so, and never more than is allowed."""

import pytest

from sym.kube.errors import KubeError, TimedOut, TooLarge, Unreachable
from sym.kube.requests import ListOptions
from sym.kube.store import Replaced
from sym.model.meta import Ref
from sym.settings import KubeSettings
from tests.kube.mirror import EXPIRED, HEALTHY, Mirror, Typed, watching
from tests.kube.scripted import (
    Frames,
    Scripted,
    Silence,
    bookmark,
    config_map,
    event,
    listing,
    refusal,
)

pytestmark = pytest.mark.anyio

STREAMING = KubeSettings()
A, B = event("ADDED", config_map("a", 5)), event("ADDED", config_map("b", 7))
END = bookmark(10, complete=True)


async def test_a_list_and_the_watch_after_it_are_one_request() -> None:
    client = Scripted(Frames((A, B, END, event("MODIFIED", config_map("a", 11)), HEALTHY)))
    mirror = watching(client, STREAMING, ListOptions(namespace="d", label_selector="x=y"))
    await mirror.run(10)
    assert mirror.kinds == ["Replaced", "Applied"]
    assert mirror.names == ["a", "b"]
    assert mirror.reflector.resource_version == "11"
    assert (mirror.reflector.lists, mirror.reflector.watches, mirror.reflector.watching) == (1, 1, False)
    (asked,) = client.asked
    assert asked.request.path == "/api/v1/namespaces/d/configmaps"
    wanted = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "resourceVersion": "",
        "labelSelector": "x=y",
    }
    assert wanted == {name: asked[name] for name in wanted}


async def test_nothing_is_synced_before_the_server_says_that_it_was_all() -> None:
    client = Scripted(Frames((A, bookmark(9), B, Silence(3.0), END, HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(2)
    assert (mirror.events, mirror.reflector.synced, mirror.store.synced) == ([], False, False)


async def test_what_changes_while_the_list_comes_is_in_it_as_it_is_at_its_end() -> None:
    gone, changed = event("DELETED", config_map("b", 8)), event("MODIFIED", config_map("a", 9))
    client = Scripted(Frames((A, B, gone, changed, END, HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert mirror.kinds == ["Replaced"]
    assert mirror.names == ["a"]
    assert mirror.store.view[Ref("c", "d", "a")].metadata.resource_version == "9"


@pytest.mark.parametrize("end", [Unreachable("reset"), TimedOut("silent"), None], ids=["reset", "silent", "ended"])
async def test_a_stream_that_ends_early_is_no_list(end: KubeError | None) -> None:
    mirror = watching(Scripted(Frames((B, *([end] if end else [])))), STREAMING)
    await mirror.run(30)
    assert (mirror.events, mirror.reflector.synced) == ([], False)
    assert isinstance(mirror.reflector.error, Unreachable)


async def test_a_broken_stream_is_asked_for_again_and_one_without_an_end_is_not() -> None:
    broken = Scripted(Frames((A, Unreachable("reset"))), Frames((A, END, HEALTHY)))
    await watching(broken, STREAMING).run(10)
    assert [one["sendInitialEvents"] for one in broken.asked] == ["true", "true"]
    endless = Scripted(Frames((A, TimedOut("silent"))), listing(10), Frames((HEALTHY,)))
    await watching(endless, STREAMING).run(10)
    assert [one["sendInitialEvents"] for one in endless.asked] == ["true", "", ""]


@pytest.mark.parametrize(
    "error",
    [refusal(400, "BadRequest"), refusal(422, "Invalid"), refusal(403, "Forbidden"), refusal(501, "NotImplemented")],
    ids=["400", "422", "403", "501"],
)
async def test_a_server_that_refuses_is_asked_once(error: KubeError) -> None:
    client = Scripted(
        error, listing(10, config_map("a", 5)), Frames((EXPIRED,)), listing(20, config_map("b", 15)), Frames((HEALTHY,))
    )
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert mirror.names == ["b"]
    assert mirror.deleted == ["a"]
    assert [one["sendInitialEvents"] for one in client.asked] == ["true", "", "", "", ""]
    assert client.asked[0].at == client.asked[1].at, "a refusal is no reason to wait"


async def test_a_kind_that_is_not_served_yet_says_nothing_about_streaming() -> None:
    client = Scripted(refusal(404, "NotFound"), Frames((A, END, HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert mirror.names == ["a"]


async def test_missed_deletes_come_out_of_the_next_list() -> None:
    client = Scripted(Frames((A, B, END, Silence(2.0), EXPIRED)), Frames((B, bookmark(20, complete=True), HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert mirror.deleted == ["a"]
    assert [one["resourceVersion"] for one in client.asked] == ["", ""], "after 410 the newest"


async def test_a_reset_after_the_list_resumes_where_it_was() -> None:
    client = Scripted(Frames((A, END, Unreachable("reset"))), Frames((event("ADDED", config_map("b", 12)), HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert mirror.names == ["a", "b"]
    assert (client.asked[1]["resourceVersion"], client.asked[1]["sendInitialEvents"]) == ("10", "")


async def test_a_watch_that_ends_right_after_its_list_backs_off() -> None:
    client = Scripted(Frames((A, END)), *[Frames(())] * 50)
    await watching(client, STREAMING).run(60)
    assert len(client.asked) <= 9


async def test_an_expired_version_is_tried_again_at_once_at_the_newest() -> None:
    junk = Frames((A, END, b"no json"))
    client = Scripted(junk, refusal(410, "Expired"), Frames((A, bookmark(11, complete=True), HEALTHY)))
    mirror = watching(client, STREAMING)
    await mirror.run(10)
    assert [one["resourceVersion"] for one in client.asked] == ["", "10", ""]
    assert client.asked[1].at == client.asked[2].at


async def test_a_list_older_than_what_was_seen_is_not_believed() -> None:
    client = Scripted(
        Frames((A, END, event("DELETED", config_map("a", 20)), EXPIRED)),
        Frames((A, bookmark(15, complete=True), HEALTHY)),
        Frames((B, bookmark(21, complete=True), HEALTHY)),
    )
    mirror = watching(client, STREAMING)
    await mirror.run(30)
    assert mirror.names == ["b"]
    assert mirror.kinds == ["Replaced", "Deleted", "Replaced"]


async def test_a_server_that_insists_on_its_past_was_restored() -> None:
    past = Frames((event("ADDED", config_map("a", 40)), bookmark(60, complete=True), HEALTHY))
    client = Scripted(Frames((A, bookmark(100, complete=True), EXPIRED)), past, past, past)
    mirror = watching(client, KubeSettings(stale_lists=3))
    await mirror.run(30)
    assert isinstance(mirror.events[-1], Replaced)
    assert mirror.events[-1].rewound
    assert mirror.reflector.resource_version == "60"


async def test_a_stream_without_end_is_bounded_by_the_members_bytes() -> None:
    lines = [event("ADDED", config_map(f"c{number}", number + 1)) for number in range(1000)]
    client = Scripted(Frames((*lines, END)))
    mirror = watching(client, KubeSettings(member_bytes=20 * len(lines[0])))
    await mirror.run(0.5)
    assert isinstance(mirror.reflector.error, TooLarge)
    assert (mirror.events, mirror.reflector.synced) == ([], False)


async def test_a_stream_that_trickles_is_bounded_in_time() -> None:
    drip = [line for number in range(100) for line in (Silence(30.0), event("ADDED", config_map("a", number + 1)))]
    client = Scripted(Frames((*drip, END)), listing(200), Frames((HEALTHY,)))
    mirror = watching(client, STREAMING)
    await mirror.run(700)
    assert mirror.kinds == ["Replaced"]
    assert mirror.names == []
    assert client.asked[1].at <= STREAMING.watch_max + 30.0 + 2.0


async def test_an_object_that_cannot_be_read_is_kept_as_it_was_known() -> None:
    odd = event("ADDED", {**config_map("b", 12), "data": {"a": 1}})
    client = Scripted(
        Frames((A, B, END, Silence(2.0), EXPIRED)), Frames((A, odd, bookmark(20, complete=True), HEALTHY))
    )
    mirror = Mirror(client, Typed, STREAMING, ListOptions())
    await mirror.run(10)
    assert mirror.names == ["a", "b"]
    assert [*mirror.reflector.unreadable] == [("d", "b")]
