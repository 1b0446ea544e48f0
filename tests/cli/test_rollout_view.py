"""The tree of `sym rollout get`, on literals."""

from datetime import timedelta

import pytest

from sym.cli.rollout_screen import clean, tinted
from sym.cli.rollout_view import Look, age, changes
from sym.model.codec import JSONMap, dig_list, dig_map
from tests.cli.rollouts import (
    GATE,
    NOW,
    canary,
    completed,
    condition,
    hash_of,
    read,
    waiting,
    with_rollout,
    with_row,
    with_status,
)
from tests.make import BJ4, BJ5, appset, pod_set

HASH = hash_of(canary())
CONSENT: JSONMap = {"gate": GATE, "hash": HASH, "user": "jane", "time": "2026-11-27T11:55:00Z", "reason": "good"}

AT_THE_GATE = """\
AppSet default/bbcc   ◷ Waiting   strategy canary   wave 1/4   rev 7   v3/v4   (12m)
DESIRED 6  UPDATED 1  AVAILABLE 6  UNAVAILABLE 0
waits for a person at gate canary@tcc-bj4
next: sym rollout confirm bbcc -n default --gate canary@tcc-bj4

CLUSTER               PODSET             GROUP   VERSION  READY  STATUS     INFO
├─ tcc-bj4 ✔ Running  bbcc-gz01b-canary  canary  v4       1/1    ✔ Ready
│                     bbcc-gz01b-blue    blue    v3       2/2    • Waiting
└─ tcc-bj5 ✔ Running  bbcc-gz01a-canary  canary  v3       1/1    • Waiting
                      bbcc-gz01a-blue    blue    v3       2/2    • Waiting

WAVES
◷ Waiting  canary@tcc-bj4  gate
• Pending  canary@tcc-bj5  gate
• Pending  blue@tcc-bj4
• Pending  blue@tcc-bj5
"""

DONE = """\
AppSet default/bbcc   ✔ Running   strategy canary   rev 8   v4
DESIRED 6  UPDATED 6  AVAILABLE 6  UNAVAILABLE 0

CLUSTER               PODSET             GROUP   VERSION  READY  STATUS   INFO
├─ tcc-bj4 ✔ Running  bbcc-gz01b-canary  canary  v4       1/1    ✔ Ready
│                     bbcc-gz01b-blue    blue    v4       2/2    ✔ Ready
└─ tcc-bj5 ✔ Running  bbcc-gz01a-canary  canary  v4       1/1    ✔ Ready
                      bbcc-gz01a-blue    blue    v4       2/2    ✔ Ready
"""

IN_TROUBLE = """\
AppSet default/bbcc   ⚠ Blocked   strategy canary   wave 2/3   rev 7   v3/v4   (12m)
DESIRED 6  UPDATED 1  AVAILABLE 6  UNAVAILABLE 0
cluster tcc-bj5 is away
next: sym rollout skip bbcc -n default --context meta --cluster tcc-bj5

CLUSTER                   PODSET             GROUP   VERSION  READY  STATUS         INFO
├─ tcc-bj4 ✔ Running      bbcc-gz01b-canary  canary  v4       1/1    ✔ Ready
│                         bbcc-gz01b-blue    blue    v3       2/2    ✖ ImagePull    pod bbcc-gz01b-blue-x2k: ErrImage
└─ tcc-bj5 ⚠ Unreachable  bbcc-gz01a-canary  canary  v3       1/1    ⚠ Unreachable  numbers are 60m old: refused
                          bbcc-gz01a-blue    blue    v3       2/2    ⚠ Unreachable  refused

WAVES
✔ Completed    canary@tcc-bj4  gate, confirmed by jane at 2026-11-27T11:55:00Z: good
⚠ Blocked      canary@tcc-bj5                                                         tcc-bj5 cannot be reached
◌ Progressing  blue@tcc-bj4

ASKED
skip tcc-bj4    by bob
confirm blue@x  by jane at 2026-11-27T11:55:00Z: good
"""


def in_trouble() -> JSONMap:
    """One cluster is away, a pod of the other one finds no image, a wave of another cluster was skipped."""
    pods: list[JSONMap] = [
        {"name": "bbcc-gz01b-blue-aaa", "state": "Pending", "clusterName": BJ4},
        {"name": "bbcc-gz01b-blue-x2k", "state": "ErrImage", "clusterName": BJ4},
        {"name": "bbcc-gz01b-blue-x2k", "state": "CrashLoopBackOff", "clusterName": "another"},
    ]
    waves: list[JSONMap] = [
        {"name": GATE, "phase": "Completed", "gate": True, "podSets": ["bbcc-gz01b-canary"]},
        {
            "name": f"canary@{BJ5}",
            "phase": "Blocked",
            "podSets": ["bbcc-gz01a-canary"],
            "message": f"{BJ5} cannot be reached",
        },
        {"name": f"blue@{BJ4}", "phase": "Progressing", "podSets": ["bbcc-gz01b-blue"]},
    ]
    app = waiting(
        phase="Blocked",
        gate="",
        message=f"cluster {BJ5} is away",
        waves=[*waves],
        confirmations=[CONSENT, {**CONSENT, "gate": "blue@x"}],
        requests=[{"verb": "skip", "cluster": BJ4, "hash": HASH, "user": "bob"}],
    )
    app = with_row(app, BJ5, status="Unreachable", observedAt="2026-11-27T11:00:00Z", message="refused")
    blue: JSONMap = {"name": "bbcc-gz01b-blue", "reason": "ImagePull", "version": "v3", "desired": 2, "available": 2}
    (seen, *_) = dig_list(app, "status", "aggrStatus", "clusters", 0, "podSets")
    app = with_row(app, BJ4, podSets=[seen, blue])
    return with_status(app, aggrStatus={**dig_map(app, "status", "aggrStatus"), "pods": [*pods]})


