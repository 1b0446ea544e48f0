"""How long the first road takes: `sym demo --exit`, from the start of the process to AppSet `Running`.

Run: `.venv/bin/python bench/road.py [RUNS]`. Prints minimum, median and maximum over the runs, and the ratio of the
median to the floor of the same run: the waiting that the example itself asks for at the demo's speed
(`minReadySeconds: 10` divided by 10), plus the start of a Python that imports what the controller imports. Relies on
an installed `sym`.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

BIN = Path(sys.executable).parent
EXAMPLE_WAITS = 1.0  # seconds: minReadySeconds 10 at speed 10


def seconds(argv: list[str]) -> float:
    """How long the command ran. Raises CalledProcessError if it failed."""
    start = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - start


def line(name: str, values: Iterable[float]) -> str:
    """One row of the table."""
    found = sorted(values)
    return f"{name:28} min {found[0]:6.2f}  median {statistics.median(found):6.2f}  max {found[-1]:6.2f} s"


def main(runs: int) -> None:
    """Measure and print."""
    imports = [seconds([sys.executable, "-c", "import sym.controllers.process, sym.kube.http"]) for _ in range(runs)]
    demos = [seconds([str(BIN / "sym"), "demo", "--exit"]) for _ in range(runs)]
    floor = EXAMPLE_WAITS + statistics.median(imports)
    print(line("import of the controller", imports))
    print(line("sym demo --exit", demos))
    print(f"ratio of the median to the floor ({floor:.2f} s): {statistics.median(demos) / floor:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
