"""Every story, told by every server, is what a real kube-apiserver 1.34 told (recorded/)."""

import contextlib

import pytest

from tests.contract import pods
from tests.contract.backends import Backend
from tests.contract.conftest import LOOPS
from tests.contract.judging import assert_told_as_recorded
from tests.contract.player import RECORDED
from tests.contract.stories import STORIES
from tests.contract.unsupported import UNSUPPORTED

KWOK_TRIES = 2
"""More tries that the kubelet of the real server gets: kwok now and then ends a short command before anybody reads what
it said. A sandbox gets one."""


@pytest.mark.anyio
@pytest.mark.parametrize("name", STORIES)
async def test_told_as_recorded(name: str, target: str, backend: Backend) -> None:
    for _ in range(KWOK_TRIES if target == "real" and name in pods.STORIES else 0):
        with contextlib.suppress(AssertionError):
            await assert_told_as_recorded(name, backend)
            return
    await assert_told_as_recorded(name, backend)


def test_every_recording_belongs_to_a_story() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == set(STORIES)


def test_what_is_unsupported_is_a_test_with_a_reason() -> None:
    tests = {f"test_told_as_recorded[{target}-{name}]" for target in LOOPS for name in STORIES}
    assert set(UNSUPPORTED) <= tests
    assert all(UNSUPPORTED.values())
