"""The watchdog ends a process that cannot end by itself, and leaves every other alone. Real processes."""

import subprocess
import sys

import pytest

HUNG = """
import os, signal, threading
from sym.cli.watchdog import watch
answers = iter({answers})
def overdue():
    try:
        return next(answers)
    except StopIteration:
        {end}
watch(overdue, 0.01)
try:
    threading.Event().wait(20)
finally:
    print("cleaned up", flush=True)
"""


def run(answers: list[str], end: str) -> subprocess.CompletedProcess[str]:
    """A process whose main thread hangs; the watchdog hears `answers`, then `end` is done."""
    script = HUNG.format(answers=answers, end=end)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)


def test_a_process_that_is_overdue_ends_at_once_without_cleaning_up() -> None:
    done = run([""], "return 'the stop hangs'")
    assert done.returncode == 1
    assert done.stderr == "Error: the stop hangs; this process ends at once\n"
    assert done.stdout == ""


@pytest.mark.parametrize("answers", [["", ""], ["it hangs", "", "it hangs", ""]], ids=["never", "never twice in a row"])
def test_one_that_sees_by_itself_what_it_has_lost_goes_on(answers: list[str]) -> None:
    done = run([*answers, "it hangs"], "os.kill(os.getpid(), signal.SIGINT); return ''")
    assert done.stdout == "cleaned up\n"
    assert "ends at once" not in done.stderr
