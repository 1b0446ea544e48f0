"""Every kubectl of this machine, on real clusters: the same journeys as on simulated ones (tests/road), all at once."""

from pathlib import Path

import pytest

from tests.e2e.ground import Ground
from tests.road.test_kubectl import MEMBERS, Person, arrived, each, go_wrong, install_and_delete, scale_and_patch
from tests.sandbox.kubectls import found

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop, pytest.mark.timeout(600)]

ANY = (1, 0)
JOURNEYS = {journey.__name__: journey for journey in (install_and_delete, scale_and_patch, go_wrong)}


@pytest.fixture
async def people(ground: Ground, tmp_path: Path) -> list[Person]:
    """One for each kubectl, however old."""
    return [await arrived(version, binary, ground.fleet.kubeconfig, tmp_path) for version, binary in found(ANY).items()]


TRIES = 3
"""kwok now and then ends a short command before anybody reads what it said."""


@pytest.mark.parametrize("name", JOURNEYS)
async def test_every_kubectl_goes_the_whole_way(name: str, people: list[Person]) -> None:
    await each(people, JOURNEYS[name])


async def test_logs_and_exec_of_a_pod(ground: Ground, people: list[Person]) -> None:
    """kwok serves what a kubelet would: each kubectl reads a log and runs a command through the API server."""
    await each(people, _look_into_a_pod)


async def _look_into_a_pod(person: Person) -> None:
    member = MEMBERS[0]
    await person(member, "run", "box", "--image=box", "--restart=Never")
    await person(member, "wait", "--for=condition=Ready", "pod/box", "--timeout=60s")
    assert "hello from kwok" in (await person(member, "logs", "box")).ok
    said = [(await person(member, "exec", "box", "--", "echo", "hi")).out for _ in range(TRIES)]
    assert "hi\n" in said
    await person(member, "delete", "pod", "box", "--wait=false")
