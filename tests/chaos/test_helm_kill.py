"""The controllers are killed, and their Helm with them, at each write that Helm makes; started again, they converge,
and no release has lost anything.

Counted at the API server: the records of releases (Secrets), every object of the chart. The judge reads servers only.
SYM_CHAOS_KILLS: how many kills per Helm. The test run does 2; from 26 on (`sh dev.sh chaos`) each write of each
workflow gets one on both sides of its answer.
"""

import base64
import gzip
import logging
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from sym.cli import demo_install
from sym.cli.demo_tour import World
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str, parse_map
from sym.model.kinds import APPSET
from sym.sandbox.audit import Record
from tests.chaos import workflows
from tests.chaos.playground import PATIENCE, Controller, Playground, Trap, helms, playground
from tests.kube.helm import engines
from tests.make import BJ4, appset, pod_set
from tests.oracle.fleet import servers
from tests.wait import until

KILLS = int(os.environ.get("SYM_CHAOS_KILLS", "2"))
STILL = 1.5  # seconds without a write after which a workflow counts as over
KEPT = 10
"""Revisions of a release that are kept."""
CONVERGES = 2 * PATIENCE
"""Seconds: bounds a failing test; a release that a killed Helm left pending is looked at again after a while."""

_log = logging.getLogger("chaos")

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]


class Kill(NamedTuple):
    """At which of Helm's writes in which workflow, and on which side of its answer."""

    workflow: str
    n: int
    late: bool


def app(name: str, version: str, replicas: int) -> JSONMap:
    """An AppSet whose one podSet is a release with a Deployment and a Service."""
    body = appset({BJ4: [pod_set(f"{name}-gz01a-blue", replicas, version)]}, name=name, replicas=replicas)
    spec = dig_map(body, "spec")
    chart: JSONMap = {"chartUrl": {"url": "dmall/springBoot", "chartVersion": "0.0.1"}}
    spec["podSpec"] = {"deployType": "helm", "chart": chart}
    spec["serviceName"] = f"inner.{name}.dmall.com"
    return {"apiVersion": APPSET.api_version, "kind": APPSET.name, **body}


def _applied(version: str, replicas: int) -> Callable[[World, str], Awaitable[None]]:
    async def apply(world: World, name: str) -> None:
        await world.meta.apply(APPSET, app(name, version, replicas), "person")

    return apply


WORKFLOWS: Mapping[str, Callable[[World, str], Awaitable[None]]] = {
    "install": _applied("v1", 1),
    "update": _applied("v2", 2),
    "delete": workflows.delete,
}
WANTED: Mapping[str, tuple[str, int]] = {"install": ("v1", 1), "update": ("v2", 2)}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with playground(tmp_path_factory.mktemp("helm"), (BJ4,)) as made:
        yield made


@pytest.fixture(params=engines.NAMES)
def controller(request: pytest.FixtureRequest, ground: Playground, tmp_path: Path) -> Iterator[Controller]:
    name = str(request.param)
    if name not in engines.PRESENT:
        pytest.skip(engines.WHY.format(name))
    flags = ["--helm-engine=sdk"]
    if name in engines.PROGRAMS:
        flags = ["--helm-engine=cli", f"--helm-program={engines.PROGRAMS[name]}"]
    charts = f"--charts-repo=dmall={demo_install.charts()}"
    made = Controller(ground.kubeconfig, tmp_path / "controller.log", charts, *flags)
    made.start()
    try:
        yield made
    finally:
        made.end()


class Revision(NamedTuple):
    """One record of a release."""

    number: int
    status: str
    description: str


