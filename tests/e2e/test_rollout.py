"""The rollout of semantics.md 6 on real clusters: the document's example from v3 to v4 behind its gates. What changed
when is read from the members' own histories.

SYM_E2E_KILLS: after how many of its writes the controller is killed (3; `all` for every one of them).
"""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.names import MEMBER_NAMESPACE
from tests.e2e.ground import APPSETS, Ground
from tests.oracle.fleet import servers
from tests.oracle.history import Histories, Moment, before_its_gate, histories, out_of_order
from tests.rollouts import BJ4, BJ5, GATES, Confirmer, behind, example, runs, told, waves
from tests.wait import until

KILLS = os.environ.get("SYM_E2E_KILLS", "3")
PATIENCE = 1200.0  # seconds: bounds a failing test
QUICK: JSONMap = {"minReadySeconds": 0}
CANARY, SECOND, BLUE = GATES

pytestmark = pytest.mark.timeout(1800)


def person(ground: Ground, name: str) -> Confirmer:
    """Somebody at the meta cluster."""
    path = f"{APPSETS}/{name}"

    def patch(body: JSONMap) -> bool:
        app = ground.app(name)
        if dig(app, "metadata", "resourceVersion") != dig(body, "metadata", "resourceVersion"):
            return False
        rollout: JSONMap = {**dig_map(app, "status", "rollout"), **dig_map(body, "status", "rollout")}
        status: JSONMap = {**dig_map(app, "status"), "rollout": rollout}
        agreed: JSONMap = {**app, "status": status}
        return ground.fleet.meta.ask("PUT", f"{path}/status", agreed)[0] == 200

    return Confirmer(read=lambda: ground.app(name), patch=patch)


def watched(ground: Ground) -> AbstractContextManager[Histories]:
    """The members' histories while a block lasts."""
    reached = servers(ground.fleet.kubeconfig)
    return histories({member: reached[member] for member in (BJ4, BJ5)})


@pytest.fixture
def installed(ground: Ground, request: pytest.FixtureRequest) -> Iterator[str]:
    """The example at v3, under a name of its own; gone afterwards."""
    name = "kill" if "kill" in request.node.name else "roll"
    ground.apply_app(example(name, "v3", **QUICK))
    ground.until(lambda: runs(ground.app(name), "v3"), f"{name} runs v3")
    yield name
    ground.delete_app(name)


def waits_at(ground: Ground, name: str, gate: str) -> None:
    """Wait until the rollout waits at a gate, and then for nothing else to happen."""
    ground.until(lambda: dig_str(ground.app(name), "status", "rollout", "gate") == gate, f"it waits at {gate}")
    ground.until(lambda: dig_str(ground.app(name), "status", "rollout", "phase") == "Waiting", f"it waits at {gate}")
    assert dig_str(ground.app(name), "status", "aggrStatus", "version") == "v3/v4"


def test_nothing_gets_past_a_gate_but_a_persons_consent(ground: Ground, installed: str) -> None:
    """Scaling, pausing and a status wiped by hand in the middle skip no gate, and what was confirmed while paused is
    kept."""
    ann, name = person(ground, installed), installed
    with watched(ground) as seen:

        def mine() -> list[Moment]:
            return [each for each in seen.of("default") if each.name.startswith(name)]

        ground.apply_app(example(name, "v4", **QUICK))
        waits_at(ground, name, CANARY)
        ground.apply_app(scaled(example(name, "v4", **QUICK), f"{name}-gz01b-blue", 1))
        ground.until(lambda: dig(ground.app(name), "status", "aggrStatus", "available") == 11, "it is scaled")
        waits_at(ground, name, CANARY)
        ground.apply_app(scaled(example(name, "v4", paused=True, **QUICK), f"{name}-gz01b-blue", 1))
        ground.until(lambda: dig(ground.app(name), "status", "aggrStatus", "status") == "Paused", "it is paused")
        ann.look()
        ground.idle()
        assert {each.name for each in mine() if each.version == "v4"} == {f"{name}-gz01b-canary"}
        ann.confirmed = {CANARY: 0.0}  # what was confirmed while paused counts from when that ends
        ground.apply_app(scaled(example(name, "v4", **QUICK), f"{name}-gz01b-blue", 1))
        waits_at(ground, name, SECOND)
        wipe(ground, name)
        waits_at(ground, name, CANARY)
        ground.idle()
        first_two = {f"{name}-gz01b-canary", f"{name}-gz01a-canary"}
        assert {each.name for each in mine() if each.version == "v4"} == first_two
        until(lambda: runs(ann.look(), "v4"), PATIENCE, lambda: told(ground.app(name)))
        until(lambda: not out_of_order(mine(), waves(name), "v4"), 20, lambda: str(mine()))
        assert before_its_gate(mine(), "v4", ann.confirmed, behind(name)) == []
    assert dig_str(ground.app(name), "status", "aggrStatus", "version") == "v4"


