"""What `sym bench` reads beside the clusters: audit logs of API servers, and CPU and memory of processes (Linux).

An audit log is kube-apiserver's (`--audit-log-path`, policy level Metadata is enough): one JSON Event a line. Only what
is appended while a count is open belongs to it.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from sym.model.codec import DecodeError, decode

_READS = frozenset(("get", "list", "watch"))
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Write(NamedTuple):
    """A kind of write: who, what, and how the server answered."""

    agent: str
    verb: str
    resource: str
    code: int


class _Object(Struct, rename="camel"):
    resource: str = ""
    subresource: str = ""


class _Answer(Struct):
    code: int = 0


class _Event(Struct, rename="camel"):
    stage: str = ""
    verb: str = ""
    user_agent: str = ""
    object_ref: _Object | None = None
    response_status: _Answer | None = None


class AuditLogs:
    """The logs, read from where they ended when this was made."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._from = {path: path.stat().st_size for path in files.values()}

    def writes(self) -> Counter[Write]:
        """How many writes of each kind were answered since. Lines that are no events are skipped."""
        found: Counter[Write] = Counter()
        for path, offset in self._from.items():
            with path.open("rb") as log:
                log.seek(offset)
                found.update(filter(None, map(_write, log)))
        return found


def _write(line: bytes) -> Write | None:
    try:
        event = decode(line, _Event)
    except DecodeError:
        return None
    if event.stage != "ResponseComplete" or event.verb in _READS or event.object_ref is None:
        return None
    about = event.object_ref
    resource = f"{about.resource}/{about.subresource}" if about.subresource else about.resource
    code = event.response_status.code if event.response_status else 0
    return Write(event.user_agent.partition(" ")[0], event.verb, resource, code)


class Usage(NamedTuple):
    """CPU seconds (user and system) used so far and the most memory ever held, of some processes together."""

    cpu: float
    peak_bytes: int


def usage(pids: Sequence[int]) -> Usage | None:
    """Of the processes `pids`; None where the system does not tell, or one of them has ended."""
    cpu, peak = 0.0, 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        user, system = stat.rpartition(")")[2].split()[11:13]
        cpu += (int(user) + int(system)) / _TICKS
        peak += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0) * 1024
    return Usage(cpu, peak) if pids else None
