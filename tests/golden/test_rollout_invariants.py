"""Whatever happens in whatever order, a rollout keeps its order and its gates, disturbs one wave at a time, and ends or
says why not.

The judge looks at the members' children and workloads after every round, and knows of the rollout only what it did
itself as a person: which versions it applied, and which gates it confirmed for them. It shares no code with what plans.
"""

import os
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT
from tests.golden.stage import APP, Stage

CLUSTERS = {2: ("bj4", "bj5"), 3: ("bj4", "bj5", "c6")}
GROUPS = ("canary", "blue", "green")
UNITS = {"bj4": "gz01b", "bj5": "gz01a", "c6": "gz016"}
OVER = ("Blocked", "Failed", "Waiting", "RolledBack", "Aborted")


class Judge:
    """One AppSet: three groups in two or three clusters, the first cluster the canary's; gates in between."""

    def __init__(self, clusters: int, seed: int | None) -> None:
        self.stage = Stage(seed)
        self.clusters = CLUSTERS[clusters]
        self.more = "+c6" if clusters == 3 else ""
        self.version = 0
        self.strategy: dict[str, str] = {}
        self.confirmed: set[str] = set()
        self.backward = False
        self.finished = ""
        self._seen: dict[str, str] = {}

    # --- what the person does

    def apply(self, *, newer: bool) -> None:
        """Another content, or the same with other settings."""
        if newer:
            self.version += 1
            self.confirmed.clear()
            self.backward = False
        marks = {key: "*" if key.startswith("gz") else "=" for key in self.strategy}
        settings_ = " ".join(f"{key}{marks[key]}{value}" for key, value in self.strategy.items())
        self.stage.perform(f"apply v{self.version} {self.more} {settings_}")

    def confirm(self) -> None:
        """Whatever is waited at."""
        rollout = dig_map(self.stage.objects[APP], "status", "rollout")
        if rollout.get("phase") == "Waiting":
            self.stage.perform("confirm")
            self.confirmed.add(dig_str(rollout, "gate"))

    def jump(self) -> None:
        """Confirm a gate, reached or not: it counts once the rollout has come to it."""
        rollout = dig_map(self.stage.objects[APP], "status", "rollout")
        self.stage.perform("confirm blue@bj5")
        if rollout.get("gate") == "blue@tcc-bj5-dks-test-01":  # also while a lost cluster is in the way
            self.confirmed.add(dig_str(rollout, "gate"))

    def ask(self, verb: str) -> None:
        """abort or retry."""
        phase = dig_str(self.stage.objects[APP], "status", "rollout", "phase")
        if verb == "abort" and phase in {"Progressing", "Waiting", "Blocked"}:
            self.stage.perform("abort")
            self.backward = True
            self.confirmed.clear()
        if verb == "retry" and phase == "Aborted":
            self.stage.perform("retry")
            self.backward = False

    def wipe(self) -> None:
        """The status is lost, and with it whatever was confirmed, asked, aborted."""
        self.stage.perform("wiped")
        self.confirmed.clear()
        self.backward = False

    # --- what the judge sees

    @property
    def done(self) -> bool:
        """Whether the AppSet says that it runs what was applied last."""
        counts = dig_map(self.stage.objects[APP], "status", "aggrStatus")
        return (counts.get("status"), counts.get("version")) == ("Running", f"v{self.version}")

    def rounds(self, count: int) -> None:
        """Let time pass, and look after each second."""
        for _ in range(count):
            self.stage.round()
            self.look()

    def look(self) -> None:
        """Everything that must hold at every moment."""
        asked = self._asked()
        for name, version in asked.items():
            before = self._seen.get(name)
            if before not in {None, version} and version == f"v{self.version}" and self.finished:
                self._judge(name, asked)
        moving = {self._place(name) for name, version in asked.items() if not self._whole(name, version)}
        changing = {place for place in moving if self.finished}
        assert len({group for group, _ in changing}) <= 1 or self._excused(), f"two groups are disturbed: {changing}"
        self._seen = asked
        counts = dig_map(self.stage.objects[APP], "status", "aggrStatus")
        if counts.get("status") == "Running":
            self.finished = dig_str(counts, "version")

    def _judge(self, name: str, asked: dict[str, str]) -> None:
        """A podSet just got the new content: may it?"""
        group, cluster = self._place(name)
        order = [(GROUPS.index(one), self.clusters.index(where)) for one, where in map(self._place, asked)]
        mine = (GROUPS.index(group), self.clusters.index(cluster))
        for other, rank in zip(asked, order, strict=True):
            if rank < mine:
                assert asked[other] == f"v{self.version}", f"{name} changed before {other}"
        last = self.clusters[-1]
        gates = [("canary", self.clusters[0], (0, 1)), ("canary", last, (1, 0)), ("blue", last, (2, 0))]
        for one, where, first in gates:
            gate = f"{one}@tcc-{where}-dks-test-01"
            assert mine < first or gate in self.confirmed, f"{name} changed though nobody confirmed {gate}"

    def _excused(self) -> bool:
        """Scaling, a first installation and a way back move what they move; a lost cluster shows nothing."""
        return (
            self.backward
            or any(key.startswith("gz") for key in self.strategy)
            or not all(member.usable for member in self.stage.members.values())
        )

    def _asked(self) -> dict[str, str]:
        """The version that each podSet's child asks for."""
        found: dict[str, str] = {}
        for place, body in self.stage.objects.items():
            if place[1] == ADVDEPLOYMENT:
                for each in dig_list(body, "spec", "topology", "podSets"):
                    found[dig_str(each, "name")] = dig_str(each, "version")
        return dict(sorted(found.items(), key=lambda item: (GROUPS.index(self._place(item[0])[0]), item[0])))

    def _whole(self, name: str, version: str) -> bool:
        """Whether all of a podSet's pods run that version."""
        bodies = [body for place, body in self.stage.objects.items() if place[1] == DEPLOYMENT and place[3] == name]
        return any(_runs(body, version) for body in bodies)

    def _place(self, name: str) -> tuple[str, str]:
        unit = name.split("-")[1]
        return name.rpartition("-")[2], next(cluster for cluster, each in UNITS.items() if each == unit)


