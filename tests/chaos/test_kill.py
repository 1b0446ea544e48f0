"""The controllers are killed at the n-th write, started again, and the outside judge finds no difference.

SYM_CHAOS_KILLS: how many kills. The test run does 6, `sh dev.sh chaos` at least 50: every write of every workflow.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.playground import PATIENCE, Controller, Playground, Trap, playground
from tests.chaos.workflows import WORKFLOWS, Kill, rounds
from tests.oracle.fleet import Fleet, read_servers, servers
from tests.oracle.judge import complaints, shape
from tests.wait import until

KILLS = int(os.environ.get("SYM_CHAOS_KILLS", "6"))
LOOK = 0.4  # seconds between two looks of the judge
CLUSTERS = 3  # in each of which the controllers hold a lock
STILL = 1.2  # seconds without a write of ours after which a workflow counts as over

_log = logging.getLogger("chaos")  # `--log-cli-level=INFO` shows it

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with playground(tmp_path_factory.mktemp("chaos")) as made:
        yield made


@pytest.fixture
def controller(ground: Playground, tmp_path: Path) -> Iterator[Controller]:
    made = Controller(ground.kubeconfig, tmp_path / "controller.log")
    made.start()
    try:
        yield made
    finally:
        made.end()


class Runs:
    """Runs workflows and knows how each ends when nobody is killed."""

    def __init__(self, ground: Playground, controller: Controller) -> None:
        self._ground = ground
        self._controller = controller
        self.ends: dict[str, object] = {}
        self.writes: dict[str, int] = {}
        self.kills = 0
        self._servers = servers(ground.kubeconfig)
        self._looked = 0.0

    def reference(self, name: str) -> None:
        """Every workflow without a kill."""
        for workflow in WORKFLOWS:
            before = len(self._ground.traffic.writes)
            self._act(workflow, name)
            self._await(self._calm, f"{workflow}, no kill", name)
            self.ends[workflow] = _shape(self._read(), name)
            seen = self._ground.traffic.writes[before:]
            self.writes[workflow] = len(seen)
            _log.info("%s: %d writes\n  %s", workflow, len(seen), "\n  ".join(map(str, seen)))

    def run(self, name: str, workflow: str, kill: Kill | None) -> None:
        """One workflow, with a kill or without, to an end that equals that of the reference."""
        traffic, what = self._ground.traffic, f"{workflow}, no kill"
        if kill is not None:
            traffic.trap = Trap(kill.n, late=kill.late, kill=self._controller.kill)
            what = f"{workflow}, killed at {traffic.trap}"
        self._act(workflow, name)
        if (trap := traffic.trap) is not None:
            self._await(lambda: trap.fired or (traffic.quiet(STILL) and self._ended(workflow, name)), what, name)
            traffic.trap = None
            if trap.fired:
                self.kills += 1
                self._controller.restart()
                locks = traffic.locks
                self._await(lambda: traffic.locks >= locks + CLUSTERS, f"{what}, and started again", name)
        self._await(lambda: self._ended(workflow, name), what, name)

    def _act(self, workflow: str, name: str) -> None:
        self._ground.do(lambda world: WORKFLOWS[workflow](world, name))

    def _ended(self, workflow: str, name: str) -> bool:
        """Whether all is as in the reference; looks seldom, for the judge and the clusters share a processor."""
        if time.monotonic() < self._looked + LOOK:
            return False
        fleet = self._read()
        self._looked = time.monotonic()
        return not complaints(fleet) and _shape(fleet, name) == self.ends[workflow]

    def _calm(self) -> bool:
        return self._ground.traffic.quiet(STILL) and not complaints(self._read())

    def _read(self) -> Fleet:
        return read_servers(self._servers)

    def _await(self, true: Callable[[], bool], what: str, name: str) -> None:
        def story() -> str:
            seen = "\n".join(map(str, self._ground.traffic.writes[-30:]))
            words = self._controller.last_words()
            fleet = self._read()
            return f"{what}\n{complaints(fleet)}\n{_shape(fleet, name)}\nlast writes:\n{seen}\nits log:\n{words}"

        began = time.monotonic()
        until(true, PATIENCE, story)
        _log.info("%s: %.1f s", what, time.monotonic() - began)


def _shape(fleet: Fleet, name: str) -> dict[str, list[str]]:
    """The shape without the AppSet's own name."""
    return {cluster: [line.replace(name, "APP") for line in lines] for cluster, lines in shape(fleet).items()}


def test_killed_at_any_write_and_started_again_it_ends_as_if_nothing_had_happened(
    ground: Playground, controller: Controller
) -> None:
    runs = Runs(ground, controller)
    runs.reference("calm")
    for turn, plan in enumerate(rounds(KILLS, runs.writes)):
        for workflow, kill in plan.items():
            if kill is not None or workflow in ("install", "delete"):
                runs.run(f"wild{turn:02}", workflow, kill)
    for turn in range(KILLS - runs.kills):  # for those whose write did not come: fewer are needed on a slow machine
        runs.run(f"more{turn:02}", "install", Kill(1 + turn, late=turn % 2 == 1))
        runs.run(f"more{turn:02}", "delete", None)
    _log.info("%d kills", runs.kills)
    assert runs.kills >= KILLS, "too few of the writes that were to be killed at came at all"
