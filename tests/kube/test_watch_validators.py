"""What a watch was told, compared with what truly happened, under every fault at once (etcd's watch validators).

Ordered, Unique, Reliable, Resumable: between two lists, the events are exactly those of the server's history, in its
order. Atomic: a list is the state at its version. Bookmarkable: nothing at or before a bookmark comes after it. And in
the end the cache equals the server.
"""

import asyncio
import contextlib
from random import Random

import pytest
from msgspec.structs import replace

from sym.aio.env import LoopEnv
from sym.kube.api import Api
from sym.kube.requests import ListOptions
from sym.kube.store import Applied, Bookmark, Change, Deleted, Event, Replaced, Store
from sym.kube.watch import Reflector
from sym.model.kinds import CONFIGMAP
from sym.model.meta import Object
from sym.sandbox import faults
from sym.settings import KubeSettings
from tests.kube.history import History

pytestmark = pytest.mark.anyio

SETTINGS = KubeSettings(page_limit=3, list_pages=50, stale_lists=1000)
FAULTS: list[tuple[float, faults.Fault]] = [
    (0.06, faults.Drop()),
    (0.06, faults.Reset()),
    (0.06, faults.Reset(after=3)),
    (0.06, faults.Delay(seconds=5.0)),
    (0.04, faults.Hang()),
    (0.04, faults.Hang(after=2)),
    (0.05, faults.Refuse(code=410, reason="Expired")),
    (0.05, faults.Refuse(code=429, reason="TooManyRequests", retry_after=3)),
    (0.05, faults.Refuse(code=503, bare=True)),
    (0.05, faults.Junk(after=1)),
    (0.05, faults.Truncated()),
    (0.05, faults.StaleList(age=2)),
    (0.02, faults.Endless()),
    (0.05, faults.ErrorEvent(after=1)),
    (0.05, faults.ErrorEvent(after=2, code=500, reason="InternalError")),
]


async def live(server: History, client: faults.FaultyClient, random: Random) -> None:
    """Twenty minutes of writes, compactions and trouble with the link."""
    turns = (client.cut, client.black_hole, *[client.heal] * 12)
    for _ in range(600):
        await asyncio.sleep(random.uniform(0.1, 4.0))
        name = random.choice("abcdefgh")
        server.put(name) if random.random() < 0.7 else server.remove(name)
        if random.random() < 0.05:
            server.compact()
        if (turn := random.randrange(60)) < len(turns):
            turns[turn]()
    client.heal()


@pytest.mark.parametrize(("asks", "streams"), [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("seed", range(20))
async def test_the_watch_tells_the_truth_whatever_happens(seed: int, asks: bool, streams: bool) -> None:
    env, server = LoopEnv(seed), History(streams=streams)
    settings = replace(SETTINGS, stream_lists=asks)
    schedule = faults.Chances(FAULTS, env)
    client = faults.FaultyClient(server, schedule, settings)
    reflector = Reflector(Api(client, "c", settings), CONFIGMAP, Object, ListOptions(), settings, env)
    store: Store[Object] = Store("c")
    events: list[Event[Object]] = []
    changes: list[Change[Object]] = []

    def take(event: Event[Object]) -> None:
        events.append(event)
        changes.extend(store.handle(event))

    async with asyncio.TaskGroup() as group:
        running = group.create_task(reflector.run(take))
        await live(server, client, LoopEnv(1000 + seed).random())
        client.schedule = faults.Script()
        await asyncio.sleep(120)
        running.cancel()
    present = {ref.name: int(item.metadata.resource_version) for ref, item in store.view.items()}
    assert present == server.states[server.version], "the cache does not equal the server"
    assert len(client.injected) >= 3
    assert server.streamed == 0 or (asks and streams)
    validate_events(events, server)
    validate_changes(changes)


def validate_events(events: list[Event[Object]], server: History) -> None:
    """Every stretch from a list to the next is the server's own history."""
    at = -1
    for event in events:
        match event:
            case Replaced():
                listed = {item.metadata.name: int(item.metadata.resource_version) for item in event.items}
                at = int(event.resource_version)
                assert listed == server.states[at], "a list that was never the state"
                assert not event.rewound
            case Bookmark():
                assert int(event.resource_version) >= at
                assert not [one for one in server.events if at < one.version <= int(event.resource_version)]
                at = int(event.resource_version)
            case Applied() | Deleted():
                following = next(one for one in server.events if one.version > at)
                name = event.item.metadata.name if isinstance(event, Applied) else event.name
                assert (following.version, following.name) == (int(event.resource_version), name)
                assert isinstance(event, Deleted) == (following.type == "DELETED")
                at = following.version


def validate_changes(changes: list[Change[Object]]) -> None:
    """A handler hears of each version once, and of each end once."""
    told: dict[str, int] = {}
    for change in changes:
        version = int(change.new.metadata.resource_version) if change.new else 0
        assert version != told.get(change.ref.name, 0), f"{change} was told twice"
        told[change.ref.name] = version


async def test_a_quiet_server_costs_little() -> None:
    """One list for ever, and a watch each five to ten minutes."""
    server = History()
    server.put("a")
    env = LoopEnv(3)
    reflector = Reflector(Api(server, "c", SETTINGS), CONFIGMAP, Object, ListOptions(), SETTINGS, env)
    events: list[Event[Object]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(24 * 3600):
            await reflector.run(events.append)
    assert reflector.lists == 1
    assert 144 <= reflector.watches <= 288
