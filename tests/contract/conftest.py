"""The three servers of the contract, and the table of what one of them cannot do.

The real server is the one of SYM_REAL_KUBECONFIG, a kubeconfig with a token, and SYM_REAL_ETCD, its etcd's URL. It must
run without controllers: a controller-manager would write into the stories' objects; a node and its kubelet must be
there. Without it, two backends remain.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from sym.aio.env import LoopEnv
from sym.aio.virtual import VirtualLoop
from sym.sandbox.cluster import SandboxCluster
from tests.contract import backends, pods
from tests.contract.backends import Backend, InProcess
from tests.contract.raw import FIGURES
from tests.contract.unsupported import NOT_TOLD, UNSUPPORTED

REAL = "SYM_REAL_KUBECONFIG"
REAL_KUBECONFIG = Path(os.environ[REAL]).read_bytes() if REAL in os.environ else b""
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "in-process": VirtualLoop,
    "https": partial(VirtualLoop, grace=0.02),
    "real": asyncio.SelectorEventLoop,
}


@pytest.fixture(params=LOOPS if REAL_KUBECONFIG else [name for name in LOOPS if name != "real"])
def target(request: pytest.FixtureRequest) -> str:
    """The name of the server that a test speaks to."""
    return str(request.param)


@pytest.fixture
def anyio_backend(target: str) -> tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]]:
    """The loop that fits the server: no sandbox makes a test wait."""
    return "asyncio", {"loop_factory": LOOPS[target]}


@pytest.fixture
async def cluster(request: pytest.FixtureRequest, target: str) -> AsyncIterator[SandboxCluster]:
    """A fresh simulated cluster; nothing works in it but for the stories of pods."""
    assert isinstance(request.node, pytest.Function)
    works = target != "real" and request.node.callspec.params["name"] in pods.STORIES
    async with backends.sandbox(LoopEnv(0), works=works) as fresh:
        yield fresh


@pytest.fixture
async def backend(target: str, cluster: SandboxCluster) -> AsyncIterator[Backend]:
    """The server under contract: a fresh sandbox, or the real one."""
    if target == "in-process":
        yield InProcess(cluster)
        return
    async with backends.https(cluster) if target == "https" else backends.real(REAL_KUBECONFIG) as server:
        yield server


collect_ignore = [] if REAL_KUBECONFIG else ["test_raw.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what the table names."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.name in UNSUPPORTED:
            item.add_marker(pytest.mark.skip(reason=UNSUPPORTED[item.name]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of each run which servers were asked and what was left out."""
    terminalreporter.section("contract")
    if not REAL_KUBECONFIG:
        terminalreporter.write_line(f"no real server was asked: {REAL} is not set")
    for test, reason in sorted(UNSUPPORTED.items()):
        terminalreporter.write_line(f"unsupported: {test}: {reason}")
    if not UNSUPPORTED:
        terminalreporter.write_line("unsupported: nothing")
    for what, reason in sorted(NOT_TOLD.items()):
        terminalreporter.write_line(f"not told: {what}: {reason}")
    for line in FIGURES:
        terminalreporter.write_line(line)