class Bench:
    """Runs workflows, kills, and judges."""

    def __init__(self, ground: Playground, controller: Controller) -> None:
        self._ground = ground
        self._controller = controller
        self._servers = servers(ground.kubeconfig)
        self._uids: dict[str, dict[str, str]] = {}
        self._begun: dict[str, int] = {}
        self._dying: frozenset[int] = frozenset()
        self.kills = 0

    # --- what happens

    def run(self, workflow: str, name: str, kill: Kill | None = None) -> list[Record]:
        """One workflow to its end, with a kill or without. Helm's writes in it."""
        traffic = self._ground.traffic
        before = len(traffic.helm)
        self._begun.setdefault(name, before)
        what = f"{workflow} of {name}" + (f", killed at {kill}" if kill else "")
        if kill is not None:
            traffic.trap = Trap(kill.n, late=kill.late, kill=self._kill, counts=helms)
        self._ground.do(lambda world: WORKFLOWS[workflow](world, name))
        if (trap := traffic.trap) is not None:
            self._await(lambda: trap.fired or self._over(workflow, name), what)
            traffic.trap = None
            if trap.fired:
                self._again(what)
        began = time.monotonic()
        self._await(lambda: self._over(workflow, name), what)
        _log.info("%s: %.1f s after the kill", what, time.monotonic() - began)
        return traffic.helm[before:]

    def _kill(self) -> None:
        self._dying = self._controller.children()
        self._controller.kill()

    def _again(self, what: str) -> None:
        """Start what was killed. Its Helm must have died with it: one request may have been on its way, no more."""
        traffic = self._ground.traffic
        self.kills += 1
        self._controller.end()
        dead = len(traffic.helm)  # the kernel kills Helm before it tells of its parent's end
        until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in self._dying),
            PATIENCE,
            f"{what}: a Helm still runs",
        )
        locks = traffic.locks
        self._controller.start()
        self._await(lambda: traffic.locks > locks, f"{what}, and started again")
        late = [str(record) for record in traffic.helm[dead:]]
        assert len(late) <= 1, f"{what}: a Helm outlived its controller and wrote on: {late}"

    # --- what is to be seen

    def _over(self, workflow: str, name: str) -> bool:
        return self._ground.traffic.quiet(STILL) and not self.complaints(workflow, name)

    def complaints(self, workflow: str, name: str) -> list[str]:
        """Every break of a rule, one sentence each."""
        if workflow == "delete":
            return [*self._left(name)]
        return [*self._of_app(workflow, name), *self._of_records(name), *self._of_objects(workflow, name)]

    def _left(self, name: str) -> Iterator[str]:
        if self._get("meta", f"/apis/workload.dmall.com/v1beta1/namespaces/default/appsets/{name}") is not None:
            yield "the AppSet is there"
        if records := self.records(name):
            yield f"records are there: {records}"
        if objects := self._objects(name):
            yield f"objects are there: {sorted(objects)}"

    def _of_app(self, workflow: str, name: str) -> Iterator[str]:
        version, _ = WANTED[workflow]
        found = self._get("meta", f"/apis/workload.dmall.com/v1beta1/namespaces/default/appsets/{name}") or {}
        told = dig_map(found, "status", "aggrStatus")
        if (told.get("status"), told.get("version")) != ("Running", version):
            yield f"the AppSet says {told.get('status')} {told.get('version')}"
        if dig(found, "status", "observedGeneration") != dig(found, "metadata", "generation"):
            yield "the AppSet speaks of an older generation"

    def _of_records(self, name: str) -> Iterator[str]:
        found = self.records(name)
        numbers = [one.number for one in found]
        last = max(numbers, default=0)
        if numbers != [*range(max(1, last - KEPT + 1), last + 1)]:
            yield f"the history has gaps: {numbers}"
        states = Counter(one.status for one in found)
        if states["deployed"] != 1 or (found and found[-1].status != "deployed"):
            yield f"not exactly the last revision is deployed: {found}"
        if pending := [one for one in found if one.status.startswith(("pending", "uninstalling"))]:
            yield f"pending: {pending}"

    def _of_objects(self, workflow: str, name: str) -> Iterator[str]:
        version, replicas = WANTED[workflow]
        found = self._objects(name)
        release = f"{name}-gz01a-blue"
        if sorted(found) != sorted((f"Deployment {release}", f"Service {name}-svc")):
            yield f"objects: {sorted(found)}"
            return
        deployment = found[f"Deployment {release}"]
        image = dig_str(deployment, "spec", "template", "spec", "containers", 0, "image")
        if not image.endswith(f":{version}") or dig(deployment, "spec", "replicas") != replicas:
            yield f"the Deployment has {image} and {dig(deployment, 'spec', 'replicas')} replicas"
        uids = {key: dig_str(one, "metadata", "uid") for key, one in found.items()}
        if (known := self._uids.setdefault(name, uids)) != uids:
            yield f"uids changed: {known} {uids}"

    def never_again(self, name: str) -> list[str]:
        """What of a release's objects was made twice or taken away in its life, as the server was asked: nothing may.
        The release has one object of each kind, and no other release lives beside it."""
        asked = [one for one in self._ground.traffic.helm[self._begun[name] :] if one.place.resource != "secrets"]
        made = Counter(one.place.resource for one in asked if one.code == 201)
        gone = [f"asked to delete {one.place.resource} {one.place.name}" for one in asked if one.verb == "delete"]
        return [f"{count} {plural} were made" for plural, count in made.items() if count > 1] + gone

    def records(self, name: str) -> list[Revision]:
        """The history of the release, oldest first."""
        query = f"labelSelector=owner%3Dhelm,name%3D{name}-gz01a-blue"
        found = self._get(BJ4, f"/api/v1/namespaces/default/secrets?{query}") or {}
        revisions = [_revision(one) for one in dig_list(found, "items")]
        return sorted(revisions)

    def _objects(self, name: str) -> dict[str, JSONMap]:
        found: dict[str, JSONMap] = {}
        for kind, path in (("Deployment", "/apis/apps/v1"), ("Service", "/api/v1")):
            listed = self._get(BJ4, f"{path}/namespaces/default/{kind.lower()}s") or {}
            for one in dig_list(listed, "items"):
                if dig_str(one, "metadata", "name").startswith(name):
                    found[f"{kind} {dig_str(one, 'metadata', 'name')}"] = dig_map(one)
        return found

    def _get(self, cluster: str, path: str) -> JSONMap | None:
        (found,) = self._servers[cluster].get(path)
        return found

    def _await(self, true: Callable[[], bool], what: str) -> None:
        def story() -> str:
            workflow, name = what.split(" of ", maxsplit=1)[0], what.split(" of ")[1].split(",", maxsplit=1)[0]
            seen = "\n".join(map(str, self._ground.traffic.helm[-15:]))
            words = self._controller.last_words()
            told = "\n".join(self.complaints(workflow, name))
            return f"{what}\n{told}\n{self.records(name)}\nHelm's last writes:\n{seen}\nits log:\n{words}"

        until(true, CONVERGES, story)


