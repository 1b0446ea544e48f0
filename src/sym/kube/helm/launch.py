"""A program's first steps: limits upon itself, an end with its parent, then it becomes the program that is meant.

`python -I -S launch.py PARENT CPU ADDRESS FILE OPEN PROGRAM ARGUMENT...`: the parent's pid, seconds of CPU, bytes of
address space, bytes of a file, open files; 0 is no limit. It runs as a file of its own on a bare interpreter, so it
imports nothing but the standard library, and little of that: it precedes each call of Helm.

What goes wrong here ends with 126 and one line on stderr.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

FAILED = 126
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """From now on this process is killed when its parent is, however that ends. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before we asked
        sys.exit(FAILED)


def limit(cpu: int, address: int, file: int, files: int) -> None:
    """Set the limits; a system may not know one of them, or allow less already. 0 is no limit."""
    wanted = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),  # SIGXCPU, which Go lets pass; SIGKILL a second later
        resource.RLIMIT_AS: (address, address),
        resource.RLIMIT_FSIZE: (file, file),
        resource.RLIMIT_NOFILE: (files, files),
    }
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, value in wanted.items():
        if value[0]:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(name, value)


def main(argv: list[str]) -> None:
    """Do it all; does not return."""
    parent, cpu, address, file, files = (int(number) for number in argv[1:6])
    program = argv[6:]
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so
        signal.signal(number, signal.SIG_DFL)
    end_with(parent)
    limit(cpu, address, file, files)
    try:
        os.execv(program[0], program)
    except OSError as error:
        sys.stderr.write(f"{program[0]} does not start: {error.strerror}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main(sys.argv)
