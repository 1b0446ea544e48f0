"""`dev.sh` and its Python half: what can be said without a network. The rest is shown by `.ci/run` in a fresh clone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import dev

ROOT = Path(__file__).parent.parent


def door(*arguments: str, path: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    """Run dev.sh with nothing but `path` on PATH."""
    command = [str(path / "sh"), str(ROOT / "dev.sh"), *arguments]
    environment = {"PATH": str(path), "PYTHON": python, "HOME": str(path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH that holds a shell and little else."""
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def test_without_a_python_it_says_what_to_install(path: Path) -> None:
    done = door("demo", path=path)
    assert done.returncode == 1
    assert done.stderr.startswith("dev.sh: no Python 3.11 or newer was found on PATH; install one")


def test_a_named_python_that_does_not_do_is_not_replaced_by_another(path: Path) -> None:
    (path / "python3").symlink_to(dev.PYTHON)
    done = door("demo", path=path, python="/no/such/python")
    assert done.returncode == 1
    assert done.stderr.startswith("dev.sh: PYTHON=/no/such/python is no Python 3.11 or newer")


def test_a_python_that_is_too_old_does_not_count(path: Path) -> None:
    (path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (path / "python3").chmod(0o755)
    assert "no Python 3.11 or newer" in door("test", path=path).stderr


def test_without_a_command_it_lists_them(path: Path) -> None:
    done = door(path=path, python=str(dev.PYTHON))
    assert done.returncode == 0
    for name in dev.COMMANDS:
        assert f"\n  {name} " in done.stderr


def test_an_unknown_command_is_an_error(path: Path) -> None:
    assert door("tset", path=path, python=str(dev.PYTHON)).returncode == 2


@pytest.mark.parametrize("name", [*dev.LOCKS.values(), dev.TOOLS_LOCK, dev.HELM_LOCK])
def test_every_locked_package_has_its_version_and_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = [block for block in dev.blocks(text) if not block.startswith("#")]
    assert entries
    for entry in entries:
        assert "==" in entry.splitlines()[0]
        assert "--hash=sha256:" in entry
    assert "://" not in text


def test_each_level_of_set_up_holds_the_one_before_it() -> None:
    pins = [set(pinned(dev.LOCKS[level])) for level in dev.LEVELS]
    assert pins[0] < pins[1] < pins[2]


def test_the_helm_library_is_an_extra_that_no_set_up_holds() -> None:
    more = set(pinned(dev.HELM_LOCK)) - set(pinned(dev.LOCKS["runtime"]))
    assert [pin.partition("==")[0] for pin in more] == ["helm-python-sdk"]
    assert not any("helm-python-sdk" in pin for lock in dev.LOCKS.values() for pin in pinned(lock))


def pinned(name: str) -> list[str]:
    """`package==version` of each entry of a lock."""
    return [block.split()[0] for block in dev.blocks((ROOT / name).read_text()) if "==" in block]


def test_the_build_backend_is_pinned_in_one_version() -> None:
    (ours,) = [pin for pin in pinned(dev.TOOLS_LOCK) if pin.startswith("hatchling==")]
    assert f'requires = ["{ours}"]' in (ROOT / "pyproject.toml").read_text()


def test_without_uv_its_entry_is_left_out_and_nothing_else() -> None:
    text = (ROOT / dev.TOOLS_LOCK).read_text()
    assert "".join(dev.blocks(text)) == text
    assert [block for block in dev.blocks(text) if block.startswith("uv==")]


def test_what_pip_was_told_is_told_to_uv() -> None:
    told = {"index-url": "mirror", "extra-index-url": "second", "cert": "/ca.pem", "timeout": "60"}
    assert dev.as_uv(told, {}) == {"UV_DEFAULT_INDEX": "mirror", "UV_INDEX": "second", "SSL_CERT_FILE": "/ca.pem"}
    assert dev.as_uv(told, {"UV_DEFAULT_INDEX": "mine", "SSL_CERT_FILE": "/my.pem"}) == {"UV_INDEX": "second"}


def test_the_digest_follows_the_lock_of_its_level() -> None:
    assert len({dev.digest(level) for level in dev.LEVELS}) == len(dev.LEVELS)
    assert dev.digest("test") == dev.digest("test")
