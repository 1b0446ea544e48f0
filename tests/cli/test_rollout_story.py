"""The words of `sym rollout` and the controller that hears them, together: a change from v3 to v4, and back."""

import asyncio

import click
import pytest

from sym.cli.rollout_ask import say
from sym.cli.rollout_asks import Person, abort, confirmation, retry, skip
from sym.cli.rollout_call import Desk
from sym.cli.rollout_change import Change, Seen
from sym.cli.rollout_edits import paused
from sym.cli.rollout_health import stand
from sym.cli.rollout_undo import undo
from sym.cli.rollout_view import Look
from sym.cli.rollout_write import settle
from sym.model.appset import AppSet
from tests.cli.rollouts import canary, hash_of
from tests.make import BJ4, BJ5
from tests.world import World, installed, until

pytestmark = pytest.mark.anyio

GATES = [f"canary@{BJ4}", f"canary@{BJ5}"]


def confirm(seen: Seen, person: Person) -> Change:
    """Whatever gate is waited at."""
    return confirmation(seen, "", person)


class Story:
    """bbcc in a world whose controller runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = Desk(api=world.meta, namespace="default", name="bbcc")

    async def app(self) -> AppSet:
        """It as it is."""
        return await self.world.app()

    async def apply(self, version: str) -> None:
        """`kubectl apply` of it."""
        app = canary(version)
        await self.world.apply({**app, "metadata": {"name": "bbcc", "namespace": "default"}})

    async def until(self, word: str) -> AppSet:
        """Wait until `sym rollout status` would say so."""

        async def there() -> bool:
            return stand(await self.app()).word == word

        await until(there, word, 600.0)
        return await self.app()

    async def tree(self) -> list[str]:
        """`sym rollout get`."""
        return Look(app=await self.app(), now=self.world.env.now()).lines()


async def at_first_gate(world: World) -> Story:
    """v3 runs everywhere, v4 waits at its first gate."""
    story = Story(world)
    await story.apply("v3")
    await story.until("Running")
    await story.apply("v4")
    await story.until("Waiting")
    return story


async def test_gate_by_gate_to_the_end_and_back() -> None:
    async with installed() as world, world.controller():
        story = await at_first_gate(world)
        passed: list[str] = []
        while (app := await story.app()).status.rollout.gate:
            passed.append(app.status.rollout.gate)
            command = f"next: sym rollout confirm bbcc -n default --gate {passed[-1]}"
            assert command in await story.tree()
            await say(story.desk, "", confirm)
            await until(lambda: _past(story, passed[-1]), "it goes on", 600.0)
        app = await story.until("Running")
        assert app.status.aggr_status.version == "v4"
        assert passed == GATES
        await undo(story.desk, None, world.env)
        app = await story.until("Waiting")
        assert app.status.rollout.hash == hash_of(canary("v3"))
        await undo(story.desk, app.status.rollout.revision, world.env, at_once=True)
        app = await story.until("Running")
        assert app.status.aggr_status.version == "v3"
        assert app.status.rollout.requests == ()


async def _past(story: Story, gate: str) -> bool:
    app = await story.app()
    return app.status.rollout.gate not in ("", gate) or stand(app).word == "Running"


async def test_abort_takes_back_and_retry_begins_again() -> None:
    async with installed() as world, world.controller():
        story = await at_first_gate(world)
        await say(story.desk, "wrong colour", abort)
        await story.until("Aborted")
        assert "next: sym rollout retry bbcc -n default" in await story.tree()
        with pytest.raises(click.ClickException, match="no rollout is under way"):
            await say(story.desk, "", abort)
        await say(story.desk, "", retry)
        app = await story.until("Waiting")
        assert app.status.rollout.gate == GATES[0]


async def test_a_cluster_that_is_away_is_skipped() -> None:
    async with installed() as world, world.controller():
        story = await at_first_gate(world)
        world.links[BJ5].cut()
        await until(lambda: _away(story), "it is told", 600.0)
        await say(story.desk, "", confirm)
        await story.until("Blocked")
        assert f"next: sym rollout skip bbcc -n default --cluster {BJ5}" in await story.tree()
        await say(story.desk, "", lambda seen, person: skip(seen, BJ5, person))
        await story.until("Waiting")
        await say(story.desk, "", confirm)
        await until(lambda: _goes_on(story), "it goes past the cluster", 600.0)


async def _away(story: Story) -> bool:
    rows = (await story.app()).status.aggr_status.clusters
    return any(row.name == BJ5 and row.observed_at is not None for row in rows)


async def _goes_on(story: Story) -> bool:
    app = await story.app()
    return "v4" in {each.version for each in app.status.aggr_status.clusters[0].pod_sets if "blue" in each.name}


async def test_pause_holds_what_was_confirmed_until_resume() -> None:
    async with installed() as world, world.controller():
        story = await at_first_gate(world)
        await settle(story.desk, lambda seen: paused(seen, pause=True))
        await story.until("Paused")
        await say(story.desk, "", confirm)
        await asyncio.sleep(120)
        app = await story.app()
        assert "next: sym rollout resume bbcc -n default" in await story.tree()
        assert {each.version for each in app.status.aggr_status.clusters[1].pod_sets} == {"v3"}
        await settle(story.desk, lambda seen: paused(seen, pause=False))
        await until(lambda: _past(story, GATES[0]), "it goes on", 600.0)
