"""python -m tools.realfleet build | up | run -- COMMAND... | e2e -- COMMAND...

`build` has every program ready; `up` leaves a fleet running until Ctrl-C; `run` runs a command beside a fleet,
`{kubeconfig}` in it replaced by the path of that, and ends with its exit code. `e2e` runs one beside a bare API server,
which SYM_REAL_KUBECONFIG and SYM_REAL_ETCD name: the contract's, in whose objects no controller writes. kwok runs pods
there that name its node, and serves their logs and exec.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.realfleet.build import CannotBuild, binaries
from tools.realfleet.fleet import Fleet, InUse, planes, running
from tools.realfleet.plane import NotReady, Parts
from tools.realfleet.processes import Ended

FLEET = Path(__file__).resolve().parents[2] / ".fleet"


def main(argv: Sequence[str]) -> int:
    """Run one of the three; the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        match list(argv):
            case ["build"]:
                binaries(say)
                return 0
            case ["up"]:
                return up()
            case ["run", "--", *command] if command:
                return run(command)
            case ["e2e", "--", *command] if command:
                return e2e(command)
            case _:
                say((__doc__ or "").splitlines()[0])
                return 2
    except (CannotBuild, InUse, NotReady, Ended) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def up() -> int:
    """A fleet for a person, until Ctrl-C."""
    with running(FLEET, binaries(say)) as fleet:
        say(described(fleet))
        while True:
            signal.pause()


def run(command: Sequence[str]) -> int:
    """A command beside a fleet of its own."""
    found = binaries(say)
    with tempfile.TemporaryDirectory(prefix="sym-fleet-") as folder, running(Path(folder), found) as fleet:
        words = [word.replace("{kubeconfig}", str(fleet.kubeconfig)) for word in command]
        return follow(words, {})


def e2e(command: Sequence[str]) -> int:
    """A command beside a bare API server of its own."""
    found = binaries(say)
    bare = {"contract": Parts(controllers=False, nodes=1)}
    with tempfile.TemporaryDirectory(prefix="sym-contract-") as folder, planes(Path(folder), found, bare) as (plane,):
        return follow(command, {"SYM_REAL_KUBECONFIG": str(plane.kubeconfig), "SYM_REAL_ETCD": plane.etcd_url})


def follow(command: Sequence[str], more: Mapping[str, str]) -> int:
    """Run a command to its end, with `more` environment; its exit code."""
    process = subprocess.Popen(command, env={**os.environ, **more})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()  # it may have heard Ctrl-C itself; it ends in its own way


def described(fleet: Fleet) -> str:
    """What a person wants to know of a fleet."""
    lines = [f"  {name:22} {plane.url}" for name, plane in fleet.planes.items()]
    return "\n".join(("real clusters run:", *lines, f"export KUBECONFIG={fleet.kubeconfig}", "Ctrl-C ends them."))


def say(line: str) -> None:
    """A line for the user."""
    print(f"controlplane: {line}", file=sys.stderr, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
