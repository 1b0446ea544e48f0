"""Every story, told by every server, is what a real kube-apiserver 1.34 told (recorded/)."""

import pytest

from tests.contract.backends import Backend
from tests.contract.conftest import LOOPS
from tests.contract.judging import assert_told_as_recorded
from tests.contract.player import RECORDED
from tests.contract.stories import STORIES
from tests.contract.unsupported import UNSUPPORTED


@pytest.mark.anyio
@pytest.mark.parametrize("name", STORIES)
async def test_told_as_recorded(name: str, backend: Backend) -> None:
    await assert_told_as_recorded(name, backend)


def test_every_recording_belongs_to_a_story() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == set(STORIES)


def test_what_is_unsupported_is_a_test_with_a_reason() -> None:
    tests = {f"test_told_as_recorded[{target}-{name}]" for target in LOOPS for name in STORIES}
    assert set(UNSUPPORTED) <= tests
    assert all(UNSUPPORTED.values())
