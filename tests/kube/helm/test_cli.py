"""The engine around the `helm` program, with one that a test wrote: what it is given, what is made of its words."""

import os
import stat
from pathlib import Path

import pytest

from sym.kube.connection import Connection, ExecPlugin
from sym.kube.helm import find
from sym.kube.helm.cli import HelmCli, environment
from sym.kube.helm.types import (
    Capabilities,
    HelmEngine,
    HelmEngineMissing,
    HelmError,
    HelmFailed,
    HelmTimedOut,
    ReleaseName,
    Wanted,
)
from sym.settings import HelmSettings

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

TIME = 50.0
WHERE = Connection(server="https://127.0.0.1:1", token="s3cret")
RELEASE = ReleaseName(namespace="shop", name="web")
RECORD = '{"name": "web", "version": 1, "info": {"status": "deployed"}}'
LINE = "web 1 deployed x c 1.2.3 4.5 2026-11-27T14%3A11%3A17Z 2026-11-27T14%3A11%3A17Z"


class Program:
    """A program in the place of `helm`: a shell script of its own lines after those that tell what it was given."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "helm"
        self._folder = folder
        self.does("")

    def does(self, lines: str, version: str = "v3.19.5") -> None:
        """What it does when it is called with anything but `version`."""
        self.path.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = version ]; then echo {version}; exit; fi\n'
            f'printf "%s\\n" "$@" > {self._folder}/argv\n'
            f"/usr/bin/env > {self._folder}/env\n"
            "PATH=/usr/bin:/bin\n"
            f"cp kubeconfig values-*.yaml {self._folder} 2>/dev/null\n"
            f"ls -l > {self._folder}/files\n"
            f"{lines}\n"
        )
        self.path.chmod(stat.S_IRWXU)

    def told(self, name: str) -> str:
        """What it found: argv, env, files, kubeconfig, values-N.yaml."""
        return (self._folder / name).read_text()

    async def engine(self, output_bytes: int = 1 << 20) -> HelmEngine:
        """The engine that runs it."""
        return await find.find_engine(HelmSettings(program=str(self.path), output_bytes=output_bytes))


@pytest.fixture
def helm(tmp_path: Path) -> Program:
    """A program."""
    return Program(tmp_path)


def wanted(tmp_path: Path) -> Wanted:
    return Wanted(release=RELEASE, chart=tmp_path / "chart", values=({"a": "on"}, "a: on\n"))


async def test_what_it_is_given_and_that_nothing_is_left(helm: Program, tmp_path: Path) -> None:
    helm.does(f"echo '{RECORD}'")
    engine = await helm.engine()
    assert engine.name == "helm v3.19.5"
    assert (await engine.install(WHERE, wanted(tmp_path), TIME)).status == "deployed"
    assert helm.told("argv").splitlines()[0] == "install"
    assert helm.told("values-0.yaml").strip() in ("a: 'on'", 'a: "on"')
    assert helm.told("values-1.yaml") == "a: on\n"
    assert "s3cret" in helm.told("kubeconfig")
    assert "s3cret" not in helm.told("argv") + helm.told("env")
    assert all(line.startswith(("-rw-------", "drwx", "total")) for line in helm.told("files").splitlines())
    config = next(line for line in helm.told("env").splitlines() if line.startswith("KUBECONFIG="))
    place = Path(config.partition("=")[2]).parent
    assert not place.exists()
    root = place.parent
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    await engine.close()
    assert not root.exists()


async def test_the_environment_is_made_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HELM_DRIVER", "KUBE_TOKEN", "MY_CLOUD"):
        monkeypatch.setenv(name, "x")
    ours = environment(tmp_path, WHERE, HelmSettings())
    assert ours["HOME"] == str(tmp_path / "home")
    assert not {"HTTPS_PROXY", "HELM_DRIVER", "KUBE_TOKEN", "MY_CLOUD"} & ours.keys()
    plugin = Connection(server="https://h", exec_plugin=ExecPlugin(command="login"))
    theirs = environment(tmp_path, plugin, HelmSettings())
    assert (theirs["MY_CLOUD"], theirs["HOME"]) == ("x", os.environ["HOME"])
    assert not {"HELM_DRIVER", "KUBE_TOKEN"} & theirs.keys()


@pytest.mark.parametrize(
    ("lines", "kind", "phrase"),
    [
        ("echo 'Error: no s3cret, see '$PWD/kubeconfig >&2; exit 1", HelmFailed, r"^no \*\*\*, see kubeconfig$"),
        ("exit 7", HelmFailed, "exit code 7 and said nothing"),
        ("kill -9 $$", HelmTimedOut, "after 60 s of CPU"),
        ("echo 'fatal error: out of memory' >&2; exit 2", HelmTimedOut, "2048 MiB of address space"),
        ("echo 'Error: timed out waiting for the condition' >&2; exit 1", HelmTimedOut, "^timed out waiting"),
        ("echo installed", HelmFailed, "is it a real helm"),
        ("sleep 600", HelmTimedOut, "not done within 1 s"),
    ],
    ids=["error", "silent", "killed", "memory", "late", "junk", "endless"],
)
async def test_what_goes_wrong_is_told(
    helm: Program, tmp_path: Path, lines: str, kind: type[HelmError], phrase: str
) -> None:
    helm.does(lines)
    engine = await helm.engine()
    deadline = 1 if lines.startswith("sleep") else TIME
    with pytest.raises(kind, match=phrase):
        await engine.upgrade(WHERE, wanted(tmp_path), deadline)
    await engine.close()


async def test_a_program_that_goes_away_is_told(helm: Program, tmp_path: Path) -> None:
    engine = await helm.engine()
    helm.path.unlink()
    with pytest.raises(HelmEngineMissing, match=r"does not start: No such file.*taken away"):
        await engine.upgrade(WHERE, wanted(tmp_path), TIME)
    await engine.close()


async def test_an_answer_too_long_is_asked_for_again_in_short(helm: Program, tmp_path: Path) -> None:
    helm.does(f"if [ $1 = get ]; then echo '{LINE}'; else head -c 300000 /dev/zero; fi")
    engine = await helm.engine(output_bytes=1000)
    assert (await engine.upgrade(WHERE, wanted(tmp_path), TIME)).chart_version == "1.2.3"
    with pytest.raises(HelmFailed, match="renders to more than"):
        await engine.render(wanted(tmp_path), Capabilities(kube_version="v1.30.0"), TIME)
    helm.does("if [ $1 = get ]; then echo 'Error: release: not found' >&2; exit 1; fi; head -c 300000 /dev/zero")
    with pytest.raises(HelmFailed, match="somebody else works on it"):
        await engine.upgrade(WHERE, wanted(tmp_path), TIME)
    await engine.close()


async def test_what_is_asked(helm: Program) -> None:
    engine = await helm.engine()
    helm.does(f"echo '{LINE}'")
    found = await engine.status(WHERE, RELEASE, TIME)
    assert found is not None
    assert (found.release, found.revision) == ("web", 1)
    helm.does("""echo '[{"revision": 3}]'""")
    assert [one.revision for one in await engine.history(WHERE, RELEASE, TIME)] == [3]
    helm.does("echo junk")
    with pytest.raises(HelmFailed, match="is it a real helm"):
        await engine.status(WHERE, RELEASE, TIME)
    with pytest.raises(HelmFailed, match="is it a real helm"):
        await engine.history(WHERE, RELEASE, TIME)
    helm.does("echo 'Error: release: not found' >&2; exit 1")
    assert await engine.status(WHERE, RELEASE, TIME) is None
    assert await engine.history(WHERE, RELEASE, TIME) == ()
    helm.does("echo 'Error: secrets is forbidden' >&2; exit 1")
    with pytest.raises(HelmFailed, match="forbidden"):
        await engine.status(WHERE, RELEASE, TIME)
    helm.does("")
    await engine.rollback(WHERE, RELEASE, 2, TIME)
    await engine.uninstall(WHERE, RELEASE, TIME)
    assert helm.told("argv").splitlines()[0] == "uninstall"
    await engine.close()


async def test_a_chart_is_pulled_into_a_folder(helm: Program, tmp_path: Path) -> None:
    helm.does("echo archive > web-1.2.3.tgz")
    engine = await helm.engine()
    folder = tmp_path / "charts"
    folder.mkdir()
    path = await engine.pull("oci://registry.invalid/web", "1.2.3", folder, TIME)
    assert (path, path.read_text()) == (folder / "web-1.2.3.tgz", "archive\n")
    helm.does("")
    with pytest.raises(HelmFailed, match="0 archives"):
        await engine.pull("oci://registry.invalid/web", "1.2.3", folder, TIME)
    await engine.close()


# which program


@pytest.mark.parametrize(
    ("version", "phrase"),
    [("v3.12.0", "too old or too new"), ("hello", "is no helm"), ("v3.19.5; exit 1", "is no helm")],
)
async def test_a_program_that_is_no_usable_helm_is_told(helm: Program, version: str, phrase: str) -> None:
    helm.does("", version)
    with pytest.raises(HelmEngineMissing, match=f"{phrase}.*install Helm"):
        await helm.engine()


async def test_a_program_that_does_not_start_is_told(helm: Program, tmp_path: Path) -> None:
    helm.path.chmod(stat.S_IRUSR)
    with pytest.raises(HelmEngineMissing, match="no full path"):
        await find.find_engine(HelmSettings(program="helm"))
    with pytest.raises(HelmEngineMissing, match="No such file"):
        await find.find_engine(HelmSettings(program=str(tmp_path / "none")))
    with pytest.raises(HelmEngineMissing, match="Permission denied"):
        await helm.engine()


async def test_it_is_taken_from_path_else_from_what_was_built_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SYM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(HelmEngineMissing, match=r"no helm program on this machine.*install Helm.*sym\[helm\]"):
        await find.find_engine(HelmSettings(engine="cli"))
    for number, place in enumerate(("cache/controlplane/one", "cache/controlplane/two", "bin")):
        (tmp_path / place).mkdir(parents=True)
        program = Program(tmp_path / place)
        os.utime(program.path, (number, number))
        assert find.find_program(HelmSettings()) == program.path
    engine = await find.find_engine(HelmSettings())
    assert isinstance(engine, HelmCli)
    await engine.close()