def test_the_controller_is_killed_after_its_writes(ground: Ground, installed: str) -> None:
    """It comes back each time and goes on; order and gates hold."""
    ann, name, kills = person(ground, installed), installed, 0
    with watched(ground) as seen:

        def mine() -> list[Moment]:
            return [each for each in seen.of("default") if each.name.startswith(name)]

        written = len(ground.writes())
        ground.apply_app(example(name, "v4", **QUICK))
        while KILLS == "all" or kills < int(KILLS):
            if not wrote_more(ground, ann, written):
                break
            ground.controller.signal(signal.SIGKILL)
            kills += 1
            ground.controller.end()
            written = len(ground.writes())
            release(ground)
            ground.start()
        until(lambda: runs(ann.look(), "v4"), PATIENCE, lambda: told(ground.app(name)))
        until(lambda: not out_of_order(mine(), waves(name), "v4"), 20, lambda: str(mine()))
        assert before_its_gate(mine(), "v4", ann.confirmed, behind(name)) == []
    assert list(ann.confirmed) == list(behind(name))
    assert kills >= 3
    ground.until(ground.controller.ready, "the controllers are ready again")
    ground.rests()


def wrote_more(ground: Ground, ann: Confirmer, written: int) -> bool:
    """Wait for the controllers' next write; False where all is done instead."""
    ground.until(lambda: len(ground.writes()) > written or runs(ann.look(), "v4"), "it writes")
    return not runs(ann.look(), "v4")


def release(ground: Ground) -> None:
    """What a killed controller held is free at once, as if its time had passed."""
    for plane in ground.fleet.planes.values():
        found = plane.ask("GET", "/apis/coordination.k8s.io/v1/leases")[1]
        for lease in map(as_map, dig_list(found, "items")):
            if dig_str(lease, "metadata", "namespace") in {MEMBER_NAMESPACE, "sym-admin"}:
                path = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{}"
                where = path.format(*(dig_str(lease, "metadata", key) for key in ("namespace", "name")))
                plane.ask("PUT", where, {**lease, "spec": {**dig_map(lease, "spec"), "holderIdentity": ""}})


def scaled(app: JSONMap, name: str, more: int) -> JSONMap:
    """The AppSet with so many pods more of one podSet, and in all."""
    spec = dig_map(app, "spec")
    places = [as_map(place) for place in dig_list(spec, "clusterTopology", "clusters")]
    grown: list[JSON] = [
        {**place, "podSets": [_grown(as_map(each), name, more) for each in dig_list(place, "podSets")]}
        for place in places
    ]
    total = spec["replicas"]
    assert isinstance(total, int)
    return {**app, "spec": {**spec, "replicas": total + more, "clusterTopology": {"clusters": grown}}}


def _grown(pod_set: JSONMap, name: str, more: int) -> JSONMap:
    count = pod_set["replicas"]
    assert isinstance(count, int)
    return {**pod_set, "replicas": count + more} if pod_set["name"] == name else pod_set


def wipe(ground: Ground, name: str) -> None:
    """A person takes all of `status.rollout` away."""
    app = ground.app(name)
    status = {key: each for key, each in dig_map(app, "status").items() if key != "rollout"}
    until(
        lambda: (
            ground.fleet.meta.ask("PUT", f"{APPSETS}/{name}/status", {**ground.app(name), "status": status})[0] == 200
        ),
        30,
        "the status is wiped",
    )
