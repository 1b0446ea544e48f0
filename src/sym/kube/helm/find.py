"""Which engine this machine has."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sym.kube.helm import argv, program, words
from sym.kube.helm.cli import HelmCli, environment
from sym.kube.helm.sdk import HelmSdk, library
from sym.kube.helm.types import HelmEngine, HelmEngineMissing
from sym.settings import HelmSettings

_MISSING = {
    "auto": "there is no Helm on this machine",
    "cli": "there is no helm program on this machine",
    "sdk": "the Helm library is not installed",
}
HOW = "install Helm 3.13 or newer so that `helm` is on PATH, or `pip install 'sym[helm]'`"


async def find_engine(settings: HelmSettings) -> HelmEngine:
    """The engine that the settings ask for. Raises HelmEngineMissing with how to get one."""
    path = find_program(settings) if settings.engine != "sdk" else None
    if path is not None:
        return HelmCli(path, await version(path, settings), settings)
    folder = library() if settings.engine != "cli" else None
    if folder is not None:
        return HelmSdk(folder, settings)
    raise HelmEngineMissing(f"{_MISSING[settings.engine]}: {HOW}")


def find_program(settings: HelmSettings) -> Path | None:
    """The `helm` program that the settings name, that PATH has, or that tools/controlplane built; the newest."""
    if settings.program:
        return Path(settings.program)
    if found := shutil.which("helm"):
        return Path(found)
    return next(_built(), None)


async def version(path: Path, settings: HelmSettings) -> argv.Version:
    """The version of the program at `path`. Raises HelmEngineMissing where it is no helm that Sym can use."""
    if not path.is_absolute():
        raise HelmEngineMissing(f"{path} is no full path: name that of `helm`, or {HOW}")
    with tempfile.TemporaryDirectory(prefix="sym-helm-") as folder:
        place = Path(folder)
        command = [str(path), "version", "--template={{.Version}}"]
        ran = await program.run(command, environment(place, None, settings), place, settings)
    found = argv.version_of(ran.out.decode(errors="replace"))
    if ran.code or found is None:
        said = words.complaint(ran.err) or "it does not say its version as Helm does"
        raise HelmEngineMissing(f"{path} is no helm ({said}): {HOW}")
    if not found.usable:
        raise HelmEngineMissing(f"{path} is helm {found.text}, which is too old or too new: {HOW}")
    return found


def _built() -> Iterator[Path]:
    """What tools/controlplane built, the newest first."""
    cache = Path(os.environ.get("SYM_CACHE") or Path.home() / ".cache" / "sym")
    programs = [path for path in (cache / "controlplane").glob("*/helm") if path.is_file()]
    yield from sorted(programs, key=lambda path: path.stat().st_mtime, reverse=True)
