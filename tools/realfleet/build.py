"""Builds the binaries of a real control plane from `tools/controlplane`, once for each state of its sources.

They go to `$SYM_CACHE/controlplane/DIGEST/` (SYM_CACHE: ~/.cache/sym), each written under a temporary name and renamed,
so that a folder never holds half a program. A program that is in the folder KUBEBUILDER_ASSETS is taken from there.
Relies on the standard library and on Go.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).resolve().parent.parent / "controlplane"
KUBERNETES = "1.34.2"
HELM = "3.19.5"
HELM4 = "4.0.1"
KWOK = "0.7.0"
FREE_BYTES = 12 << 30
"""What a cold build writes into Go's caches, with room to spare."""
_OLDEST_GO = (1, 24)
_TAIL = 20

Say = Callable[[str], None]


class CannotBuild(Exception):
    """There are no binaries and none can be built. The message is one sentence that says what to do."""


class Program(NamedTuple):
    """What is built: its package, the folder of its module, the variables that ldflags set, its names, and about how
    many minutes it takes cold on 2 cores."""

    package: str
    module: str
    variables: Mapping[str, str]
    names: tuple[str, ...]
    minutes: int


def _versions(*packages: str) -> dict[str, str]:
    """The version that kubectl and Helm parse, for each package that holds one."""
    major, minor, _ = KUBERNETES.split(".")
    said = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    return {f"{package}.{name}": value for package in packages for name, value in said.items()}


PROGRAMS: Mapping[str, Program] = {
    "etcd": Program("./etcd", ".", {}, ("etcd",), 1),
    "kube": Program(
        "./kube",
        ".",
        _versions("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        9,
    ),
    "kwok": Program(
        "sigs.k8s.io/kwok/cmd/kwok", "kwok", {"sigs.k8s.io/kwok/pkg/consts.Version": f"v{KWOK}"}, ("kwok",), 3
    ),
    "helm": Program(
        "helm.sh/helm/v3/cmd/helm",
        ".",
        {
            "helm.sh/helm/v3/internal/version.version": f"v{HELM}",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor": "1",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor": "34",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": "34",
        },
        ("helm",),
        2,
    ),
    "helm4": Program(
        "helm.sh/helm/v4/cmd/helm", ".", {"helm.sh/helm/v4/internal/version.version": f"v{HELM4}"}, ("helm4",), 2
    ),
}
"""File name: how it is made. `kube` acts by the name that it is called by."""
NAMES = tuple(name for program in PROGRAMS.values() for name in program.names)


class Binaries:
    """Where the programs are."""

    def __init__(self, built: Path | None, assets: Path | None) -> None:
        self._built = built
        self._assets = assets

    def __getitem__(self, name: str) -> Path:
        """The path of a program. Raises CannotBuild where it is missing."""
        for folder in (self._assets, self._built):
            if folder is not None and (folder / name).exists():
                return folder / name
        raise CannotBuild(f"{name} is missing from {self._built or self._assets}: run `sh dev.sh e2e`, which builds it")


def binaries(say: Say) -> Binaries:
    """All programs, built now where they are missing. Raises CannotBuild."""
    assets = Path(found) if (found := os.environ.get("KUBEBUILDER_ASSETS")) else None
    if assets is not None and all((assets / name).exists() for name in NAMES):
        return Binaries(None, assets)
    folder = _cache() / digest()
    if not all((folder / name).exists() for name in NAMES):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / ".lock", say):
            missing = [name for name, program in PROGRAMS.items() if not _complete(folder, program)]
            if missing:
                check_disk((folder, *(Path(_go("env", name)) for name in ("GOCACHE", "GOMODCACHE"))))
            for name in missing:
                _build(folder, name, say)
    return Binaries(folder, assets)


def digest() -> str:
    """What decides the binaries: the module's sources and Go's version."""
    found = hashlib.sha256(_go_version().encode())
    for path in sorted(each for pattern in ("*.go", "go.mod", "go.sum") for each in SOURCES.rglob(pattern)):
        found.update(b"\0" + str(path.relative_to(SOURCES)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:20]


def _cache() -> Path:
    home = os.environ.get("SYM_CACHE") or str(Path.home() / ".cache" / "sym")
    return Path(home) / "controlplane"


def _complete(folder: Path, program: Program) -> bool:
    return all((folder / name).exists() for name in program.names)


def _go(*arguments: str) -> str:
    try:
        said = subprocess.run(
            ("go", *arguments), cwd=SOURCES, env=_environment(), capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise CannotBuild(
            "there is no go on PATH to build the real control plane: install Go "
            f"{'.'.join(map(str, _OLDEST_GO))} or newer, or name a folder with {', '.join(NAMES)} by KUBEBUILDER_ASSETS"
        ) from None
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"`go {' '.join(arguments)}` failed: {_last(str(error.stderr), 1)}") from None
    return said.stdout.strip()


def _go_version() -> str:
    version = _go("env", "GOVERSION")
    numbers = tuple(int(part) for part in version.removeprefix("go").split(".")[:2] if part.isdigit())
    if numbers and numbers < _OLDEST_GO:
        wanted = ".".join(map(str, _OLDEST_GO))
        raise CannotBuild(f"{version} is too old to build the real control plane: put Go {wanted} or newer on PATH")
    return version


def check_disk(places: Iterable[Path], needed: int = FREE_BYTES) -> None:
    """Raise CannotBuild where one of `places` has less than `needed` bytes free."""
    for place in places:
        existing = next(each for each in (place, *place.parents) if each.exists())
        if (free := shutil.disk_usage(existing).free) < needed:
            raise CannotBuild(
                f"building the real control plane needs {needed >> 30} GB, and {existing} has {free >> 30} GB free:"
                " free some, or point SYM_CACHE, GOCACHE and GOMODCACHE to a larger disk"
            )


def _build(folder: Path, name: str, say: Say) -> None:
    """Build one program; a line a minute tells that it goes on."""
    program, start = PROGRAMS[name], time.monotonic()
    fresh, log = folder / f".{name}.{os.getpid()}", folder / f"{name}.log"
    variables = " ".join(f"-X {variable}={value}" for variable, value in program.variables.items())
    command = ("go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {variables}".strip())
    say(f"building {', '.join(program.names)} (about {program.minutes} min on 2 cores the first time)")
    with log.open("wb") as output:
        process = subprocess.Popen(
            (*command, "-o", fresh, program.package),
            cwd=SOURCES / program.module,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            while (status := _wait(process)) is None:
                say(f"still building {', '.join(program.names)}: {round((time.monotonic() - start) / 60)} min")
        finally:
            process.kill()
            process.wait()
    if status:
        said = _last(log.read_text(errors="replace"), _TAIL)
        raise CannotBuild(f"go could not build {name} (the whole of what it said is in {log}); its last words:\n{said}")
    fresh.rename(folder / name)
    for other in program.names:
        if other != name:
            _link(folder / other, name)
    log.unlink()
    say(f"built {', '.join(program.names)} in {time.monotonic() - start:.0f} s")


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        return None


def _link(path: Path, target: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.rename(path)


def _environment() -> dict[str, str]:
    """Exactly the Go of PATH, and no flags of somebody's own."""
    return {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}


def _last(text: str, lines: int) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


@contextmanager
def _alone(path: Path, say: Say) -> Iterator[None]:
    """One build at a time; another one's result is awaited."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building the control plane; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
