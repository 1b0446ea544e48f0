"""Credential plug-ins of the operator's kubeconfig (client-go's exec tests): when they run, what they are believed."""

import os
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sym.aio.env import SystemEnv
from sym.kube.connection import Connection, ExecPlugin
from sym.kube.credentials import Credentials
from sym.kube.errors import BadKubeconfig
from sym.kube.plugin import Plugin
from sym.model.codec import JSONMap, encode, parse_map
from sym.settings import KubeSettings

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

V1 = "client.authentication.k8s.io/v1"
ENV = SystemEnv()


class Script:
    """A plug-in program that counts its runs, keeps what it was told, and prints what the test wants."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.told = folder / "told"
        self.runs = folder / "runs"
        self.path = folder / "plugin"
        self.runs.write_text("")
        self.path.write_text(
            "#!/bin/sh\n"
            f"echo run >> {self.runs}\n"
            f'printf "%s\\n%s\\n%s" "$KUBERNETES_EXEC_INFO" "$EXTRA" "$*" > {self.told}\n'
            f"cat {self.output}\n"
            'exit "${CODE:-0}"\n'
        )
        self.path.chmod(stat.S_IRWXU)

    def prints(self, status: JSONMap | None, version: str = V1, kind: str = "ExecCredential") -> None:
        """The next answer."""
        self.output.write_bytes(encode({"kind": kind, "apiVersion": version, **({"status": status} if status else {})}))

    @property
    def count(self) -> int:
        """How often it ran."""
        return len(self.runs.read_text().splitlines())

    def connection(self, **env: str) -> Connection:
        """A connection that uses it."""
        plugin = ExecPlugin(
            command=str(self.path),
            args=("get-token", "--x=$(id)"),
            env={"EXTRA": "e", **env},
            install_hint="see the handbook",
            provide_cluster_info=True,
        )
        return Connection(server="https://h:1", exec_plugin=plugin)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A plug-in."""
    return Script(tmp_path)


def plugin(connection: Connection, **settings: float) -> Plugin:
    """The thing under test."""
    return Plugin(connection, KubeSettings(exec_timeout=settings.get("exec_timeout", 10.0)), ENV)


async def test_its_token_is_kept_until_it_ends(script: Script) -> None:
    late = (ENV.now() + timedelta(hours=1)).isoformat()
    script.prints({"token": "one", "expirationTimestamp": late})
    one = plugin(script.connection())
    assert [await one.token(), await one.token()] == ["one", "one"]
    assert script.count == 1


async def test_a_token_about_to_end_is_asked_for_again(script: Script) -> None:
    soon = (ENV.now() + timedelta(seconds=10)).isoformat()
    script.prints({"token": "one", "expirationTimestamp": soon})
    one = plugin(script.connection())
    await one.token()
    script.prints({"token": "two"})
    assert [await one.token(), await one.token()] == ["two", "two"]
    assert script.count == 2


async def test_it_gets_arguments_environment_and_the_cluster_and_no_shell(script: Script) -> None:
    script.prints({"token": "one"})
    await plugin(script.connection()).token()
    info, extra, arguments = script.told.read_text().split("\n")
    assert (extra, arguments) == ("e", "get-token --x=$(id)")
    assert parse_map(info) == {
        "kind": "ExecCredential",
        "apiVersion": V1,
        "spec": {"interactive": False, "cluster": {"server": "https://h:1", "tls-server-name": ""}},
    }


async def test_after_a_401_it_is_asked_anew(script: Script) -> None:
    script.prints({"token": "one"})
    credentials = Credentials(script.connection(), KubeSettings(), ENV)
    assert await credentials.headers() == [("Authorization", "Bearer one")]
    assert not await credentials.renew(), "the same token is not worth another try"
    script.prints({"token": "two"})
    assert await credentials.renew()
    assert await credentials.headers() == [("Authorization", "Bearer two")]


@pytest.mark.parametrize(
    ("status", "version", "kind", "phrase"),
    [
        (None, V1, "ExecCredential", "gave no token"),
        ({"token": ""}, V1, "ExecCredential", "gave no token"),
        ({"clientCertificateData": "x", "clientKeyData": "s3cret"}, V1, "ExecCredential", "gave no token"),
        ({"token": "s3cret"}, "client.authentication.k8s.io/v1beta1", "ExecCredential", "did not answer in"),
        ({"token": "s3cret"}, V1, "Status", "did not answer in"),
        ({"token": ["s3cret"]}, V1, "ExecCredential", "did not print an ExecCredential"),
    ],
)
async def test_a_bad_answer_is_told_without_its_content(
    script: Script, status: JSONMap | None, version: str, kind: str, phrase: str
) -> None:
    script.prints(status, version, kind)
    with pytest.raises(BadKubeconfig, match=phrase) as caught:
        await plugin(script.connection()).token()
    assert "see the handbook" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_failing_program_is_told(script: Script) -> None:
    script.prints({"token": "one"})
    with pytest.raises(BadKubeconfig, match="exit code 3"):
        await plugin(script.connection(CODE="3")).token()


async def test_a_missing_program_is_told() -> None:
    connection = Connection(server="https://h", exec_plugin=ExecPlugin(command="/nonexistent/login"))
    with pytest.raises(BadKubeconfig, match="cannot be started"):
        await plugin(connection).token()


async def test_a_program_that_hangs_is_killed(tmp_path: Path) -> None:
    program = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    waiting = ExecPlugin(command=sys.executable, args=("-c", program, str(tmp_path / "pid")))
    with pytest.raises(BadKubeconfig, match="no answer within"):
        await plugin(Connection(server="https://h", exec_plugin=waiting), exec_timeout=1.0).token()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_token_that_no_header_may_hold_is_refused(script: Script) -> None:
    script.prints({"token": "a\r\nX-Evil: 1"})
    with pytest.raises(BadKubeconfig, match="no HTTP header may hold"):
        await Credentials(script.connection(), KubeSettings(), ENV).headers()
