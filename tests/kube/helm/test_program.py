"""Runs of a program: limits, caps, and that it ends whatever becomes of us."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from sym.aio import loops
from sym.kube.helm import program
from sym.kube.helm.types import HelmEngineMissing
from sym.settings import HelmSettings
from tests.conftest import Backend
from tests.wait import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

TIME = 50.0
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
pathlib.Path("child" if not child else "parent").write_text(str(os.getpid()))
time.sleep(600)
"""
PARENT = """
import asyncio, pathlib, sys
from sym.kube.helm import program
from sym.settings import HelmSettings
child = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)"
asyncio.run(program.run([sys.executable, "-c", child], {}, pathlib.Path.cwd(), HelmSettings()))
"""


@pytest.fixture(params=[asyncio.SelectorEventLoop, loops.factory()], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """Both loops that Sym may run on: their subprocesses differ."""
    return "asyncio", {"loop_factory": request.param or asyncio.SelectorEventLoop}


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pid_in(file: Path) -> int:
    """The pid in a file, 0 while there is none."""
    return int(file.read_text() or "0") if file.exists() else 0


async def python(folder: Path, code: str, settings: HelmSettings | None = None) -> program.Ran:
    """A run of Python."""
    return await program.run([sys.executable, "-c", code], {"A": "b"}, folder, settings or HelmSettings())


async def test_it_gets_arguments_environment_and_folder_and_its_output_is_kept(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['A'], os.getcwd()); sys.stderr.write('words'); sys.exit(3)"
    ran = await python(tmp_path, code)
    assert (ran.code, ran.out.decode(), ran.whole, ran.err) == (3, f"b {tmp_path}\n", True, "words")


async def test_of_much_output_the_head_is_kept_and_of_errors_the_tail(tmp_path: Path) -> None:
    code = "import sys; print('a' + 'b' * 300000, end=''); sys.stderr.write('c' * 300000 + 'd')"
    ran = await python(tmp_path, code, HelmSettings(output_bytes=1000, error_bytes=100))
    assert (ran.code, ran.out, ran.whole, ran.err) == (0, b"a" + b"b" * 999, False, "c" * 99 + "d")


async def test_it_runs_under_the_limits(tmp_path: Path) -> None:
    code = (
        "import resource as r, signal as s; print([r.getrlimit(x) for x in"
        " (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE)])"
    )
    settings = HelmSettings(cpu_seconds=7, address_bytes=1 << 30, file_bytes=5000, open_files=50)
    ran = await python(tmp_path, code, settings)
    wanted = [(7, 8), (1 << 30, 1 << 30), (5000, 5000), (50, 50), (0, 0)]
    assert ran.out.decode().strip() == str(wanted)


async def test_what_uses_too_much_is_ended(tmp_path: Path) -> None:
    ran = await python(tmp_path, "while True: pass", HelmSettings(cpu_seconds=1))
    assert ran.code in (-signal.SIGXCPU, -signal.SIGKILL)
    ran = await python(tmp_path, "open('f', 'wb').write(b'x' * 100000)", HelmSettings(file_bytes=5000))
    assert (ran.code, (tmp_path / "f").stat().st_size) == (1, 5000)


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    ran = await program.run(["/nonexistent/helm"], {}, tmp_path, HelmSettings())
    assert (ran.code, ran.err) == (126, "/nonexistent/helm does not start: No such file or directory\n")
    with pytest.raises(HelmEngineMissing, match="no process can be started"):
        await program.run([sys.executable], {}, tmp_path / "gone", HelmSettings())


async def test_cancelling_ends_a_stubborn_program_and_its_children(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(python(tmp_path, STUBBORN, HelmSettings(grace=0.1)))
        await until_async(lambda: _both(tmp_path), TIME, "parent and child run")
        task.cancel()
    assert task.cancelled()
    assert not alive(pid_in(tmp_path / "parent"))
    until(lambda: not alive(pid_in(tmp_path / "child")), TIME, "the child has ended too")


async def test_a_second_cancellation_makes_an_end_at_once(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(python(tmp_path, STUBBORN, HelmSettings(grace=600.0)))
        await until_async(lambda: _both(tmp_path), TIME, "parent and child run")

        async def ended() -> bool:
            task.cancel()
            return task.done()

        await until_async(ended, TIME, "an impatient caller has its end")
    assert task.cancelled()
    assert not alive(pid_in(tmp_path / "parent"))


async def test_it_ends_with_us_even_if_we_are_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, cwd=tmp_path)
    try:
        await until_async(lambda: _there(tmp_path / "pid"), TIME, "the program runs")
        assert alive(pid_in(tmp_path / "pid"))
    finally:
        parent.kill()
        await parent.wait()
    until(lambda: not alive(pid_in(tmp_path / "pid")), TIME, "the program has ended with its parent")


async def test_a_start_under_another_parent_is_given_up() -> None:
    command = program.launcher(program.Limits(address=0, file=0, files=0))
    command[command.index(str(os.getpid()))] = "1"
    process = await asyncio.create_subprocess_exec(*command, "/bin/true")
    assert await process.wait() == 126


async def _both(folder: Path) -> bool:
    return bool(pid_in(folder / "parent") and pid_in(folder / "child"))


async def _there(file: Path) -> bool:
    return bool(pid_in(file))
