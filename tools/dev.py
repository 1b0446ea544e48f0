"""The commands of `dev.sh`: each sets up what it needs, then does its work.

Runs on a bare Python >= 3.11 with pip: standard library only, no package of this repository. Set-up has three levels,
one inside the other (`runtime`, `test`, `check`), each with a hashed lock; a stamp by content hash tells when there is
nothing to do, and then nothing here touches the network. Installs go to ./.venv by uv, which pip puts into ./.tools;
where there is no uv for the machine, by pip alone.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMP = VENV / "sym-setup.json"
PYTHON = VENV / "bin" / "python"
UV = TOOLS / "bin" / "uv"
PYRIGHT = TOOLS / "pyright" / "node_modules" / "pyright" / "index.js"

LEVELS = ("runtime", "test", "check")  # each includes those before it
LOCKS = {"runtime": "requirements.lock", "test": "requirements-test.lock", "check": "requirements-check.lock"}
TOOLS_LOCK = "requirements-tools.lock"
HELM_LOCK = "requirements-helm.lock"  # of the extra `helm`, 75 MB, which no command here installs
GENERATED = (  # the command that writes generated files, the command that ends with 1 when they are stale
    (("sym", "crds", "--write", "charts/sym/crds"), ("sym", "crds", "--check", "charts/sym/crds")),
)
REAL_FLEET = ("python", "-m", "tools.realfleet")
SIDE_BY_SIDE = ("-n", "2", "--dist", "worksteal")  # while one process waits for real ones, the other works
COVERAGE = ((95, "src/sym/*"), (100, "src/sym/model/*,src/sym/plan/*"))  # percent, of which files

UNSET = (
    "CONDA_PREFIX", "PIP_NO_INDEX", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PYTHONHOME",
    "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV",
)  # fmt: skip
SET = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_USER": "0",
    "PYTHONNOUSERSITE": "1",
    "UV_COMPILE_BYTECODE": "1",
    "UV_LINK_MODE": "copy",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
}


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit status."""
    os.chdir(ROOT)
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ.update(SET)
    name, arguments = (argv[0], argv[1:]) if argv else ("help", ())
    if name not in COMMANDS:
        say(usage())
        return 0 if name in ("help", "-h", "--help") else 2
    try:
        return COMMANDS[name](arguments)
    except KeyboardInterrupt:
        return 130


def usage() -> str:
    """One line a command, from the docstrings."""
    lines = [f"  {name:9} {(run.__doc__ or '').splitlines()[0]}" for name, run in COMMANDS.items()]
    return "\n".join(("usage: sh dev.sh COMMAND [ARGUMENTS]", *lines))


# --- commands


def demo(arguments: Sequence[str]) -> int:
    """the product on simulated clusters, until Ctrl-C; --exit, --scenario helm|canary, --clusters N, --real, --help"""
    prepare("runtime")
    if "helm" in " ".join(arguments).replace("=", " ").split():
        prepare_helm()
    if "--real" not in arguments:
        become("sym", "demo", *arguments)
    others = [argument for argument in arguments if argument != "--real"]
    become(*REAL_FLEET, "run", "--", str(VENV / "bin" / "sym"), "demo", "--fleet", "{kubeconfig}", *others)


def test(arguments: Sequence[str]) -> int:
    """the tests, in two processes; arguments go to pytest (-n 0: in one)"""
    prepare("test")
    become("python", "-m", "pytest", "-q", *SIDE_BY_SIDE, *arguments)


def cover(arguments: Sequence[str]) -> int:
    """the tests with branch coverage, which must reach 95 % (plan and model 100 %)"""
    prepare("test")
    call("coverage", "erase")
    tests = call("coverage", "run", "-m", "pytest", "-q", *SIDE_BY_SIDE, *arguments)
    call("coverage", "combine", "-q")
    reports = [call("coverage", "report", f"--include={files}", f"--fail-under={least}") for least, files in COVERAGE]
    return tests or max(reports)


def check(arguments: Sequence[str]) -> int:
    """ruff, format, mypy, pyright (with Node on PATH), import-linter, house rules, stale generated files"""
    prepare("check")
    steps: dict[str, Callable[[], int]] = {
        "ruff": lambda: call("ruff", "check", "-q", "."),
        "format": lambda: call("ruff", "format", "-q", "--check", "."),
        "mypy": lambda: call("mypy", "--no-error-summary"),
        "pyright": pyright,
        "imports": lambda: call("lint-imports", "--no-cache"),
        "house": lambda: call("python", "-m", "pytest", "-q", "-p", "no:randomly", "tests/test_house.py"),
        "generated": lambda: max(call(*is_stale) for _, is_stale in GENERATED),
    }
    failed = [name for name, step in steps.items() if (not arguments or name in arguments) and not passed(name, step)]
    if failed:
        say(f"check: failed: {', '.join(failed)}")
    return 1 if failed else 0


