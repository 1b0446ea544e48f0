"""The members' own histories: what their Deployments went through, as their API servers tell it to a watch.

Reads API servers only and shares no code with what it judges. A moment is the arrival of an event on this machine: what
is caused by another event, through several servers and processes, arrives after it.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException

from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_map, dig_str
from tests.oracle.fleet import Server

WATCH = "/apis/apps/v1/deployments?watch=1&resourceVersion="


@dataclass(frozen=True)
class Moment:
    """A Deployment of a member as an event showed it. `whole`: every pod is of its template and available."""

    at: float
    cluster: str
    namespace: str
    name: str
    version: str
    whole: bool


@dataclass
class Histories:
    """All moments in the order of their arrival, over all members."""

    moments: list[Moment] = field(default_factory=list[Moment])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, cluster: str, deployment: JSONMap) -> None:
        """An event."""
        with self._lock:
            self.moments.append(_moment(cluster, deployment))

    def of(self, namespace: str) -> list[Moment]:
        """The moments of one namespace."""
        with self._lock:
            return [each for each in self.moments if each.namespace == namespace]


@contextlib.contextmanager
def histories(members: Mapping[str, Server]) -> Iterator[Histories]:
    """Watches every member while the block lasts. A watch that its server ends goes on where it was."""
    told, over = Histories(), threading.Event()
    watchers = [
        threading.Thread(target=_follow, args=(name, server, told, over), name=f"history-{name}", daemon=True)
        for name, server in members.items()
    ]
    for each in watchers:
        each.start()
    try:
        yield told
    finally:
        over.set()
        for each in watchers:
            each.join(10)


def _follow(name: str, server: Server, told: Histories, over: threading.Event) -> None:
    version = ""
    while not over.is_set():
        with contextlib.suppress(OSError, AssertionError, HTTPException):
            if not version:
                (found,) = server.get("/apis/apps/v1/deployments")
                version = dig_str(found, "metadata", "resourceVersion")
                for item in dig_list(found, "items"):
                    told.note(name, {**as_map(item)})
            for event in server.lines(WATCH + version, over):
                thing = as_map(event["object"])
                if event["type"] == "ERROR":
                    version = ""
                    break
                version = dig_str(thing, "metadata", "resourceVersion") or version
                if event["type"] != "DELETED":
                    told.note(name, thing)


def _moment(cluster: str, deployment: JSONMap) -> Moment:
    image = dig_str(dig_list(deployment, "spec", "template", "spec", "containers")[0], "image")
    status = dig_map(deployment, "status")
    wanted = dig(deployment, "spec", "replicas")
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = dig(status, "observedGeneration") == dig(deployment, "metadata", "generation")
    return Moment(
        at=time.monotonic(),
        cluster=cluster,
        namespace=dig_str(deployment, "metadata", "namespace"),
        name=dig_str(deployment, "metadata", "name"),
        version=image.rpartition(":")[2],
        whole=seen and counts == [wanted] * len(counts),
    )


def out_of_order(moments: Sequence[Moment], waves: Sequence[Sequence[str]], version: str) -> list[str]:
    """What went wrong: podSets of a later wave that got the version before all of an earlier one ran it whole, and
    podSets that never did."""
    found: list[str] = []
    whole: set[str] = set()
    begun: set[str] = set()
    for moment in moments:
        if moment.version == version and moment.name not in begun:
            begun.add(moment.name)
            number = next((number for number, names in enumerate(waves) if moment.name in names), None)
            if number is None:
                found.append(f"{moment.name} got {version}, and is in no wave")
                continue
            early = [name for names in waves[:number] for name in names if name not in whole]
            found += [f"{moment.name} got {version} before {name} ran it whole" for name in early]
        if moment.version == version and moment.whole:
            whole.add(moment.name)
    missing = [name for names in waves for name in names if name not in whole]
    return [*found, *(f"{name} never ran {version} whole" for name in missing)]


def before_its_gate(
    moments: Sequence[Moment], version: str, confirmed: Mapping[str, float], behind: Mapping[str, Sequence[str]]
) -> list[str]:
    """PodSets that got the version before a gate in front of them was confirmed. `behind`: by gate, the podSets."""
    first = {each.name: each.at for each in reversed(moments) if each.version == version}
    return [
        f"{name} got {version} before gate {gate} was confirmed"
        for gate, names in behind.items()
        for name in names
        if name in first and first[name] < confirmed.get(gate, float("inf"))
    ]
