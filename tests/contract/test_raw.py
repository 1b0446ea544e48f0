"""The raw differential run as a test; collected where there is a real server (see conftest.py)."""

import pytest

from tests.contract.conftest import REAL_KUBECONFIG
from tests.contract.raw import FIGURES, Result, compare, report

pytestmark = pytest.mark.timeout(900)

FEWEST = 250


@pytest.fixture(scope="module")
def result() -> Result:
    """One run for the module; its figures are printed at the end of the test run."""
    found = compare(REAL_KUBECONFIG)
    FIGURES.extend(report(found))
    return found


def test_every_status_is_the_real_one(result: Result) -> None:
    assert result.requests >= FEWEST
    assert [f"{one.script} {one.request}" for one in result.findings if one.other_status] == []


def test_every_difference_is_a_reviewed_one(result: Result) -> None:
    assert [f"{one.script} {one.request}: {one.unexplained}" for one in result.unexplained] == []


def test_nothing_is_allowed_in_vain(result: Result) -> None:
    assert result.unused == ()
