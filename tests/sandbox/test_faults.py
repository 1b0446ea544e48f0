"""Each fault does what it says, and looks to the caller as the real client would report it."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import Gone, KubeError, ServerError, TimedOut, TooManyRequests, Unauthorized, Unreachable
from sym.kube.requests import ListOptions, Request, create, get, list_page, watch
from sym.model.codec import dig_list, dig_str, parse
from sym.model.kinds import CONFIGMAP
from sym.sandbox.faults import (
    Chances,
    Delay,
    Drop,
    Endless,
    ErrorEvent,
    Fault,
    FaultyClient,
    Hang,
    Junk,
    Refuse,
    Reset,
    Script,
    StaleList,
    Truncated,
    anything,
    is_list,
    is_watch,
    is_write,
)
from sym.settings import KubeSettings
from tests.kube.history import History
from tests.kube.scripted import Scripted, listing

pytestmark = pytest.mark.anyio

LIST = list_page(CONFIGMAP, ListOptions(), limit=500)
GET = get(CONFIGMAP, "d", "a")
WATCH = watch(CONFIGMAP, ListOptions(), resource_version="1", timeout_seconds=300)
CREATE = create(CONFIGMAP, {}, namespace="d", manager="m")
SETTINGS = KubeSettings(request_timeout=30.0, stream_idle=40.0)


def faulty(server: History | Scripted, *faults: Fault | None) -> FaultyClient:
    """A client that suffers these faults, one a request."""
    return FaultyClient(server, Script([(anything, fault) for fault in faults]), SETTINGS)


def server_with(*names: str) -> History:
    """A server with some objects."""
    server = History()
    for name in names:
        server.put(name)
    return server


async def names_in(client: FaultyClient, request: Request = LIST) -> list[str]:
    """The names of a list's answer."""
    body = parse((await client.send(request)).body)
    return [dig_str(item, "metadata", "name") for item in dig_list(body, "items")]


async def test_without_a_fault_all_goes_through() -> None:
    client = faulty(server_with("a"))
    assert await names_in(client) == ["a"]
    async with client.stream(WATCH) as lines:
        assert b"ADDED" in await anext(lines)
    assert client.injected == []


async def test_a_drop_does_not_reach_the_server() -> None:
    server = Scripted(listing(1))
    with pytest.raises(Unreachable):
        await faulty(server, Drop()).send(CREATE)
    assert server.asked == []


async def test_a_reset_loses_only_the_answer() -> None:
    server = Scripted(listing(1))
    with pytest.raises(Unreachable):
        await faulty(server, Reset()).send(CREATE)
    assert len(server.asked) == 1


async def test_a_delay_takes_its_time(env: LoopEnv) -> None:
    client = faulty(server_with("a"), Delay(seconds=7.0), Delay(seconds=5.0))
    assert await names_in(client) == ["a"]
    assert env.monotonic() == 7.0
    async with client.stream(WATCH):
        assert env.monotonic() == 12.0


async def test_a_hang_lasts_until_the_client_gives_up(env: LoopEnv) -> None:
    with pytest.raises(TimedOut):
        await faulty(server_with(), Hang()).send(GET)
    assert env.monotonic() == 30.0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Refuse(code=410, reason="Expired"), Gone),
        (Refuse(code=401, reason="Unauthorized"), Unauthorized),
        (Refuse(code=503, bare=True), ServerError),
        (Refuse(code=500, reason="InternalError"), ServerError),
    ],
)
async def test_a_refusal_is_its_error(fault: Refuse, kind: type[KubeError]) -> None:
    client = faulty(server_with(), fault, fault)
    with pytest.raises(kind):
        await client.send(LIST)
    with pytest.raises(kind):
        await client.stream(WATCH).__aenter__()


@pytest.mark.parametrize("bare", [True, False])
async def test_429_names_its_retry_after(bare: bool) -> None:
    client = faulty(server_with(), Refuse(code=429, reason="TooManyRequests", retry_after=9, bare=bare))
    with pytest.raises(TooManyRequests) as caught:
        await client.send(LIST)
    assert caught.value.retry_after == 9.0


async def test_a_stale_list_is_one_of_the_past() -> None:
    server = server_with("a")
    client = faulty(server, None, None, StaleList(age=2), StaleList(age=9), StaleList())
    assert await names_in(client) == ["a"]
    server.put("b")
    assert await names_in(client) == ["a", "b"]
    server.put("c")
    assert await names_in(client) == ["a"]
    assert await names_in(client) == ["a", "b", "c"], "so old a list was never seen"
    assert await names_in(client) == ["a", "b", "c"], "the last answer that was true"


async def test_junk_and_truncated_answers() -> None:
    client = faulty(server_with("a"), Junk(), Junk(body=b"{}"), Truncated(), None)
    assert (await client.send(LIST)).body.startswith(b"<html>")
    assert (await client.send(LIST)).body == b"{}"
    half = (await client.send(LIST)).body
    assert len(half) == len((await client.send(LIST)).body) // 2


