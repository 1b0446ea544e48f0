"""Compares what a backend told with what a real server told."""

from tests.contract.backends import Backend
from tests.contract.player import differences, fresh_namespace, play, recorded
from tests.contract.stories import STORIES


async def assert_told_as_recorded(name: str, backend: Backend) -> None:
    """Fails with every place in which the backend's story differs from the real server's."""
    told = await play(backend, STORIES[name], fresh_namespace())
    truth = recorded(name)
    assert len(told) == len(truth), f"{name} has other steps than its recording: record it anew"
    wrong = [
        f"{wanted['step']}\n  {path}: real {expected!r}\n  {path}: here {got!r}"
        for wanted, found in zip(truth, told, strict=True)
        for path, expected, got in differences(wanted, found)
    ]
    assert not wrong, "\n".join(wrong)