def lock(arguments: Sequence[str]) -> int:
    """write the requirements*.lock files anew from pyproject.toml; --upgrade takes newer versions"""
    prepare_tools()
    if not UV.exists():
        fail("lock needs uv, and there is none for this machine")
    options = ("pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header")
    every = LOCKS["check"]
    for source, target, extra in (
        ("tools/requirements-tools.in", TOOLS_LOCK, ()),
        ("pyproject.toml", every, ("--extra", "test", "--extra", "check")),
        ("pyproject.toml", LOCKS["test"], ("--extra", "test", "-c", every)),
        ("pyproject.toml", LOCKS["runtime"], ("-c", every)),
        ("pyproject.toml", HELM_LOCK, ("--extra", "helm", "-c", every)),
    ):
        run([UV, *options, *extra, *arguments, "-o", target, source], f"could not write {target}")
    return 0


def mutants(arguments: Sequence[str]) -> int:
    """break each guard in a copy (tests/mutants/*.patch): the test it names must fail; NAME... for some"""
    prepare("test")
    become("python", "-m", "tests.mutants", *arguments)


def e2e(arguments: Sequence[str]) -> int:
    """the contract and the end-to-end tests on real clusters, which are built first (needs Go); --build: only that"""
    prepare("test")
    if (status := call(*REAL_FLEET, "build")) or "--build" in arguments:
        return status
    os.environ["SYM_E2E"] = "1"
    tests = arguments or ("tests/contract", "tests/e2e")
    return become(*REAL_FLEET, "e2e", "--", str(PYTHON), "-m", "pytest", "-q", "--timeout=300", *tests)


def up(arguments: Sequence[str]) -> int:
    """a meta cluster and two members, real ones, until Ctrl-C (needs Go)"""
    prepare("runtime")
    become(*REAL_FLEET, "up", *arguments)


def chaos(arguments: Sequence[str]) -> int:
    """kill the controller after each write of install, update, scale and delete; SYM_CHAOS_KILLS (50) times"""
    prepare("test")
    os.environ.setdefault("SYM_CHAOS_KILLS", "50")
    become("python", "-m", "pytest", "-q", "--timeout=1800", "tests/chaos", *arguments)


def generate(arguments: Sequence[str]) -> int:
    """write the generated files anew; NAME... for those whose command names it"""
    prepare("runtime")
    wanted = [write for write, _ in GENERATED if not arguments or any(name in " ".join(write) for name in arguments)]
    return max((call(*write) for write in wanted), default=2)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    function.__name__: function for function in (demo, test, check, cover, mutants, chaos, e2e, up, generate, lock)
}


# --- the steps of `check`


def passed(name: str, step: Callable[[], int]) -> bool:
    """Run one step and say how it went."""
    start = time.monotonic()
    status = step()
    say(f"check: {name:9} {'ok' if status == 0 else 'FAILED'}  {time.monotonic() - start:.1f} s")
    return status == 0


def pyright() -> int:
    """pyright on the Node of PATH; without Node it is left out, and said so."""
    if (node := shutil.which("node")) is None:
        say("check: pyright needs Node on PATH; there is none, so it was left out (mypy has run)")
        return 0
    if not PYRIGHT.exists():
        say("check: pyright needs npm once, to install it; there is none, so it was left out (mypy has run)")
        return 0
    return subprocess.run([node, PYRIGHT], env=environment(), check=False).returncode


# --- set-up


def prepare(level: str) -> None:
    """Have everything of `level` installed in ./.venv."""
    if not missing(level):
        return
    with alone():
        if not missing(level):
            return
        say(f"dev.sh: setting up ./.venv ({level}); this needs the network once and takes some seconds")
        start = time.monotonic()
        prepare_tools()
        make_venv()
        # What a higher level installed before stays wanted: one environment serves all commands.
        top = max([level, *stamps()], key=LEVELS.index)
        install(top)
        STAMP.write_text(json.dumps({name: digest(name) for name in LEVELS[: LEVELS.index(top) + 1]}))
        say(f"dev.sh: set up in {time.monotonic() - start:.0f} s")
    if level == "check":
        prepare_pyright()