@pytest.mark.parametrize(
    ("look", "tree"),
    [
        (Look(app=read(waiting()).app, now=NOW), AT_THE_GATE),
        (Look(app=read(completed()).app, now=NOW), DONE),
        (Look(app=read(in_trouble()).app, now=NOW, proved=True, flags="--context meta"), IN_TROUBLE),
    ],
)
def test_trees(look: Look, tree: str) -> None:
    assert "\n".join(look.lines()) + "\n" == tree


def heads(app: JSONMap) -> list[str]:
    """The lines above the tree."""
    return list(Look(app=read(app).app, now=NOW).head())


@pytest.mark.parametrize(
    ("app", "line"),
    [
        (canary(), "the controller has not taken up generation 2 yet"),
        (waiting(phase="Failed", gate=""), "next: sym rollout undo bbcc -n default"),
        (waiting(phase="Aborted", gate=""), "next: sym rollout retry bbcc -n default"),
        (
            waiting(phase="Failed", failures=[{"wave": "w", "reason": "TooSlow", "message": "no progress in 600 s"}]),
            "✖ w: TooSlow: no progress in 600 s",
        ),
        (waiting(gate="a b"), "next: sym rollout confirm bbcc -n default --gate 'a b'"),
        (
            with_status(completed(), conditions=[condition("Stalled", "True", "Invalid", "spec.replicas: no")]),
            "Invalid: spec.replicas: no",
        ),
    ],
)
def test_what_is_said_above_the_tree(app: JSONMap, line: str) -> None:
    assert line in heads(app)


def test_what_is_confirmed_needs_no_other_confirmation() -> None:
    assert not any(line.startswith("next:") for line in heads(waiting(confirmations=[CONSENT])))


def test_what_is_paused_is_to_be_resumed() -> None:
    app = waiting()
    spec = canary(strategy={"paused": True})["spec"]
    lines = heads({**app, "spec": spec})
    assert "॥ Paused" in lines[0]
    assert "next: sym rollout resume bbcc -n default" in lines


def test_a_confirmation_that_no_server_proved_is_marked() -> None:
    lines = Look(app=read(waiting(confirmations=[CONSENT])).app, now=NOW).lines()
    assert "◷ Waiting  canary@tcc-bj4  gate, confirmed by jane at 2026-11-27T11:55:00Z (unverified): good" in lines


def test_a_cluster_that_was_dropped_follows() -> None:
    app = {**completed(), "spec": appset({BJ4: [pod_set("bbcc-gz01b-canary", 1, "v4")]})["spec"]}
    lines = Look(app=read(app).app, now=NOW).lines()
    assert any(line.startswith("└─ tcc-bj5 ✔ Running  bbcc-gz01a-canary") for line in lines)


def test_a_cluster_without_pod_sets_is_a_row_too() -> None:
    app = canary()
    app["spec"] = appset({BJ4: []})["spec"]
    lines = Look(app=read(app).app, now=NOW).lines()
    assert lines[-1] == "└─ tcc-bj4 • Pending"


def test_a_helm_release_tells_its_revision() -> None:
    app = completed()
    seen: JSONMap = {"name": "bbcc-gz01b-canary", "release": {"revision": 3}, "desired": 1, "available": 1}
    revision = next(
        each.revision
        for each in read(app).app.status.aggr_status.clusters[0].pod_sets
        if each.name == "bbcc-gz01b-canary"
    )
    app = with_row(app, BJ4, podSets=[{**seen, "revision": revision, "update": 1, "current": 1}])
    assert any(line.endswith("✔ Ready        helm rev 3") for line in Look(app=read(app).app, now=NOW).lines())


def test_only_changes_are_printed_and_time_is_none() -> None:
    first = Look(app=read(waiting()).app, now=NOW)
    assert changes(None, first) == first.lines()
    assert changes(first, Look(app=first.app, now=NOW + timedelta(hours=5))) == []
    after = read(with_rollout(waiting(), phase="Progressing", gate="", message="goes on")).app
    assert changes(first, Look(app=after, now=NOW)) == [
        "AppSet default/bbcc   ◌ Progressing   strategy canary   wave 1/4   rev 7   v3/v4   (12m)",
        "goes on",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (45, "45s"), (119, "119s"), (720, "12m"), (10800, "3h"), (777600, "9d")]
)
def test_ages(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_no_terminal_obeys_what_a_stranger_wrote() -> None:
    assert clean("a\x1b[31mb\tc") == "a [31mb c"
    assert tinted("✔ Ready\x1b") == "\x1b[32m✔ Ready\x1b[0m "
