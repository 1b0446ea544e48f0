"""A controller stopped by SIGSTOP for longer than its locks last, in the middle of its work, writes nothing under them
when it goes on: in each cluster the first that it asks for is the lock. A real process (reliability.md F2)."""

import time
from pathlib import Path

import pytest

from tests.chaos.playground import PATIENCE, Controller, Playground, Trap, playground
from tests.chaos.workflows import WORKFLOWS
from tests.oracle.fleet import read_servers, servers
from tests.oracle.judge import complaints
from tests.wait import until

NAME = "paused"
CLUSTERS = 3  # in each of which the controller holds a lock
STILL = 1.2  # seconds without a write of ours after which a workflow counts as over
LONGER = 1.5  # seconds: than the 1 s that the locks of tests last

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_a_paused_controller_takes_its_locks_before_it_writes_again(tmp_path: Path) -> None:
    with playground(tmp_path) as ground:
        controller = Controller(ground.kubeconfig, tmp_path / "controller.log")
        controller.start()
        try:
            until(lambda: ground.traffic.locks >= CLUSTERS, PATIENCE, controller.last_words)
            _pause_in(ground, controller, "install", Trap(3, late=False, kill=controller.pause))
            _pause_in(ground, controller, "update", Trap(6, late=True, kill=controller.pause))
        finally:
            controller.go_on()
            controller.end()


def _pause_in(ground: Playground, controller: Controller, workflow: str, trap: Trap) -> None:
    traffic, what = ground.traffic, f"{workflow}, paused at {trap}"
    traffic.trap = trap
    ground.do(lambda world: WORKFLOWS[workflow](world, NAME))
    until(lambda: trap.fired, PATIENCE, controller.last_words)
    paused = time.monotonic()
    until(lambda: time.monotonic() > paused + LONGER, PATIENCE, "its locks have run out")
    before = len(traffic.asked)
    controller.go_on()
    clusters = servers(ground.kubeconfig)
    until(lambda: traffic.quiet(STILL) and not complaints(read_servers(clusters)), PATIENCE, controller.last_words)
    first = {record.cluster: record for record in reversed(traffic.asked[before:])}
    assert len(first) == CLUSTERS, what
    assert {record.place.resource for record in first.values()} == {"leases"}, [what, *map(str, first.values())]