def _runs(body: JSONMap, version: str) -> bool:
    image = dig_str(dig_list(body, "spec", "template", "spec", "containers")[0], "image")
    status, wanted = dig_map(body, "status"), dig(body, "spec", "replicas")
    counts = [status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = dig(status, "observedGeneration") == dig(body, "metadata", "generation")
    return image.endswith(f":{version}") and seen and counts == [wanted] * 3


EXAMPLES = int(os.environ.get("SYM_ROLLOUT_EXAMPLES", "25"))
EVENTS = st.sampled_from(
    ("newer", *["confirm"] * 3, "wrong", "pause", "go", "scale", "lost", "back", "wipe", "abort", "retry")
)
STEPS = st.lists(st.tuples(EVENTS, st.integers(1, 12)), max_size=14)


def happen(judge: Judge, event: str) -> None:
    """One event of a random life."""
    match event:
        case "newer":
            judge.apply(newer=True)
        case "confirm":
            judge.confirm()
        case "wrong":
            judge.jump()
        case "pause" | "go":
            judge.strategy["paused"] = "true" if event == "pause" else "false"
            judge.apply(newer=False)
        case "scale":
            judge.strategy["gz01a-blue"] = "4" if judge.strategy.get("gz01a-blue") != "4" else "1"
            judge.apply(newer=False)
        case "lost" | "back":
            judge.stage.perform(f"{event} bj5")
        case "wipe":
            judge.wipe()
        case _:
            judge.ask(event)


@pytest.mark.timeout(600)
@settings(max_examples=EXAMPLES, deadline=timedelta(seconds=60))
@given(clusters=st.sampled_from((2, 3)), seed=st.none() | st.integers(0, 1000), steps=STEPS)
def test_whatever_happens(clusters: int, seed: int | None, steps: list[tuple[str, int]]) -> None:
    judge = Judge(clusters, seed)
    judge.apply(newer=True)
    judge.rounds(60)
    assert judge.finished == "v1"
    judge.apply(newer=True)
    for event, rounds in steps:
        happen(judge, event)
        judge.rounds(rounds)
    # however it went, a person brings it to its end
    judge.stage.perform("back bj5")
    judge.strategy["paused"] = "false"
    judge.apply(newer=False)
    for _ in range(60):
        judge.rounds(8 if seed is None else 20)
        judge.ask("retry")
        judge.confirm()
        if judge.done:
            break
    judge.stage.rest()
    assert judge.done, dig_map(judge.stage.objects[APP], "status", "rollout")
    writes = judge.stage.writes
    judge.rounds(20)
    assert judge.stage.writes == writes, "a second pass writes something"
