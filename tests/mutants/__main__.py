"""Runs the mutants: `python -m tests.mutants [NAME...]`. Ends with 0 when each is caught by every test it names.

Works on copies in temporary folders, two at a time; the repository itself is only read.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.mutants.patch import BrokenMutantError, Mutant, all_mutants, apply

ROOT = Path(__file__).parent.parent.parent
COPIED = ("src", "tests", "tools", "examples", "charts", "pyproject.toml", "README.md")
WORKERS = 2
FAILED, PASSED = 1, 0  # pytest's exit codes; all others mean that the test did not run


def main(names: Sequence[str]) -> int:
    """Run those whose name contains one of `names`, or all."""
    chosen = [mutant for mutant in all_mutants() if not names or any(name in mutant.name for name in names)]
    if not chosen:
        print("no such mutant" if names else "there are no mutants")
        return 2 if names else 0
    start = time.monotonic()
    unbroken = passing_tests({test for mutant in chosen for test in mutant.tests})
    with ThreadPoolExecutor(WORKERS) as pool:
        verdicts = list(pool.map(partial(judge, unbroken), chosen))
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        print(f"{'ok  ' if not verdict else 'FAIL'} {mutant.name}: {mutant.guard}")
        print("".join(f"     {line}\n" for line in verdict.splitlines()), end="")
    failed = sum(bool(verdict) for verdict in verdicts)
    print(f"{len(chosen) - failed} caught, {failed} not, in {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


def passing_tests(tests: Iterable[str]) -> frozenset[str]:
    """Those that pass on the sources as they are."""
    with copy() as root, ThreadPoolExecutor(WORKERS) as pool:
        listed = sorted(tests)
        done = pool.map(partial(run, root), listed)
        return frozenset(test for test, one in zip(listed, done, strict=True) if one.returncode == PASSED)


def judge(unbroken: frozenset[str], mutant: Mutant) -> str:
    """What is wrong with this mutant or its tests; empty when every named test fails because of it."""
    wrong = [f"{test} does not pass without the mutant" for test in mutant.tests if test not in unbroken]
    with copy() as root:
        try:
            apply(mutant, root)
        except BrokenMutantError as error:
            return str(error)
        for test in sorted(set(mutant.tests) & unbroken):
            done = run(root, test)
            if done.returncode == PASSED:
                wrong.append(f"{test} passes although the guard is gone")
            elif done.returncode != FAILED:
                wrong.append(f"{test} did not run (pytest ended with {done.returncode}):\n{done.stdout[-1500:]}")
    return "\n".join(wrong)


@contextmanager
def copy() -> Iterator[Path]:
    """The repository's files that tests read, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="sym-mutant-") as name:
        root = Path(name)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            elif source.is_file():
                shutil.copy(source, root / part)
        yield root


def run(root: Path, test: str) -> subprocess.CompletedProcess[str]:
    """One test on the copy in `root`, whose sources stand before the installed ones."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", test]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
