"""Real clusters for the end-to-end tests (`sh dev.sh e2e`): one fleet for the session, Sym installed in it once."""

from collections.abc import Iterator

import pytest

from tests.e2e.ground import Ground, installed
from tools.realfleet import fleet as real
from tools.realfleet.build import Binaries, binaries


@pytest.fixture(scope="session")
def programs() -> Binaries:
    """The control plane's programs, which `dev.sh e2e` has built."""
    return binaries(print)


@pytest.fixture(scope="session")
def fleet(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.Fleet]:
    """A meta cluster and two members."""
    with real.running(tmp_path_factory.mktemp("fleet"), programs) as made:
        yield made


@pytest.fixture(scope="session")
def grounds() -> list[Ground]:
    """Where Sym is installed: nothing before the first test that asks for `ground`."""
    return []


@pytest.fixture(scope="session")
def ground(fleet: real.Fleet, grounds: list[Ground], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The fleet with Sym in it, controllers running."""
    with installed(fleet, tmp_path_factory.mktemp("sym")) as made:
        grounds.append(made)
        yield made
        grounds.clear()


@pytest.fixture(autouse=True)
def tidy(grounds: list[Ground]) -> Iterator[None]:
    """What a test leaves behind, and only a failed one leaves AppSets, is no other test's affair."""
    yield
    for each in grounds:
        each.tidy()