def _revision(secret: JSON) -> Revision:
    labels = dig_map(secret, "metadata", "labels")
    packed = base64.b64decode(base64.b64decode(dig_str(secret, "data", "release")))
    told = parse_map(gzip.decompress(packed))
    status = dig_str(told, "info", "status")
    assert status == dig_str(labels, "status"), "a record whose label says something else"
    return Revision(int(dig_str(labels, "version")), status, dig_str(told, "info", "description"))


def _plan(writes: Mapping[str, list[Record]]) -> list[Kill]:
    """As many kills as asked for, at most all. Those at the second write come first, after its answer: the record says
    that something is under way then, and it is half done."""
    every = [
        Kill(workflow, n + 1, late)
        for workflow, seen in writes.items()
        for n in range(len(seen))
        for late in (True, False)
    ]
    return sorted(every, key=lambda kill: (kill.n != 2, not kill.late))[:KILLS]


def test_killed_at_any_write_of_helm_the_release_survives(ground: Playground, controller: Controller) -> None:
    bench = Bench(ground, controller)
    writes = {workflow: bench.run(workflow, "calm") for workflow in WORKFLOWS}
    for workflow, seen in writes.items():
        _log.info("%s: %d writes of Helm\n  %s", workflow, len(seen), "\n  ".join(map(str, seen)))
    plan = _plan(writes)
    for turn, kill in enumerate(plan):
        name = f"wild{turn:02}"
        for workflow in WORKFLOWS:
            if workflow == "delete":
                assert bench.never_again(name) == []
            bench.run(workflow, name, kill if kill.workflow == workflow else None)
    _log.info("%d kills", bench.kills)
    assert bench.kills == len(plan), "not each of the writes that were to be killed at came"
