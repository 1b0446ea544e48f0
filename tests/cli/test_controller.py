"""The command line of sym-controller: what it refuses, and with which exit code."""

import signal
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from click import UsageError
from click.testing import CliRunner

from sym.cli.controller import address, lock_times, main

HERE = Path(sys.executable).parent


def test_without_a_part_to_run_it_says_which_there_are() -> None:
    result = CliRunner().invoke(main, ["controller"])
    assert result.exit_code == 2
    assert "--enable-master" in result.output
    assert "--enable-worker" in result.output


@pytest.mark.parametrize("name", ["controller", "ctl"])
def test_a_kubeconfig_that_is_not_there_is_an_error_of_one_sentence(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [name, "--enable-master", "--kubeconfig", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "none" in result.output
    assert "Traceback" not in result.output


def test_flags_come_from_the_environment_too(tmp_path: Path) -> None:
    env = {"SYM_ENABLE_WORKER": "true", "SYM_KUBECONFIG": str(tmp_path / "none")}
    result = CliRunner().invoke(main, ["controller"], env=env)
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("text", "pair"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), (":9090", (str(IPv4Address(0)), 9090)), ("[::1]:80", ("::1", 80))],
)
def test_an_address(text: str, pair: tuple[str, int]) -> None:
    assert address(text) == pair


@pytest.mark.parametrize("text", ["8080x", "host", "host:99999", ""])
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        address(text)


def test_the_times_of_locks_can_be_set() -> None:
    settings = lock_times(3, 2.0, 0.5)
    assert (settings.lease_duration, settings.renew_deadline, settings.retry_period) == (3.0, 2.0, 0.5)


@pytest.mark.parametrize("times", [(2, 2.0, 0.5), (2, 3.0, 0.5), (3, 2.0, 2.0), (3, 2.0, 1.7)])
def test_a_holder_must_stop_before_others_begin(times: tuple[int, float, float]) -> None:
    with pytest.raises(UsageError, match="gives up before others take over"):
        lock_times(*times)


def test_version() -> None:
    assert CliRunner().invoke(main, ["version"]).output.startswith("sym-controller ")


def test_a_signal_ends_it_within_seconds_although_its_cluster_does_not_answer(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        """
        {"apiVersion": "v1", "kind": "Config", "current-context": "it",
         "clusters": [{"name": "it", "cluster": {"server": "https://127.0.0.1:9"}}],
         "users": [{"name": "it", "user": {"token": "sesame"}}],
         "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}
        """
    )
    flags = ["--enable-master", "--enable-worker", "--kubeconfig", str(kubeconfig), "--http-addr", "127.0.0.1:0"]
    with subprocess.Popen(
        [HERE / "sym-controller", "controller", *flags], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "started" in first
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(10) == 0
    assert "sesame" not in first + rest
