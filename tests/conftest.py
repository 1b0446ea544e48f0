"""What all tests share: virtual time for async tests, the real loop for sockets, hypothesis profiles.

An async test (`@pytest.mark.anyio`) runs on `VirtualLoop`: sleeping costs nothing and the fixture `env` tells the time.
A module that talks over sockets or waits for processes says `pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]`
at its top and gets asyncio's own loop for all of its tests.
"""

import asyncio
import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from sym.aio.env import LoopEnv
from sym.aio.virtual import VirtualLoop

E2E = "SYM_E2E" in os.environ
"""Whether real clusters are to be tested (`sh dev.sh e2e`); a skip is a failure then."""
collect_ignore = [] if E2E else ["e2e"]

Backend = tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]]

VIRTUAL: Backend = ("asyncio", {"loop_factory": VirtualLoop})
REAL: Backend = ("asyncio", {"loop_factory": asyncio.SelectorEventLoop})

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("SYM_HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites golden files, see tests/golden/conftest.py."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew and print what changed")


@pytest.fixture(scope="module")
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """Virtual time, unless the module is marked `real_loop`. A new loop per test unless a wider fixture holds it."""
    return REAL if request.node.get_closest_marker("real_loop") else VIRTUAL


@pytest.fixture
def env() -> LoopEnv:
    """Clock and randomness of a simulation: the running loop's time and seed 0."""
    return LoopEnv(0)
