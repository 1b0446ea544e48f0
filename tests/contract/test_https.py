"""The stories over sockets: the sandbox's HTTPS server, and a real one where SYM_REAL_KUBECONFIG names it.

The real one must be an API server without controllers (a controller-manager would write into the stories' objects).
Watches are only told in full by the core (test_in_process.py): over sockets each lasts a second of real time.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract import backends
from tests.contract.backends import Backend
from tests.contract.judging import assert_told_as_recorded
from tests.contract.stories import STORIES

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

REAL = Path(os.environ["SYM_REAL_KUBECONFIG"]).read_bytes() if "SYM_REAL_KUBECONFIG" in os.environ else b""
SHORT = [name for name in STORIES if REAL or name != "watches"]


@pytest.fixture(params=["https", *(["real"] if REAL else [])])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """A server behind a socket."""
    async with backends.real(REAL) if request.param == "real" else backends.https() as server:
        yield server


@pytest.mark.parametrize("name", SHORT)
async def test_a_socket_changes_nothing(name: str, backend: Backend) -> None:
    await assert_told_as_recorded(name, backend)
