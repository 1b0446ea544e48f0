"""A real process killed at rest and started again over 200 AppSets asks the servers for no change at all.

Only by `sh dev.sh chaos`; tests/safety/test_quiet.py says the same in virtual time in every test run.
"""

import os
from pathlib import Path

import pytest

from sym.cli.demo_tour import World
from sym.kube.requests import ListOptions
from sym.model.appset import AppSet, AppStatus
from sym.model.kinds import APPSET
from tests.chaos.playground import Controller, playground
from tests.chaos.workflows import EVERY
from tests.make import BJ4, BJ5, appset, pod_set
from tests.wait import until

APPS = 200
KILLS = int(os.environ.get("SYM_CHAOS_KILLS", "6"))

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.skipif(EVERY > KILLS, reason="takes half a minute; `sh dev.sh chaos` runs it"),
]


def test_a_restart_over_200_appsets_writes_nothing(tmp_path: Path) -> None:
    with playground(tmp_path) as ground:
        controller, traffic = Controller(ground.kubeconfig, tmp_path / "controller.log"), ground.traffic
        controller.start()
        try:
            ground.do(_install)
            until(lambda: traffic.quiet(2.0) and ground.do(_all_run), 240, controller.last_words)
            controller.kill()
            controller.restart()
            locks, writes = traffic.locks, len(traffic.writes)
            until(lambda: traffic.locks >= locks + 60, 60, "it holds its locks and renews them for some seconds")
            assert list(map(str, traffic.writes[writes:])) == []
        finally:
            controller.end()


async def _install(world: World) -> None:
    for number in range(APPS):
        name = f"app{number:03}"
        clusters = {BJ4: [pod_set(f"{name}-gz01a-blue", "50%")], BJ5: [pod_set(f"{name}-gz02a-blue", None)]}
        await world.meta.apply(
            APPSET,
            {
                "apiVersion": APPSET.api_version,
                "kind": APPSET.name,
                **appset(clusters, name=name, replicas=number % 2 * 2),
            },
            "person",
        )


async def _all_run(world: World) -> bool:
    apps, _ = await world.meta.list_all(APPSET, AppSet, ListOptions())
    return len(apps) == APPS and all(app.status.aggr_status.status is AppStatus.RUNNING for app in apps)