async def test_an_endless_list_has_always_one_more_page() -> None:
    client = faulty(server_with("a"), *[Endless()] * 5)
    tokens: set[str] = set()
    token = ""
    for _ in range(5):
        page = parse((await client.send(list_page(CONFIGMAP, ListOptions(), limit=500, continue_=token))).body)
        token = dig_str(page, "metadata", "continue")
        tokens.add(token)
    assert len(tokens) == 5


async def test_a_stream_breaks_falls_silent_or_tells_rubbish_after_so_many_lines(env: LoopEnv) -> None:
    client = faulty(server_with("a", "b"), Reset(after=1), Hang(after=2), Junk(after=1), ErrorEvent(after=0))
    async with client.stream(WATCH) as lines:
        await anext(lines)
        with pytest.raises(Unreachable):
            await anext(lines)
    async with client.stream(WATCH) as lines:
        await anext(lines)
        await anext(lines)
        with pytest.raises(TimedOut):
            await anext(lines)
        assert env.monotonic() == 40.0
    async with client.stream(WATCH) as lines:
        await anext(lines)
        assert await anext(lines) == b"<html>login</html>"
        assert b"ADDED" in await anext(lines)
    async with client.stream(WATCH) as lines:
        assert b'"code":410' in await anext(lines)


async def test_a_cut_link_breaks_streams_and_refuses_requests() -> None:
    server = server_with("a")
    client = faulty(server)
    async with client.stream(WATCH) as lines:
        await anext(lines)
        async with asyncio.TaskGroup() as group:
            group.create_task(later(1.0, client.cut))
            with pytest.raises(Unreachable) as caught:
                await anext(lines)
    assert not isinstance(caught.value, TimedOut)
    with pytest.raises(Unreachable):
        await client.send(GET)
    with pytest.raises(Unreachable):
        await client.stream(WATCH).__aenter__()
    client.heal()
    assert await names_in(client) == ["a"]


async def test_a_black_hole_swallows_everything(env: LoopEnv) -> None:
    server = server_with("a")
    client = faulty(server)
    async with client.stream(WATCH) as lines:
        await anext(lines)
        client.black_hole()
        server.put("b")
        with pytest.raises(TimedOut):
            await anext(lines)
    assert env.monotonic() == 40.0
    with pytest.raises(TimedOut):
        await client.send(GET)
    assert env.monotonic() == 70.0


async def test_a_short_black_hole_only_delays_a_stream(env: LoopEnv) -> None:
    server = server_with("a")
    client = faulty(server)
    async with client.stream(WATCH) as lines:
        await anext(lines)
        client.black_hole()
        server.put("b")
        async with asyncio.TaskGroup() as group:
            group.create_task(later(20.0, client.heal))
            assert b'"b"' in await anext(lines)
            assert env.monotonic() == 20.0
            group.create_task(later(30.0, lambda: server.put("c")))
            assert b'"c"' in await anext(lines)


async def test_a_watch_that_is_silent_for_long_is_given_up_as_over_sockets(env: LoopEnv) -> None:
    async with faulty(server_with("a")).stream(WATCH) as lines:
        await anext(lines)
        with pytest.raises(TimedOut):
            await anext(lines)
        assert env.monotonic() == SETTINGS.stream_idle


async def later(seconds: float, what: object) -> None:
    """Do it so many virtual seconds from now."""
    await asyncio.sleep(seconds)
    assert callable(what)
    what()


def test_a_script_waits_for_what_it_matches() -> None:
    script = Script()
    script.add(is_write, Drop(), times=2)
    script.add(is_watch, Hang())
    assert [script.next(one) for one in (GET, LIST, CREATE, WATCH, CREATE, CREATE, WATCH, WATCH)] == [
        None,
        None,
        Drop(),
        None,
        Drop(),
        None,
        Hang(),
        None,
    ]
    assert script.done


def test_what_is_a_list_a_watch_a_write() -> None:
    requests = (LIST, WATCH, GET, CREATE)
    assert [is_list(one) for one in requests] == [True, False, False, False]
    assert [is_watch(one) for one in requests] == [False, True, False, False]
    assert [is_write(one) for one in requests] == [False, False, False, True]


async def test_chances_follow_their_seed_and_their_odds() -> None:
    def rolls(seed: int) -> list[Fault | None]:
        chances = Chances([(0.25, Drop()), (0.25, Hang())], LoopEnv(seed), is_list)
        return [chances.next(LIST) for _ in range(2000)]

    assert rolls(1) == rolls(1)
    assert rolls(1) != rolls(2)
    found = rolls(1)
    assert 400 < found.count(Drop()) < 600
    assert 400 < found.count(Hang()) < 600
    assert Chances([(1.0, Drop())], LoopEnv(1), is_list).next(GET) is None


async def test_closing_goes_through() -> None:
    server = Scripted()
    await faulty(server).aclose()
    assert server.closed
