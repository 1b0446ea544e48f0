"""The contract of Helm engines on a real cluster, with the Helm programs that were built beside it."""

import pytest

from sym.kube.connection import Connection
from sym.kube.kubeconfig import load_operator
from tests.kube.helm.contract import HelmContract
from tools.realfleet.fleet import MEMBERS, Fleet

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


@pytest.fixture(scope="module")
def where(fleet: Fleet) -> Connection:
    """A member, as its admin."""
    return load_operator(str(fleet.kubeconfig), MEMBERS[0])


class TestReal(HelmContract):
    pass
