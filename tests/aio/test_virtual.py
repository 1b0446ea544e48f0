"""`VirtualLoop`: time passes only in the loop's own clock, in order, and a standstill is an error."""

import asyncio
import shutil
import socket
import subprocess
import threading
import time

import pytest

from sym.aio import virtual
from sym.aio.virtual import StuckError, VirtualLoop


@pytest.mark.anyio
async def test_a_year_passes_at_once() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    start, real = loop.time(), time.monotonic()
    await asyncio.sleep(365 * 86400)
    assert loop.time() - start == pytest.approx(365 * 86400)
    assert time.monotonic() - real < 365 * 86400


@pytest.mark.anyio
async def test_timers_fire_in_the_order_of_their_times_whatever_the_order_they_were_set_in() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[str, float]] = []
    start = loop.time()

    async def after(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        fired.append((name, round(loop.time() - start, 6)))

    async with asyncio.TaskGroup() as group:
        for name, delay in (("c", 30.0), ("a", 0.001), ("b", 29.999), ("d", 86400.5)):
            group.create_task(after(name, delay))
    assert fired == [("a", 0.001), ("b", 29.999), ("c", 30.0), ("d", 86400.5)]


@pytest.mark.anyio
async def test_a_timeout_ends_what_would_wait_for_ever() -> None:
    start = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(45):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() == pytest.approx(start + 45)


@pytest.mark.anyio
async def test_time_stands_still_while_tasks_can_run() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert loop.time() == start


@pytest.mark.anyio
async def test_a_thread_wakes_the_loop_though_no_timer_runs() -> None:
    assert await asyncio.to_thread(lambda: "from a thread") == "from a thread"


@pytest.mark.anyio
async def test_a_ready_socket_is_served_before_time_moves_on() -> None:
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.send(b"ping")
        start = loop.time()
        async with asyncio.timeout(10):
            assert await loop.sock_recv(left, 4) == b"ping"
        assert loop.time() == start


def test_a_standstill_is_an_error_and_not_a_hang() -> None:
    loop = VirtualLoop()
    with pytest.raises(StuckError, match="no timer is set"):
        loop.run_until_complete(asyncio.Event().wait())
    (waiting,) = asyncio.all_tasks(loop)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()


def test_two_loops_have_two_clocks() -> None:
    first, second = VirtualLoop(), VirtualLoop()
    first.run_until_complete(asyncio.sleep(10))
    assert (round(first.time(), 6), second.time()) == (10, 0)
    first.close()
    second.close()


PROBE = """
import asyncio, runpy, sys
VirtualLoop = runpy.run_path(sys.argv[1])["VirtualLoop"]
async def main():
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(days * 86400, days)) for days in (0.5, 400, 30)]
    async with asyncio.timeout(60):
        assert await asyncio.to_thread(lambda: "thread") == "thread"
    assert [task.result() for task in tasks] == [0.5, 400, 30]
    assert 400 * 86400 <= loop.time() < 400 * 86400 + 61, loop.time()
loop = VirtualLoop()
loop.run_until_complete(main())
loop.run_until_complete(loop.shutdown_default_executor())
loop.close()
"""


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13", "python3.14"])
def test_every_python_on_this_machine_keeps_virtual_time(python: str) -> None:
    if (path := shutil.which(python)) is None or subprocess.run(
        [path, "-V"], capture_output=True, check=False
    ).returncode:
        pytest.skip(f"no {python} on this machine")
    done = subprocess.run([path, "-c", PROBE, virtual.__file__], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_arrives_within_the_grace_comes_before_any_timer() -> None:
    loop = VirtualLoop(grace=60.0)

    async def heard() -> tuple[bytes, float]:
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            threading.Timer(0.05, there.send, [b"news"]).start()
            return await asyncio.wait_for(loop.sock_recv(here, 4), 3600), loop.time()

    assert loop.run_until_complete(heard()) == (b"news", 0.0)
    loop.close()