def missing(level: str) -> bool:
    """Whether `level` must be installed anew."""
    return not PYTHON.exists() or stamps().get(level) != digest(level)


def stamps() -> dict[str, str]:
    """Level: the digest it was installed with."""
    found: dict[str, str] = json.loads(read(STAMP) or "{}")
    return {level: value for level, value in found.items() if level in LEVELS}


def digest(level: str) -> str:
    """Everything that decides what ./.venv must hold: locks, our own metadata, the Python, the place."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ours = {"build-system": project["build-system"], "project": project["project"], "hatch": project["tool"]["hatch"]}
    parts = (read(LOCKS[level]), read(TOOLS_LOCK), json.dumps(ours, sort_keys=True), sys.version, sys.base_prefix, ROOT)
    text = (part if isinstance(part, bytes) else str(part).encode() for part in parts)
    return hashlib.sha256(b"\0".join(text)).hexdigest()


@contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time in this folder."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare_helm() -> None:
    """Helm's library into ./.venv where this machine has no helm program: it is large, so only for those who ask."""
    cache = Path(os.environ.get("SYM_CACHE") or Path.home() / ".cache" / "sym")
    found = shutil.which("helm") or any((cache / "controlplane").glob("*/helm"))
    if found or any(VENV.glob("lib/python*/site-packages/helm_python")):
        return
    say("dev.sh: there is no helm program on this machine; installing Helm's library (75 MB) into ./.venv, once")
    lock = TOOLS / "helm.lock"
    library = (
        block for block in blocks((read(ROOT / HELM_LOCK) or b"").decode()) if block.startswith("helm-python-sdk")
    )
    lock.write_text("".join(library))
    why = "Helm's library could not be installed (the installer's own words are above); install helm instead"
    with alone():
        if UV.exists():
            mirror = as_uv(pip_configuration(), os.environ)
            run(
                [UV, "pip", "install", "-q", "--python", PYTHON, "--no-deps", "--require-hashes", "-r", lock],
                why,
                mirror,
            )
        else:
            options = ("--no-deps", "--require-hashes", "-r", lock)
            run((sys.executable, "-m", "pip", "--python", PYTHON, "install", "-q", *options), why)


def prepare_tools() -> None:
    """uv and the build backend into ./.tools, by pip; without uv where the registry has none for this machine."""
    wanted = hashlib.sha256((read(TOOLS_LOCK) or b"") + sys.version.encode()).hexdigest()
    if (read(TOOLS / "stamp") or b"").decode() == wanted:
        return
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        fail(f"{sys.executable} has no pip; install it (Debian 12: apt-get install python3-pip)")
    for name in ("bin", "hatchling", "uv"):
        shutil.rmtree(TOOLS / name, ignore_errors=True)
    TOOLS.mkdir(exist_ok=True)
    everything, without_uv = (read(TOOLS_LOCK) or b"").decode(), TOOLS / "without-uv.lock"
    if pip_into_tools(ROOT / TOOLS_LOCK).returncode:
        without_uv.write_text("".join(block for block in blocks(everything) if not block.startswith("uv==")))
        if (second := pip_into_tools(without_uv)).returncode:
            sys.stderr.write(second.stderr)
            fail(
                "pip could not install the build tools (its own words are above); the first set-up needs the network "
                "or a mirror named by PIP_INDEX_URL"
            )
        say("dev.sh: no uv for this machine; installing by pip alone, which takes longer")
    (TOOLS / "stamp").write_text(wanted)


def pip_into_tools(requirements: Path) -> subprocess.CompletedProcess[str]:
    """pip's own installation into ./.tools, which Debian's protection of the system's Python allows."""
    pip = (sys.executable, "-m", "pip", "install", "-q", "--root-user-action=ignore", "--upgrade", "--target", TOOLS)
    hashed = ("--only-binary=:all:", "--no-deps", "--require-hashes", "-r", requirements)
    return subprocess.run((*pip, *hashed), capture_output=True, text=True, env=environment(), check=False)


def blocks(lock_text: str) -> Iterator[str]:
    """The entries of a lock file, each with its hashes and comments."""
    block = ""
    for line in lock_text.splitlines(keepends=True):
        if block and not line.startswith((" ", "#")):
            yield block
            block = ""
        block += line
    yield block


