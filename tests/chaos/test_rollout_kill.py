"""The document's example goes from v3 to v4 behind its gates while the controllers are killed after every write.

Its whole course is read from the members' own histories. SYM_CHAOS_KILLS: from 50 on a kill after every write, as
`sh dev.sh chaos` does; the test run kills after each of the first few.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sym.cli.demo_tour import World
from sym.kube.errors import Conflict
from sym.model.codec import JSONMap
from sym.model.kinds import APPSET
from tests.chaos.playground import Controller, Playground, Trap, playground
from tests.oracle.fleet import read_servers, servers
from tests.oracle.history import before_its_gate, histories, out_of_order
from tests.oracle.judge import complaints
from tests.rollouts import BJ4, BJ5, Confirmer, behind, example, runs, told, waves
from tests.wait import until

KILLS = int(os.environ.get("SYM_CHAOS_KILLS", "6"))
EVERY = 50
FEW = 2  # kills of each test in the test run
NEEDED = 12  # writes that the example cannot do without: a child's and a workload's for each of its six podSets
PATIENCE = 600.0  # seconds: bounds a failing test
QUICK = {"minReadySeconds": 0}

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with playground(tmp_path_factory.mktemp("rollout"), (BJ4, BJ5)) as made:
        yield made


@pytest.fixture
def controller(ground: Playground, tmp_path: Path) -> Iterator[Controller]:
    made = Controller(ground.kubeconfig, tmp_path / "controller.log")
    made.start()
    try:
        yield made
    finally:
        made.end()


def apply(ground: Playground, app: JSONMap) -> None:
    """`kubectl apply` of an AppSet."""
    ground.do(lambda world: world.meta.apply(APPSET, app, "person"))


def person(ground: Playground, name: str) -> Confirmer:
    """Somebody at the meta cluster."""

    async def send(world: World, body: JSONMap) -> bool:
        try:
            await world.meta.patch_status(APPSET, "default", name, body, "person")
        except Conflict:
            return False
        return True

    return Confirmer(
        read=lambda: ground.do(lambda world: world.meta.get_raw(APPSET, "default", name)),
        patch=lambda body: ground.do(lambda world: send(world, body)),
    )


@pytest.mark.parametrize("late", [False, True], ids=["before-the-answer", "after-the-answer"])
def test_killed_after_every_write_it_skips_no_gate_and_keeps_its_order(
    ground: Playground, controller: Controller, late: bool
) -> None:
    name = "late" if late else "soon"
    apply(ground, example(name, "v3", **QUICK))
    ann = person(ground, name)
    until(lambda: runs(ann.read(), "v3"), PATIENCE, lambda: told(ann.read()))
    reached = servers(ground.kubeconfig)
    with histories({member: reached[member] for member in (BJ4, BJ5)}) as history:
        apply(ground, example(name, "v4", **QUICK))
        kills = rolled(ground, controller, ann, late=late)

        def wrong() -> list[str]:
            mine = [each for each in history.of("default") if each.name.startswith(name)]
            gates = before_its_gate(mine, "v4", ann.confirmed, behind(name))
            return [*out_of_order(mine, waves(name), "v4"), *gates]

        until(lambda: not wrong(), 20, lambda: str(wrong()))
    assert list(ann.confirmed) == list(behind(name))
    assert kills >= (NEEDED if KILLS >= EVERY else FEW)
    until(lambda: not complaints(read_servers(reached)), 60, lambda: str(complaints(read_servers(reached))))


def rolled(ground: Playground, controller: Controller, ann: Confirmer, *, late: bool) -> int:
    """Roll until v4 runs everywhere, with a kill at every write; how many kills that were."""
    kills = 0
    while not runs(ann.look(), "v4"):
        trap = Trap(1, late=late, kill=controller.kill)
        ground.traffic.trap = trap if kills < FEW or KILLS >= EVERY else None
        sprung(ground, controller, ann, trap)
        if trap.fired:
            kills += 1
            restarted(ground, controller)
    ground.traffic.trap = None
    return kills


def sprung(ground: Playground, controller: Controller, ann: Confirmer, trap: Trap) -> None:
    """Wait until the trap has killed, or all is done."""

    def story() -> str:
        return f"{told(ann.read())}\n{controller.last_words()}"

    until(lambda: trap.fired or runs(ann.look(), "v4"), PATIENCE, story)


def restarted(ground: Playground, controller: Controller) -> None:
    """Start the controllers anew and wait until they hold a lock."""
    locks = ground.traffic.locks
    controller.restart()
    until(lambda: ground.traffic.locks > locks, PATIENCE, controller.last_words)
