"""What `sh dev.sh e2e` says where it cannot build or start a real fleet; stubs stand for Go and the programs."""

import os
import stat
import sys
from pathlib import Path

import pytest

from tools.realfleet.build import NAMES, CannotBuild, binaries, check_disk
from tools.realfleet.fleet import InUse, planes
from tools.realfleet.plane import Parts
from tools.realfleet.processes import Ended, Process

GO = """
import sys
if sys.argv[1:] == ["env", "GOVERSION"]:
    print("{version}")
elif sys.argv[1] == "env":
    print("{folder}")
else:
    print("undefined: something", file=sys.stderr)
    sys.exit(1)
"""
TAKEN = """
import sys
print("listen tcp 127.0.0.1:1: bind: address already in use", file=sys.stderr)
sys.exit(1)
"""


def program(path: Path, text: str) -> None:
    """A program in Python, at `path`."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty PATH, cache and home."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def test_without_go_it_says_what_to_install(place: Path) -> None:
    with pytest.raises(CannotBuild, match=r"no go on PATH.*install Go 1\.24 or newer, or name a folder.*KUBEBUILDER"):
        binaries(print)


def test_an_old_go_is_named(place: Path) -> None:
    program(place / "bin" / "go", GO.format(version="go1.19.8", folder=place))
    with pytest.raises(CannotBuild, match=r"go1\.19\.8 is too old .* put Go 1\.24 or newer on PATH"):
        binaries(print)


def test_a_failed_build_shows_gos_words_and_leaves_no_program(place: Path) -> None:
    program(place / "bin" / "go", GO.format(version="go1.26.1", folder=place))
    said: list[str] = []
    with pytest.raises(CannotBuild, match=r"go could not build etcd[^\n]*\nundefined: something"):
        binaries(said.append)
    assert said == ["building etcd (about 1 min on 2 cores the first time)"]
    (folder,) = (place / "cache" / "controlplane").iterdir()
    assert {path.name for path in folder.iterdir()} == {".lock", "etcd.log"}


def test_too_little_disk_names_the_disk(tmp_path: Path) -> None:
    check_disk([tmp_path / "not" / "yet"], 1)
    with pytest.raises(CannotBuild, match=rf"needs {1 << 32} GB, and {tmp_path} has \d+ GB free: free some, or point"):
        check_disk([tmp_path / "not" / "yet"], 1 << 62)


def test_programs_of_kubebuilder_assets_win(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        program(place / "bin" / name, "")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(place / "bin"))
    assert binaries(print)["etcd"] == place / "bin" / "etcd"


def test_a_program_that_ends_is_told_with_its_last_words(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        program(place / "bin" / name, TAKEN)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(place / "bin"))
    folder = place / "fleet"
    fleet = planes(folder, binaries(print), {"one": Parts()})
    with pytest.raises(Ended, match=r"of one ended with 1.*\n.*address already in use"), fleet:
        pass
    assert (folder / "one" / "etcd.log").read_text().count("address already in use") > 1, "it tried other ports"


def test_a_folder_has_one_fleet(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(place / "bin"))
    for name in NAMES:
        program(place / "bin" / name, "")
    folder, programs = place / "fleet", binaries(print)
    said = rf"a fleet runs in {folder} already: end it .* `kill {os.getpid()}`"
    with planes(folder, programs, {}), pytest.raises(InUse, match=said), planes(folder, programs, {}):
        pass


def test_a_process_is_ended_whatever_it_does(tmp_path: Path) -> None:
    deaf = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"
    )
    process = Process("deaf", (sys.executable, "-c", deaf), tmp_path / "log")
    process.start()
    process.check()
    process.kill()
    assert process.ended
    with pytest.raises(Ended, match="deaf ended with -9"):
        process.check()
