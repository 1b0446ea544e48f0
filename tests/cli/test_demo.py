"""`sym demo` as a user runs it: a real process, real sockets, a real controller process. Three runs, no more."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wait import until

SYM = Path(sys.executable).with_name("sym")
DEADLINE = 50.0
pytestmark = pytest.mark.timeout(90)


class Demo:
    """A running demo, its output and its private place for temporary files."""

    def __init__(self, place: Path, *flags: str) -> None:
        self.place = place / "tmp"
        self.place.mkdir()
        self._path = place / "output"
        with self._path.open("wb") as output:
            self.process = subprocess.Popen(
                [str(SYM), "demo", *flags],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self.place)},
            )

    @property
    def output(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def until(self, words: str) -> None:
        """Wait for words in the output."""
        until(lambda: words in self.output or self.process.poll() is not None, DEADLINE, lambda: self.output)
        assert words in self.output, self.output

    def controller(self) -> int:
        """The pid of the controllers."""
        found = re.search(r"\(pid (\d+), log", self.output)
        assert found, self.output
        return int(found[1])

    def ends(self) -> int:
        """Wait for the end, and see that nothing is left. Returns the exit code."""
        code = self.process.wait(DEADLINE)
        assert list(self.place.iterdir()) == []
        until(lambda: not Path(f"/proc/{self.controller()}").exists(), 5, "the controllers are gone")
        return code


def test_exit_ends_with_0_once_the_application_runs(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--exit")
    try:
        assert demo.ends() == 0, demo.output
    finally:
        demo.process.kill()
    last = demo.output.splitlines()[-1]
    assert last == "AppSet default/bbcc  ✔ Running  desired 10  available 10  unavailable 0  version v3/v4"
    assert demo.output.count("0/0 ready  • Waiting") == 6
    assert demo.output.count("2/2 ready  ✔ Ready") >= 4
    assert "\x1b" not in demo.output


def test_the_tour_changes_a_version_and_a_dead_controller_ends_it_with_its_last_words(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--clusters", "3")
    try:
        demo.until("Ctrl-C ends everything.")
        assert "AppSet default/web  ✔ Running  desired 8  available 8  unavailable 0  version v2" in demo.output
        assert "cluster tcc-bj6-dks-test-01 at https://127.0.0.1:" in demo.output
        kubeconfig = Path(re.findall(r"export KUBECONFIG=(.*)", demo.output)[0])
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        os.kill(demo.controller(), signal.SIGKILL)
        assert demo.ends() == 1
    finally:
        demo.process.kill()
    assert "the controller process ended with code -9; its last words:" in demo.output


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    try:
        demo.until("applying examples/01-bbcc.yaml")
        demo.process.send_signal(signal.SIGINT)
        assert demo.ends() == 130, demo.output
    finally:
        demo.process.kill()


def test_the_canary_scenario_goes_through_its_gates(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--scenario", "canary", "--exit", "--speed", "50")
    try:
        assert demo.ends() == 0, demo.output
    finally:
        demo.process.kill()
    gates = re.findall(r"^at gate (\S+): sym rollout confirm bbcc --gate", demo.output, re.MULTILINE)
    assert gates == ["canary@tcc-bj4-dks-test-01", "canary@tcc-bj5-dks-test-01", "blue@tcc-bj5-dks-test-01"]
    last = demo.output.splitlines()[-1]
    assert last == "AppSet default/bbcc  ✔ Running  desired 10  available 10  unavailable 0  version v4"
    assert "version v3/v4" in demo.output