def make_venv() -> None:
    """./.venv of this very Python; an existing one of another Python or another place is replaced."""
    probe: tuple[str | Path, ...] = (PYTHON, "-c", "import sys; print(sys.version, sys.base_prefix, sys.prefix)")
    ours = f"{sys.version} {sys.base_prefix} {VENV}"
    try:
        theirs = subprocess.run(probe, capture_output=True, text=True, check=False, env=environment()).stdout.strip()
    except OSError:
        theirs = ""
    if theirs == ours:
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    why = f"could not make {VENV}"
    if UV.exists():
        run([UV, "venv", "-q", "--python", sys.executable, VENV], why)
    else:
        run([sys.executable, "-m", "venv", "--without-pip", VENV], why)


def install(level: str) -> None:
    """Exactly what the lock of `level` says into ./.venv, then Sym itself as an editable package."""
    why = (
        "the installation into ./.venv failed (the installer's own words are above); the first set-up needs the "
        "network or a mirror named by PIP_INDEX_URL"
    )
    build = {"PYTHONPATH": str(TOOLS)}  # where the pinned build backend is
    locked, editable = ROOT / LOCKS[level], ("--no-deps", "--no-build-isolation", "-e", ROOT)
    if UV.exists():
        mirror = as_uv(pip_configuration(), os.environ)
        run([UV, "pip", "sync", "-q", "--python", PYTHON, "--require-hashes", locked], why, mirror)
        run([UV, "pip", "install", "-q", "--python", PYTHON, *editable], why, {**mirror, **build})
    else:
        pip = (sys.executable, "-m", "pip", "--python", PYTHON, "install", "-q", "--root-user-action=ignore")
        run([*pip, "--no-deps", "--require-hashes", "-r", locked], why)
        run([*pip, *editable], why, build)


def pip_configuration() -> dict[str, str]:
    """What the user told pip, by file or environment: option without its section, value."""
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, env=environment(), check=False
    )
    found: dict[str, str] = {}
    for line in answer.stdout.splitlines():
        key, _, value = line.partition("=")
        found[key.rpartition(".")[2]] = value.strip("'\"")
    return found


def as_uv(pip: Mapping[str, str], uv: Mapping[str, str]) -> dict[str, str]:
    """pip's mirror and certificates in uv's variables, where the environment `uv` does not set them already."""
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    return {ours: pip[theirs] for theirs, ours in names.items() if theirs in pip and ours not in uv}


def prepare_pyright() -> None:
    """pyright from npm into ./.tools, if the machine has Node and npm; `pyright` says what is missing."""
    folder = TOOLS / "pyright"
    sources = [ROOT / "tools" / "pyright" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    if (npm := shutil.which("npm")) is None or shutil.which("node") is None:
        return
    if PYRIGHT.exists() and all(read(folder / source.name) == read(source) for source in sources):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in sources:
        shutil.copy(source, folder)
    command = (npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder)
    run(command, "npm could not install pyright; the first `check` on a machine with Node needs the network")


# --- processes


def environment(**more: str) -> dict[str, str]:
    """The environment of children: ours, with ./.venv first on PATH."""
    return {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}", **more}


def become(name: str, *arguments: str) -> NoReturn:
    """Be a program of ./.venv from here on; signals reach it directly."""
    sys.stdout.flush()
    os.execve(  # noqa: S606  # a list of arguments, no shell: as all of ours
        VENV / "bin" / name, [name if name != "python" else str(PYTHON), *arguments], environment()
    )


def call(name: str, *arguments: str) -> int:
    """Run a program of ./.venv; its exit status."""
    return subprocess.run([VENV / "bin" / name, *arguments], env=environment(), check=False).returncode


def run(command: Sequence[str | Path], why: str, more: Mapping[str, str] | None = None) -> None:
    """Run a step of the set-up, its output shown. Ends everything with the sentence `why` when it fails."""
    if subprocess.run(command, env=environment(**(more or {})), check=False).returncode:
        fail(why)


def read(path: str | Path) -> bytes | None:
    """A file's bytes, None when there is no such file."""
    try:
        return (ROOT / path).read_bytes()
    except FileNotFoundError:
        return None


def say(line: str) -> None:
    """A line for the user, before anything that children print next."""
    print(line, file=sys.stderr, flush=True)


def fail(sentence: str) -> NoReturn:
    """End with one clear sentence."""
    say(f"dev.sh: {sentence}")
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
